# SPDX-License-Identifier: Apache-2.0
"""Rules of C files: who includes whom, headers on their own, what clang-tidy finds."""
import os
import re
import shutil
import subprocess
import tempfile

from tree import SOURCE, read, tree


# Folder -> what it may include besides itself.  agent/hot holds the doors of
# agent.h that must work in any context; nothing else points back.
ARROWS = {
    "shim": {"agent/agent.h", "agent/capture/format.h"},
    "agent/base": {"agent/capture"},
    "agent/capture": set(),
    "agent/settings": {"agent/base"},
    "agent/python": {"agent/base", "agent/capture"},
    "agent/native": {"agent/base", "agent/capture", "agent/python"},
    "agent/ledger": {"agent/base", "agent/capture", "agent/python"},
    "agent/hot": {"agent/agent.h", "agent/base", "agent/capture", "agent/ledger", "agent/native", "agent/python"},
    "agent": {"agent/base", "agent/capture", "agent/hot", "agent/ledger", "agent/native", "agent/python",
              "agent/settings"},
    "tools/read": {"agent/base", "agent/capture", "agent/python"},
    "tools/model": {"agent/capture", "tools/read"},
    "tools/render": {"agent/capture", "tools/read", "tools/model", "assets.h"},
    "tools/cli": {"agent/base", "agent/capture", "agent/python", "agent/settings", "tools/read", "tools/model",
                  "tools/render"},
    "tools": {"agent/base", "agent/capture", "agent/python", "agent/settings", "tools/cli", "tools/read",
              "tools/model", "tools/render"},
}


def check_includes(path, text):
    folder = os.path.dirname(path)
    while folder and folder not in ARROWS:
        folder = os.path.dirname(folder)
    if not folder:
        yield f"{path}: no rule for its folder in tests/lint/check.py"
        return
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
        below = os.path.dirname(name)
        own = below == folder or below.startswith(folder + "/") and folder not in ("agent", "tools")
        if not own and name not in ARROWS[folder] and not any(
                below == may or below.startswith(may + "/") for may in ARROWS[folder]):
            yield f"{path}: {folder} may not include {name}"


def includes():
    yield (list(check_includes("shim/a.c", '#include "agent/hot/thread.h"\n'))
           + list(check_includes("agent/python/a.c", '#include "agent/hot/thread.h"\n'))
           + list(check_includes("tools/read/a.c", '#include "tools/render/render.h"\n'))), 3
    yield (line for path in tree("agent", "shim", "tools") for line in check_includes(path, read(f"{SOURCE}/{path}")))


def headers(*command):
    """Each header compiles alone; command: the compiler and its flags."""
    def check(path):
        done = subprocess.run([*command, "-fsyntax-only", "-x", "c", "-include", path, "/dev/null"],
                              capture_output=True, text=True)
        if done.returncode:
            yield f"{path}: does not compile alone\n{done.stderr.strip()}"
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/bad.h", "w", encoding="utf-8") as f:
            f.write("uint32_t fp_bad(struct fp_gone gone);\n")
        yield list(check(f"{folder}/bad.h")), 1
    yield (line for path in tree("agent", "shim", "tools", ends=(".h",)) if "/." not in path
           for line in check(f"{SOURCE}/{path}"))


# Left out are findings that are this code's way: registers and counts side by
# side, names that libc and libunwind own, words read as signed bytes, memcmp() as a truth.
TIDY = ("-*,bugprone-*,concurrency-*,cert-sig30-c,-bugprone-easily-swappable-parameters,"
        "-bugprone-reserved-identifier,-bugprone-implicit-widening-of-multiplication-result,"
        "-bugprone-sizeof-expression,-bugprone-signed-char-misuse,-bugprone-narrowing-conversions,"
        "-bugprone-suspicious-string-compare")
TIDY_FOLDERS = ("agent/hot", "agent/ledger", "agent/base", "agent/native", "agent/python")


def tidy(*flags):
    """clang-tidy over what may run in a signal handler."""
    if not shutil.which("clang-tidy"):
        print("SKIP: clang-tidy is not installed")
        raise SystemExit(77)

    def check(*paths):
        done = subprocess.run(["clang-tidy", "--quiet", f"--checks={TIDY}", *paths, "--", *flags],
                              cwd=SOURCE, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            if re.search(r": (warning|error): ", line):
                yield line.replace(SOURCE + "/", "")
        if done.returncode and "error" in done.stderr and not done.stdout:
            yield f"clang-tidy failed: {done.stderr.strip()[-300:]}"
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/bad.c", "w", encoding="utf-8") as f:
            f.write("#include <signal.h>\n#include <stdio.h>\n"
                    "static void on_signal(int n)\n{\n\tprintf(\"%d\", n);\n}\n"
                    "void fp_bad(void)\n{\n\tsignal(SIGINT, on_signal);\n}\n")
        yield [line for line in check(f"{folder}/bad.c") if "signal" in line], 1
    yield check(*(path for path in tree(*TIDY_FOLDERS, ends=(".c",))))
