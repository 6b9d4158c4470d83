# SPDX-License-Identifier: Apache-2.0
"""Instructions of the sampling handler per sample of 50 Python frames.

count_instructions.py PROGRAM [BUILD]: valgrind counts two runs of PROGRAM
(bench_instructions) per kind of change; their difference leaves out how it
begins.  Counts, unlike times, are the same on a busy machine.  BUILD says how
PROGRAM was compiled; the bounds hold for the one below, others only count.
"""
import shutil
import sys

import callgrind

# Measured with GCC 12; a sample may take a tenth more before this fails.
MEASURED = {"nothing": 22300, "line": 22500, "other": 30800, "unseen": 201400}
SAMPLES = {"nothing": (100, 1100), "line": (100, 1100), "other": (100, 600), "unseen": (10, 60)}


def count(program, change, n):
    """Instructions inside the handler over n samples."""
    return callgrind.count([program, change, str(n)], options=["--toggle-collect=fp_sampler_on_signal"])


def main(program, build=callgrind.MEASURED_BUILD):
    if not shutil.which("valgrind"):
        print("SKIP: valgrind is not installed")
        return 77
    bounded = callgrind.is_bounded(build)
    status = 0
    for change, (few, many) in SAMPLES.items():
        each = (count(program, change, many) - count(program, change, few)) / (many - few)
        most = MEASURED[change] * 1.1
        print(f"{change:8} {each:8.0f} instructions per sample" + (f", at most {most:.0f}" if bounded else ""))
        # Less than this for 50 frames means that the handler was not counted.
        if each < 1000 or (bounded and each > most):
            status = 1
    return status


sys.exit(main(*sys.argv[1:]))
