#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs without CPython, native parts of stacks, threads made by C, and
programs that find CPython late."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import unittest

from recorded import PYTHON, Recorded, main

TESTS = os.path.join(os.environ.get("FP_BUILD", ""), "tests")
CPP = """
#include <ctime>
namespace shop {
struct Basket {
    volatile long n = 0;
    __attribute__((noinline)) long count(int by) {
        for (int i = 0; i < 10000000; i++) n += by;
        return n;
    }
};
template <class T> __attribute__((noinline)) T total(Basket &b) {
    T sum = 0;
    while (clock() < CLOCKS_PER_SEC / 5) sum += b.count(2);
    return sum;
}
}
int main() { shop::Basket b; return shop::total<int>(b) == 1; }
"""
STARTUP = re.compile(r"(_start|__libc_start\w*|start_thread|(__GI_)?(__)?clone3?|fp_agent_\w+)( |$)")


class Programs(Recorded):
    def spent(self):
        """What e2e_threads says that its threads a and b and main's function spent."""
        return [float(word) for word in self.stdout.split()]

    def test_threads_of_a_c_program(self):
        for plain in (False, True):
            with self.subTest(plain=plain):
                report = self.record(os.path.join(TESTS, "e2e_threads"), plain=plain)
                self.assertEqual(report.label, "e2e_threads")
                of_a, of_b, of_main = self.spent()
                self.assert_near(report.seconds("work_of_a"), of_a)
                self.assert_near(report.seconds("work_of_b"), of_b)
                # Not all of main: this agent's signals wake it where it waits for the others.
                self.assert_near(report.seconds("main", "burn"), of_main)
                self.assertLessEqual({"thread-a", "thread-b"}, report.thread_names())

    def test_names_are_demangled_by_the_symbol_table(self):
        strip = shutil.which("strip")
        if not strip:
            self.skipTest("no strip")
        path = os.path.join(self.work, "without-debug")
        subprocess.run([strip, "--strip-debug", "-o", path, os.path.join(TESTS, "e2e_threads")], check=True)
        report = self.record(path)
        self.assert_near(report.seconds("outer::inner::work<3>"), self.spent()[2])

    def test_names_of_cpp_are_demangled(self):
        compiler = shutil.which("c++")
        if not compiler:
            self.skipTest("no C++ compiler")
        source = self.write("names.cc", CPP)
        for flags in (["-O1", "-g"], ["-O1"]):
            with self.subTest(flags=flags):
                subprocess.run([compiler, *flags, "-o", "names", source], check=True, cwd=self.work)
                report = self.record("./names")
                self.assertGreater(report.seconds("shop::Basket::count"), 0.1)
                self.assertGreater(report.seconds("shop::total<int"), 0.1)
                self.assertEqual([f for f in report.frames() if f.startswith("_Z")], [])

    def test_inlined_calls_are_frames_with_lines(self):
        report = self.record(os.path.join(TESTS, "e2e_threads"))
        self.assert_near(report.seconds("burn", "inlined_loop"), sum(self.spent()))
        stack = max((s["stack"] for s in report.samples), key=len)
        self.assertTrue(any("threads.c:" in frame for frame in stack), stack)

    def test_reading_names_loads_no_network_library(self):
        strip = shutil.which("strip")
        if not strip:
            self.skipTest("no strip")
        subprocess.run([strip, "-o", "stripped", os.path.join(TESTS, "e2e_threads")], check=True, cwd=self.work)
        self.record("./stripped")
        result = self.filperf("convert", "-i", self.output("stripped.filperf"), "-o", "again.raw", env={"LD_DEBUG": "files"})
        self.assertEqual(result.returncode, 0)
        self.assertIn("libdw", result.stderr)
        self.assertNotIn("libdebuginfod", result.stderr)

    def test_separate_debug_files_give_lines_where_native_code_is_the_subject(self):
        if not shutil.which("strip") or not shutil.which("objcopy"):
            self.skipTest("no strip or no objcopy")
        whole, split = os.path.join(TESTS, "e2e_threads"), os.path.join(self.work, "split")
        subprocess.run(["objcopy", "--only-keep-debug", whole, "split.debug"], check=True, cwd=self.work)
        subprocess.run(["strip", "-o", split, whole], check=True)
        subprocess.run(["objcopy", "--add-gnu-debuglink=split.debug", split], check=True, cwd=self.work)
        below = "import subprocess, sys\nsubprocess.run([sys.argv[1]], check=True, stdout=subprocess.DEVNULL)\n"

        def lines(report):
            return [f for f in report.frames() if "threads.c:" in f]

        report = self.record(split)
        self.assert_near(report.seconds("burn", "inlined_loop"), sum(self.spent()))
        self.assertGreater(len(lines(report)), 0)
        report = self.python(below, split)
        self.assertGreater(report.seconds("burn", process="split"), 0.1)
        self.assertEqual(report.seconds("inlined_loop"), 0)
        self.assertEqual(lines(report), [])
        alone = ["-i", self.output("program.filperf"), "--process", "split", "-o", "alone.raw"]
        self.assertEqual(self.filperf("convert", *alone).returncode, 0)
        self.assertIn("threads.c:", self.read("alone.raw"))
        report = self.python(below, whole)
        self.assertGreater(report.seconds("burn", "inlined_loop", process="e2e_threads"), 0.1)
        for setting in ("FIL_PERF_SPY_NATIVE", "FIL_PERF_MEMRAY_NATIVE"):
            report = self.python(below, split, env={setting: "1"})
            self.assertGreater(report.seconds("burn", "inlined_loop", process="split"), 0.1)

    def test_how_threads_and_programs_begin_is_left_out(self):
        report = self.record(os.path.join(TESTS, "e2e_threads"))
        self.assertEqual([f for f in report.frames() if STARTUP.match(f)], [])

    def test_stripped_program(self):
        strip = shutil.which("strip")
        if not strip:
            self.skipTest("no strip")
        path = os.path.join(self.work, "stripped")
        subprocess.run([strip, "-o", path, os.path.join(TESTS, "e2e_threads")], check=True)
        report = self.record(path)
        self.assertEqual([f for f in report.frames() if STARTUP.match(f)], [])
        self.assertGreater(report.seconds("stripped+0x"), 0.8 * sum(self.spent()))

    def test_program_below_python_has_its_share(self):
        report = self.python(
            "import subprocess, sys\nfrom burner import burn\n"
            "subprocess.run([sys.argv[1]], check=True)\nburn(0.2)\n",
            os.path.join(TESTS, "e2e_threads"),
        )
        self.assertEqual(report.label, "program")
        self.assert_near(report.seconds("burn", process="e2e_threads"), sum(self.spent()))
        self.assert_near(report.seconds("burn (burner.py", process="program.py"), 0.2)
        self.assertIn("programs: e2e_threads", self.summary())

    def test_changed_program_is_said(self):
        path = os.path.join(self.work, "changing")
        shutil.copy(os.path.join(TESTS, "e2e_threads"), path)
        self.record(path)
        self.assertNotIn("notice:", self.summary())
        shutil.copy("/bin/true", path)
        result = self.filperf("report", self.output("changing.filperf"))
        self.assertEqual(result.returncode, 0)
        self.assertIn("notice: %s: changed since it was recorded" % path, result.stdout)


THREAD = """
import ctypes, sys
from burner import burn
library = ctypes.CDLL(sys.argv[1])
library.thread_lib_run.argtypes = [ctypes.c_double, ctypes.c_void_p]
library.thread_lib_burn.argtypes = [ctypes.c_double]
@ctypes.CFUNCTYPE(None)
def called_back():
    burn(0.15)
def python_caller():
    library.thread_lib_burn(0.15)
library.thread_lib_run(0.15, None)
library.thread_lib_run(0.15, ctypes.cast(called_back, ctypes.c_void_p))
python_caller()
"""


class NativePart(Recorded):
    library = os.path.join(TESTS, "libe2e_thread_lib.so")

    def test_threads_made_by_c(self):
        report = self.python(THREAD, self.library)
        others = [t for t in report.json["threads"] if t["thread_id"] != t["process_id"]]
        self.assertEqual(len(others), 2, others)
        self.assert_near(sum(t["time"] for t in others), 0.45)
        self.assert_near(report.seconds("called_back", "burn"), 0.15)
        self.assert_near(report.seconds("python_caller"), 0.15)

    def test_native_0_has_python_frames_only(self):
        report = self.python(THREAD, self.library)
        python = (".py", "<frozen ", "<string>")
        strange = [f for f in report.frames() if not f.startswith("[") and not any(p in f for p in python)]
        self.assertEqual(strange, [])
        self.assert_near(report.seconds("[no Python frame]"), 0.3)

    def test_native_1_has_both(self):
        report = self.python(THREAD, self.library, options=["-n"])
        self.assert_near(report.seconds("thread_lib_burn"), 0.45)
        self.assert_near(report.seconds("python_caller", "thread_lib_burn"), 0.15)
        self.assert_near(report.seconds("called_back", "burn"), 0.15)
        self.assertEqual([f for f in report.frames() if STARTUP.match(f)], [])

    def test_native_below_a_callback_from_c(self):
        report = self.python(
            "from burner import burn\ndef key(x):\n    burn(0.02)\n    return x\n"
            "def caller():\n    sorted(range(10), key=key)\ncaller()\n",
            options=["--spy-native"],
        )
        self.assert_near(report.seconds("caller", "key", "burn"), 0.2)
        stack = next(s["stack"] for s in report.samples if any(f.startswith("key") for f in s["stack"]))
        names = [f.split(" ")[0] for f in stack]
        self.assertLess(names.index("caller"), names.index("key"))
        self.assertLess(names.index("key"), names.index("burn"))


class Embedder(Recorded):
    def libpython(self):
        name = sysconfig.get_config_var("LDLIBRARY") or ""
        path = os.path.join(sysconfig.get_config_var("LIBDIR") or "", name)
        if ".so" not in name or not os.path.exists(path):
            for path in ("/usr/lib/x86_64-linux-gnu/libpython3.%d.so.1.0" % n for n in range(15, 7, -1)):
                if os.path.exists(path):
                    return path, sys.base_prefix if "3.%d" % sys.version_info[1] in path else ""
            self.skipTest("no shared libpython")
        return path, sys.base_prefix

    def check(self, library, **env):
        code = "import sys\nsys.path.insert(0, %r)\nfrom burner import burn\ndef inside():\n burn(0.2)\ninside()\n"
        report = self.record(os.path.join(TESTS, "e2e_embedder"), library, code % self.work, env=env)
        self.assertEqual(report.label, "e2e_embedder")
        self.assert_near(report.seconds("inside", "burn"), 0.2)

    def test_libpython_opened_by_path(self):
        path, home = self.libpython()
        self.check(path, **({"PYTHONHOME": home} if home else {}))

    def test_libpython_opened_by_name(self):
        path, home = self.libpython()
        env = {"LD_LIBRARY_PATH": os.path.dirname(path)}
        self.check(os.path.basename(path), **env, **({"PYTHONHOME": home} if home else {}))


if __name__ == "__main__":
    main()
