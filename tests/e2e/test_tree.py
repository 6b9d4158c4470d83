#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every process of the tree is in the report, with its own CPU, however it
was started."""

import os
import shutil
import time

from recorded import PYTHON, Recorded, SOURCE, main

SECONDS = 0.12


class Tree(Recorded):
    def setUp(self):
        super().setUp()
        shutil.copy(os.path.join(SOURCE, "tests", "e2e", "tree_program.py"), os.path.join(self.work, "tree.py"))

    def check(self, way, *arguments, n_children=1, parent=True, plain=False):
        report = self.record(PYTHON, "tree.py", way, *arguments, plain=plain)
        said = {int(w[1]): float(w[2]) for w in (line.split() for line in self.stdout.splitlines()) if w[0] == "cpu"}
        self.assertEqual(report.label, "tree")
        self.assertEqual(len(said), n_children + parent, self.stdout)
        by_pid = {}
        for t in report.json["threads"]:
            by_pid[t["process_id"]] = by_pid.get(t["process_id"], 0) + t["time"]
        for pid, cpu in said.items():
            # what comes after the line is in the report too
            self.assertGreater(by_pid.get(pid, 0), cpu - 0.01, (way, pid))
            self.assertLess(by_pid[pid], cpu + 0.25, (way, pid))
        self.assert_near(report.seconds("child_work"), n_children * SECONDS)
        if parent:
            self.assert_near(report.seconds("parent_work"), SECONDS)
        return report

    def test_fork(self):
        self.check("by_fork")
        self.check("by_fork", plain=True)

    def test_fork_of_a_fork(self):
        self.check("by_fork_of_fork", n_children=2)

    def test_fork_in_a_thread(self):
        self.check("by_fork_in_thread")

    def test_exec_keeps_both_images(self):
        report = self.check("by_exec", parent=False, plain=True)
        self.assert_near(report.seconds("parent_work"), SECONDS)

    def test_subprocess(self):
        self.check("by_subprocess")
        self.check("by_subprocess", plain=True)

    def test_subprocess_with_a_function_before_exec(self):
        self.check("by_subprocess_without_vfork")

    def test_posix_spawn(self):
        self.check("by_posix_spawn")

    def test_posix_spawn_of_libc(self):
        self.check("by_vfork")

    def test_system(self):
        self.check("by_system")

    def test_popen(self):
        self.check("by_popen")

    def test_multiprocessing_fork(self):
        self.check("by_multiprocessing", "fork", n_children=2)

    def test_multiprocessing_spawn(self):
        self.check("by_multiprocessing", "spawn", n_children=2)

    def test_multiprocessing_forkserver(self):
        self.check("by_multiprocessing", "forkserver", n_children=2)

    def test_pool_by_fork(self):
        report = self.record(PYTHON, "tree.py", "by_pool", "fork")
        self.assert_near(report.seconds("child_work"), 2 * SECONDS)

    def test_pool_by_spawn(self):
        report = self.record(PYTHON, "tree.py", "by_pool", "spawn")
        self.assert_near(report.seconds("child_work"), 2 * SECONDS)

    def test_subprocesses_0_leaves_the_first_process(self):
        report = self.record(PYTHON, "tree.py", "by_subprocess", options=["--spy-subprocesses=0"])
        self.assertEqual(len(report.processes), 1)
        self.assertEqual(report.seconds("child_work"), 0)
        self.assert_near(report.seconds("parent_work"), SECONDS)

    def test_process_roots_only_with_several_processes(self):
        self.record(PYTHON, "tree.py", "by_fork", env={"FIL_PERF_SPY_OUTPUT": "json,raw"})
        lines = self.read("outputs", "perf", "tree-pyspy.raw").splitlines()
        self.assertTrue(all(line.startswith('process ') for line in lines), lines)
        self.assertIn(1, {line.count(";process ") for line in lines}, lines)
        self.record(PYTHON, "tree.py", "child", env={"FIL_PERF_SPY_OUTPUT": "json,raw"})
        lines = self.read("outputs", "perf", "tree-pyspy.raw").splitlines()
        self.assertFalse([line for line in lines if line.startswith("process ")], lines)

    def chains(self, path):
        """The process roots of each line with child_work."""
        return {
            tuple(int(root.split()[1].split(":")[0]) for root in line.split(";") if root.startswith("process "))
            for line in self.read(*path).splitlines()
            if ";child_work (" in line
        }

    def test_processes_lie_below_their_parents(self):
        shell = "%s tree.py child; true" % PYTHON
        for way, command in (
            ("by_fork_of_fork", (PYTHON, "tree.py", "by_fork_of_fork")),
            ("sh", (PYTHON, "-c", "import subprocess; subprocess.run(['sh', '-c', %r])" % shell)),
        ):
            with self.subTest(way=way):
                report = self.record(*command, options=["--run-label", "tree"], env={"FIL_PERF_SPY_OUTPUT": "json,raw"})
                parent_of = {p["process_id"]: p["parent_process_id"] for p in report.processes}
                first = next(pid for pid, parent in parent_of.items() if not parent)
                chains = self.chains(("outputs", "perf", "tree-pyspy.raw"))
                self.assertEqual(max(map(len, chains)), 3, chains)
                for chain in chains:
                    self.assertEqual(chain[0], first, chains)
                    self.assertEqual([parent_of[pid] for pid in chain[1:]], list(chain[:-1]))
                # and again from what was written
                for suffix in ("raw", "json"):
                    result = self.filperf("convert", "-i", self.output("tree-pyspy." + suffix), "-o", "again.raw")
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertEqual(self.chains(("again.raw",)), chains)


DAEMON = """
import os, sys, time
from burner import burn
def first_work():
    burn(0.1)
def daemon_work():
    burn(0.2)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    while not os.path.exists("go"):
        time.sleep(0.01)
    daemon_work()
    open("over", "w").close()
    os._exit(0)
first_work()
"""


class Daemon(Recorded):
    def test_what_outlives_the_run_is_counted_and_joins_at_the_next_report(self):
        report = self.python(DAEMON, name="daemon.py")
        self.assertEqual(report.label, "daemon")
        self.assert_near(report.seconds("first_work"), 0.1)
        self.assertEqual(report.seconds("daemon_work"), 0)
        self.assertIn("1 process of the run still runs", self.summary())
        self.assertEqual(len(self.runs()), 1)
        open(os.path.join(self.work, "go"), "w").close()
        self.wait_for("the daemon's end", lambda: os.path.exists(os.path.join(self.work, "over")))
        time.sleep(0.1)
        again = self.filperf("report", "--spy-output", "json")
        self.assertEqual(again.returncode, 0, again.stderr)
        report = self.report("daemon")
        self.assert_near(report.seconds("daemon_work"), 0.2)
        self.assert_near(report.seconds("first_work"), 0.1)
        self.assertEqual(self.runs(), [])


if __name__ == "__main__":
    main()
