# SPDX-License-Identifier: Apache-2.0
"""Copies: the bytes are those that a counting preload sees, each function has
its share of them, and who called is told apart.

The counter is another library, preloaded alone in a run of its own; it sees the
constructors of libraries too, which is why a little may differ.
"""
import collections
import math
import os
import subprocess
import sys
import tempfile
import types

import truth

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "copies_program.py")
BUILD = os.environ["FP_BUILD"]
BLOCK = 1 << 20
BLOCKS = 400
# Bytes by function: those copied by libpython, those copied by something else.
PLANTED = {"from_bytearray": (3 * BLOCKS * BLOCK, 0), "small_slices": (2 * BLOCKS * BLOCK // 2000 * 2000, 0),
           "by_ctypes": (0, BLOCKS * (BLOCK - 16)), "numpy_copies": (0, BLOCKS * BLOCK)}


def run(python, numpy, preload, folder):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIL_PERF_", "PYTHON", "LD_", "XDG_"))}
    environment.update({"LD_PRELOAD": preload, "TMPDIR": folder, "FIL_PERF_RENDER": "0", "FIL_PERF_QUIET": "1",
                        "PYTHONDONTWRITEBYTECODE": "1"})
    done = subprocess.run([python.path, PROGRAM, str(BLOCKS)] + (["numpy"] if numpy else []), env=environment,
                          capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError("status %d: %s" % (done.returncode, done.stderr.strip()[-400:]))
    return done.stderr


def counted(python, numpy, folder):
    """(calls, bytes) that the counter saw."""
    text = run(python, numpy, os.path.join(BUILD, "tests", "libcopy_counter_lib.so"), folder)
    last = text.strip().splitlines()[-1].split()
    return int(last[1]), int(last[2])


def recorded(python, numpy, folder):
    """(calls, bytes), {function: [python bytes, native bytes, variance, {lines}]}"""
    run(python, numpy, os.environ["FP_AGENT"], folder)
    captures = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".fpc")]
    if len(captures) != 1:
        raise RuntimeError("%d captures" % len(captures))
    text = subprocess.run([os.path.join(BUILD, "tests", "copy_lines"), captures[0]], capture_output=True, text=True,
                          check=True).stdout
    functions, total = collections.defaultdict(lambda: [0, 0, 0.0, set()]), None
    for line in text.splitlines():
        what, *rest = line.split("\t")
        if what == "counted":
            total = int(rest[0]), int(rest[1])
            continue
        file, number, name, by_python, native, variance = rest
        seen = functions[name if os.path.basename(file) == "copies_program.py" else "elsewhere"]
        seen[0] += int(by_python)
        seen[1] += int(native)
        seen[2] += float(variance)
        seen[3].add(int(number))
    return total, functions


def line_of(function, text):
    """Number of the line after def function that holds text."""
    with open(PROGRAM, encoding="utf-8") as source:
        lines = source.read().splitlines()
    first = lines.index(next(line for line in lines if line.startswith("def %s(" % function)))
    return 1 + next(i for i in range(first, len(lines)) if text in lines[i])


COPYING = {"from_bytearray": "bytes(source)", "small_slices": "target[:]", "by_ctypes": "libc.memmove",
           "numpy_copies": "array.copy"}


def check_functions(functions, numpy):
    for name, planted in PLANTED.items():
        if name == "numpy_copies" and not numpy:
            continue
        seen = functions[name]
        # Five standard deviations, and what else the function's lines may copy.
        room = 5 * math.sqrt(seen[2]) + 2 * BLOCK
        for kind, which in enumerate(("libpython", "other objects")):
            if abs(seen[kind] - planted[kind]) > room:
                yield "%s: %.1f MB copied by %s, planted %.1f, give or take %.1f" % (
                    name, seen[kind] / 1e6, which, planted[kind] / 1e6, room / 1e6)
        if line_of(name, COPYING[name]) not in seen[3]:
            yield "%s: its line %d is not there: %s" % (name, line_of(name, COPYING[name]), sorted(seen[3]))


def check(python, numpy):
    with tempfile.TemporaryDirectory(prefix="filperf-truth-") as folder:
        calls, n_bytes = counted(python, numpy, folder)
        (seen_calls, seen_bytes), functions = recorded(python, numpy, folder)
    problems = list(check_functions(functions, numpy))
    if abs(seen_bytes - n_bytes) > n_bytes / 1000:
        problems.append("%d bytes, the counter saw %d" % (seen_bytes, n_bytes))
    if abs(seen_calls - calls) > calls / 50:
        problems.append("%d calls, the counter saw %d" % (seen_calls, calls))
    print("%s %s%s: %.3f MB (counter %.3f, %+.4f %%), %d calls (%+.3f %%); %s" % (
        "FAIL" if problems else "ok  ", truth.label(python), " with numpy" if numpy else "", seen_bytes / 1e6,
        n_bytes / 1e6, 100 * (seen_bytes / n_bytes - 1), seen_calls, 100 * (seen_calls / calls - 1),
        ", ".join("%s %.0f+%.0f" % (name, s[0] / 1e6, s[1] / 1e6) for name, s in sorted(functions.items()))))
    for problem in problems:
        print("     " + problem)
    sys.stdout.flush()
    return not problems


def with_numpy(found):
    """The first Python that has it, the tests' own environment before others; [] when there is none."""
    path = os.path.join(os.environ.get("FP_PEERS", ""), "bin", "python")
    said = truth.pythons.probe(path)
    own = [types.SimpleNamespace(path=path, version=tuple(said[1]), free_threaded=False)] if said else []
    for python in own + found:
        if subprocess.run([python.path, "-c", "import numpy"], capture_output=True).returncode == 0:
            return [python]
    return []


def main():
    found = list(truth.pythons.find_pythons())
    results = [check(p, False) for p in found]
    arrays = with_numpy(found)
    if not arrays:
        print("SKIP: no Python here has numpy; its copies were not looked at")
    results += [check(p, True) for p in arrays]
    if not found:
        print("FAIL no CPython was found")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
