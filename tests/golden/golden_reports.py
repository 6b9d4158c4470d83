# SPDX-License-Identifier: Apache-2.0
"""Every renderer's output for known captures, byte for byte.

FP_GOLDEN_UPDATE=1 writes expected/ anew; look at the difference before you
commit it.
"""
import difflib
import gzip
import os
import re
import subprocess
import sys
import tempfile

BUILD = os.environ["FP_BUILD"]
EXPECTED = os.path.join(os.environ["FP_SOURCE"], "tests", "golden", "expected")
UPDATE = os.environ.get("FP_GOLDEN_UPDATE") == "1"

CASES = [
    ("run", fmt, []) for fmt in
    ("svg", "raw", "speedscope", "json", "prof", "pprof", "firefox", "chrometrace")
] + [
    ("run", "raw", ["threads"]),
    ("run", "raw", ["nolines"]),
    ("run", "raw", ["gil"]),
    ("run", "raw", ["process=dot"]),
    ("run", "raw", ["thread=1001"]),
    ("run", "svg", ["base=base"]),
    ("empty", "svg", []),
    ("empty", "raw", []),
    ("empty", "speedscope", []),
    ("empty", "json", []),
    ("empty", "prof", []),
    ("empty", "firefox", []),
    ("lines", "scalene:json", []),
    ("lines", "scalene:txt", []),
    ("lines", "scalene:html", []),
    ("run", "scalene:json", []),
    ("run", "scalene:txt", []),
    ("empty", "scalene:json", []),
    ("empty", "scalene:txt", []),
]


def render(folder, name, fmt, options):
    args = [o.replace("base=", "base=" + folder + "/") for o in options]
    out = subprocess.run([BUILD + "/tests/render_one", f"{folder}/{name}", fmt, *args],
                         stdout=subprocess.PIPE, check=True).stdout
    if fmt in ("pprof", "firefox"):
        out = gzip.decompress(out)
    # the directory differs from run to run; the program's own code does not
    return out.replace(folder.encode(), b"DIR")


def without_assets(text):
    """The script and the style of a graph, of a page, are compared in tools/assets."""
    start = text.find(b"<style")
    end = text.find(b"<rect id=\"back\"")
    if start >= 0 and end >= 0:
        return text[:start] + text[end:]
    return re.sub(rb"(<(style|script)>).*?(</\2>)", rb"\1\3", text, flags=re.DOTALL)


def main():
    failed = 0
    os.makedirs(EXPECTED, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([BUILD + "/tests/make_captures", folder], check=True)
        for name, fmt, options in CASES:
            label = "-".join([name, *[o.replace("=", "_") for o in options]]) + "." + fmt.replace(":", ".")
            got = without_assets(render(folder, name, fmt, options))
            path = os.path.join(EXPECTED, label)
            if UPDATE:
                with open(path, "wb") as f:
                    f.write(got)
                continue
            with open(path, "rb") as f:
                want = f.read()
            if got == want:
                continue
            failed += 1
            print(f"FAIL {label}")
            for line in list(difflib.unified_diff(
                    want.decode("utf-8", "replace").splitlines(),
                    got.decode("utf-8", "replace").splitlines(), "expected", "got",
                    lineterm="", n=0))[:20]:
                print("  " + line[:300])
    print(f"{len(CASES) - failed} of {len(CASES)} reports as expected")
    return 1 if failed else 0


sys.exit(main())
