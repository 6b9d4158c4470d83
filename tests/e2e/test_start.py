#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""However a Python program is started, its functions are in the report, and
its script or module names the run."""

import os
import subprocess

from recorded import AGENT, FILPERF, PYTHON, Recorded, main, tool

PROGRAM = """
import sys
from burner import burn
def the_work():
    burn(0.15)
if __name__ == "__main__":
    the_work()
    print("done", *sys.argv[1:])
"""


class Ways(Recorded):
    def setUp(self):
        super().setUp()
        self.write("job.py", PROGRAM)
        self.env["PYTHONPATH"] = self.work

    def check(self, label, *command, **more):
        for plain in (False, True):
            with self.subTest(plain=plain):
                report = self.record(*command, plain=plain, **more)
                self.assertEqual(report.label, label)
                self.assertEqual(self.stdout.splitlines()[-1], "done")
                self.assert_near(report.seconds("the_work"), 0.15)

    def script(self, name, text):
        path = self.write(name, text)
        os.chmod(path, 0o755)
        return path

    def test_script(self):
        self.check("job", PYTHON, "job.py")

    def test_module(self):
        self.check("job", PYTHON, "-m", "job")

    def test_package(self):
        self.write("package/__init__.py", "")
        self.write("package/__main__.py", PROGRAM)
        self.check("package", PYTHON, "-m", "package")

    def test_module_of_a_package(self):
        self.write("package/__init__.py", "")
        self.write("package/part.py", PROGRAM)
        self.check("package.part", PYTHON, "-m", "package.part")

    def test_directory_and_zip(self):
        self.write("folder/__main__.py", PROGRAM)
        self.check("folder", PYTHON, "folder")
        import zipfile

        with zipfile.ZipFile(os.path.join(self.work, "packed.pyz"), "w") as z:
            z.writestr("__main__.py", PROGRAM)
        self.check("packed", PYTHON, "packed.pyz")

    def test_options_before_the_script(self):
        self.check("job", PYTHON, "-X", "dev", "-W", "ignore", "-u", "job.py")

    def test_shebang(self):
        self.check("tool", self.script("tool", "#!%s\n%s" % (PYTHON, PROGRAM)))

    def test_shebang_by_env(self):
        os.mkdir(os.path.join(self.work, "bin"))
        os.symlink(PYTHON, os.path.join(self.work, "bin", "python-of-test"))
        path = os.path.join(self.work, "bin") + ":" + self.env["PATH"]
        self.check("tool", self.script("tool", "#!/usr/bin/env python-of-test\n" + PROGRAM), env={"PATH": path})

    def test_shell_script_around(self):
        self.check("job", "sh", self.script("around.sh", "#!/bin/sh\n%s job.py\n" % PYTHON))
        self.check("job", self.script("execs.sh", "#!/bin/sh\nexec %s job.py\n" % PYTHON))

    def test_env(self):
        self.check("job", "env", "A=1", PYTHON, "job.py")

    def test_standard_input_and_command(self):
        report = self.record(PYTHON, "-c", PROGRAM)
        self.assert_near(report.seconds("the_work"), 0.15)
        self.assertTrue(report.label.startswith("python"), report.label)
        result = self.filperf("run", "-f", "json", "-r", "500", "--", "sh", "-c", "%s - < job.py" % PYTHON)
        self.assertEqual(result.stdout, "done\n")

    def test_virtual_environment(self):
        made = subprocess.run([PYTHON, "-m", "venv", "--without-pip", os.path.join(self.work, "venv")])
        if made.returncode:
            self.skipTest("no venv module")
        self.check("job", os.path.join(self.work, "venv", "bin", "python"), "job.py")

    def test_uv_run(self):
        uv = tool("peers", "uv")
        if not uv:
            self.skipTest("no uv")
        env = {"UV_CACHE_DIR": os.path.join(self.dir, "uv"), "UV_OFFLINE": "1"}
        self.check("job", uv, "run", "--no-project", "--python", PYTHON, "job.py", env=env)

    def test_nothing_shows_on_the_standard_streams_of_a_plain_preload(self):
        result = self.call(PYTHON, "job.py", "x", env={"LD_PRELOAD": AGENT})
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "done x\n", ""))

    def test_pipeline_and_redirection_of_a_shell(self):
        result = self.filperf("run", "-f", "json", "--", "sh", "-c", "%s job.py | tr a-z A-Z > out; cat out" % PYTHON)
        self.assertEqual((result.returncode, result.stdout), (0, "DONE\n"))


if __name__ == "__main__":
    main()
