# SPDX-License-Identifier: Apache-2.0
"""Leaks in Scalene's reports: a list that grows, ctypes blocks that are lost,
and a leak too small for its file to be shown otherwise are on their lines in
the JSON, the text and the page; a program that only caches has none.  And the
averages of what stays, of what grows and of a cache that changes.
"""
import json
import os
import re
import sys
import tempfile

import test_scalene
from test_scalene import FAILED, FILPERF, PEERS, PYTHON, call, check, file_of

# its argument: leaking or honest
PROGRAM = '''\
import ctypes, functools, mmap, sys, time
import small
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
large, kept = mmap.mmap(-1, 1_000_000_000), []
honest = sys.argv[1] == "honest"

def work():
    return sum(i * i for i in range(300))

def keep(n):
    kept.append("x" * 400 + str(n))
    if honest and len(kept) > 2000:
        kept.clear()

def lose():
    block = libc.malloc(2000)
    if honest:
        libc.free(block)

@functools.lru_cache(maxsize=300)
def remember(key):
    return bytearray(30000)

begin, n = time.monotonic(), 0
while time.monotonic() < begin + 3:
    work(), keep(n), lose(), remember(n % 900)
    if n % 40 == 0 and not honest:
        small.lose(libc)
    n += 1
print(n, time.monotonic() - begin)
'''
SMALL = "def lose(libc):\n    libc.malloc(1000)\n"


def record(folder, kind):
    code, out, err = call(folder, FILPERF, "run", "--scalene-html", "--output-dir", kind, "--quiet", "--",
                          PYTHON, "-B", "app.py", kind)
    check(f"{kind}: the program ran", (code, err[:200] if code else ""), (0, ""))
    texts = []
    for suffix in ("json", "txt", "html"):
        with open(f"{folder}/{kind}/app-scalene.{suffix}", encoding="utf-8") as f:
            texts.append(f.read())
    return out.split(), json.loads(texts[0]), texts[1], texts[2]


def leaks_of(profile):
    return {(name.split("/")[-1], int(line)): leak for name, f in profile["files"].items()
            for line, leak in f["leaks"].items()}


def row_before(text):
    """The rows of the table that a leak is said of."""
    rows = text.split("\n")
    return [rows[i - 1] for i, row in enumerate(rows) if re.match(r" +\^ leak: likelihood \d+ %, [\d.]+ MiB/s$", row)]


def check_leaking(folder):
    (n, seconds), profile, text, page = record(folder, "leaking")
    found = leaks_of(profile)
    places = {("app.py", 13): 449, ("app.py", 18): 2000, ("small.py", 2): 1000 / 40}
    check("leaks on their lines, and no other", sorted(found), sorted(places))
    for place, each in places.items():
        leak = found.get(place, {"likelihood": 0, "velocity_mb_s": 0})
        check(f"{place}: likelihood", leak["likelihood"], lambda p: 0.9 < p < 1)
        # over the loop at most, over the whole run at least; Python's blocks are sampled, and the list itself grows
        leaked, slack = each * int(n) / (1 << 20), 0.35 if place[1] == 13 else 0.05
        least, most = leaked / profile["elapsed_time_sec"] * (1 - slack), leaked / float(seconds) * (1 + slack)
        check(f"{place}: velocity, from {least:.3f} to {most:.3f}", leak["velocity_mb_s"], lambda v: least < v < most)
    check("the text says them of their rows", sorted(re.sub(r".*  ", "", row).strip() for row in row_before(text)),
          sorted(['kept.append("x" * 400 + str(n))', "block = libc.malloc(2000)", "libc.malloc(1000)"]))
    check("the page has them", len(re.findall(r'<tr class="leak">.*?leak: likelihood 9\d %', page)), 3)
    lines = {line["lineno"]: line for line in file_of(profile, "app.py")["lines"]}
    parts = [lines[number]["n_avg_mb"] / lines[number]["n_peak_mb"] for number in (6, 18, 24)]
    check("held from the start on: its average is its peak", parts[0], lambda part: 0.85 < part <= 1)
    check("grew all the time: half of it", parts[1], lambda part: 0.3 < part < 0.7)
    check("always full of others: nearly its peak", parts[2], lambda part: 0.75 < part <= 1)
    lines = {line["lineno"]: line for line in file_of(profile, "small.py")["lines"]}
    check("the small one's line", lines.get(2, {"n_mallocs": 0})["n_mallocs"],
          lambda calls: calls >= (int(n) + 39) // 40)
    code, out, err = call(folder, PYTHON, "-W", "error", "-c", test_scalene.SCHEMA, "leaking/app-scalene.json")
    check("Scalene's schema", (code, out[:5], err[-300:]), (0, "valid", ""))
    code, out, err = call(folder, os.path.join(PEERS, "bin", "scalene"), "view", "--cli", "leaking/app-scalene.json")
    check("scalene view --cli", (code, err, "small.py" in out and "arning" not in out), (0, "", True))


def check_honest(folder):
    _, profile, text, page = record(folder, "honest")
    check("no leak", leaks_of(profile), {})
    check("nor in the text", row_before(text), [])
    check("nor on the page", '<tr class="leak">' in page, False)


def main():
    if not os.path.exists(os.path.join(PEERS, "bin", "scalene")):
        print("SKIP: no Scalene (FP_PEERS)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("app.py", PROGRAM), ("small.py", SMALL)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        check_leaking(folder)
        check_honest(folder)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
