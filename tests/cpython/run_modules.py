#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPython's own test modules, without and with the preload: the same outcome per test.

run_modules.py VERSION MODULE...    VERSION is 3.11, 3.13, …

Each module runs in a process of its own by `python -m test`, once without and
once with LD_PRELOAD; outcomes are those of --junit-xml.  What differs runs
again both ways (a test may be flaky without us) and fails only when each of
its runs with the preload differs from every run without it, and accepted.txt
does not name it.  Status 77 when there is no such interpreter with its tests.
"""

import concurrent.futures
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "deps"))
from pythons import find_pythons  # noqa: E402

MODULE_SECONDS = 900
RERUNS = 2
# 3.11's `make install` leaves these out: each is this much text.
START_METHOD = "import test._test_multiprocessing as t\nt.install_tests_in_module_dict(globals(), {method!r})\n"


def has_tests(python):
    probe = "import test.support, test.test_signal, test._test_multiprocessing"
    return subprocess.run([python.path, "-c", probe], capture_output=True).returncode == 0


def find_python(wanted):
    """Newest of that version that has its test package and a preloadable libc."""
    found = [p for p in find_pythons() if ".".join(map(str, p.version)).startswith(wanted) and not p.free_threaded]
    for python in sorted(found, key=lambda p: (p.shared, p.version), reverse=True):
        if has_tests(python):
            return python
    return None


def accepted_tests(version):
    """[(pattern, reason)] of accepted.txt for this version."""
    accepted = []
    with open(os.path.join(HERE, "accepted.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                versions, pattern, reason = line.split(None, 2)
                if versions == "*" or any(version.startswith(v) for v in versions.split(",")):
                    accepted.append((pattern, reason.strip()))
    return accepted


def outcome(case):
    """One word or line for a junit testcase."""
    for kind in ("error", "failure"):
        part = case.find(kind)
        if part is not None:
            return kind
    if case.find("skipped") is not None or case.get("result") == "skipped" or case.get("status") == "notrun":
        return "skipped"
    return case.get("result") or case.get("status") or "completed"


def read_outcomes(path):
    """{test id: sorted outcomes}; subtests share their test's id."""
    outcomes = {}
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        outcomes.setdefault(case.get("name"), []).append(outcome(case))
    return {name: ",".join(sorted(set(found))) for name, found in outcomes.items()}


class Runner:
    def __init__(self, python, agent, home):
        self.python, self.agent, self.home = python, agent, home
        self.extra = os.path.join(home, "modules")
        os.makedirs(self.extra, exist_ok=True)

    def environment(self, place, preload):
        keep = ("PATH", "HOME", "LANG", "LC_ALL", "USER", "LOGNAME", "TERM")
        environment = {k: v for k, v in os.environ.items() if k in keep}
        environment.update(TMPDIR=place, FIL_PERF_RENDER="0", FIL_PERF_QUIET="1", FIL_PERF_SPY_RATE="1000")
        environment.update({k: v for k, v in os.environ.items() if k.startswith("FIL_PERF_")})
        if preload:
            environment["LD_PRELOAD"] = self.agent
        return environment

    def named(self, module):
        """What to ask regrtest for, also when the installation lacks the module."""
        method = re.fullmatch(r"test_multiprocessing_(fork|spawn|forkserver)", module)
        probe = f"import importlib.util as u, sys; sys.exit(u.find_spec('test.{module}') is None)"
        if not method or subprocess.run([self.python.path, "-c", probe], capture_output=True).returncode == 0:
            return [module]
        name = "test_start_method_" + method[1]
        with open(os.path.join(self.extra, name + ".py"), "w", encoding="utf-8") as file:
            file.write(START_METHOD.format(method=method[1]))
        return ["--testdir", self.extra, name]

    def run(self, module, preload, match=()):
        """({test id: outcome}, output)"""
        place = tempfile.mkdtemp(prefix="p" if preload else "n", dir=self.home)
        results = os.path.join(place, "results.xml")
        command = [self.python.path, "-m", "test", "-v", "-u", "cpu", "--timeout", "300",
                   "--tempdir", place, "--junit-xml", results]
        for pattern in match:
            command += ["-m", pattern]
        command += self.named(module)
        log = os.path.join(place, "output.txt")
        with open(log, "wb") as output:
            try:
                done = subprocess.run(command, env=self.environment(place, preload), stdin=subprocess.DEVNULL,
                                      stdout=output, stderr=subprocess.STDOUT, timeout=MODULE_SECONDS, cwd=place)
                status = done.returncode
            except subprocess.TimeoutExpired:
                status = "timed out"
        try:
            outcomes = read_outcomes(results)
        except (OSError, xml.etree.ElementTree.ParseError):
            outcomes = {}
        if not match:
            outcomes["module " + module] = f"status {status}"
        with open(log, encoding="utf-8", errors="replace") as output:
            text = output.read()
        if preload and not glob.glob(os.path.join(place, "filperf-*", "*", "*.fpc")):
            raise RuntimeError(f"{module}: the agent recorded nothing; nothing was compared\n{text[-2000:]}")
        if not os.environ.get("FP_KEEP"):
            shutil.rmtree(place, ignore_errors=True)
        return outcomes, text


def differing(plain, loaded):
    return sorted(name for name in plain.keys() | loaded.keys() if plain.get(name) != loaded.get(name))


def short_output(text, test):
    """What the run printed about one failed test."""
    method = test.rsplit(".", 1)[-1]
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if re.match(r"(ERROR|FAIL): ", line) and method in line:
            return lines[i:i + 40]
    return lines[-15:]


def both_ways(runner, module, match=()):
    """At once: these tests wait more than they compute."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        plain = pool.submit(runner.run, module, False, match)
        loaded = pool.submit(runner.run, module, True, match)
        return plain.result()[0], *loaded.result()


def compare(runner, module, accepted):
    """[(test, without, with, output lines)] that stay different."""
    begin = time.monotonic()
    plain, loaded, output = both_ways(runner, module)
    found = {name: ({plain.get(name)}, {loaded.get(name)}) for name in differing(plain, loaded)}
    is_accepted = {name: next((reason for pattern, reason in accepted if fnmatch.fnmatchcase(name, pattern)), None)
                   for name in found}
    for name in found:
        if is_accepted[name]:
            print(f"accepted: {name}: {plain.get(name)} -> {loaded.get(name)}: {is_accepted[name]}", flush=True)
    found = {name: seen for name, seen in found.items() if not is_accepted[name]}
    tests = [name for name in found if not name.startswith("module ")]
    if not tests and any(is_accepted.values()):
        found = {}  # nothing but what is accepted, and the module's status that follows from it
    # The module's own status follows from its tests; alone it needs whole reruns.
    match = sorted({"*" + ".".join(name.split(" ")[0].rsplit(".", 2)[-2:]) for name in tests})
    for _ in range(RERUNS):
        if not found or all(seen[0] & seen[1] for seen in found.values()):
            break
        again_plain, again_loaded, again_output = both_ways(runner, module, match)
        output += again_output
        for name, (without, with_us) in found.items():
            without.add(again_plain.get(name))
            with_us.add(again_loaded.get(name))
    # Only the tests decide unless the module's status alone differs.
    stay = [(name, seen) for name, seen in sorted(found.items()) if not seen[0] & seen[1]]
    if tests:
        stay = [(name, seen) for name, seen in stay if not name.startswith("module ")]
    for name, (without, with_us) in sorted(found.items()):
        if without & with_us and not name.startswith("module "):
            print(f"flaky: {name}: without {without}, with {with_us}", flush=True)
    count = sum(not name.startswith("module ") for name in plain)
    print(f"{module}: {count} tests, {len(tests)} differed at first, {len(stay)} stay different; {time.monotonic() - begin:.0f} s",
          flush=True)
    if count == 0:
        stay.append(("module " + module, ({"no test ran"}, {"no test ran"})))
    return [(name, seen[0], seen[1], short_output(output, name)) for name, seen in stay]


def main(arguments):
    if len(arguments) < 2:
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    python = find_python(arguments[0])
    if not python:
        print(f"SKIP: no CPython {arguments[0]} with its test package; pyenv or libpython{arguments[0]}-testsuite has it")
        return 77
    print(f"{python.path} ({'.'.join(map(str, python.version))})", flush=True)
    accepted = accepted_tests(arguments[0])
    home = tempfile.mkdtemp(prefix="fp-cpython-")
    runner = Runner(python, os.environ["FP_AGENT"], home)
    different = []
    try:
        with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FP_JOBS", "1"))) as pool:
            for found in pool.map(lambda module: compare(runner, module, accepted), arguments[1:]):
                different += found
    finally:
        if not os.environ.get("FP_KEEP"):
            shutil.rmtree(home, ignore_errors=True)
    for name, without, with_us, output in different:
        print(f"\nDIFFERENT: {name}: without {without}, with {with_us}")
        print("\n".join("    " + line for line in output))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
