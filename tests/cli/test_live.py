#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""filperf top --live on a terminal: keys, scrolling, and the terminal as it was."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from support import Case, FILPERF, PYTHON, main

PROGRAM = """
import time
def spin(end):
    while time.process_time() < end:
        sum(range(2000))
%s
print("begin", flush=True)
begin = time.process_time()
while time.process_time() < begin + 60:
%s
""" % (
    "\n".join("def work_%02d():\n    spin(time.process_time() + 0.02)" % i for i in range(30)),
    "\n".join("    work_%02d()" % i for i in range(30)),
)
ESCAPES = re.compile(r"\033\[[0-9;]*[A-Za-z]")


class Terminal:
    """filperf on a terminal of its own; screen is what the last paint showed."""

    def __init__(self, case, *arguments, rows=16, columns=90, **env):
        self.ours, theirs = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(theirs)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [FILPERF, "top", "--live", *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
            preexec_fn=own_terminal, **case.options({"TERM": "xterm", **env}))
        self.theirs, self.text = theirs, ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.0):
        end = time.monotonic() + seconds
        while select.select([self.ours], [], [], max(0.0, end - time.monotonic()))[0]:
            try:
                self.text += os.read(self.ours, 65536).decode(errors="replace")
            except OSError:
                break

    def screen(self):
        return ESCAPES.sub("", self.text.split("\033[H")[-1]).replace("\r", "").split("\n")

    def wait(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.1)
            if re.search(pattern, "\n".join(self.screen())):
                return self.screen()
        raise AssertionError("never on the screen: %s\n%s" % (pattern, "\n".join(self.screen())))

    def press(self, keys):
        os.write(self.ours, keys.encode())

    def end(self):
        status = self.process.wait(timeout=30)
        self.read()
        after = termios.tcgetattr(self.theirs)
        os.close(self.theirs)
        os.close(self.ours)
        return status, after == self.before


class Live(Case):
    def setUp(self):
        super().setUp()
        self.write("busy.py", PROGRAM)
        self.run_ = self.start(FILPERF, "run", "--quiet", "--spy-rate", "1000", "--", PYTHON, "-S", "busy.py",
                               env={"FIL_PERF_RENDER": "0"})
        self.addCleanup(self.finish)
        self.assertEqual(self.run_.stdout.readline(), "begin\n")
        time.sleep(1)

    def finish(self):
        self.run_.terminate()
        self.run_.communicate(timeout=60)

    def test_keys(self):
        terminal = Terminal(self, "--every", "0.2")
        screen = terminal.wait(r"q quit  s sort \(self\)  l lines  p pause  arrows f b scroll")
        self.assertLessEqual(len(screen), 16)
        self.assertLessEqual(max(map(len, screen)), 90)
        self.assertIn("function", screen[2])
        terminal.press("l")
        self.assertIn("line", terminal.wait(r"l functions")[2])
        terminal.press("l")
        terminal.press("s")
        total = terminal.wait(r"sort \(total\)  l lines")
        self.assertIn("<module>", total[3] + total[4], total)
        terminal.press("s")
        terminal.wait(r"sort \(name\)")
        terminal.press("p")
        top = terminal.wait(r"p go on \(paused\)")
        terminal.press("\033[B")
        down = terminal.wait(r"\.\.\. 1 before, \d+ more")
        self.assertEqual(down[3:-3], top[4:-2])
        terminal.press("f")
        terminal.wait(r"\.\.\. 10 before")
        terminal.press("\033[F")
        terminal.wait(r"before, 0 more")
        terminal.press("b\033[A\033[5~")
        terminal.wait(r"before, 19 more")
        terminal.press("\033OH")
        self.assertEqual(terminal.wait(r"\n\.\.\. \d+ more")[3:], top[3:])
        terminal.read()
        terminal.text = ""
        terminal.read(1)
        self.assertEqual(terminal.text, "", "painted while paused")
        terminal.press("p")
        terminal.wait(r"p pause")
        terminal.press("q")
        self.assertEqual(terminal.end(), (0, True))
        self.assertIsNone(self.run_.poll())

    def test_signals_and_size(self):
        terminal = Terminal(self, "--every", "30", NO_COLOR="1")
        terminal.wait(r"q quit")
        self.assertNotIn("\033[1m", terminal.text)
        terminal.resize(24, 40)
        terminal.process.send_signal(signal.SIGWINCH)
        end = time.monotonic() + 20
        while len(terminal.screen()) < 20 and time.monotonic() < end:
            terminal.read(0.1)
        self.assertGreater(len(terminal.screen()), 16)
        self.assertLess(len(terminal.screen()[-1]), 40)
        terminal.press("\003")  # Ctrl-C
        self.assertEqual(terminal.end(), (0, True))

    def test_stop_and_go_on(self):
        terminal = Terminal(self, "--every", "0.2")
        terminal.wait(r"q quit")
        terminal.process.send_signal(signal.SIGSTOP)
        termios.tcsetattr(terminal.theirs, termios.TCSANOW, terminal.before)  # as a shell does
        terminal.process.send_signal(signal.SIGCONT)
        terminal.press("s")
        terminal.wait(r"sort \(total\)")
        terminal.press("q")
        self.assertEqual(terminal.end(), (0, True))

    def test_ends_with_the_run(self):
        terminal = Terminal(self, "--every", "0.2")
        terminal.wait(r"q quit")
        self.run_.terminate()
        self.assertEqual(terminal.end(), (0, True))


if __name__ == "__main__":
    main()
