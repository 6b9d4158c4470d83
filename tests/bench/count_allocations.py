# SPDX-License-Identifier: Apache-2.0
"""Instructions that recording memory adds to an object's malloc and free.

count_allocations.py [BUILD]: valgrind counts two runs of a Python loop of
object(), ten calls deep, each without the agent, with sampled memory and with
exact memory; the difference of the two runs leaves out how they begin.  Counts,
unlike times, are the same on a busy machine.  BUILD says how the agent was compiled;
the bounds hold for the one below, others only count.
"""
import os
import shutil
import sys

import callgrind

sys.path.insert(0, os.path.join(os.environ["FP_SOURCE"], "tests", "deps"))
import pythons  # noqa: E402

# Counted with GCC 12 and CPython 3.12: 6.3 to 9.2 in twelve runs, as each sampled block is some
# thousand instructions, and 271, which may become a tenth more.  One block is made and freed per object.
MOST = {"sampled": 10, "exact": 300}
OBJECTS = (20000, 220000)
LOOP = """
from itertools import repeat
import sys
def call(depth, n):
    if depth:
        return call(depth - 1, n)
    for _ in repeat(None, n):
        object()
call(9, int(sys.argv[1]))
"""


def count(python, environment, n):
    own = {"PYTHONHASHSEED": "0", "FIL_PERF_RENDER": "0", "FIL_PERF_QUIET": "1"}
    return callgrind.count([python, "-IS", "-c", LOOP, str(n)], {**own, **environment})


def per_object(python, environment):
    few, many = OBJECTS
    return (count(python, environment, many) - count(python, environment, few)) / (many - few)


def main(build=callgrind.MEASURED_BUILD):
    found = [p for p in pythons.find_pythons() if p.version[:2] == (3, 12) and not p.free_threaded]
    if not shutil.which("valgrind") or not found:
        print("SKIP: valgrind and CPython 3.12 are not both installed")
        return 77
    bounded = callgrind.is_bounded(build)
    agent = {"LD_PRELOAD": os.environ["FP_AGENT"], "FIL_PERF_MEMRAY_ENABLED": "1", "FIL_PERF_MEMRAY_FORMAT": "table"}
    without, status = per_object(found[0].path, {}), 0
    print(f"without  {without:6.1f} instructions per object, the loop's own in them")
    for name, exact in (("sampled", "0"), ("exact", "1")):
        added = per_object(found[0].path, {**agent, "FIL_PERF_MEMRAY_EXACT": exact}) - without
        print(f"{name:8} {added:+6.1f}" + (f", at most {MOST[name]}" if bounded else ""))
        # Fewer than a call, a countdown and a test: the agent was not there.
        if added < 4 or (bounded and added > MOST[name]):
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
