# SPDX-License-Identifier: Apache-2.0
"""filperf run: the command keeps its status, streams, arguments and files."""

import os
import shutil
import subprocess
import unittest

import support
from support import FILPERF, PYTHON, Case


class Status(Case):
    def test_exit_statuses_are_the_commands(self):
        for status in (0, 1, 2, 77, 126, 127, 255):
            r = self.filperf("run", "--", "sh", "-c", "exit %d" % status)
            self.assertEqual(r.returncode, status, r.stderr)

    def test_python_exit_statuses(self):
        for code, status in (("import sys; sys.exit(9)", 9), ("import os; os._exit(11)", 11), ("1/0", 1)):
            r = self.filperf("run", "--", PYTHON, "-c", code)
            self.assertEqual(r.returncode, status, r.stderr)

    def test_death_by_signal_is_the_same(self):
        for number in (9, 15, 1, 2, 6, 11):
            r = self.filperf("run", "--", "sh", "-c", "kill -%d $$" % number)
            self.assertEqual(r.returncode, -number, r.stderr)
            through_shell = self.call("sh", "-c", '"$0" run -- sh -c "kill -%d \\$\\$"; exit $?' % number, FILPERF)
            self.assertEqual(through_shell.returncode, 128 + number)

    def test_no_core_of_filperf(self):
        r = self.filperf("run", "--", "sh", "-c", "ulimit -c 0; kill -6 $$")
        self.assertEqual(r.returncode, -6)
        self.assertFalse([f for f in os.listdir(self.work) if f.startswith("core")])

    def test_command_not_found(self):
        r = self.filperf("run", "--", "no-such-command-here")
        self.assertEqual(r.returncode, 127)
        self.one_line(r.stderr, "no-such-command-here", "not found")
        self.assertEqual(self.runs(), [])

    def test_command_not_executable(self):
        self.write("plain", "x")
        for name in ("./plain", "."):
            r = self.filperf("run", "--", name)
            self.assertEqual(r.returncode, 126, r.stderr)
            self.one_line(r.stderr, name, "not executable")

    def test_bad_interpreter(self):
        path = self.write("bad", "#!/no/such/interpreter\n")
        os.chmod(path, 0o755)
        r = self.filperf("run", "--", "./bad")
        self.assertIn(r.returncode, (126, 127))
        self.one_line(r.stderr, "./bad")
        self.assertEqual(self.runs(), [])

    def test_script_without_shebang(self):
        path = self.write("script", "echo from-the-script; exit 3\n")
        os.chmod(path, 0o755)
        r = self.filperf("run", "--", "./script")
        self.assertEqual((r.returncode, r.stdout), (3, "from-the-script\n"), r.stderr)


class Streams(Case):
    def test_stdout_stdin_stderr_pass(self):
        code = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('to-stderr\\n')"
        r = subprocess.run(
            [FILPERF, "run", "--quiet", "--", PYTHON, "-c", code],
            input="abc\n" * 10000,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            **self.options(),
        )
        self.assertEqual(r.stdout, "ABC\n" * 10000)
        self.assertEqual(r.stderr, "to-stderr\n")

    def test_summary_is_on_stderr_only(self):
        r = self.filperf("run", "--", PYTHON, "burn.py")
        self.assertEqual(r.stdout, "begin\nend\n")
        self.assertIn("filperf: burn", r.stderr)
        lines = r.stderr.splitlines()
        self.assertLessEqual(len(lines), 12, r.stderr)
        self.assertIn("burn.py:", r.stderr)
        self.assertEqual(self.read("outputs/perf/burn.filperf/summary.txt"), r.stderr)

    def test_quiet_writes_the_summary_all_the_same(self):
        r = self.filperf("run", "--", PYTHON, "burn.py", env={"FIL_PERF_QUIET": "1"})
        self.assertEqual(r.stderr, "")
        self.assertIn("filperf: burn", self.read("outputs/perf/burn.filperf/summary.txt"))

    def test_reader_of_a_pipe_sees_the_end_with_the_command(self):
        r = self.call("sh", "-c", '"$0" run --quiet -- seq 100000 | head -n 1', FILPERF)
        self.assertEqual(r.stdout, "1\n")

    def test_arguments_pass_untouched(self):
        arguments = ["--rate", "-o", "", "a b", "*", "$x", "\n", "--", "é"]
        code = "import sys; print(sys.argv[1:])"
        r = self.filperf("run", "--quiet", PYTHON, "-c", code, *arguments)
        self.assertEqual(r.stdout, "%r\n" % arguments)

    def test_process_group_and_terminal_ids(self):
        code = "import os; print(os.getpgrp() == int(os.environ['PGRP']), os.getsid(0) == int(os.environ['SID']))"
        r = self.filperf(
            "run", "--quiet", "--", PYTHON, "-c", code, env={"PGRP": str(os.getpgrp()), "SID": str(os.getsid(0))}
        )
        self.assertEqual(r.stdout, "True True\n")

    def test_no_descriptor_is_added(self):
        show = "import os; print(sorted(os.listdir('/proc/self/fd')))"
        plain = self.call(PYTHON, "-c", show)
        under = self.filperf("run", "--quiet", "--", PYTHON, "-c", show)
        self.assertEqual(under.stdout, plain.stdout)

    def test_preload_of_the_user_is_kept(self):
        code = "import os; print(os.environ['LD_PRELOAD'])"
        before = "libm.so.6"
        r = self.filperf("run", "--quiet", "--", PYTHON, "-c", code, env={"LD_PRELOAD": before})
        first, _, rest = r.stdout.strip().partition(":")
        self.assertTrue(first.endswith("/libfilperf_agent.so"), r.stdout)
        self.assertEqual(rest, before)


class Places(Case):
    def test_nothing_is_made_before_the_end(self):
        code = "import os; print(os.path.exists('outputs'))"
        r = self.filperf("run", "--", PYTHON, "-c", code)
        self.assertEqual(r.stdout, "False\n")
        self.assertTrue(os.path.isdir(self.output()))

    def test_run_directory_is_private_and_goes_away(self):
        code = (
            "import os, stat; d = os.environ['FIL_PERF_RUN_DIR']\n"
            "for p in [os.path.dirname(d), d] + [os.path.join(d, n) for n in os.listdir(d)]:\n"
            "    print(oct(stat.S_IMODE(os.lstat(p).st_mode)))\n"
        )
        r = self.filperf("run", "--quiet", "--", PYTHON, "-c", code)
        modes = r.stdout.split()
        self.assertEqual(modes[:2], ["0o700", "0o700"])
        self.assertEqual(set(modes[2:]), {"0o600"})
        self.assertEqual(self.runs(), [])

    def test_agent_missing(self):
        alone = os.path.join(self.dir, "alone")
        os.mkdir(alone)
        shutil.copy(FILPERF, alone)
        r = self.call(os.path.join(alone, "filperf"), "run", "--", "echo", "ran")
        self.assertEqual((r.returncode, r.stdout), (2, ""))
        self.one_line(r.stderr, "libfilperf_agent.so", "install")

    def test_agent_is_found_relative_to_filperf(self):
        for where in ("together", "tree/bin"):
            bin_dir = os.path.join(self.dir, where)
            os.makedirs(bin_dir)
            shutil.copy(FILPERF, bin_dir)
            shutil.copy(support.AGENT, bin_dir)
            r = self.call(os.path.join(bin_dir, "filperf"), "run", "--quiet", "--", "sh", "-c", "echo $LD_PRELOAD")
            self.assertEqual(r.stdout.strip(), os.path.join(bin_dir, "libfilperf_agent.so"), r.stderr)

    def test_base_directory_that_is_not_ours_alone(self):
        os.mkdir(self.base, 0o777)
        os.chmod(self.base, 0o777)
        r = self.filperf("run", "--", "echo", "ran")
        self.assertEqual((r.returncode, r.stdout), (2, ""))
        self.one_line(r.stderr, self.base, "chmod 700")
        os.rmdir(self.base)
        os.symlink(self.work, self.base)
        r = self.filperf("run", "--", "echo", "ran")
        self.assertEqual(r.returncode, 2)
        self.one_line(r.stderr, self.base)

    def test_missing_tmpdir(self):
        r = self.filperf("run", "--", "echo", "ran", env={"TMPDIR": "/no/such/place"})
        self.assertEqual((r.returncode, r.stdout), (2, ""))
        self.one_line(r.stderr, "/no/such/place", "TMPDIR")

    def test_nested_run_is_a_run_of_its_own(self):
        r = self.filperf(
            "run", "--run-label", "outer", "--", FILPERF, "run", "--run-label", "inner", "--", PYTHON, "burn.py", "0.2"
        )
        self.assertEqual(r.returncode, 0, r.stderr)
        for label in ("outer", "inner"):
            self.assertTrue(os.path.exists(self.output(label + "-pyspy.svg")), r.stderr)

    def test_disabled_runs_the_command_alone(self):
        r = self.filperf("run", "--enabled=0", "--", "sh", "-c", "echo \"[$LD_PRELOAD]\"; exit 4")
        self.assertEqual((r.returncode, r.stdout, r.stderr), (4, "[]\n", ""))
        self.assertEqual(self.runs(), [])

    def test_static_program_runs_with_a_warning(self):
        cc = shutil.which("cc") or shutil.which("gcc")
        if not cc:
            self.skipTest("no C compiler")
        self.write("s.c", "int main(void) { return 5; }\n")
        if subprocess.call([cc, "-static", "-o", "s", "s.c"], cwd=self.work, stderr=subprocess.DEVNULL):
            self.skipTest("no static libc")
        r = self.filperf("run", "--", "./s")
        self.assertEqual(r.returncode, 5)
        self.assertIn("./s: runs without the agent: it is linked statically", r.stderr.splitlines()[0])
        self.assertLessEqual(len(r.stderr.splitlines()), 2)
        self.assertEqual(self.runs(), [])


class PySpyFlags(Case):
    def test_output_file_and_format(self):
        r = self.filperf("run", "-o", "new/dir/p.svg", "-r", "200", "-t", "-n", "-g", "-s", "--", PYTHON, "burn.py")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("<svg", self.read("new/dir/p.svg"))
        self.assertFalse(os.path.exists(self.output("burn-pyspy.svg")))
        self.assertIn("200 Hz asked", r.stderr)
        r = self.filperf("run", "-o", "p.out", "-f", "raw", "-F", "--", PYTHON, "burn.py")
        self.assertRegex(self.read("p.out"), r"burn \(burn.py\) \d+\n")
        r = self.filperf("run", "-o", "p.speedscope.json", "--", PYTHON, "burn.py")
        self.assertIn("speedscope", self.read("p.speedscope.json"))
        self.assertIn("reports in outputs/perf: ./p.speedscope.json, burn.filperf\n", r.stderr)
        r = self.filperf("run", "-fflamegraph", "-rate", "5", "--", "true")
        self.assertEqual(r.returncode, 2)

    def test_output_file_takes_one_format(self):
        r = self.filperf("run", "-o", "p", "-f", "svg,raw", "--", "echo", "ran")
        self.assertEqual((r.returncode, r.stdout), (2, ""))
        self.one_line(r.stderr, "svg,raw")

    def test_pid_is_refused_by_name(self):
        for arguments, env in ((("--pid", "1"), {}), (("-p", "1"), {}), (("--spy-pid=1",), {}), ((), {"FIL_PERF_SPY_PID": "1"})):
            r = self.filperf("run", *arguments, "--", "echo", "ran", env=env)
            self.assertEqual((r.returncode, r.stdout), (2, ""))
            self.one_line(r.stderr, "attach")


if __name__ == "__main__":
    support.main()
