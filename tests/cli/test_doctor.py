# SPDX-License-Identifier: Apache-2.0
"""filperf doctor: what it finds and what it says to do."""

import os
import shutil
import subprocess

import support
from support import PYTHON, Case


class Doctor(Case):
    def test_a_machine_where_runs_work(self):
        r = self.filperf("doctor", PYTHON, "sh")
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        for what in ("timers", "perf_event", "ptrace", "kernel.yama.ptrace_scope", "agent", "run directory", "python"):
            self.assertIn(what, r.stdout)
        self.assertNotIn("\033", r.stdout)

    def test_what_is_wrong_has_a_remedy(self):
        r = self.filperf("doctor", env={"TMPDIR": "/no/such/place"})
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stdout, r"BAD +run directory: .*\n +-> .*TMPDIR")
        r = self.filperf("doctor", "no-such-program")
        self.assertEqual(r.returncode, 1)
        self.assertIn("BAD   no-such-program", r.stdout)

    def test_sigpending(self):
        r = self.call("bash", "-c", 'ulimit -i 4; "$0" doctor', support.FILPERF)
        self.assertIn("RLIMIT_SIGPENDING is 4", r.stdout)
        self.assertIn("--ulimit sigpending=", r.stdout)

    def test_missing_agent(self):
        alone = os.path.join(self.dir, "alone")
        os.mkdir(alone)
        shutil.copy(support.FILPERF, alone)
        r = self.call(os.path.join(alone, "filperf"), "doctor")
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stdout, r"BAD +agent: .*\n +-> .*install")

    def build(self, name, *flags):
        cc = shutil.which("cc") or shutil.which("gcc")
        self.write("p.c", "int main(void) { return 0; }\n")
        path = os.path.join(self.work, name)
        if not cc or subprocess.call([cc, "-o", path, "p.c", *flags], cwd=self.work, stderr=subprocess.DEVNULL):
            return None
        return path

    def test_programs_that_cannot_take_the_agent(self):
        static = self.build("static", "-static")
        if static:
            r = self.filperf("doctor", static)
            self.assertEqual(r.returncode, 1)
            self.assertIn("linked statically", r.stdout)
        musl = self.build("musl", "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1")
        if musl:
            r = self.filperf("doctor", musl)
            self.assertEqual(r.returncode, 1)
            self.assertIn("musl", r.stdout)
        # a 32-bit header is enough to be told from
        path = self.write("elf32", "")
        with open(path, "wb") as f:
            f.write(b"\x7fELF\x01\x01\x01" + bytes(120))
        os.chmod(path, 0o755)
        r = self.filperf("doctor", path)
        self.assertIn("32-bit", r.stdout)
        script = self.write("script", "#!/usr/bin/env python3\n")
        os.chmod(script, 0o755)
        r = self.filperf("doctor", script)
        self.assertEqual(r.returncode, 0)
        self.assertIn("run by", r.stdout)

    def test_set_user_id(self):
        path = self.build("suid")
        if not path or os.getuid() != 0:
            self.skipTest("needs root and a compiler")
        os.chown(path, 65534, 65534)
        os.chmod(path, 0o4755)
        r = self.filperf("doctor", path)
        self.assertEqual(r.returncode, 1)
        self.assertIn("changes user", r.stdout)


if __name__ == "__main__":
    support.main()
