#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each setting does what its table says, as environment, option and
pyproject.toml, under filperf run and a plain preload, also in children."""

import os
import re
import shutil

from recorded import AGENT, FILPERF, PYTHON, Recorded, Report, main

PROGRAM = """
import os, subprocess, sys, threading
from burner import burn
def first():
    burn(0.1)
    burn(0.1)
def second():
    burn(0.15)
first()
t = threading.Thread(target=second, name="worker-1")
t.start(); t.join()
if sys.argv[1:] == ["child"]:
    subprocess.run([sys.executable, "-c", "from burner import burn\\nburn(0.15)"])
print("end")
"""
# thread names that the kernel knows need CPython 3.14; comm is set by hand here
NAMED = """
import ctypes, threading
from burner import burn
prctl = ctypes.CDLL(None).prctl
def work(name):
    prctl(15, name.encode(), 0, 0, 0)
    burn(0.15)
for name in ("alpha-1", "alpha-2", "beta"):
    t = threading.Thread(target=work, args=(name,))
    t.start(); t.join()
burn(0.1)
"""


class Spellings(Recorded):
    """One setting at a time, said in four ways."""

    way = ""

    def _formatMessage(self, msg, standardMsg):
        return super()._formatMessage(msg, "%s %s" % (self.way, standardMsg))

    def setUp(self):
        super().setUp()
        self.env["PYTHONPATH"] = self.work
        self.write("program.py", PROGRAM)

    def each_way(self, key, value, *arguments, program="program.py"):
        """Reports of runs that say it as option, environment, pyproject and
        under a plain preload."""
        variable = "FIL_PERF_SPY_" + key.upper()
        project = os.path.join(self.work, "pyproject.toml")
        command = (PYTHON, program) + arguments
        rate = {} if key == "rate" else {"FIL_PERF_SPY_RATE": "500"}
        base = {"FIL_PERF_SPY_OUTPUT": "json,raw", **rate}
        self.rate = "100"
        for way in ("option", "environment", "pyproject", "preload", "preload with pyproject"):
            options, env = [], dict(base)
            if way == "option":
                options = ["--spy-%s=%s" % (key.replace("_", "-"), value)]
            elif "pyproject" in way:
                self.write("pyproject.toml", '[tool.filperf.spy]\n%s = "%s"\n' % (key, value))
            else:
                env[variable] = value
            if key == "rate":
                env.setdefault("FIL_PERF_SPY_RATE", "")
                env = {k: v for k, v in env.items() if v}
            self.way = way
            yield self.run_once(command, options, env, plain=way.startswith("preload"))
            if os.path.exists(project):
                os.unlink(project)

    def run_once(self, command, options, env, plain):
        shutil.rmtree(self.output(), ignore_errors=True)
        if plain:
            result = self.call(*command, env={"LD_PRELOAD": AGENT, **env})
        else:
            result = self.filperf("run", *options, "--", *command, env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.stderr = result.stderr
        return self.report()

    def raw(self):
        return self.read("outputs", "perf", "program-pyspy.raw").splitlines()

    def test_rate(self):
        for report in self.each_way("rate", "50"):
            self.assertEqual(report.json["rate_hz"], 50)
            self.assert_near(sum(int(line.rsplit(" ", 1)[1]) for line in self.raw()), 50 * report.json["cpu_time"], least=3)

    def test_threads(self):
        for _ in self.each_way("threads", "1"):
            lines = self.raw()
            self.assertTrue(all(re.match(r"thread \(0x[0-9A-F]+\)", line) for line in lines), lines)
            self.assertEqual(len({line.split(";")[0] for line in lines}), 2)

    def test_threads_merge_by_default(self):
        self.run_once((PYTHON, "program.py"), [], {"FIL_PERF_SPY_OUTPUT": "raw,json"}, False)
        self.assertFalse([line for line in self.raw() if line.startswith("thread")])

    def test_threads_include_and_exclude(self):
        self.write("program.py", NAMED)
        for report in self.each_way("threads_include", "alpha-*,nothing"):
            self.assertEqual(report.thread_names(), {"alpha-1", "alpha-2"})
            self.assert_near(report.seconds("work"), 0.3)
        for report in self.each_way("threads_exclude", "alpha-?"):
            self.assertIn("beta", report.thread_names())
            self.assertFalse({"alpha-1", "alpha-2"} & report.thread_names())
            self.assert_near(report.seconds("work"), 0.15)

    def test_duration(self):
        self.write(
            "program.py",
            "import time\nbegin = time.monotonic()\nfrom burner import burn\n"
            "def early():\n  burn(0.1)\ndef late():\n  burn(0.2)\n"
            "early()\ntime.sleep(max(0, begin + 1.6 - time.monotonic()))\nlate()\nprint('end')\n",
        )
        for report in self.each_way("duration", "1.5"):
            self.assertGreater(report.seconds("early"), 0.01)
            self.assertEqual(report.seconds("late"), 0)
            self.assertIn("recorded for the first 1.5 s", self.summary())

    def test_subprocesses_0(self):
        for report in self.each_way("subprocesses", "0", "child"):
            self.assertEqual(len(report.processes), 1)

    def test_lineno_0(self):
        for report in self.each_way("lineno", "0"):
            self.assertFalse([f for f in report.frames() if re.search(r"\.py:\d+\)", f)])
            self.assert_near(report.seconds("first (program.py)"), 0.2)

    def test_lines_by_default(self):
        report = self.record(PYTHON, "program.py")
        self.assert_near(report.seconds("first (program.py:5)"), 0.1, by=0.4)
        self.assert_near(report.seconds("first (program.py:6)"), 0.1, by=0.4)

    def test_enabled_0_makes_the_agent_inert(self):
        for before, env in (((), {"LD_PRELOAD": AGENT}), ((FILPERF, "run", "--"), {})):
            with self.subTest(before=before):
                result = self.call(*before, PYTHON, "program.py", env={"FIL_PERF_ENABLED": "0", **env})
                self.assertEqual((result.returncode, result.stdout), (0, "end\n"))
                self.assertFalse(os.path.exists(os.path.join(self.work, "outputs")), result.stderr)
                self.assertEqual(self.runs(), [])

    def test_spy_enabled_0_takes_no_samples(self):
        others = {"FIL_PERF_MEMRAY_ENABLED": "0", "FIL_PERF_SCALENE_ENABLED": "0"}
        for name in ("FIL_PERF_SPY_ENABLED", "FIL_PERF_ENABLE_PYSPY"):
            for before, env in (((), {"LD_PRELOAD": AGENT}), ((FILPERF, "run", "--"), {})):
                with self.subTest(name=name, before=before):
                    result = self.call(*before, PYTHON, "program.py", env={name: "0", **others, **env})
                    self.assertEqual((result.returncode, result.stdout), (0, "end\n"))
                    self.assertEqual(os.listdir(self.output()), ["program.filperf"])
                    self.assertIn("CPU sampling was off: FIL_PERF_SPY_ENABLED=0", self.summary())

    def test_newer_name_of_the_switch_wins(self):
        self.record(PYTHON, "program.py", env={"FIL_PERF_ENABLE_PYSPY": "0", "FIL_PERF_SPY_ENABLED": "1"})

    def test_pid_is_refused(self):
        result = self.call(PYTHON, "program.py", env={"LD_PRELOAD": AGENT, "FIL_PERF_SPY_PID": "1"})
        self.assertEqual((result.returncode, result.stdout), (0, "end\n"))
        self.one_line(result.stderr, "FIL_PERF_SPY_PID")
        result = self.filperf("run", "--", PYTHON, "program.py", env={"FIL_PERF_SPY_PID": "1"})
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.one_line(result.stderr, "FIL_PERF_SPY_PID")

    def test_bad_value_is_one_line_and_the_default(self):
        result = self.call(
            PYTHON, "program.py", "child", env={"LD_PRELOAD": AGENT, "FIL_PERF_SPY_RATE": "fast", "FIL_PERF_SPY_OUTPUT": "json"}
        )
        self.assertEqual((result.returncode, result.stdout), (0, "end\n"))
        self.one_line(result.stderr, "FIL_PERF_SPY_RATE", "fast", "1..10000")
        self.assertEqual(self.report().json["rate_hz"], 100)

    def test_unknown_name_is_one_line_with_the_nearest(self):
        result = self.call(PYTHON, "program.py", "child", env={"LD_PRELOAD": AGENT, "FIL_PERF_SPY_RATES": "5"})
        self.assertEqual((result.returncode, result.stdout), (0, "end\n"))
        self.one_line(result.stderr, "FIL_PERF_SPY_RATES", "FIL_PERF_SPY_RATE")

    def test_children_inherit_settings_wherever_they_run(self):
        self.write("pyproject.toml", "[tool.filperf.spy]\nrate = 200\noutput = 'json'\n[tool.filperf]\noutput_dir = 'here'\n")
        self.write(
            "away.py",
            "import os, subprocess, sys\nos.chdir('/')\n"
            "subprocess.run([sys.executable, '-c', 'from burner import burn\\ndef far():\\n  burn(0.2)\\nfar()'])\n",
        )
        result = self.call(PYTHON, "away.py", env={"LD_PRELOAD": AGENT})
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        report = Report(os.path.join(self.work, "here", "away-pyspy.json"))
        self.assertEqual(report.json["rate_hz"], 200)
        self.assert_near(report.seconds("far"), 0.2)

    def test_output_dir_and_label(self):
        self.filperf(
            "run", "--spy-enabled", "--output-dir", "deep/er", "--run-label", "mine", "-f", "svg,raw,speedscope,json,prof,pprof,firefox,chrometrace",
            "--", PYTHON, "program.py",
        )
        suffixes = "pyspy.svg pyspy.raw pyspy.speedscope.json pyspy.json pyspy.prof pyspy.pb.gz pyspy.firefox.json.gz pyspy.chrometrace.json"
        expected = {"mine-" + s for s in suffixes.split()} | {"mine.filperf"}
        self.assertEqual(set(os.listdir(os.path.join(self.work, "deep", "er"))), expected)
        report = Report(os.path.join(self.work, "deep", "er", "mine-pyspy.json"))
        self.assertEqual(report.json["label"], "mine")

    def test_render_0_leaves_the_capture_alone(self):
        for plain in (False, True):
            env = {"FIL_PERF_RENDER": "0", "FIL_PERF_SPY_OUTPUT": "svg"}
            if plain:
                result = self.call(PYTHON, "program.py", env={"LD_PRELOAD": AGENT, **env})
            else:
                result = self.filperf("run", "--", PYTHON, "program.py", env=env)
            self.assertEqual(result.returncode, 0)
            self.assertEqual(os.listdir(self.output()), ["program.filperf"])

    def test_summary_is_short_and_says_everything(self):
        self.record(PYTHON, "program.py", "child")
        lines = self.summary().splitlines()
        self.assertLessEqual(len(lines), 12)
        text = "\n".join(lines)
        for pattern in (
            r"^filperf: program: \d+\.\d\d s, CPU \d+\.\d\d s, 2 processes, 3 threads",
            r"^ +\d+\.\d %  burn \(burner.py:\d\)",
            r"^imports: ",
            r"^agent: \d+\.\d ms CPU \(\d+\.\d\d %\), \d+\.\d MB; 500 Hz asked, \d+ Hz of CPU time delivered; rendered in ",
            r"^losses: none",
            r"^reports in outputs/perf: program-pyspy.json.*, program.filperf",
            r"^next: filperf ",
        ):
            self.assertRegex(text, re.compile(pattern, re.M))
        self.assertEqual(self.stderr, self.summary())


if __name__ == "__main__":
    main()
