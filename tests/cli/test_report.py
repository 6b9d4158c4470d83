# SPDX-License-Identifier: Apache-2.0
"""filperf report, convert, flamegraph, top, ps over real captures."""

import json
import os
import signal
import shutil
import time

import support
from support import FILPERF, PYTHON, Case

FORMATS = {
    "svg": ".svg", "raw": ".raw", "speedscope": ".speedscope.json", "json": ".json", "prof": ".prof",
    "pprof": ".pb.gz", "firefox": ".firefox.json.gz", "chrometrace": ".chrometrace.json",
}


class Files(Case):
    def test_names_of_all_formats(self):
        r = self.filperf("run", "--spy-enabled", "--spy-output", ",".join(FORMATS), "--", PYTHON, "burn.py")
        self.assertEqual(r.returncode, 0, r.stderr)
        names = sorted(os.listdir(self.output()))
        self.assertEqual(names, sorted(["burn.filperf"] + ["burn-pyspy" + s for s in FORMATS.values()]))
        for suffix in FORMATS.values():
            self.assertGreater(os.path.getsize(self.output("burn-pyspy" + suffix)), 0)
            self.assertIn("burn-pyspy" + suffix, r.stderr)

    def test_captures_are_compact(self):
        self.filperf("run", "--spy-enabled", "--", PYTHON, "burn.py")
        captures = [n for n in os.listdir(self.output("burn.filperf")) if n.endswith(".fpc")]
        self.assertEqual(len(captures), 1)
        self.assertLess(os.path.getsize(self.output("burn.filperf", captures[0])), 1 << 20)

    def test_again_other_formats_and_selections(self):
        self.filperf("run", "--", PYTHON, "burn.py")
        first = self.read("outputs/perf/burn-pyspy.svg")
        r = self.filperf("report", self.output("burn.filperf"), "--spy-output", "svg,json", "--quiet")
        self.assertEqual((r.returncode, r.stdout, r.stderr), (0, "", ""))
        self.assertEqual(self.read("outputs/perf/burn-pyspy.svg"), first)
        self.assertIn("functions", json.loads(self.read("outputs/perf/burn-pyspy.json")))
        for where in ("outputs/perf", "outputs/perf/burn.filperf"):
            self.assertEqual(self.filperf("report", where).returncode, 0)
        self.assertEqual(self.filperf("report").returncode, 0)

    def test_two_formats_for_one_file(self):
        self.filperf("run", "-o", "one.raw", "--", PYTHON, "burn.py")
        alone = self.read("one.raw")
        r = self.filperf("report", "outputs/perf", "--spy-output", "svg,raw", "--quiet")
        self.assertEqual((r.returncode, r.stdout, r.stderr), (0, "", ""))
        self.assertEqual(self.read("one.raw"), alone)
        self.assertEqual([n for n in os.listdir(self.work) if n.startswith((".one", "one"))], ["one.raw"])

    def test_render_0_leaves_the_capture(self):
        r = self.filperf("run", "--render=0", "--", PYTHON, "burn.py")
        self.assertEqual(os.listdir(self.output()), ["burn.filperf"])
        self.assertIn("next: filperf report", r.stderr)
        self.assertEqual(self.filperf("report").returncode, 0)
        self.assertTrue(os.path.exists(self.output("burn-pyspy.svg")))

    def test_convert_flamegraph_top(self):
        self.filperf("run", "--spy-output", "raw,json,prof", "--", PYTHON, "burn.py")
        inputs = ["outputs/perf/burn.filperf", "outputs/perf/burn-pyspy.raw", "outputs/perf/burn-pyspy.json",
                  "outputs/perf/burn-pyspy.prof"]
        inputs += [os.path.join(inputs[0], n) for n in os.listdir(self.output("burn.filperf")) if n.endswith(".fpc")]
        for i in inputs:
            for arguments in (("flamegraph", "-i", i, "-o", "x.svg"), ("convert", i, "-o", "x.raw"),
                              ("convert", "--input", i, "-f", "json", "-o", "-"), ("top", i, "--lines")):
                r = self.filperf(*arguments)
                self.assertEqual((r.returncode, r.stderr), (0, ""), arguments)
            self.assertIn("burn", self.read("x.svg"))
            self.assertIn("burn", self.read("x.raw"))
        r = self.filperf("top", inputs[0], "--diff", inputs[1], "--limit", "3", "--sort", "total")
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        self.assertNotIn("\033", r.stdout)
        r = self.filperf("convert", inputs[0], "-o", "x.unknown")
        self.assertEqual(r.returncode, 2)
        self.one_line(r.stderr, "x.unknown", "speedscope")
        r = self.filperf("convert", inputs[0], "-o", "/no/such/dir/x.svg")
        self.assertEqual(r.returncode, 1)
        self.one_line(r.stderr, "/no/such/dir/x.svg")

    def test_bad_inputs(self):
        self.write("text.fpc", "no capture")
        self.write("empty", "")
        os.mkdir(os.path.join(self.work, "dir"))
        for arguments in (("top", "text.fpc"), ("top", "empty"), ("top", "missing"), ("report", "missing"), ("report", "dir"),
                          ("report", "text.fpc"), ("top",), ("report",), ("convert", "dir", "-o", "x.svg")):
            r = self.filperf(*arguments)
            self.assertEqual((r.returncode, r.stdout), (1, ""), arguments)
            self.one_line(r.stderr)


class Labels(Case):
    def label_of(self, *command, **more):
        r = self.filperf("run", *command, **more)
        self.assertEqual(r.returncode, 0, r.stderr)
        labels = [n[:-len(".filperf")] for n in os.listdir(self.output()) if n.endswith(".filperf")]
        shutil.rmtree(os.path.join(self.work, "outputs"))
        self.assertEqual(len(labels), 1)
        return labels[0]

    def test_first_python_names_the_run(self):
        self.write("mod.py", support.BURN)
        self.assertEqual(self.label_of(PYTHON, "burn.py"), "burn")
        self.assertEqual(self.label_of(PYTHON, "-m", "mod", "0.1"), "mod")
        self.assertEqual(self.label_of("sh", "-c", "%s burn.py 0.1; true" % PYTHON), "burn")
        self.assertEqual(self.label_of("env", "A=1", PYTHON, "burn.py", "0.1"), "burn")
        script = self.write("tool", "#!%s\n%s" % (PYTHON, support.BURN))
        os.chmod(script, 0o755)
        self.assertEqual(self.label_of("./tool", "0.1"), "tool")

    def test_program_names_a_run_without_python(self):
        self.assertEqual(self.label_of("sh", "-c", "true; true"), "sh")

    def test_set_label_is_made_safe(self):
        self.assertEqual(self.label_of("--run-label", "my run", "--", PYTHON, "burn.py", "0.1"), "my_run")
        self.assertEqual(self.label_of("--run-label", "../../etc/x", "--", PYTHON, "burn.py", "0.1"), "_.._etc_x")

    def test_same_label_later_is_overwritten(self):
        for _ in range(2):
            self.filperf("run", "--spy-enabled", "--", PYTHON, "burn.py", "0.1")
            time.sleep(1.1)
        self.assertEqual(sorted(os.listdir(self.output())), ["burn-pyspy.svg", "burn.filperf"])
        self.assertEqual(len([n for n in os.listdir(self.output("burn.filperf")) if n.endswith(".fpc")]), 1)

    def test_label_in_use_gets_a_number(self):
        code = "import sys, time; print('begin', flush=True); sys.stdin.readline()"
        self.write("wait.py", code)
        first = self.start(FILPERF, "run", "--", "sh", "-c", "%s burn.py 4" % PYTHON)
        self.assertEqual(first.stdout.readline(), "begin\n")
        r = self.filperf("run", "--", PYTHON, "burn.py", "0.1")
        self.assertEqual(r.returncode, 0)
        self.assertTrue(os.path.exists(self.output("burn-2.filperf")), os.listdir(self.output()))
        self.assertTrue(os.path.exists(self.output("burn-2-pyspy.svg")))
        self.assertFalse(os.path.exists(self.output("burn.filperf")))
        first.communicate(timeout=60)
        self.assertTrue(os.path.exists(self.output("burn.filperf")))
        self.assertTrue(os.path.exists(self.output("burn-2.filperf")))


class Trouble(Case):
    def test_unwritable_output(self):
        self.write("outputs/perf", "a file is in the way")
        r = self.filperf("run", "--", PYTHON, "burn.py")
        self.assertEqual(r.returncode, 0)
        self.one_line(r.stderr, "outputs/perf", "the captures stay in", "filperf report")
        self.assertEqual(len(self.runs()), 1)
        r = self.filperf("report", os.path.join(self.base, self.runs()[0]))
        self.assertEqual((r.returncode, r.stdout), (1, ""))
        self.one_line(r.stderr, "outputs/perf")
        os.unlink(self.output())
        self.assertEqual(self.filperf("report").returncode, 0)
        self.assertTrue(os.path.exists(self.output("burn-pyspy.svg")))
        self.assertEqual(self.runs(), [])

    def test_full_disk(self):
        full = os.path.join(self.dir, "full")
        os.mkdir(full)
        if self.call("mount", "-t", "tmpfs", "-o", "size=16k", "none", full).returncode:
            self.skipTest("cannot mount")
        self.addCleanup(self.call, "umount", full)
        r = self.filperf("run", "--output-dir", full, "--", PYTHON, "burn.py")
        self.assertEqual(r.returncode, 0)
        self.one_line(r.stderr, full, "No space left", "captures stay in")
        self.assertEqual(os.listdir(full), [])
        self.assertEqual(len(self.runs()), 1)
        self.assertEqual(self.filperf("report", "--output-dir", "here").returncode, 0)
        self.assertTrue(os.path.exists(os.path.join(self.work, "here", "burn-pyspy.svg")))

    def test_file_size_limit(self):
        r = self.call("bash", "-c", "ulimit -f 8; exec \"$@\"", "bash", FILPERF, "run", "--", "sh", "-c", "exit 3")
        self.assertEqual(r.returncode, 3, r.stderr)
        self.filperf("run", "--quiet", "--render=0", "--", PYTHON, "burn.py")
        r = self.call("bash", "-c", "ulimit -f 1; exec \"$@\"", "bash", FILPERF, "report")
        self.assertEqual(r.returncode, 1)
        self.one_line(r.stderr, "File too large", "ulimit -f")
        self.assertEqual(os.listdir(self.output()), ["burn.filperf"])

    def test_a_run_that_cannot_be_read_leaves_nothing(self):
        self.write("outputs/perf", "a file is in the way")
        self.filperf("run", "--", PYTHON, "burn.py")
        os.unlink(self.output())
        os.rmdir(os.path.join(self.work, "outputs"))
        r = self.filperf("report", "--process", "nobody")
        self.assertEqual((r.returncode, r.stdout), (1, ""))
        self.one_line(r.stderr, "no process of this run matches nobody")
        self.assertFalse(os.path.exists(os.path.join(self.work, "outputs")))
        self.assertEqual(len(self.runs()), 1)
        os.makedirs(self.output())
        self.assertEqual(self.filperf("report", "--process", "nobody").returncode, 1)
        self.assertEqual(os.listdir(self.output()), [])

    def test_runs_that_wait_are_mentioned(self):
        os.makedirs(os.path.join(self.base, "4000000-1-P"), mode=0o700)
        os.chmod(self.base, 0o700)
        self.filperf("run", "--quiet", "--", PYTHON, "burn.py")
        r = self.filperf("report")
        self.assertEqual(r.returncode, 0)
        self.one_line(r.stderr, "1 more run waits", "filperf ps")

    def test_deleted_output_directory_and_chdir(self):
        code = "import os; os.makedirs('outputs/perf'); os.rmdir('outputs/perf'); os.rmdir('outputs'); os.chdir('/')"
        r = self.filperf("run", "--run-label", "x", "--", PYTHON, "-c", code)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertTrue(os.path.exists(self.output("x-pyspy.svg")))

    def test_nothing_recorded(self):
        r = self.filperf("run", "--", PYTHON, "burn.py", "0.05", env={"PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(r.returncode, 0)
        r = self.filperf("run", "--quiet", "--", "true")
        self.assertEqual(r.returncode, 0)
        self.assertEqual(self.runs(), [])


class Going(Case):
    def test_ps_top_and_report_of_a_run_that_goes_on(self):
        p = self.start(FILPERF, "run", "--", PYTHON, "burn.py", "60")
        self.assertEqual(p.stdout.readline(), "begin\n")
        time.sleep(1)
        ps = self.filperf("ps").stdout
        self.assertRegex(ps, r"running +\S+ +1 +1 +burn ")
        run = os.path.join(self.base, self.runs()[0])
        self.assertIn(run, ps)
        self.assertIn(", still running\n", self.filperf("top").stdout)
        for arguments in (("top",), ("top", run), ("top", "-l", "-i", run), ("convert", run, "-o", "x.raw")):
            r = self.filperf(*arguments)
            self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("burn (burn.py:", self.read("x.raw"))
        live = self.start(FILPERF, "top", "--live", "--every", "0.2")
        time.sleep(1)
        live.send_signal(signal.SIGINT)
        out, err = live.communicate(timeout=30)
        self.assertEqual((live.returncode, err), (0, ""))
        self.assertGreaterEqual(out.count("burn.py"), 2)
        r = self.filperf("report")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(len(self.runs()), 1)
        p.terminate()
        p.communicate(timeout=60)
        self.assertEqual(p.returncode, -signal.SIGTERM)
        self.assertEqual(self.runs(), [])

    def test_live_ends_with_the_run(self):
        p = self.start(FILPERF, "run", "--quiet", "--", PYTHON, "burn.py", "2")
        self.assertEqual(p.stdout.readline(), "begin\n")
        time.sleep(0.5)
        r = self.filperf("top", "--live", "--every", "0.2", timeout=60)
        self.assertEqual(r.returncode, 0, r.stderr)
        p.communicate(timeout=60)

    def test_what_outlives_the_run_joins_later(self):
        self.write("daemon.py", support.BURN + "\nopen('done', 'w').close()\n")
        r = self.filperf("run", "--", "sh", "-c",
                         "%s burn.py 0.2; %s daemon.py 3 >/dev/null 2>&1 & sleep 1" % (PYTHON, PYTHON))
        self.assertEqual(r.returncode, 0)
        self.assertIn("1 process of the run still runs and joins", r.stderr)
        self.assertEqual(len(self.runs()), 1)
        self.assertIn("outlived", self.filperf("ps").stdout)
        self.wait_for("the daemon's end", lambda: os.path.exists(os.path.join(self.work, "done")))
        time.sleep(0.5)
        r = self.filperf("report")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertNotIn("still run", r.stdout)
        self.assertIn("daemon.py:", r.stdout)
        self.assertEqual(self.runs(), [])
        self.assertEqual([n for n in os.listdir(self.output()) if n.endswith(".filperf")], ["burn.filperf"])


if __name__ == "__main__":
    support.main()
