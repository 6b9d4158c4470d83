# SPDX-License-Identifier: Apache-2.0
"""filperf doctor: what it finds and what it says to do."""

import ctypes
import os
import platform
import shutil
import struct
import subprocess

import support
from support import PYTHON, Case

TIMER_CREATE, PERF_EVENT_OPEN = 222, 298  # on x86-64


def filter_calls(*numbers):
    """For preexec_fn: these system calls fail with EPERM, as in a container."""
    load, jump_if_equal, leave = 0x20, 0x15, 0x06
    allow, refuse = 0x7FFF0000, 0x00050001
    program = struct.pack("HBBI", load, 0, 0, 0)
    for number in numbers:
        program += struct.pack("HBBI", jump_if_equal, 0, 1, number) + struct.pack("HBBI", leave, 0, 0, refuse)
    program += struct.pack("HBBI", leave, 0, 0, allow)
    filters = ctypes.create_string_buffer(program)
    fprog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(filters))
    libc = ctypes.CDLL(None)

    def install():
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        if libc.prctl(22, 2, ctypes.c_char_p(fprog), 0, 0):  # PR_SET_SECCOMP, a filter
            os._exit(99)
        assert filters

    return install


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

    def test_calls_refused_by_a_container(self):
        if platform.machine() != "x86_64":
            self.skipTest("numbers of x86-64")
        r = self.filperf("doctor", preexec_fn=filter_calls(TIMER_CREATE, PERF_EVENT_OPEN))
        self.assertEqual(r.returncode, 1, r.stdout)
        self.assertRegex(r.stdout, r"BAD +timers: .*refused.*\n +-> .*docker run --security-opt seccomp=unconfined")
        self.assertRegex(r.stdout, r"note +perf_event: refused.*\n +-> .*docker run --cap-add PERFMON")
        self.assertRegex(r.stdout, r"note +seccomp: .*\n +-> .*docker run --security-opt seccomp=unconfined")

    def test_run_where_timers_are_refused(self):
        if platform.machine() != "x86_64":
            self.skipTest("numbers of x86-64")
        r = self.filperf("run", "--", PYTHON, "burn.py", preexec_fn=filter_calls(TIMER_CREATE, PERF_EVENT_OPEN))
        self.assertEqual((r.returncode, r.stdout), (0, "begin\nend\n"), r.stderr)
        self.assertIn("1 thread", r.stderr)
        self.assertIn("without a sampling timer", r.stderr)

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
