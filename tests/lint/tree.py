# SPDX-License-Identifier: Apache-2.0
"""What the rules read: the tree ($FP_SOURCE) and what commands say."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("FP_SOURCE", os.path.dirname(os.path.dirname(HERE)))
AGENT = os.environ.get("FP_AGENT", "")
C_FILES = (".c", ".h", ".S")
TEXT_FILES = C_FILES + (".py", ".sh", ".cmake", ".txt", ".md", ".json", ".js", ".css", ".map", ".redirects")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def tree(*folders, ends=C_FILES):
    """Paths below the source, relative; what git ignores is left out by name."""
    for folder in folders:
        for at, names, files in os.walk(os.path.join(SOURCE, folder)):
            names[:] = sorted(n for n in names if not n.startswith((".git", "build", "outputs", "__pycache__")))
            for name in sorted(files):
                if name.endswith(ends) or (ends is TEXT_FILES and "." not in name):
                    yield os.path.relpath(os.path.join(at, name), SOURCE)


def whole_tree():
    """Every text file that people wrote, relative to the source; vendored text keeps its own words."""
    for name in sorted(os.listdir(SOURCE)):
        if os.path.isfile(os.path.join(SOURCE, name)) and (name.endswith(TEXT_FILES) or "." not in name):
            yield name
    for path in tree("agent", "shim", "tools", "tests", "docs", ".ci", ends=TEXT_FILES):
        if "/data/" not in path:
            yield path
