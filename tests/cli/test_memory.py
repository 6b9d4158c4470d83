# SPDX-License-Identifier: Apache-2.0
"""filperf memory, filperf snapshot, the memory files of a run."""

import json
import os
import time

import support
from support import FILPERF, PYTHON, Case

HOLD = """
import sys, time
kept = []
def hold(n):
    for i in range(n):
        kept.append(bytearray(100000))
def pass_through(n):
    for i in range(n):
        bytearray(50000)
hold(80)
pass_through(2000)
end = time.monotonic() + float(sys.argv[1])
print("held", flush=True)
while time.monotonic() < end:
    time.sleep(0.001)
"""
REPORTS = ("table", "tree", "summary", "stats", "leaks", "temporary")


class Memory(Case):
    def setUp(self):
        super().setUp()
        self.write("hold.py", HOLD)

    def record(self, *options, seconds="0.2"):
        r = self.filperf("run", "--memray-format", "table,tree,summary,stats", *options, "--", PYTHON, "hold.py", seconds)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stderr

    def report(self, *arguments):
        r = self.filperf("memory", *arguments)
        self.assertEqual((r.returncode, r.stderr), (0, ""), arguments)
        return r.stdout

    def rows(self, *arguments):
        return json.loads(self.report(*arguments, "--json"))

    def test_files_of_a_run(self):
        summary = self.record("--memray-enabled")
        suffixes = ["memray.%s.%s" % (name, kind) for name in ("table", "tree", "summary", "stats") for kind in ("txt", "json")]
        expected = {"hold-" + s for s in suffixes + ["memory-final.txt"]} | {"hold.filperf"}
        self.assertEqual(set(os.listdir(self.output())), expected)
        self.assertRegex(summary, r"\nmemory: peak \d+\.\d MiB after \d+\.\d\d s, .*; most: hold \(hold.py:6\) 7\.\d MiB; exact\n")
        self.assertLessEqual(len(summary.splitlines()), 12)
        final = self.read("outputs/perf/hold-memory-final.txt")
        self.assertRegex(final, r"\n#1: .*/hold.py:6: 7\.\d MiB\n    kept.append\(bytearray\(100000\)\)\n")
        self.assertIn("Total allocated size: ", final)
        for name in ("table", "stats"):
            self.assertEqual(self.read("outputs/perf/hold-memray.%s.txt" % name), self.report(name), name)

    def test_each_file_is_made_once(self):
        r = self.filperf("run", "--", PYTHON, "hold.py", "0")
        names = next(line for line in r.stderr.splitlines() if line.startswith("reports in ")).split(": ")[1].split()
        names = [n.strip(",") for n in names]
        self.assertEqual(len(names), len(set(names)), names)
        self.assertEqual(set(names), set(os.listdir(self.output())))
        self.assertIn("hold-memray.bin", names)
        self.assertRegex(r.stderr, "\nmemory: of memray, stats, .* want FIL_PERF_MEMRAY_EXACT=1\n")

    def test_each_process_has_its_peak_and_its_capture(self):
        self.write("tree.py", "import subprocess, sys\nkept = [bytearray(100000) for i in range(20 if sys.argv[1:] else 90)]\n"
                   "if not sys.argv[1:]:\n  subprocess.run([sys.executable, 'tree.py', 'child'])\n")
        r = self.filperf("run", "--exact", "--memray-format", "bin", "--", PYTHON, "tree.py")
        self.assertEqual(r.returncode, 0, r.stderr)
        pids = [int(n.split(".")[1]) for n in os.listdir(self.output()) if n.startswith("tree-memray.") and n.count(".") == 2]
        self.assertEqual(len(pids), 1)
        self.assertIn(" tree-memray.bin (+1) ", r.stderr)
        self.assertRegex(r.stderr, r"\nmemory: peak \d+\.\d MiB after \d\.\d\d s in pid \d+, .*; most: \S+ \(tree.py:2\) 8\.6 MiB; exact\n")
        rows = [r for r in self.rows("table")["rows"] if r["file"].endswith("tree.py") and r["bytes"] > 1e6]
        self.assertEqual([round(r["bytes"] / 1e5) for r in rows], [90, 20])
        self.assertEqual(rows[1]["pid"], pids[0])

    def test_figures(self):
        self.record("--exact")
        table = self.rows("table")["rows"][0]
        self.assertEqual((table["function"], table["line"]), ("hold", 6))
        # the buffers, and the one of the list that keeps them
        self.assertIn(table["count"], (80, 81))
        self.assertTrue(8e6 < table["bytes"] < 8.1e6, table)
        functions = {r["function"]: r for r in self.rows("summary", "--view", "all")["rows"]
                     if r["file"].endswith("/hold.py")}
        self.assertTrue(100e6 < functions["pass_through"]["own_bytes"] < 101e6, functions["pass_through"])
        self.assertGreater(functions["<module>"]["total_bytes"], 108e6)
        tree = self.rows("tree")
        leaf = next(i for i, n in enumerate(tree["nodes"]) if n["function"] == "hold")
        above = tree["nodes"][tree["nodes"][leaf]["parent"]]
        self.assertEqual(above["function"], "<module>")
        self.assertGreaterEqual(above["bytes"], tree["nodes"][leaf]["bytes"])
        stats = self.rows("stats")
        self.assertEqual(stats["top_allocations_by_size"][0]["location"].split(":")[::2], ["pass_through", "9"])
        self.assertEqual(sum(b["count"] for b in stats["allocation_size_histogram"]), stats["total_num_allocations"])
        self.assertEqual(sum(stats["allocator_type_distribution"].values()), stats["total_num_allocations"])
        temporary = self.rows("temporary")["rows"][0]
        self.assertEqual((temporary["function"], temporary["line"]), ("pass_through", 9))
        held = {r["line"]: r for r in self.rows("leaks")["rows"] if r["function"] == "hold"}
        self.assertEqual(held[6]["verdict"], "held")
        balance = self.rows("summary")["balance"][0]
        items = [v for k, v in balance.items() if k.endswith("_bytes") and k not in ("peak_bytes", "vm_hwm_bytes")]
        self.assertEqual(sum(items), balance["vm_hwm_bytes"])

    def test_sampled_figures_have_an_interval(self):
        self.record()
        row = next(r for r in self.rows("table")["rows"] if r["function"] == "hold" and r["line"] == 6)
        self.assertLess(abs(row["bytes"] - 8e6), 2 * row["interval_bytes"])
        self.assertRegex(self.report("table"), r"\+- ")
        self.assertRegex(self.report("table"), r"mode: system allocators exact; Python's sampled each 64.0 KiB")

    def test_words_and_inputs(self):
        self.record("--memray-enabled")
        for name in REPORTS:
            self.assertIn("hold", self.report(name, "-n", "3"))
            self.report(name, "-i", self.output("hold.filperf"), "--json", "-o", "x.json")
            json.loads(self.read("x.json"))
        for arguments in ((), ("nonsense",), ("table", "--limit", "x"), ("table", "--view", "x"), ("flamegraph", "--json"),
                          ("table", "a", "b")):
            r = self.filperf("memory", *arguments)
            self.assertEqual((r.returncode, r.stdout), (2, ""), arguments)
            self.one_line(r.stderr)

    def test_without_memory(self):
        self.filperf("run", "--spy-enabled", "--", PYTHON, "hold.py", "0.1")
        r = self.filperf("memory", "table")
        self.assertEqual((r.returncode, r.stdout), (1, ""))
        self.one_line(r.stderr, "no memory was recorded", "FIL_PERF_MEMRAY_ENABLED=1")
        self.filperf("run", "--output-dir", "other", "--", "sh", "-c", "true; true")
        names = os.listdir(os.path.join(self.work, "other"))
        self.assertFalse([n for n in names if "mem" in n], names)
        r = self.filperf("memory", "table", "other/sh.filperf")
        self.one_line(r.stderr, "no memory was recorded", "CPython")

    def test_output_names_the_base(self):
        self.record("--memray-enabled", "--memray-output", "else/where")
        self.assertIn("where.table.txt", os.listdir(os.path.join(self.work, "else")))
        self.assertEqual(sorted(os.listdir(self.output())), ["hold-memory-final.txt", "hold.filperf"])

    def test_snapshots(self):
        p = self.start(FILPERF, "run", "--memray-snapshot-s", "1", "--", PYTHON, "hold.py", "3.5")
        self.assertEqual(p.stdout.readline(), "held\n")
        time.sleep(0.3)
        pid = next(line.split()[0] for line in self.filperf("ps").stdout.splitlines() if "running" in line)
        r = self.filperf("snapshot", pid, "-o", "-")
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        self.assertRegex(r.stdout, r"hold.py:6: \d\.\d \+- \d\.\d MiB\n    kept.append")
        self.assertFalse(os.path.exists(self.output()))
        r = self.filperf("snapshot", pid)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertTrue(os.path.exists(r.stdout.strip()))
        self.assertEqual(p.wait(60), 0)
        self.assertIn("hold-memory-snapshot-1.txt (+", p.stderr.read())
        p.stdout.close()
        p.stderr.close()
        self.assertIn("kept.append", self.read("outputs/perf/hold-memory-snapshot-2.txt"))
        for arguments in (("1",), ("x",), ()):
            r = self.filperf("snapshot", *arguments)
            self.assertNotEqual(r.returncode, 0)
            self.one_line(r.stderr, "filperf ps")


if __name__ == "__main__":
    support.main()
