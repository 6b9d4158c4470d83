# SPDX-License-Identifier: Apache-2.0
"""Instructions that the agent adds to a call of memcpy.

count_copies.py PROGRAM [BUILD]: valgrind counts two runs of PROGRAM
(bench_copies) each without the agent, with it, and with copies switched off;
the difference of the two runs leaves out how they begin.  Counts, unlike
times, are the same on a busy machine.  BUILD says how the agent was compiled; the
bounds hold for the one below, others only count.
"""
import os
import shutil
import sys

import callgrind

# Counted with GCC 12; 8 bytes a call, so few calls are sampled.
MOST = {"counted": 8.5, "off": 7.5}
CALLS = (20000, 220000)
SIZE = 8


def count(program, environment, calls):
    own = {"FIL_PERF_RENDER": "0", "FIL_PERF_SPY_ENABLED": "0"}
    return callgrind.count([program, str(SIZE), str(calls)], {**own, **environment})


def per_call(program, environment):
    few, many = CALLS
    return (count(program, environment, many) - count(program, environment, few)) / (many - few)


def main(program, build=callgrind.MEASURED_BUILD):
    if not shutil.which("valgrind"):
        print("SKIP: valgrind is not installed")
        return 77
    bounded = callgrind.is_bounded(build)
    agent = {"LD_PRELOAD": os.environ["FP_AGENT"]}
    without, status = per_call(program, {}), 0
    print(f"without  {without:6.2f} instructions per call, the loop's own in them")
    for name, environment in (("counted", agent), ("off", {**agent, "FIL_PERF_SCALENE_COPY": "0"})):
        added = per_call(program, environment) - without
        print(f"{name:8} {added:+6.2f}" + (f", at most {MOST[name]}" if bounded else ""))
        # Fewer than a load, a test and a jump: the agent was not there.
        if added < 2.5 or (bounded and added > MOST[name]):
            status = 1
    return status


sys.exit(main(*sys.argv[1:]))
