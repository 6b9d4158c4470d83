#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""numpy's own core tests, without and with the preload: the same outcome per test.

run_numpy.py MODE MODULE...    MODE default or exact; MODULE a module of numpy._core.tests, or all

By pytest of the environment in FP_PEERS, compared by both_ways.py, but for what accepted.txt
names by the version "numpy".  Status 77 when numpy, pytest or hypothesis is not there.
"""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import both_ways  # noqa: E402

RUN_SECONDS = 2400
# What numpy's requires_memory() takes for free: tests that want more skip themselves.  Two of them at
# once need up to 36 GB, and by what is free they run or not.
AVAILABLE = "1 GB"


class Pytest:
    def __init__(self, python, packages, mode, home):
        self.python, self.packages, self.mode, self.home = python, packages, mode, home

    def file(self, module):
        return os.path.join(self.packages, "numpy", "_core", "tests", module + ".py")

    def match(self, names):
        """From those of junit, numpy._core.tests.module.Class::test, to pytest's."""
        ids = [name.removeprefix("numpy._core.tests.").split("::", 1) for name in names]
        return ["::".join([self.file(place.split(".")[0]), *place.split(".")[1:], test]) for place, test in ids]

    def run(self, modules, preload, match=()):
        place = tempfile.mkdtemp(prefix="p" if preload else "n", dir=self.home)
        results = os.path.join(place, "results.xml")
        command = [self.python, "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider",
                   "--basetemp", os.path.join(place, "tests"), "--junit-xml", results,
                   "--rootdir", self.packages]
        command += match or (sorted(glob.glob(self.file("test_*"))) if modules == "all" else map(self.file, modules.split()))
        status, text = both_ways.execute(command, place, self.mode, preload, RUN_SECONDS)
        outcomes = both_ways.read_junit(results, lambda case: f"{case.get('classname')}::{case.get('name')}")
        if not os.environ.get("FP_KEEP"):
            shutil.rmtree(place, ignore_errors=True)
        # 0 and 1: every test ran.
        if outcomes is None or status not in (0, 1):
            begun = re.findall(r"^\S*?(numpy/\S+)\.py((?:::Test\w+)?)(::.*?) ?(?:[A-Z]+ +\[|$)", text, re.MULTILINE)
            during = begun[-1] if begun else None
            name = during and during[0].replace("/", ".") + during[1].replace("::", ".") + during[2]
            return both_ways.Run({}, False, name, text)
        return both_ways.Run(outcomes, True, None, text)


def find_numpy():
    """(interpreter, folder of its packages, numpy's version), None when something lacks."""
    python = os.path.join(os.environ.get("FP_PEERS", ""), "bin", "python")
    probe = "import hypothesis, numpy, os, pytest; print(os.path.dirname(numpy.__path__[0])); print(numpy.__version__)"
    try:
        said = subprocess.run([python, "-c", probe], capture_output=True, text=True)
    except OSError:
        return None
    return None if said.returncode else (python, *said.stdout.split())


def main(arguments):
    if len(arguments) < 2 or arguments[0] not in both_ways.MODES:
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.default_int_handler)
    found = find_numpy()
    if not found:
        print("SKIP: numpy, pytest or hypothesis is not in FP_PEERS")
        return 77
    python, packages, numpy = found
    # meson and ninja, with which some tests build extension modules
    os.environ["NPY_AVAILABLE_MEM"] = AVAILABLE
    os.environ["PATH"] = os.path.dirname(python) + ":" + os.environ["PATH"]
    print(f"{python}, numpy {numpy}, {arguments[0]}", flush=True)
    home = tempfile.mkdtemp(prefix="fp-numpy-")
    try:
        suite = Pytest(python, packages, arguments[0], home)
        accepted = both_ways.accepted_tests("numpy", arguments[0])
        return both_ways.show(both_ways.Comparison(suite, " ".join(arguments[1:]), accepted).look())
    finally:
        if not os.environ.get("FP_KEEP"):
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
