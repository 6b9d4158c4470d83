# SPDX-License-Identifier: Apache-2.0
"""The stream of allocations and the sums that the agent keeps say the same, to
the byte: what every stack allocated, holds at the end and held at the peak.  Of
sampled stacks, only that their estimates add up to the process's.

On Debian's 3.11 and one other CPython.  The ledger and the stream
take different ways to these figures: the ledger by its tables of live blocks, the
reader by the addresses in the stream.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

import truth

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stream_program.py")
CHECKER = os.path.join(os.environ["FP_BUILD"], "tests", "memory_stream")
# Settings and events; with less, the program or the recording was cut short.
SETTINGS = {"exact": ({}, 500000),
            "exact, PYTHONMALLOC=debug": ({"PYTHONMALLOC": "debug"}, 500000),
            "exact, native": ({"FIL_PERF_MEMRAY_NATIVE": "1"}, 500000),
            "sampled": ({"FIL_PERF_MEMRAY_EXACT": "0", "FIL_PERF_MEMRAY_SAMPLE_BYTES": "4096"}, 5000)}


def chosen():
    found = truth.pythons.find_pythons()
    debian = [p for p in found if p.version[:2] == (3, 11) and p.origin == "debian"]
    other = [p for p in found if p.origin == "pyenv" and not p.free_threaded]
    return debian[:1] + other[-1:] + [p for p in found if p.free_threaded]


def check(python, name, more, events_min):
    problems = []
    with tempfile.TemporaryDirectory(prefix="filperf-stream-") as folder:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIL_PERF_", "PYTHON", "LD_", "XDG_"))}
        environment.update({
            "LD_PRELOAD": os.environ["FP_AGENT"], "TMPDIR": folder, "FIL_PERF_MEMRAY_ENABLED": "1",
            "FIL_PERF_RENDER": "0", "FIL_PERF_QUIET": "1", **more})
        ran = subprocess.run([python.path, PROGRAM], env=environment, capture_output=True, text=True, timeout=300)
        if ran.returncode:
            problems.append("status %d: %s" % (ran.returncode, ran.stderr.strip()[-400:]))
        runs = glob.glob(folder + "/filperf-*/*/*.fpc")
        done = subprocess.run([CHECKER, os.path.dirname(runs[0]) if runs else folder], capture_output=True, text=True,
                              timeout=300)
    if done.returncode:
        problems += done.stdout.splitlines() + done.stderr.splitlines()
    events = [int(n) for n in re.findall(r"(\d+) events", done.stdout)]
    if len(events) != 2:
        problems.append("%d processes, the program and its child are 2" % len(events))
    if sum(events) < events_min:
        problems.append("only %d events" % sum(events))
    print("%s %s, %s: %d events" % ("FAIL" if problems else "ok  ", truth.label(python), name, sum(events)))
    for problem in problems:
        print("     " + problem)
    sys.stdout.flush()
    return not problems


def main():
    found = chosen()
    if not found:
        print("FAIL no CPython was found")
        return 1
    return 0 if all([check(p, name, *how) for p in found for name, how in SETTINGS.items()]) else 1


if __name__ == "__main__":
    sys.exit(main())
