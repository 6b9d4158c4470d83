# SPDX-License-Identifier: Apache-2.0
"""Runs a program as a user does, under filperf run or a plain preload, and
reads back what the reports say."""

import glob
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))

from support import AGENT, Case, FILPERF, SOURCE, main, skip  # noqa: E402,F401

PYTHON = sys.executable
DEPS = os.environ.get("FP_DEPS", "")

BURN = """
import time
def burn(seconds):
    end = time.thread_time() + seconds
    n = 0
    while time.thread_time() < end:
        for i in range(2000):
            n += i * i
    return n
"""


def tool(folder, name):
    """A program of an environment that tests/run makes, or of PATH; None."""
    path = os.path.join(DEPS, folder, "bin", name) if DEPS else ""
    return path if os.access(path, os.X_OK) else shutil.which(name)


class Report:
    """The json report of a run: its label, processes and stacks."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.json = json.load(f)
        self.label = os.path.basename(path)[: -len("-pyspy.json")]
        self.processes = self.json["processes"]
        self.name_of = {p["process_id"]: p["name"] for p in self.processes}
        self.samples = self.json["samples"]

    def seconds(self, *names, process=None):
        """CPU of stacks that hold all these frames (by their beginning)."""
        return sum(
            s["time"]
            for s in self.samples
            if (process is None or self.name_of[s["process_id"]] == process)
            and all(any(frame.startswith(name) for frame in s["stack"]) for name in names)
        )

    def frames(self):
        return {frame for s in self.samples for frame in s["stack"]}

    def thread_names(self):
        return {t["name"] for t in self.json["threads"]}


class Recorded(Case):
    """A case whose programs are recorded; burn.py is there to import."""

    rate = "500"

    def setUp(self):
        super().setUp()
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"
        self.write("burner.py", BURN)

    def report(self, label=None):
        paths = glob.glob(self.output("%s-pyspy.json" % (label or "*")))
        self.assertEqual(len(paths), 1, paths)
        return Report(paths[0])

    def summary(self, label="*"):
        paths = glob.glob(self.output(label + ".filperf", "summary.txt"))
        self.assertEqual(len(paths), 1, paths)
        with open(paths[0], encoding="utf-8") as f:
            return f.read()

    def record(self, *command, options=(), env=None, status=0, cwd=None, plain=False):
        """Runs it and returns its Report; plain: by the preload alone."""
        shutil.rmtree(self.output(), ignore_errors=True)
        settings = {"FIL_PERF_SPY_OUTPUT": "json", "FIL_PERF_SPY_RATE": self.rate, **(env or {})}
        if plain:
            result = self.call(*command, env={"LD_PRELOAD": AGENT, **settings}, cwd=cwd)
        else:
            result = self.filperf("run", *options, "--", *command, env=settings, cwd=cwd)
        self.assertEqual(result.returncode, status, result.stderr)
        self.stdout, self.stderr = result.stdout, result.stderr
        return self.report()

    def python(self, program, *arguments, name="program.py", **more):
        return self.record(PYTHON, self.write(name, program), *arguments, **more)

    # A frame has its share roughly; tests/truth has the exact shares.
    def assert_near(self, measured, wanted, by=0.25, least=0.03):
        self.assertLessEqual(abs(measured - wanted), max(by * wanted, least), (measured, wanted))
