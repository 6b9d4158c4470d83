# SPDX-License-Identifier: Apache-2.0
"""Threads that malloc and free at once, their own blocks and each other's: what each made
and what of it lives is known (thread_blocks_lib.c) and compared with the cells of the
capture, allocations and bytes, and the peak within what the threads may keep to themselves.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

import truth

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "thread_blocks_program.py")
TESTS = os.path.join(os.environ["FP_BUILD"], "tests")
ROUNDS = 20000
KEPT = 16 << 10  # FP_MEM_DIFFERENCE of mem_shards.h, for each thread and the one that started them
MODES = {
    "sampled": {"FIL_PERF_MEMRAY_EXACT": "0", "FIL_PERF_MEMRAY_FORMAT": "table"},
    "exact": {"FIL_PERF_MEMRAY_FORMAT": "table"},
    "exact, with the stream": {"FIL_PERF_MEMRAY_FORMAT": "bin"},
}
FAILED = []


def check(ok, what):
    print("%s %s" % ("ok  " if ok else "FAIL", what), flush=True)
    if not ok:
        FAILED.append(what)


def record(python, settings):
    """The threads as the program counted them, and the process as its capture has it."""
    with tempfile.TemporaryDirectory(prefix="filperf-threads-") as folder:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIL_PERF_", "PYTHON", "LD_", "XDG_"))}
        environment.update({"LD_PRELOAD": os.environ["FP_AGENT"], "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1",
                            "FIL_PERF_RENDER": "0", "FIL_PERF_QUIET": "1", "FIL_PERF_MEMRAY_ENABLED": "1"}, **settings)
        done = subprocess.run([python.path, PROGRAM, TESTS + "/libthread_blocks_lib.so", str(ROUNDS)],
                              env=environment, capture_output=True, text=True, timeout=100)
        if done.returncode:
            raise RuntimeError("status %d: %s" % (done.returncode, done.stderr.strip()[-400:]))
        captured = os.path.dirname(glob.glob(folder + "/filperf-*/*/*.fpc")[0])
        read = subprocess.run([TESTS + "/memory_cells", captured], capture_output=True, text=True, check=True)
    known = [tuple(map(int, line.split()[1:])) for line in done.stdout.splitlines() if line.startswith("thread ")]
    return known, json.loads(read.stdout.splitlines()[0])


def sums(process, tid):
    cells = [c for c in process["cells"] if c["tid"] == tid]
    return {key: sum(c[key] for c in cells) for key in ("n_allocs", "alloc_bytes", "n_live", "live_bytes", "peak_bytes")}


def check_mode(python, mode):
    known, process = record(python, MODES[mode])
    what = "%s, %s: " % (truth.label(python), mode)
    found = {tid: sums(process, tid) for tid, *_ in known}
    for key, at in ("n_allocs", 1), ("alloc_bytes", 2), ("n_live", 3), ("live_bytes", 4):
        wrong = [(found[t[0]][key], t[at]) for t in known if found[t[0]][key] != t[at]]
        check(len(known) == 16 and not wrong, what + "%s of 16 threads, %d in all%s" % (
            key, sum(t[at] for t in known), "; found and known: %s" % wrong[:4] if wrong else ""))
    kept = 0 if process["stream"] else KEPT * (len(known) + 1)
    held, at_peak = sum(t[5] for t in known), sum(f["peak_bytes"] for f in found.values())
    check(abs(at_peak - held) <= kept, what + "the threads held %d bytes at the peak, found %d, may differ by %d" % (
        held, at_peak, kept))
    whole = sum(c["peak_bytes"] for c in process["cells"])
    check(abs(process["peak_bytes"] - whole) <= kept, what + "the peak is %d bytes, its parts make %d" % (
        process["peak_bytes"], whole))
    live = sum(c["live_bytes"] for c in process["cells"])
    check(process["heap_bytes"] == live, what + "%d bytes live at the end, the parts make %d" % (
        process["heap_bytes"], live))
    lost = {k: n for k, n in process["losses"].items() if k.startswith("mem_")}
    check(not lost, what + "nothing is lost%s" % (": %s" % lost if lost else ""))


def main():
    found = truth.pythons.find_pythons()
    old, free = [p for p in found if not p.free_threaded], [p for p in found if p.free_threaded]
    for python in old[-1:] + free[-1:]:
        for mode in MODES:
            check_mode(python, mode)
    if FAILED:
        print("%d failed" % len(FAILED))
    return 1 if FAILED or not found else 0


if __name__ == "__main__":
    sys.exit(main())
