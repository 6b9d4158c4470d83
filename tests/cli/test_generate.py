# SPDX-License-Identifier: Apache-2.0
"""Help, man pages and completions say what the table says."""

import os
import re
import shutil

import support
from support import Case


class Agreement(Case):
    def setUp(self):
        super().setUp()
        r = self.filperf("generate", "made")
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        lines = self.filperf("config").stdout.splitlines()
        self.settings = [line.split()[0] for line in lines]
        self.flags = ["--" + n[len("FIL_PERF_"):].lower().replace("_", "-") for n in self.settings]
        self.flags.remove("--spy-pid")
        text = self.filperf("--help").stdout
        self.commands = re.findall(r"^  ([a-z]+)  ", text, re.M)

    def test_commands_have_help_and_pages(self):
        self.assertGreaterEqual(len(self.commands), 8)
        self.assertIn("run", self.commands)
        for c in self.commands:
            r = self.filperf(c, "--help")
            self.assertEqual(r.returncode, 0)
            self.assertIn("filperf " + c, r.stdout)
            self.assertLessEqual(max(map(len, r.stdout.splitlines())), 110)
            self.assertFalse([l for l in r.stdout.splitlines() if l.endswith(" ")])
            self.assertTrue(os.path.exists(os.path.join(self.work, "made/man/man1/filperf-%s.1" % c)))
            self.assertIn("filperf\\-" + c, self.read("made/man/man1/filperf.1"))

    def test_run_offers_every_setting_everywhere(self):
        text = self.filperf("run", "--help").stdout
        page = self.read("made/man/man1/filperf-run.1").replace("\\-", "-")
        bash = self.read("made/completions/filperf.bash")
        zsh = self.read("made/completions/_filperf")
        fish = self.read("made/completions/filperf.fish")
        for option in self.flags:
            self.assertIn(option, text)
            self.assertIn(option, page)
            self.assertIn(" " + option, bash)
            self.assertIn("'" + option, zsh)
            self.assertIn("-l " + option[2:] + " ", fish)
        for name in self.settings:
            self.assertIn("`%s`" % name, self.read("made/settings.md"))
            if name != "FIL_PERF_SPY_PID":
                self.assertIn(name, page)

    def test_flags_of_help_are_accepted_and_completed(self):
        bash = self.read("made/completions/filperf.bash")
        for c in self.commands:
            block = re.search(r"^\t%s\)\n.*?;;" % c, bash, re.M | re.S).group()
            for flag in re.findall(r"^  (?:-\w, )?(--[a-z-]+)", self.filperf(c, "--help").stdout, re.M):
                self.assertIn(" " + flag, block, c)

    def test_shells_take_the_completions(self):
        for shell, name in (("bash", "filperf.bash"), ("zsh", "_filperf"), ("fish", "filperf.fish")):
            if not shutil.which(shell):
                print("SKIP: no", shell)
                continue
            r = self.call(shell, "-n", "made/completions/" + name)
            self.assertEqual((r.returncode, r.stderr), (0, ""), shell)

    def complete(self, *words):
        script = (
            "source made/completions/filperf.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _filperf; "
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        return self.call("bash", "-c", script, "bash", *words).stdout.split()

    def test_bash_completes(self):
        self.assertEqual(self.complete("filperf", "ru"), ["run"])
        self.assertIn("--spy-rate", self.complete("filperf", "run", "--spy-r"))
        self.assertEqual(self.complete("filperf", "run", "--spy-output", "spee"), ["speedscope"])
        self.assertIn("burn.py", self.complete("filperf", "top", "bu"))
        self.assertEqual(self.complete("filperf", "memory", "lea"), ["leaks"])
        self.assertIn("burn.py", self.complete("filperf", "memory", "leaks", "bu"))
        self.assertEqual(self.complete("filperf", "run", "--memray-format", "ta"), ["table"])
        self.assertIn("--live", self.complete("filperf", "top", "--l"))

    def test_fish_completes(self):
        if not shutil.which("fish"):
            self.skipTest("no fish")

        def complete(line):
            r = self.call("fish", "--no-config", "-c", "source made/completions/filperf.fish; complete -C '%s'" % line)
            self.assertEqual((r.returncode, r.stderr), (0, ""), line)
            return [row.split("\t")[0] for row in r.stdout.splitlines()]

        self.assertEqual(complete("filperf ru"), ["run"])
        self.assertIn("--spy-rate", complete("filperf run --spy-r"))
        self.assertEqual(complete("filperf run --spy-output spee"), ["speedscope"])
        self.assertIn("burn.py", complete("filperf top bu"))
        self.assertIn("--live", complete("filperf top --l"))

    def test_man_pages_are_clean(self):
        if not shutil.which("groff"):
            self.skipTest("no groff")
        for name in os.listdir(os.path.join(self.work, "made/man/man1")):
            r = self.call("groff", "-man", "-Tutf8", "-ww", "made/man/man1/" + name)
            self.assertEqual((r.returncode, r.stderr), (0, ""), name)
            self.assertIn("SYNOPSIS", re.sub(".\b", "", r.stdout))

    def test_colours_only_where_wanted(self):
        self.assertNotIn("\033", self.filperf("run", "--help").stdout)


if __name__ == "__main__":
    support.main()
