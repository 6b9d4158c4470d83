# SPDX-License-Identifier: Apache-2.0
"""The data in the memory page, read without its script: sums are those that
were booked, also where a million stacks did not fit and small ones were added to
their callers; the file stays below 10 MB.
"""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import FAILED, check

BUILD = os.environ["FP_BUILD"]
MOST_BYTES = 10_000_000


class Columns:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def column(self, n):
        return [self.number() for _ in range(n)]


def section(page, name):
    found = re.search(r'id="data-%s">([^<]*)</script>' % name, page)
    return zlib.decompress(base64.b64decode(found.group(1))) if found else None


def tree_sums(data):
    r = Columns(data)
    r.at = r.number() + r.at
    for n_columns in (8, 2):
        n = r.number()
        for _ in range(n_columns):
            r.column(n)
    n_nodes = r.number()
    r.column(n_nodes - 1)
    r.column(n_nodes - 1)
    n = r.number()
    nodes, _threads, _allocators, flags, counts, sizes = (r.column(n) for _ in range(6))
    sums = {"nodes": n_nodes, "n": sum(counts), "bytes": sum(sizes), "inside": sum(nodes) < n_nodes}
    for view, shift in (("peak", 0), ("live", 2), ("temporary", 4)):
        for what, whole in (("n", counts), ("bytes", sizes)):
            sums[f"{view}_{what}"] = sum(
                r.number() if f >> shift & 3 == 2 else w if f >> shift & 3 == 1 else 0 for f, w in zip(flags, whole))
    sums["rest"] = len(data) - r.at
    return sums


def range_sums(data):
    r = Columns(data)
    check("range: one process", [r.number(), r.number()], [1, 0])
    steps, _span, whole, left_out, n = (r.number() for _ in range(5))
    rows = r.column(n)
    firsts, lives, _counts, sizes = (r.column(n) for _ in range(4))
    at = first = 0
    for i, (row, value, life) in enumerate(zip(rows, firsts, lives)):
        first = value if row or not i else first + value
        at = max(at, first + (life - 1 if life else 0))
    return {"bytes": sum(sizes), "all": whole, "left_out": left_out, "steps": steps, "last": at, "rest": len(data) - r.at}


def try_one(folder, stacks, stream):
    name = f"{stacks} stacks{' and a stream' if stream else ''}"
    capture = f"{folder}/{stacks}{stream}.fpc"
    booked = json.loads(subprocess.run([BUILD + "/tests/bench_memory_writer", capture, str(stacks), stream],
                                       check=True, capture_output=True, text=True).stdout)
    page = subprocess.run([BUILD + "/tests/render_one", capture, "memray:html"], check=True,
                          capture_output=True).stdout
    check(f"{name}: size", len(page), lambda n: n < MOST_BYTES)
    page = page.decode()
    head = json.loads(section(page, "head"))
    sums = tree_sums(section(page, "tree"))
    check(f"{name}: blocks", sums["n"], booked["n"])
    check(f"{name}: bytes", sums["bytes"], booked["bytes"])
    check(f"{name}: blocks at the end", sums["live_n"], booked["live_n"])
    check(f"{name}: bytes at the end", sums["live_bytes"], booked["live_bytes"])
    check(f"{name}: bytes at the peak", sums["peak_bytes"], booked["peak_bytes"])
    check(f"{name}: all was read, all rows on nodes", (sums["rest"], sums["inside"]), (0, True))
    check(f"{name}: no stack is forgotten", sums["nodes"] - 1 + head["folded"], booked["stacks"])
    data = section(page, "range")
    check(f"{name}: a range where there is a stream", bool(data), bool(stream))
    if data:
        r = range_sums(data)
        check(f"{name}: the stream's bytes", r["bytes"] + r["left_out"], r["all"])
        check(f"{name}: all read, steps within the run", (r["rest"], r["last"] < r["steps"]), (0, True))


def main():
    with tempfile.TemporaryDirectory() as folder:
        for stacks in (1, 3000, 1_000_000):
            for stream in ("", "stream"):
                try_one(folder, stacks, stream)
    print("failed: " + ", ".join(FAILED) if FAILED else "all passed")
    return bool(FAILED)


if __name__ == "__main__":
    sys.exit(main())
