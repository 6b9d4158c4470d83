# SPDX-License-Identifier: Apache-2.0
"""What the tests of the filperf program share: a place of their own, and runs."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

FILPERF = os.environ.get("FP_FILPERF", "")
AGENT = os.environ.get("FP_AGENT", "")
SOURCE = os.environ.get("FP_SOURCE", "")
PYTHON = shutil.which("python3") or sys.executable

BURN = """
import sys, time
def burn(seconds):
    end = time.process_time() + seconds
    n = 0
    while time.process_time() < end:
        for i in range(5000):
            n += i * i
    return n
if __name__ == "__main__":
    print("begin", flush=True)
    burn(float(sys.argv[1]) if len(sys.argv) > 1 else 0.3)
    print("end", flush=True)
"""


def skip(why):
    print("SKIP:", why)
    sys.exit(77)


class Case(unittest.TestCase):
    """A working directory and a run directory of its own, no settings from outside."""

    def setUp(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="fp-cli-"))
        self.addCleanup(self.remove)
        self.tmp = os.path.join(self.dir, "tmp")
        self.work = os.path.join(self.dir, "work")
        os.mkdir(self.tmp)
        os.mkdir(self.work)
        self.env = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith("FIL_PERF_") and k not in ("LD_PRELOAD", "XDG_RUNTIME_DIR")
        }
        self.env["TMPDIR"] = self.tmp
        self.base = os.path.join(self.tmp, "filperf-%d" % os.getuid())
        self.write("burn.py", BURN)

    def remove(self):
        for path, dirs, _ in os.walk(self.dir):
            for d in dirs:
                os.chmod(os.path.join(path, d), 0o700)
        shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, name, text):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def options(self, env=None, cwd=None):
        return {"cwd": cwd or self.work, "env": {**self.env, **(env or {})}}

    def call(self, *argv, env=None, cwd=None, timeout=120, **more):
        return subprocess.run(
            argv,
            stdin=more.pop("stdin", subprocess.DEVNULL),
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=more.pop("stderr", subprocess.PIPE),
            universal_newlines=True,
            timeout=timeout,
            **self.options(env, cwd),
            **more,
        )

    def filperf(self, *arguments, **more):
        return self.call(FILPERF, *arguments, **more)

    def start(self, *argv, env=None, cwd=None, **more):
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=more.pop("stderr", subprocess.PIPE),
            universal_newlines=True,
            **self.options(env, cwd),
            **more,
        )

    def runs(self):
        """Run directories that are left."""
        return sorted(os.listdir(self.base)) if os.path.isdir(self.base) else []

    def output(self, *parts):
        return os.path.join(self.work, "outputs", "perf", *parts)

    def read(self, *parts):
        with open(os.path.join(self.work, *parts), errors="replace") as f:
            return f.read()

    def one_line(self, text, *words):
        lines = text.splitlines()
        self.assertEqual(len(lines), 1, text)
        self.assertTrue(lines[0].startswith("filperf: "), text)
        for word in words:
            self.assertIn(word, lines[0])

    def wait_for(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        self.fail("never happened: " + what)


def main():
    if not os.access(FILPERF, os.X_OK):
        skip("no filperf at %r" % FILPERF)
    if not os.path.exists(AGENT):
        skip("no agent at %r" % AGENT)
    unittest.main(verbosity=2)
