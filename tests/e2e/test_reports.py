#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What one recorded run can be turned into, and what is narrowed by process,
by thread and by an older run; inputs that are none."""

import json
import os
import pstats
import re
import shutil
import subprocess
import tempfile

from recorded import Recorded, main

PROGRAM = """
import os, sys, threading
from burner import burn
def first():
    burn(0.1 * int(sys.argv[1]))
def second():
    burn(0.2)
def child():
    burn(0.1)
if os.fork() == 0:
    child()
    os._exit(0)
os.wait()
first()
t = threading.Thread(target=second)
t.start(); t.join()
"""
SUFFIXES = (".svg", ".raw", ".speedscope.json", ".json", ".prof", ".pb.gz", ".firefox.json.gz", ".chrometrace.json")


class Reports(Recorded):
    recorded = None

    @classmethod
    def tearDownClass(cls):
        if cls.recorded:
            shutil.rmtree(cls.recorded, ignore_errors=True)

    def setUp(self):
        super().setUp()
        if not Reports.recorded:
            self.python(PROGRAM, "1")
            Reports.recorded = tempfile.mkdtemp(prefix="fp-e2e-")
            shutil.copytree(self.output(), os.path.join(self.recorded, "perf"))
        else:
            shutil.copytree(os.path.join(self.recorded, "perf"), self.output())
        self.report_before = self.report("program")
        self.run_dir = self.output("program.filperf")

    def convert(self, name, *options, status=0):
        result = self.filperf("convert", "-i", self.run_dir, "-o", name, *options)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        return os.path.join(self.work, name)

    def test_every_format_by_its_extension(self):
        for suffix in SUFFIXES:
            with self.subTest(suffix=suffix):
                with open(self.convert("out" + suffix), "rb") as f:
                    begin = f.read(200)
                if suffix.endswith(".gz"):
                    self.assertEqual(begin[:2], b"\x1f\x8b")
                elif suffix.endswith("json"):
                    self.assertEqual(begin[:1] in (b"{", b"["), True)
                    with open(os.path.join(self.work, "out" + suffix), encoding="utf-8") as f:
                        json.load(f)
        stats = pstats.Stats(self.convert("again.prof"))
        names = {key[2] for key in stats.stats}
        self.assertLessEqual({"first", "second", "child", "burn"}, names)

    def test_reports_can_be_read_again(self):
        for suffix in (".raw", ".json", ".prof"):
            with self.subTest(suffix=suffix):
                result = self.filperf("top", "-i", self.convert("out" + suffix), "--limit", "0")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertRegex(result.stdout, r"(?m)^ *\d+\.\d+% +\d+\.\d+% .* second ")

    def test_flamegraph_of_each_input(self):
        for path in (self.run_dir, self.convert("out.raw"), self.convert("out.json"), self.convert("out.prof")):
            with self.subTest(path=path):
                result = self.filperf("flamegraph", path, "-o", "out.svg")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn("<title>", self.read("out.svg"))

    def test_pid_and_thread_narrow(self):
        child = next(p["process_id"] for p in self.report_before.processes if p["process_id"] != self.first_pid())
        path = self.convert("child.raw", "--pid", str(child))
        text = self.read(os.path.basename(path))
        self.assertIn("child (", text)
        self.assertNotIn("second (", text)
        thread = next(t for t in self.report_before.json["threads"] if t["thread_id"] != t["process_id"])
        self.convert("thread.raw", "--thread", str(thread["thread_id"]))
        text = self.read("thread.raw")
        self.assertIn("second (", text)
        self.assertNotIn("first (", text)

    def first_pid(self):
        return self.report_before.processes[0]["process_id"]

    def test_diff_shows_what_grew(self):
        os.rename(self.output(), os.path.join(self.work, "before"))
        self.python(PROGRAM, "4")
        base = os.path.join(self.work, "before", "program.filperf")
        result = self.filperf("top", "-i", self.run_dir, "--diff", base, "--limit", "0")
        line = next(x for x in result.stdout.splitlines() if " burn (" in x)
        change = float(re.search(r"([+-]\d+\.\d+)s", line).group(1))
        self.assert_near(change, 0.3, by=0.4)
        result = self.filperf("flamegraph", "-i", self.run_dir, "--diff", base, "-o", "diff.svg")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("first (", self.read("diff.svg"))

    def test_lines_and_functions_of_top(self):
        lines = self.filperf("top", "-i", self.run_dir, "--lines", "--limit", "0").stdout
        self.assertRegex(lines, r"second \(program\.py:7\)")
        functions = self.filperf("top", "-i", self.run_dir, "--sort", "name", "-n", "0").stdout
        self.assertRegex(functions, r"second \(program\.py\)")

    def test_inputs_that_are_none_end_with_one_line(self):
        os.mkdir(os.path.join(self.work, "empty.filperf"))
        self.write("text", "no stacks\n")
        self.write("broken.json", '{"process_name": ')
        self.write("zero.fpc", "")
        self.write("short.fpc", "filperf\0")
        for name in ("nowhere", "empty.filperf", "text", "broken.json", "zero.fpc", "short.fpc", "/dev/null"):
            for command in (["top", "-i", name], ["convert", "-i", name, "-o", "x.svg"], ["report", name]):
                with self.subTest(command=command):
                    result = self.filperf(*command, timeout=20)
                    self.assertEqual((result.returncode, result.stdout), (1, ""))
                    self.one_line(result.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.work, "x.svg")))

    def test_unreadable_input_ends_with_one_line(self):
        if os.getuid() == 0:
            self.skipTest("root reads everything")
        path = self.convert("out.raw")
        os.chmod(path, 0)
        result = self.filperf("top", "-i", path)
        self.assertEqual(result.returncode, 1)
        self.one_line(result.stderr, "Permission denied")

    def test_reader_of_a_pipe_that_goes_away(self):
        done = subprocess.run(
            ["sh", "-c", '"$0" convert -i "$1" -o - -f json | head -c 10 >/dev/null', os.environ["FP_FILPERF"], self.run_dir],
            env=self.env, cwd=self.work, stderr=subprocess.PIPE, timeout=60,
        )
        self.assertLessEqual(len(done.stderr.splitlines()), 1)


if __name__ == "__main__":
    main()
