# SPDX-License-Identifier: Apache-2.0
"""Verdicts on held memory: leaks are the first line and have the right size,
exactly and inside the printed interval; programs that only hold have none.

Usage: test_leaks.py [SECONDS of each program] [BUILDS of Filare, 0: none]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["FP_SOURCE"]
FILPERF = os.environ["FP_FILPERF"]
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "held_programs.py")
BUILDS = os.path.join(HERE, "held_builds.py")
FILARE = os.path.join(os.environ.get("FP_DEPS", ""), "filare", "bin", "python")
HARNESS = """metadata:
  title: Small
connectors:
  X1: {type: Plug, pinlabels: [A, B]}
  X2: {type: Socket, pinlabels: [A, B]}
cables:
  W1: {wirecount: 2, length: 1, color_code: DIN}
connections:
  - [X1: [1-2], W1: [1-2], X2: [1-2]]
"""
# in exact mode memory alone is on; sampled is the default run
MODES = {"exact": ["--memray-enabled"], "sampled": []}


def leaks(folder, mode, *command):
    """(what the program printed, the JSON of filperf memory leaks)."""
    out = os.path.join(folder, "out")
    shutil.rmtree(out, ignore_errors=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIL_PERF_", "LD_"))}
    environment.update(TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0")
    done = subprocess.run(
        [FILPERF, "run", *MODES[mode], "--memray-format", "stats", "--render=0", "--quiet", "--output-dir", out,
         "--run-label", "held", "--", *command],
        capture_output=True, text=True, cwd=folder, env=environment, timeout=900, check=True)
    made = subprocess.run([FILPERF, "memory", "leaks", "--json", "-i", os.path.join(out, "held.filperf")],
                          capture_output=True, text=True, check=True)
    return done.stdout, json.loads(made.stdout)


def programs():
    with open(PROGRAMS, encoding="utf-8") as file:
        names = re.findall(r"^def (\w+)\(seconds\)", file.read(), re.MULTILINE)
    return [name for name in names if name != "until"]


def text_of(row):
    return "%(verdict)s %(bytes)d bytes, grew %(grew)s shrank %(shrank)s, age %(age_ms)d ms: %(function)s:%(line)d" % row


def check_leak(mode, printed, found):
    """Faults of a run whose program printed FILE FUNCTION BYTES."""
    name, function, n_bytes = printed.split()
    row = found["rows"][0]
    if row["verdict"] != "leak" or os.path.basename(row["file"]) != name or function not in row["function"]:
        return ["the first line is no leak of %s: %s" % (function, text_of(row))]
    off = abs(row["bytes"] - int(n_bytes))
    allowed = row.get("interval_bytes", 0) if mode == "sampled" else 0
    if off > max(allowed, 0.01 * int(n_bytes)):
        return ["%d bytes leaked, %d +- %d reported" % (int(n_bytes), row["bytes"], row.get("interval_bytes", 0))]
    others = [r for r in found["rows"][1:] if r["verdict"] == "leak" and os.path.basename(r["file"]) != name]
    return ["no leak: " + text_of(r) for r in others]


def check_honest(found):
    return ["no leak: " + text_of(r) for r in found["rows"] if r["verdict"] == "leak"]


def main(seconds, builds):
    folder = tempfile.mkdtemp(prefix="filperf-leaks-")
    failed = 0
    jobs = [(name, mode, [sys.executable, PROGRAMS, name, seconds]) for name in programs() for mode in MODES]
    if builds == "0":
        pass
    elif os.access(FILARE, os.X_OK):
        harness = os.path.join(folder, "small.yml")
        with open(harness, "w", encoding="utf-8") as file:
            file.write(HARNESS)
        for mode in MODES:
            jobs.append(("leak_in_builds", mode, [FILARE, BUILDS, harness, builds, "24000"]))
            jobs.append(("builds_without_leak", mode, [FILARE, BUILDS, harness, builds, "0"]))
    else:
        print("SKIP: no Filare; its builds are left out")
    try:
        for name, mode, command in jobs:
            printed, found = leaks(folder, mode, *command)
            faults = check_leak(mode, printed, found) if name.startswith("leak_") else check_honest(found)
            print("%-4s %s, %s%s" % ("FAIL" if faults else "ok", name, mode, "".join("\n     " + f for f in faults)))
            print("        " + text_of(found["rows"][0]))
            failed |= bool(faults)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] + ["3", "200"][len(sys.argv) - 1:])))
