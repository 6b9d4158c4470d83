# SPDX-License-Identifier: Apache-2.0
"""Signals under filperf run, and what a kill leaves."""

import os
import pty
import signal
import subprocess
import time

import support
from support import FILPERF, PYTHON, Case

CATCH = """
import signal, sys, time
got = []
for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGINT, signal.SIGRTMIN + 3):
    signal.signal(s, lambda n, f: got.append(int(n)))
print('ready', flush=True)
end = time.monotonic() + 30
while time.monotonic() < end and len(got) < int(sys.argv[1]):
    time.sleep(0.01)
time.sleep(0.1)
print(sorted(got))
sys.exit(5)
"""


class Passing(Case):
    def setUp(self):
        super().setUp()
        self.write("catch.py", CATCH)

    def test_signals_to_filperf_reach_the_command(self):
        wanted = [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGINT,
                  signal.SIGRTMIN + 3]
        p = self.start(FILPERF, "run", "--quiet", "--", PYTHON, "catch.py", str(len(wanted)))
        self.assertEqual(p.stdout.readline(), "ready\n")
        for number in wanted:
            p.send_signal(number)
        out, err = p.communicate(timeout=60)
        self.assertEqual(out, "%s\n" % sorted(int(n) for n in wanted), err)
        self.assertEqual(p.returncode, 5)

    def test_interrupt_of_the_terminal_comes_once(self):
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.work)
            os.execvpe(FILPERF, [FILPERF, "run", "--quiet", "--", PYTHON, "catch.py", "1"], self.env)
        text = b""
        while b"ready" not in text:
            text += os.read(fd, 1000)
        os.write(fd, b"\x03")
        try:
            while True:
                more = os.read(fd, 1000)
                if not more:
                    break
                text += more
        except OSError:
            pass
        _, status = os.waitpid(pid, 0)
        self.assertIn(b"[2]", text)
        self.assertEqual(os.WEXITSTATUS(status), 5)

    def test_ignored_signals_stay_ignored(self):
        code = "import signal; print(signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGCHLD))"
        r = self.call("sh", "-c", "trap '' HUP; exec \"$@\"", "sh", FILPERF, "run", "--quiet", "--", PYTHON, "-c", code)
        plain = self.call("sh", "-c", "trap '' HUP; exec \"$@\"", "sh", PYTHON, "-c", code)
        self.assertEqual(r.stdout, plain.stdout)

    def test_sigchld_ignored_keeps_the_status(self):
        r = self.call("sh", "-c", "trap '' CHLD; exec \"$@\"", "sh", FILPERF, "run", "--quiet", "--", "sh", "-c", "exit 6")
        self.assertEqual(r.returncode, 6)

    def test_signal_mask_is_the_commands(self):
        code = "import signal; print(sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))))"
        block = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [10]); os.execv(sys.argv[1], sys.argv[1:])"
        r = self.call(PYTHON, "-c", block, FILPERF, "run", "--quiet", "--", PYTHON, "-c", code)
        self.assertEqual(r.stdout, "[10]\n", r.stderr)


class Kills(Case):
    def begin(self, *argv, **more):
        p = self.start(*argv, **more)
        self.assertEqual(p.stdout.readline(), "begin\n")
        self.wait_for("a run directory", self.runs)
        time.sleep(0.5)
        return p

    def pid_of_run(self):
        return int(self.runs()[0].split("-")[0])

    def test_kill_9_of_the_command_reports_at_once(self):
        p = self.begin(FILPERF, "run", "--", PYTHON, "burn.py", "60")
        os.kill(self.pid_of_run(), signal.SIGKILL)
        _, err = p.communicate(timeout=60)
        self.assertEqual(p.returncode, -9)
        self.assertIn("cut", err.splitlines()[0])
        self.assertIn("burn.py:", err)
        self.assertTrue(os.path.exists(self.output("burn-pyspy.svg")))
        self.assertEqual(self.runs(), [])

    def test_kill_9_of_filperf_leaves_it_to_report(self):
        p = self.begin(FILPERF, "run", "--spy-output", "raw", "--", PYTHON, "burn.py", "60")
        command = self.pid_of_run()
        p.kill()
        p.wait()
        os.kill(command, signal.SIGKILL)
        p.stdout.close()
        p.stderr.close()
        self.wait_for("the end of the command", lambda: "to report" in self.filperf("ps").stdout)
        other = os.path.join(self.dir, "elsewhere")
        os.mkdir(other)
        r = self.filperf("report", cwd=other)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("cut", r.stdout)
        self.assertIn("burn (burn.py:", self.read("outputs/perf/burn-pyspy.raw"))
        self.assertEqual(self.runs(), [])
        self.assertEqual(os.listdir(other), [])

    def test_kill_9_under_plain_preload(self):
        p = self.begin(PYTHON, "burn.py", "60", env={"LD_PRELOAD": support.AGENT})
        p.kill()
        p.communicate()
        self.assertFalse(os.path.exists(self.output()))
        r = self.filperf("report")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("cut", r.stdout)
        self.assertTrue(os.path.exists(self.output("burn-pyspy.svg")))
        self.assertEqual(self.runs(), [])


if __name__ == "__main__":
    support.main()
