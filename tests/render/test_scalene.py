# SPDX-License-Identifier: Apache-2.0
"""Scalene's reports of a real run in front of Scalene 2.4 itself: its schema,
its views in the terminal and as pages; the lines that did the work have the
figures; globs, missing sources and hostile texts.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

FILPERF = os.environ["FP_FILPERF"]
PEERS = os.environ.get("FP_PEERS") or os.path.join(os.environ.get("FP_DEPS", ""), "peers")
PYTHON = os.path.join(PEERS, "bin", "python")
FAILED = []

PROGRAM = '''\
import gone
keep = []
def churn(n):
    out = []
    for i in range(n):
        out.append((i, str(i)))
    return len(out)
def copies():
    b = bytearray(20_000_000)
    for _ in range(50):
        c = bytes(b)
    return len(c)
def hold():
    keep.append(bytearray(50_000_000))
    return "</script><!-- & \\N{EURO SIGN}"
for _ in range(8):
    churn(100_000)
copies(), hold(), gone.more()
import textwrap
for _ in range(40): textwrap.wrap('a bc ' * 4_000)
'''
GONE = "kept = []\ndef more():\n    kept.append(bytearray(30_000_000))\n    return sum(range(8_000_000))\n"

SCHEMA = '''
import json, sys
from scalene.scalene_json import ScaleneJSONSchema
with open(sys.argv[1], encoding="utf-8") as f:
    m = ScaleneJSONSchema(**json.load(f))
print("valid", len(m.files))
'''


def check(what, got, want):
    ok = want(got) if callable(want) else got == want
    print(f"{'ok  ' if ok else 'FAIL'} {what}: {str(got)[:200]!r}")
    if not ok:
        FAILED.append(what)


def call(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    return done.returncode, done.stdout, done.stderr


def record(folder):
    for name, text in (("app.py", PROGRAM), ("gone.py", GONE)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    code, _, err = call(folder, FILPERF, "run", "--render=0", "--output-dir", "out", "--", PYTHON, "-B", "app.py")
    check("the program ran", (code, err[:200] if code else ""), (0, ""))
    os.remove(os.path.join(folder, "gone.py"))


def report(folder, *options):
    code, _, err = call(folder, FILPERF, "report", "out/app.filperf", "--output-dir", "out", *options)
    check(f"report {' '.join(options)}", (code, err if code else ""), (0, ""))
    with open(f"{folder}/out/app-scalene.json", encoding="utf-8") as f:
        text = f.read()
    with open(f"{folder}/out/app-scalene.txt", encoding="utf-8") as f:
        return text, f.read()


def file_of(profile, name):
    found = [f for path, f in profile["files"].items() if path.endswith(name)]
    return found[0] if found else {"lines": [], "functions": []}


def check_figures(profile):
    lines = [None, *file_of(profile, "app.py")["lines"]]
    check("a line of JSON for each of the source", len(lines) - 1, PROGRAM.count("\n"))
    check("numbered from 1", [line["lineno"] for line in lines[1:]], list(range(1, len(lines))))
    check("source in Scalene's escapes", lines[15]["line"],
          '    return "\\u003c/script\\u003e\\u003c!-- \\u0026 \\N{EURO SIGN}"\n')
    check("50 MB at the peak", lines[14]["n_peak_mb"], lambda mb: 47 < mb < 49)
    check("all of it by Python", lines[14]["n_python_fraction"], lambda f: f > 0.99)
    check("copies: 50 of 20 MB", lines[11]["n_copy_mb"], lambda mb: 700 < mb < 1250)
    check("a rate of copies", lines[11]["n_copy_mb_s"],
          lambda rate: abs(rate * profile["elapsed_time_sec"] - lines[11]["n_copy_mb"]) < 0.01 * lines[11]["n_copy_mb"])
    # 800,000 tuples, as many strings, ints from 257 on, lists that grow
    check("allocations, an estimate", lines[6]["n_mallocs"], lambda n: 2_000_000 < n < 2_800_000)
    check("the average is not above the peak", [line["lineno"] for f in profile["files"].values()
                                                for line in f["lines"] if line["n_avg_mb"] > line["n_peak_mb"]], [])
    cpu = sum(line["n_cpu_percent_python"] + line["n_cpu_percent_c"] + line["n_sys_percent"]
              for f in profile["files"].values() for line in f["lines"])
    check("CPU of all lines", cpu, lambda percent: 80 < percent <= 100.01)
    check("CPU of the loop", lines[5]["n_cpu_percent_python"] + lines[6]["n_cpu_percent_python"], lambda p: p > 1)
    check("functions", {f["line"] for f in file_of(profile, "app.py")["functions"]},
          lambda names: {"churn", "copies", "hold"} <= names)
    check("peak of the run", profile["max_footprint_mb"], lambda mb: 76 < mb < 90)
    check("at its line", profile["max_footprint_lineno"], 14)
    check("the heap's timeline", [w for w, _ in profile["samples"]], lambda times: times == sorted(times) and
          1 < len(times) <= 101)
    check("stacks", len(profile["stacks"]), lambda n: n > 2)
    hits = sum(n for _, n in profile["combined_stacks"])
    check("runs of the timeline add up", sum(e["count"] for e in profile["combined_stacks_timeline"]),
          lambda n: 0.9 * hits <= n <= hits)
    check("memory by stack", sum(mb for _, mb in profile["memory_stacks"]), lambda mb: 76 < mb < 90)


def check_installed(profile):
    lines = file_of(profile, "/textwrap.py")["lines"]
    hit = [line["lineno"] for line in lines if line["n_malloc_mb"] or line["n_cpu_percent_python"]]
    check("of an installed file, lines near a figure", [line["lineno"] for line in lines], lambda numbers: len(numbers) > 5
          and numbers == sorted(set(numbers)) and all(min(abs(n - at) for at in hit) <= 3 for n in numbers))
    check("with their source", [line["line"] for line in lines if "chunks" in line["line"]], lambda found: found)


def check_gone(profile, text):
    lines = file_of(profile, "gone.py")["lines"]
    check("a source that is gone is listed", [line["line"] for line in lines], lambda l: l and set(l) == {"\n"})
    check("with its figures", [line["n_peak_mb"] for line in lines if line["lineno"] == 3], lambda mb: mb and 28 < mb[0] < 30)
    check("the text says it", "gone.py" in text and "the source cannot be read" in text, True)


def check_text(text):
    rows = text.split("\n")
    check("the mode", text, lambda t: "each 64.0 KiB on average" in t and "100 Hz" in t)
    check("its cost", bool(re.search(r"took [\d.]+ ms of CPU, [\d.]+ %", text)), True)
    check("noise is said", bool(re.search(r"^\d+ samples in [\d.]+ s: a line under \d+ % is noise$", text, re.M)), True)
    check("at most 120 columns", max(len(row) for row in rows), lambda n: n <= 120)
    check("the line that copies", [row for row in rows if "c = bytes(b)" in row], lambda found: len(found) == 1)


def check_scalene(folder):
    path = "out/app-scalene.json"
    code, out, err = call(folder, PYTHON, "-W", "error", "-c", SCHEMA, path)
    check("Scalene's schema", (code, out[:5], err[-300:]), (0, "valid", ""))
    scalene = os.path.join(PEERS, "bin", "scalene")
    code, out, err = call(folder, scalene, "view", "--cli", path)
    check("scalene view --cli", (code, err), (0, ""))
    check("shows the file", "app.py" in out and "arning" not in out, True)
    for kind in ("--html", "--standalone"):
        code, out, err = call(folder, scalene, "view", kind, path)
        check(f"scalene view {kind}", (code, err, "Profile saved to" in out), (0, "", True))


def main():
    if not os.path.exists(os.path.join(PEERS, "bin", "scalene")):
        print("SKIP: no Scalene (FP_PEERS)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        record(folder)
        raw, text = report(folder)
        # Scalene's page takes these names as markup
        check("names of files without marks", [n for n in json.loads(raw)["files"] if "<" in n or ">" in n], [])
        check("no mark that could end a script", [c for c in "<>" if c in raw], [])
        profile = json.loads(raw)
        check_figures(profile)
        check_gone(profile, text)
        check_installed(profile)
        check_text(text)
        check_scalene(folder)
        raw, text = report(folder, "--scalene-profile-exclude", "*/gone.py,*gone.py")
        profile = json.loads(raw)
        check("a file that is excluded", [n for n in profile["files"] if "gone" in n], [])
        # what it held counts on the line that called it
        check("its memory is its caller's", file_of(profile, "app.py")["lines"][17]["n_peak_mb"], lambda mb: 28 < mb < 30)
        raw, text = report(folder, "--scalene-memory=0", "--scalene-copy=0")
        check("without memory", json.loads(raw)["memory"], False)
        check("and without its columns", "peak" in text.split("app.py:")[1], False)
        check_scalene(folder)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
