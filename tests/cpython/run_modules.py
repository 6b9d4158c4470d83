#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPython's own test modules, without and with the preload: the same outcome per test.

run_modules.py VERSION MODE MODULE...    VERSION is 3.11, 3.13, …; MODE default or exact

Each module runs in a process of its own by `python -m test`, and memory must have been
recorded in it as MODE says; outcomes are those of --junit-xml, compared by both_ways.py,
but for what accepted.txt names.  Status 77 when there is no such interpreter with that module.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "deps"))
import both_ways  # noqa: E402
from pythons import find_pythons  # noqa: E402

# regrtest's own limit prints stacks.  A worker of multiprocessing's ThreadPool that takes
# a task before test_terminate says terminate() sleeps 300 s, which the test waits for.
REGRTEST_SECONDS = 800
MODULE_SECONDS = 860
# 3.11's `make install` leaves these out: each is this much text.
START_METHOD = "import test._test_multiprocessing as t\nt.install_tests_in_module_dict(globals(), {method!r})\n"


def has_tests(python):
    probe = "import test.support, test.test_signal, test._test_multiprocessing"
    return subprocess.run([python.path, "-c", probe], capture_output=True).returncode == 0


def find_python(wanted):
    """Newest of that version that has its test package and a preloadable libc."""
    found = [p for p in find_pythons() if ".".join(map(str, p.version)).startswith(wanted.rstrip("t"))
             and p.free_threaded == wanted.endswith("t")]
    for python in sorted(found, key=lambda p: (p.shared, p.version), reverse=True):
        if has_tests(python):
            return python
    return None


def test_name(method, place):
    """From `method (place)`: 3.11 and later print the whole id in there, before it the class alone."""
    return place if place.endswith("." + method) else f"{place}.{method}"


def add_subtests(outcomes, text):
    """A subtest that failed has no name in regrtest's file: what it printed tells."""
    outcomes.pop(None, None)
    failed = re.findall(r"^(ERROR|FAIL): (\w+) \(([\w.]+)\)", text, re.MULTILINE)
    names = [test_name(method, place) for _, method, place in failed]
    for name in set(names):
        kinds = {kind.lower() for (kind, _, _), of in zip(failed, names) if of == name}
        outcomes[name] = f"{' and '.join(sorted(kinds))}, {names.count(name)} times"


class Regrtest:
    def __init__(self, python, mode, home):
        self.python, self.mode, self.home = python, mode, home
        self.extra = os.path.join(home, "modules")
        os.makedirs(self.extra, exist_ok=True)

    def named(self, module):
        """What to ask regrtest for, also when the installation lacks the module; None when it cannot be had."""
        probe = f"import importlib.util as u, sys; sys.exit(u.find_spec('test.{module}') is None)"
        if subprocess.run([self.python.path, "-c", probe], capture_output=True).returncode == 0:
            return [module]
        method = re.fullmatch(r"test_multiprocessing_(fork|spawn|forkserver)", module)
        if not method:
            return None
        name = "test_start_method_" + method[1]
        with open(os.path.join(self.extra, name + ".py"), "w", encoding="utf-8") as file:
            file.write(START_METHOD.format(method=method[1]))
        return ["--testdir", self.extra, name]

    def match(self, names):
        if any(name.startswith("module ") for name in names):
            return []  # its status: only the whole tells
        return sorted({"*" + ".".join(name.split(" ")[0].rsplit(".", 2)[-2:]) for name in names})

    def run(self, module, preload, match=()):
        place = tempfile.mkdtemp(prefix="p" if preload else "n", dir=self.home)
        results = os.path.join(place, "results.xml")
        command = [self.python.path, "-m", "test", "-v", "-u", "cpu", "--timeout", str(REGRTEST_SECONDS),
                   "--tempdir", place, "--junit-xml", results]
        for pattern in match:
            command += ["-m", pattern]
        command += self.named(module)
        status, text = both_ways.execute(command, place, self.mode, preload, MODULE_SECONDS)
        outcomes = both_ways.read_junit(results, lambda case: case.get("name"))
        if not os.environ.get("FP_KEEP"):
            shutil.rmtree(place, ignore_errors=True)
        if outcomes is None:
            begun = re.findall(r"^(\w+) \(([\w.]+)\)", text, re.MULTILINE)
            return both_ways.Run({}, False, test_name(*begun[-1]) if begun else None, text)
        add_subtests(outcomes, text)
        if not match and all("fail" not in o and "error" not in o for o in outcomes.values()):
            outcomes["module " + module] = f"status {status}"
        return both_ways.Run(outcomes, True, None, text)


def main(arguments):
    if len(arguments) < 3 or arguments[1] not in both_ways.MODES:
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    # Ignored in what a shell starts in the background; tests send it to themselves.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    version, mode, modules = arguments[0], arguments[1], arguments[2:]
    python = find_python(version)
    if not python:
        print(f"SKIP: no CPython {version} with its test package; pyenv or libpython{version}-testsuite has it")
        return 77
    print(f"{python.path} ({'.'.join(map(str, python.version))}), {mode}", flush=True)
    accepted = both_ways.accepted_tests(version, mode)
    home = tempfile.mkdtemp(prefix="fp-cpython-")
    suite = Regrtest(python, mode, home)
    different, n_run = [], 0
    try:
        for module in modules:
            if suite.named(module) is None:
                print(f"SKIP: this CPython was installed without {module}", flush=True)
                continue
            n_run += 1
            different += both_ways.Comparison(suite, module, accepted).look()
    finally:
        if not os.environ.get("FP_KEEP"):
            shutil.rmtree(home, ignore_errors=True)
    return both_ways.show(different) if n_run else 77


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
