# SPDX-License-Identifier: Apache-2.0
"""Bytes by stack: what stacks_program.py holds is found under the functions that made
it, whole, and nothing of it elsewhere.  Each CPython found, exact and sampled."""
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile

from truth import FILPERF, SOURCE, label, pythons

PROGRAM = os.path.join(SOURCE, "tests", "truth", "stacks_program.py")
# functions from main on: how many bytearrays of how many bytes
WANTED = {("first", "leaf"): (100, 10000), ("second", "leaf"): (50, 20000), ("generate",): (500, 1000),
          ("__init__", "leaf"): (30, 7000), ("callback", "leaf"): (10, 3000)}
WANTED[("leaf",)] = (1, 2000000)
WANTED.update({("recurse",) * (depth + 1) + ("leaf",): (1, 5000) for depth in range(20)})
WANTED.update({(f"made_{i}",): (1, 40000) for i in range(40)})

MODES = {"exact": [], "sampled": ["--memray-exact=0", "--memray-sample-bytes=1024"]}
SURELY_MET = 7000  # bytes: one in a thousand is not


def bytes_by_path(folder, python, mode):
    """{names of the functions below main: bytes that live at the peak}"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIL_PERF_", "PYTHON", "LD_", "XDG_"))}
    environment.update(TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1")
    subprocess.run([FILPERF, "run", "--memray-enabled", "--memray-format", "stats", *mode, "--render=0", "--quiet",
                    "--output-dir", folder + "/out", "--run-label", "stacks", "--", python.path, PROGRAM],
                   env=environment, check=True, timeout=300)
    text = subprocess.run([FILPERF, "memory", "tree", "--json", "--limit", "1000000", "-i", folder + "/out/stacks.filperf"],
                          env=environment, check=True, capture_output=True, text=True).stdout
    paths, sums = [], collections.Counter()
    for node in json.loads(text)["nodes"]:
        above = paths[node["parent"]] if node["parent"] is not None else ()
        name = node["function"].rsplit(".", 1)[-1]
        # main of this program, not of what the interpreter runs before it
        paths.append(above + ("the main" if name == "main" and node["file"] == PROGRAM else name,))
        if "the main" in paths[-1]:
            sums[paths[-1][paths[-1].index("the main") + 1:]] += node["own_bytes"]
    return sums


def check(python, mode):
    folder = tempfile.mkdtemp(prefix="filperf-stacks-")
    try:
        sums = bytes_by_path(folder, python, MODES[mode])
    finally:
        shutil.rmtree(folder)
    faults = []
    for path, (n, size) in WANTED.items():
        if mode == "sampled" and size < SURELY_MET:
            continue
        # an object's head besides, and what a list or a frame takes now and then
        if not n * size <= sums[path] <= n * (size + 200) + 20000:
            faults.append(f"{' > '.join(path)}: {sums[path]} bytes for {n} x {size}")
    wanted = sum(n * size for n, size in WANTED.values())
    stray = sum(v for path, v in sums.items() if path not in WANTED)
    if stray > wanted / 10:
        faults.append(f"{stray} bytes below other functions of main")
    print(f"{label(python)}, {mode}: {len(WANTED)} stacks, {wanted} bytes, {stray} elsewhere" if not faults else
          f"{label(python)}, {mode}: FAILED: " + "; ".join(faults[:5]))
    return bool(faults)


def main():
    found = pythons.find_pythons()
    if not found:
        print("SKIP: no Python was found")
        return 77
    return int(any([check(python, mode) for python in found for mode in MODES]))


if __name__ == "__main__":
    sys.exit(main())
