# SPDX-License-Identifier: Apache-2.0
"""The outcome of each test of somebody else's suite, without and with the preload.

A suite has run(part, preload, match) -> Run and match(names) -> patterns that
select those tests.  What differs runs again both ways, as a test may be flaky
without us; it fails when more than half of its outcomes with the preload are
none that it has without.  A run that ends before its end (a test that hangs or kills)
is no comparison: the side runs again, and the test it was in is looked at alone.
"""

import collections
import concurrent.futures
import fnmatch
import glob
import json
import os
import re
import subprocess
import time
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
RERUNS = 4
TRIES = 3
SHOWN = 20  # differing tests with their output

# What is switched on beside what the caller's environment says, and what the
# capture must then say about memory.
Mode = collections.namedtuple("Mode", "settings memory")
MODES = {"default": Mode({"FIL_PERF_SPY_RATE": "1000"}, "sampled"),
         "exact": Mode({"FIL_PERF_MEMRAY_ENABLED": "1"}, "exact")}

Run = collections.namedtuple("Run", "outcomes whole during text")
Run.__doc__ = "{test: outcome}, whether it reached its end, the test it died in or None, its output"


def environment(place, mode, preload):
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "USER", "LOGNAME", "TERM", "NPY_AVAILABLE_MEM")
    wanted = {k: v for k, v in os.environ.items() if k in keep}
    wanted.update(MODES[mode].settings, TMPDIR=place, FIL_PERF_RENDER="0", FIL_PERF_QUIET="1")
    wanted.update({k: v for k, v in os.environ.items() if k.startswith("FIL_PERF_")})
    if preload:
        wanted["LD_PRELOAD"] = os.environ["FP_AGENT"]
    return wanted


def execute(command, place, mode, preload, seconds):
    """(status or "timed out", output); RuntimeError when nothing was recorded."""
    log = os.path.join(place, "output.txt")
    with open(log, "wb") as output:
        process = subprocess.Popen(command, env=environment(place, mode, preload), stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, cwd=place)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = "timed out"
    with open(log, encoding="utf-8", errors="replace") as output:
        text = output.read()
    if preload:
        check_recorded(place, mode, process.pid, text)
    return status, text


def check_recorded(place, mode, pid, text):
    """The process of the tests has a capture with its memory in it."""
    said = "no capture"
    for run in glob.glob(os.path.join(place, "filperf-*", "*", "")):
        stats = subprocess.run([os.environ["FP_FILPERF"], "memory", "stats", "--json", "--pid", str(pid), "-i", run],
                               capture_output=True, text=True, timeout=300, env={"PATH": os.environ["PATH"]})
        if stats.returncode:
            said = stats.stderr.strip()
            continue
        stats = json.loads(stats.stdout)
        said = f"{stats['mode']}, {stats['total_num_allocations']} allocations"
        if stats["mode"] == MODES[mode].memory and stats["total_num_allocations"] > 10000:
            return
    raise RuntimeError(f"memory was not recorded ({said}); nothing was compared\n{text[-2000:]}")


def outcome(case):
    """One word or line for a junit testcase."""
    for kind in ("error", "failure"):
        if case.find(kind) is not None:
            return kind
    if case.find("skipped") is not None or case.get("result") == "skipped" or case.get("status") == "notrun":
        return "skipped"
    return case.get("result") or case.get("status") or "completed"


def read_junit(path, name_of):
    """{test: sorted outcomes}, None when the file is not there or not whole; subtests share their test's name."""
    outcomes = {}
    try:
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            outcomes.setdefault(name_of(case), []).append(outcome(case))
    except (OSError, xml.etree.ElementTree.ParseError):
        return None
    return {name: ",".join(sorted(set(found))) for name, found in outcomes.items()}


def accepted_tests(version, mode):
    """[(pattern, reason)] of accepted.txt."""
    accepted = []
    with open(os.path.join(HERE, "accepted.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                versions, modes, pattern, reason = line.split(None, 3)
                if modes in ("*", mode) and (versions == "*" or version.startswith(tuple(versions.split(",")))):
                    accepted.append((pattern, reason.strip()))
    return accepted


def output_about(text, test):
    """What the run printed about one failed test, or how it ended."""
    method = test.rsplit("::", 1)[-1].rsplit(".", 1)[-1]
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if re.match(r"(ERROR|FAIL): |_{3,} .* _{3,}$", line) and method in line:
            return lines[i:i + 60]
    return lines[-60:]


class Comparison:
    """Of one part (a module, a list of files) of a suite."""

    def __init__(self, suite, part, accepted):
        self.suite, self.part, self.accepted = suite, part, accepted
        self.seen = {}  # test: (outcomes without, outcomes with)
        self.output = ""

    def both(self, match=()):
        """At once: these tests wait more than they compute."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(self.suite.run, self.part, preload, match) for preload in (False, True)]
            runs = [run.result() for run in runs]
        self.output += runs[1].text
        return runs

    def note(self, side, name, outcome):
        self.seen.setdefault(name, ([], []))[side].append(outcome)

    def whole_runs(self):
        """Both sides from begin to end; what they died in is noted."""
        runs = self.both()
        for side, name in enumerate(("without", "with")):
            for attempt in range(TRIES):
                if runs[side].whole:
                    break
                print(f"{self.part}: the run {name} the preload ended in {runs[side].during}; its last lines:", flush=True)
                print("\n".join("    " + line for line in runs[side].text.splitlines()[-60:]), flush=True)
                if runs[side].during:
                    self.note(side, runs[side].during, "died")
                if attempt + 1 < TRIES:
                    runs[side] = self.suite.run(self.part, bool(side), ())
                    self.output += runs[side].text if side else ""
        return runs

    def strange(self, name):
        without, with_us = self.seen[name]
        return sum(outcome not in without for outcome in with_us)

    def repeat(self, names):
        for side, run in enumerate(self.both(self.suite.match(names))):
            for name in names:
                if run.whole or name in run.outcomes:
                    self.note(side, name, run.outcomes.get(name))
                elif name == run.during:
                    self.note(side, name, "died")

    def look(self):
        """[(test, outcomes without, outcomes with, output lines)] that stay different."""
        begin = time.monotonic()
        runs = self.whole_runs()
        plain, loaded = (run.outcomes for run in runs)
        if not all(run.whole for run in runs) or not plain:
            return [(self.part, *[f"whole {run.whole}, {len(run.outcomes)} tests" for run in runs],
                     output_about(self.output, self.part))]
        differ = set(self.seen) | {name for name in plain.keys() | loaded.keys() if plain.get(name) != loaded.get(name)}
        differ -= {name for name in differ if self.is_accepted(name, plain.get(name), loaded.get(name))}
        # A module's status follows from its tests, where one failed.
        differ -= {name for name in differ if name.startswith("module ")
                   and (len(differ) > 1 or plain.get(name) is None or loaded.get(name) is None)}
        for name in differ:
            self.note(0, name, plain.get(name))
            self.note(1, name, loaded.get(name))
        n_first, stay = len(differ), []
        for _ in range(RERUNS):
            if any(self.strange(name) for name in differ):
                self.repeat(sorted(differ))
        for name in sorted(differ):
            without, with_us = self.seen[name]
            # One side may lack outcomes of runs that died elsewhere.
            if 2 * self.strange(name) > len(with_us) or not without:
                stay.append((name, without, with_us, output_about(self.output, name)))
            else:
                print(f"flaky: {name}: without {without}, with {with_us}", flush=True)
        print(f"{self.part}: {len(plain)} tests, {n_first} differed at first, {len(stay)} stay different; "
              f"{time.monotonic() - begin:.0f} s", flush=True)
        return stay

    def is_accepted(self, name, without, with_us):
        for pattern, reason in self.accepted:
            if fnmatch.fnmatchcase(name, pattern):
                print(f"accepted: {name}: {without} -> {with_us}: {reason}", flush=True)
                return True
        return False


def show(different):
    """Prints what stays different; the status to end with."""
    for i, (name, without, with_us, output) in enumerate(different):
        print(f"\nDIFFERENT: {name}: without {without}, with {with_us}")
        if i < SHOWN:
            print("\n".join("    " + line for line in output))
    return 1 if different else 0
