#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad days: kills at any moment, interpreters that nobody knows, places that
cannot be written."""

import glob
import os
import random
import signal
import time

from recorded import AGENT, FILPERF, PYTHON, Recorded, main

FOREVER = """
import os, subprocess, sys, threading
from burner import burn
def endless():
    while True:
        burn(0.01)
open("begun", "w").close()
if "child" in sys.argv:
    threading.Thread(target=endless, daemon=True).start()
    subprocess.Popen([sys.executable, "-c", "from burner import burn\\nburn(0.05)"]).wait()
endless()
"""
FUTURE = os.path.join(os.environ.get("FP_BUILD", ""), "tests", "e2e_future_python")


class Killed(Recorded):
    def begin(self, *before, arguments=(), env=None):
        if os.path.exists(os.path.join(self.work, "begun")):
            os.unlink(os.path.join(self.work, "begun"))
        self.write("endless.py", FOREVER)
        self.before = set(self.runs())
        settings = {"FIL_PERF_SPY_OUTPUT": "json,svg", "FIL_PERF_SPY_RATE": "500", **(env or {})}
        return self.start(*before, PYTHON, "endless.py", *arguments, env=settings)

    def begun(self):
        return os.path.exists(os.path.join(self.work, "begun"))

    def new_runs(self):
        """What outlives a kill keeps its run's directory."""
        return sorted(set(self.runs()) - self.before)

    def pid_of_run(self):
        return int(self.new_runs()[0].split("-")[0])

    def test_kill_9_at_any_moment_under_run(self):
        chance = random.Random(3)
        for i in range(8):
            delay = chance.random() * 0.3
            with self.subTest(delay=delay):
                process = self.begin(FILPERF, "run", "--", arguments=["child"] if i % 2 else [])
                self.wait_for("a run", self.new_runs)
                if i > 1:
                    self.wait_for("its begin", self.begun)
                time.sleep(delay)
                os.kill(self.pid_of_run(), signal.SIGKILL)
                _, stderr = process.communicate(timeout=60)
                self.assertEqual(process.returncode, -signal.SIGKILL)
                if "nothing was recorded" not in stderr:
                    self.assertIn("cut: a process was killed", stderr)
                    self.assertTrue(glob.glob(self.output("*-pyspy.svg")), stderr)

    def test_shell_sees_137(self):
        result = self.call("sh", "-c", '"$@"; echo $?', "sh", FILPERF, "run", "--quiet", "--", PYTHON, "-c", "import os; os.kill(os.getpid(), 9)")
        self.assertEqual(result.stdout, "137\n")

    def test_kill_9_under_a_plain_preload(self):
        process = self.begin(env={"LD_PRELOAD": AGENT})
        self.wait_for("its begin", self.begun)
        time.sleep(0.5)
        process.kill()
        process.communicate()
        self.assertFalse(os.path.exists(self.output()))
        listed = self.filperf("ps").stdout
        self.assertIn("to report", listed)
        result = self.filperf("report")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("cut: a process was killed", result.stdout)
        report = self.report("endless")
        self.assertTrue(report.json["cut"])
        self.assertGreater(report.seconds("endless", "burn"), 0.01)
        self.assertIn("cut: a process was killed", self.read("outputs", "perf", "endless-pyspy.svg"))

    def test_terminated_from_outside_under_a_plain_preload(self):
        process = self.begin(env={"LD_PRELOAD": AGENT})
        self.wait_for("its begin", self.begun)
        time.sleep(0.2)
        process.terminate()
        process.communicate()
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertEqual(self.filperf("report").returncode, 0)
        self.report("endless")

    def test_live_view_costs_nothing_and_ends(self):
        process = self.begin(FILPERF, "run", "--quiet", "--")
        self.wait_for("its begin", self.begun)
        time.sleep(0.4)
        listed = self.filperf("ps").stdout
        self.assertRegex(listed, r"running .* endless ")
        live = self.start(FILPERF, "top", "--live", "--every", "0.2")
        time.sleep(0.7)
        once = self.filperf("top", "-i", os.path.join(self.base, self.runs()[0]))
        self.assertIn("burn", once.stdout)
        os.kill(self.pid_of_run(), signal.SIGTERM)
        process.communicate(timeout=60)
        out, err = live.communicate(timeout=60)
        self.assertEqual(live.returncode, 0, err)
        self.assertIn("burn", out)


class Unknown(Recorded):
    def test_future_cpython_is_refused_by_name_and_sampled_natively(self):
        report = self.record(FUTURE, status=5, env={"FIL_PERF_SPY_OUTPUT": "json,svg"})
        self.assertRegex(self.summary(), r"(?m)^notice: pid \d+: CPython 3\.99\.0: .*native part is here$")
        self.assertIn("CPython 3.99.0", self.read("outputs", "perf", report.label + "-pyspy.svg"))
        self.assertGreater(report.json["losses"]["no_python_layout"], 0)
        self.assertGreater(report.seconds("future_work"), 0.1)

    def test_old_cpythons(self):
        found = [p for v in ("2.7", "3.6", "3.7") for p in glob.glob(os.path.expanduser("~/.pyenv/versions/%s*/bin/python%s" % (v, v)))]
        if not found:
            self.skipTest("no CPython before 3.8")
        for path in found:
            with self.subTest(path=path):
                program = self.write("old.py", "n = 0\nfor i in range(3000000):\n    n += i\nprint(n)\n")
                report = self.record(path, program)
                self.assertEqual((report.label, self.stdout), ("old", "4499998500000\n"))
                self.assertRegex(self.summary(), r"notice: pid \d+: CPython [23]\.[67]\.\d+: versions before 3.8 are not supported")


class Places(Recorded):
    def setUp(self):
        super().setUp()
        self.write("job.py", "from burner import burn\nburn(0.1)\nprint('end')\n")

    def test_output_directory_that_cannot_be_made(self):
        self.write("taken", "a file")
        env = {"FIL_PERF_OUTPUT_DIR": "taken/perf"}
        result = self.filperf("run", "--", PYTHON, "job.py", env=env)
        self.assertEqual((result.returncode, result.stdout), (0, "end\n"))
        self.one_line(result.stderr, "taken/perf", "cannot be written", "filperf report")
        result = self.filperf("report", "--output-dir", "elsewhere")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(os.path.exists(os.path.join(self.work, "elsewhere", "job-pyspy.svg")))

    def test_the_same_under_a_plain_preload(self):
        self.write("taken", "a file")
        result = self.call(PYTHON, "job.py", env={"LD_PRELOAD": AGENT, "FIL_PERF_OUTPUT_DIR": "taken/perf"})
        self.assertEqual((result.returncode, result.stdout), (0, "end\n"))
        self.assertEqual(len(self.runs()), 1)

    def test_damaged_captures_are_said(self):
        self.record(PYTHON, "job.py")
        path = self.output("job.filperf", "1-1-0.fpc")
        with open(path, "wb") as f:
            f.write(bytes(5000))
        result = self.filperf("report", self.output("job.filperf"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("notice: 1 capture left out: ", result.stdout)
        self.assertLessEqual(len(result.stdout.splitlines()), 12)


if __name__ == "__main__":
    main()
