#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The summary on a terminal: who shows it, in which colours, and who does not."""

import os
import pty
import subprocess

from support import AGENT, Case, FILPERF, PYTHON, main

BOLD = "\033[1m"


class Terminal(Case):
    def on_terminal(self, *command, **env):
        """What appears when stdout and stderr are one terminal."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                                   **self.options({"TERM": "xterm", **env}))
        os.close(theirs)
        text = b""
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:  # the last writer is gone
                break
            if not more:
                break
            text += more
        os.close(ours)
        self.assertEqual(process.wait(timeout=60), 0)
        return text.decode().replace("\r\n", "\n")

    ways = (((FILPERF, "run", "--"), {}), ((), {"LD_PRELOAD": AGENT}))

    def test_summary_in_colour(self):
        for before, env in self.ways:
            with self.subTest(before=before):
                text = self.on_terminal(*before, PYTHON, "burn.py", **env)
                self.assertTrue(text.startswith("begin\nend\n"), text)
                self.assertIn(BOLD + "filperf: burn", text)
                self.assertLessEqual(len(text.splitlines()), 2 + 12)
                # the file has none
                self.assertNotIn("\033", self.read("outputs", "perf", "burn.filperf", "summary.txt"))

    def test_no_color(self):
        for before, env in self.ways:
            with self.subTest(before=before):
                text = self.on_terminal(*before, PYTHON, "burn.py", NO_COLOR="1", **env)
                self.assertIn("filperf: burn", text)
                self.assertNotIn("\033", text)

    def test_quiet(self):
        for before, env in self.ways:
            with self.subTest(before=before):
                text = self.on_terminal(*before, PYTHON, "burn.py", FIL_PERF_QUIET="1", **env)
                self.assertEqual(text, "begin\nend\n")
                self.assertIn("filperf: burn", self.read("outputs", "perf", "burn.filperf", "summary.txt"))

    def test_plain_preload_is_silent_where_nobody_looks(self):
        result = self.call(PYTHON, "burn.py", env={"LD_PRELOAD": AGENT})
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "begin\nend\n", ""))

    def test_progress_of_long_work(self):
        with open(os.path.join(self.work, "big.raw"), "w") as f:
            for i in range(300000):
                f.write("f%d (a.py:%d);g%d (b.py:%d) 1\n" % (i % 7919, i % 997, i % 104729, i % 499))
        text = self.on_terminal(FILPERF, "convert", "-i", "big.raw", "-o", "big.svg")
        self.assertRegex(text, r"\r\033\[Kfilperf: reading \d+ %")
        self.assertIn("\r\033[Kfilperf: writing svg", text)
        self.assertTrue(text.endswith("\r\033[K"), text[-80:])
        # neither where nobody looks, nor for what is done at once
        result = self.filperf("convert", "-i", "big.raw", "-o", "big.svg")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.write("small.raw", "f (a.py:1) 1\n")
        self.assertEqual(self.on_terminal(FILPERF, "convert", "-i", "small.raw", "-o", "small.svg"), "")


if __name__ == "__main__":
    main()
