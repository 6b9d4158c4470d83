#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The CPython interpreters on this machine that tests run against.

As a module: find_pythons() gives a list of Python, oldest first.
As a program: one line each, or --paths with colons between them; --require
fails unless there are Debian's 3.11, another CPython before 3.13 and one of
3.13 or later.

Looked at: pyenv, /usr/bin, /usr/local/bin, the Debian trees below
FP_DEPS_CACHE that tests/run makes, FP_PYTHONS (paths with colons between them).
Nothing here needs a package.
"""

import collections
import glob
import json
import os
import re
import subprocess
import sys

OLDEST, NEWEST = (3, 8), (3, 15)

Python = collections.namedtuple("Python", "path version origin free_threaded shared")
Python.__doc__ = "path, version (3, 11, 7), origin (given, pyenv, debian, local, sid, …), two flags"

PROBE = """
import json, platform, sys, sysconfig
print(json.dumps([platform.python_implementation(), list(sys.version_info[:3]),
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), "/libpython" in open("/proc/self/maps").read()]))
"""


def deps_cache():
    """Folder with what takes long to make, shared by build folders."""
    if os.environ.get("FP_DEPS_CACHE"):
        return os.environ["FP_DEPS_CACHE"]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "filperf-deps")


def candidates():
    """(path, origin) of every file that looks like an interpreter."""
    pyenv = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    for pattern, origin in [
        (os.path.join(pyenv, "versions/*/bin/python3.*"), "pyenv"),
        ("/usr/bin/python3.*", "debian"),
        ("/usr/local/bin/python3.*", "local"),
        (os.path.join(deps_cache(), "*/usr/bin/python3.*"), None),
        (os.path.join(deps_cache(), "*/bin/python3.*"), None),
    ]:
        for path in sorted(glob.glob(pattern)):
            if re.fullmatch(r"python3\.\d+t?", os.path.basename(path)):
                inside = os.path.relpath(path, deps_cache()).split(os.sep)[0]
                yield path, origin or inside
    for path in os.environ.get("FP_PYTHONS", "").split(":"):
        if path:
            yield path, "given"


def probe(path):
    """What the interpreter says of itself, or None."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_", "FIL_PERF_"))}
    try:
        done = subprocess.run([path, "-I", "-c", PROBE], env=environment, capture_output=True, timeout=60)
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def find_pythons():
    """Every supported CPython, oldest first; none twice."""
    seen, found = set(), []
    for path, origin in candidates():
        try:
            file = os.stat(path)
        except OSError:
            continue
        identity = file.st_dev, file.st_ino
        said = None if identity in seen else probe(path)
        seen.add(identity)
        if not said or said[0] != "CPython":
            continue
        if OLDEST <= tuple(said[1][:2]) <= NEWEST:
            found.append(Python(path, tuple(said[1]), origin, said[2], said[3]))
    return sorted(found, key=lambda p: (p.version, p.origin))


def lacking(found):
    """What the matrix needs and this machine has not, in words."""
    missing = []
    debian = [p for p in found if p.origin == "debian" and p.version[:2] == (3, 11)]
    if not debian:
        missing.append("Debian's python3.11")
    if not [p for p in found if p.version < (3, 13) and p not in debian]:
        missing.append("another CPython before 3.13")
    if not [p for p in found if p.version >= (3, 13)]:
        missing.append("a CPython of 3.13 or later")
    return missing


def main(arguments):
    if arguments not in ([], ["--require"], ["--paths"]):
        print("usage: pythons.py [--require | --paths]", file=sys.stderr)
        return 2
    found = find_pythons()
    if arguments == ["--paths"]:
        print(":".join(p.path for p in found))
        return 0
    for p in found:
        kind = "shared" if p.shared else "static"
        version = ".".join(map(str, p.version)) + ("t" if p.free_threaded else "")
        print(f"{version:10} {p.origin:9} {kind:7} {p.path}")
    missing = lacking(found) if arguments else []
    if missing:
        print("pythons.py: not found: " + ", ".join(missing), file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
