#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real render of Filare ends as it does without the agent: status, stdout,
output files."""

import os
import re
import shutil

from recorded import AGENT, DEPS, FILPERF, Recorded, Report, SOURCE, main, skip, tool

# what differs between any two runs, also without the agent
CHANGING = re.compile(
    rb"\d+(\.\d+)? ?(ms|s\b|sec)|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?|\d\d:\d\d:\d\d|[0-9a-f]{32,}"
)


def bare(content):
    return CHANGING.sub(b"", content)


class Render(Recorded):
    def setUp(self):
        super().setUp()
        shutil.copy(os.path.join(SOURCE, "tests", "samples", "demo.yml"), self.work)
        bin_folder = os.path.join(DEPS, "filare", "bin")
        self.env.update(PATH=bin_folder + ":" + self.env["PATH"], PYTHONHASHSEED="0", COLUMNS="80", TERM="dumb")
        self.command = ("filare", "run", "demo.yml", "-f", "hpst", "-o", "outputs")

    def render(self, *before, env=None, make=True):
        shutil.rmtree(os.path.join(self.work, "outputs"), ignore_errors=True)
        if make:
            os.mkdir(os.path.join(self.work, "outputs"))
        result = self.call(*before, *self.command, env=env)
        files = {}
        for at, names, found in os.walk(os.path.join(self.work, "outputs")):
            names[:] = [n for n in names if n != "perf"]
            for name in found:
                with open(os.path.join(at, name), "rb") as f:
                    files[name] = bare(f.read())
        return result, files

    def test_same_with_and_without_the_agent(self):
        alone, files = self.render()
        self.assertEqual(alone.returncode, 0, alone.stderr)
        self.assertGreaterEqual(len(files), 5)
        ways = {
            "preload": ((), {"LD_PRELOAD": AGENT, "FIL_PERF_SPY_OUTPUT": "svg,json"}),
            "run": ((FILPERF, "run", "-r", "1000", "-f", "svg,json", "--"), {}),
        }
        for way, (before, env) in ways.items():
            with self.subTest(way=way):
                result, same_files = self.render(*before, env=env)
                self.assertEqual(result.returncode, 0)
                self.assertEqual(bare(result.stdout.encode()), bare(alone.stdout.encode()))
                if way == "preload":
                    self.assertEqual(result.stderr, alone.stderr)
                self.assertEqual(sorted(same_files), sorted(files))
                for name in files:
                    self.assertTrue(same_files[name] == files[name], name)
                self.check_reports()

    def check_reports(self):
        report = self.report("filare")
        self.assertGreater(report.seconds("<module> (", process="filare"), 0.1)
        self.assertGreater(report.seconds(process="dot"), 0)
        summary = self.summary("filare")
        self.assertLessEqual(len(summary.splitlines()), 12)
        self.assertRegex(summary, r"imports: \d+\.\d % of the CPU below <module>: ")
        self.assertIn("programs: ", summary)
        self.assertTrue(os.path.exists(self.output("filare-pyspy.svg")))

    def test_missing_outputs_is_still_an_error_of_filare(self):
        alone, _ = self.render(make=False)
        self.assertEqual(alone.returncode, 2)
        self.assertFalse(os.path.exists(os.path.join(self.work, "outputs")))
        for way, before, env in (
            ("preload", (), {"LD_PRELOAD": AGENT}),
            ("run", (FILPERF, "run", "--quiet", "--"), {}),
        ):
            with self.subTest(way=way):
                result, _ = self.render(*before, env=env, make=False)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (2, alone.stdout, alone.stderr))
                self.assertTrue(os.path.exists(self.output("filare-pyspy.svg")))

    def test_label_below_uv_sh_and_env(self):
        ways = [("sh", "-c", '"$@"; exit', "sh"), ("env", "A=1")]
        uv = tool("peers", "uv")
        if uv:
            python = os.path.join(DEPS, "filare", "bin", "python")
            ways.append((uv, "run", "--no-project", "--python", python))
            self.env.update(UV_CACHE_DIR=os.path.join(self.dir, "uv"), UV_OFFLINE="1")
        self.command = ("filare", "--help")
        for before in ways:
            with self.subTest(before=before):
                result, _ = self.render(FILPERF, "run", "-f", "json", "--", *before, make=False)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(self.report().label, "filare")


if __name__ == "__main__":
    if not os.access(os.path.join(DEPS, "filare", "bin", "filare"), os.X_OK):
        skip("no Filare in $FP_DEPS/filare (tests/run makes it)")
    main()
