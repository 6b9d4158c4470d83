# SPDX-License-Identifier: Apache-2.0
"""Captures for Memray in front of Memray 1.20 itself: its reader finds each
allocation, the peak and the survivors where the capture's maker put them, and
its commands work.  Wants memray in this Python or in $FP_PEERS."""
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

BUILD = os.environ["FP_BUILD"]
VERSION = "1.20."
BRK, MMAP = 16, 14

sys.path.insert(0, os.path.join(os.environ["FP_SOURCE"], "tests", "deps"))
from memray_here import FREES, check, end, memray, same  # noqa: E402


def run(*args, **kw):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **kw)


def command(*args, env=None):
    r = run(sys.executable, "-m", "memray", *args, env={**os.environ, **(env or {})})
    return r.returncode, r.stdout.decode() + r.stderr.decode()


def stack_of(record, native):
    frames = record.hybrid_stack_trace() if native else record.stack_trace()
    # native frames: files and lines depend on how the library was compiled
    return tuple(f if f[1].endswith(".py") or f[1] == "<filperf>" else f[:1] for f in frames)


def sums(records, native):
    out = defaultdict(lambda: (0, 0))
    for r in records:
        key = r.tid, stack_of(r, native)
        out[key] = out[key][0] + r.n_allocations, out[key][1] + r.size
    return dict(out)


def wanted(facts, n, n_bytes):
    out = defaultdict(lambda: (0, 0))
    for c in facts["cells"]:
        key = c["tid"], tuple(tuple(f) for f in c["stack"])
        out[key] = out[key][0] + c[n], out[key][1] + c[n_bytes]
    return {k: v for k, v in out.items() if v[0]}


def check_sums(name, reader, facts, native):
    same(f"{name}: the peak in bytes", reader.metadata.peak_memory, facts["peak_bytes"])
    same(f"{name}: the peak by thread and stack",
         sums(reader.get_high_watermark_allocation_records(merge_threads=False), native),
         wanted(facts, "n_peak", "peak_bytes"))
    same(f"{name}: the survivors by thread and stack",
         sums(reader.get_leaked_allocation_records(merge_threads=False), native),
         wanted(facts, "n_live", "live_bytes"))


def check_events(name, reader, facts, native):
    found, frees, totals, names = Counter(), 0, defaultdict(lambda: (0, 0)), {}
    for r in reader.get_allocation_records():
        names[r.tid] = r.thread_name
        if r.allocator in FREES:
            frees += 1
            continue
        found[r.allocator] += 1
        key = r.tid, stack_of(r, native)
        totals[key] = totals[key][0] + 1, totals[key][1] + r.size
    want = Counter()
    for allocator, n in facts["allocators"].items():
        want[MMAP if int(allocator) == BRK else int(allocator)] += n
    same(f"{name}: allocations by allocator", dict(found), dict(want))
    same(f"{name}: records", sum(found.values()) + frees, facts["n_events"])
    same(f"{name}: allocations by thread and stack", dict(totals), wanted(facts, "n_allocs", "alloc_bytes"))
    same(f"{name}: names of threads", names, {c["tid"]: c["thread"] for c in facts["cells"]})


def check_metadata(name, reader, path, full, native):
    m = reader.metadata
    form = memray.FileFormat.ALL_ALLOCATIONS if full else memray.FileFormat.AGGREGATED_ALLOCATIONS
    same(f"{name}: format", m.file_format, form)
    same(f"{name}: native stacks", m.has_native_traces, native)
    same(f"{name}: Python's allocations are in", m.trace_python_allocators, True)
    same(f"{name}: pid and main thread", (m.pid, m.main_thread_id), (4242, 4242))
    same(f"{name}: allocator", m.python_allocator, "pymalloc")
    same(f"{name}: command", m.command_line, r"python3.12 /home/u/project/app.py 'it'\''s'")
    same(f"{name}: start", m.start_time.timestamp(), 1700000000.0)
    if name != "cut":
        same(f"{name}: end", m.end_time.timestamp(), 1700000002.5)
    if not native:
        found = re.search(r" libdest=(.*)$", command("parse", path)[1].splitlines()[0])
        same(f"{name}: where modules lie", found and found[1],
             "/usr/lib/python3.12 site_packages=[/usr/lib/python3.12/site-packages] sys.path=[/home/u/project]")


REPORTS = [("flamegraph",), ("flamegraph", "--leaks"), ("table",), ("table", "--leaks"),
           ("transform", "csv"), ("transform", "gprof2dot"), ("transform", "speedscope"),
           ("transform", "csv", "--leaks")]
FULL_REPORTS = [("flamegraph", "--temporary-allocations"), ("flamegraph", "--temporal"),
                ("flamegraph", "--temporal", "--leaks"), ("table", "--temporary-allocations"),
                ("stats", "--json")]


def check_commands(name, path, folder, full, needles):
    for args in REPORTS + (FULL_REPORTS if full else []):
        out = os.path.join(folder, "report")
        if os.path.exists(out):
            os.unlink(out)
        status, text = command(*args, "-f", "-o", out, path)
        check(f"{name}: memray {' '.join(args)}", status == 0 and os.path.getsize(out) > 100, text[-800:])
        if status == 0 and args[0] in ("flamegraph", "table") and len(args) == 1:
            page = open(out, encoding="utf-8").read()
            check(f"{name}: functions are in the {args[0]}", all(n in page for n in needles))
    for args in (("summary",), ("tree",)) + ((("stats",), ("tree", "--temporary-allocations")) if full else ()):
        status, text = command(*args, path, env={"TEXTUAL_PRESS": "q", "COLUMNS": "200", "LINES": "50"})
        check(f"{name}: memray {' '.join(args)}", status == 0 and len(text) > 100, text[-800:])
    if not full:
        for args in (("stats",), ("flamegraph", "--temporary-allocations"), ("flamegraph", "--temporal")):
            status, text = command(*args, *(() if args[0] == "stats" else ("-f", "-o", os.path.join(folder, "no"))),
                                   path)
            check(f"{name}: memray {' '.join(args)} says what it needs",
                  status and "aggregated capture file" in text, text[-300:])


def render(folder, name):
    run_folder = os.path.join(folder, name)
    r = run(os.path.join(BUILD, "tests", "memory_cells"), run_folder, run_folder)
    check(f"{name}: written", r.returncode == 0 and not r.stderr, r.stderr.decode()[-500:])
    return os.path.join(run_folder, "0.bin")


def check_timeline(name, reader, facts):
    found = [[s.time - 1700000000000, s.rss, s.heap] for s in reader.get_memory_snapshots()]
    want = facts["points"][:len(found)] if name == "cut" else facts["points"]
    check(f"{name}: the timeline", len(found) > 20 and found == want, (found[:5], want[:5]))


def main():
    if not memray.__version__.startswith(VERSION):
        print(f"SKIP: memray is {memray.__version__}, wanted {VERSION}x")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        lib = os.path.join(BUILD, "tests", "lib")
        subprocess.run([os.path.join(BUILD, "tests", "make_memray_captures"), folder,
                        lib + "memray_first_lib.so", lib + "memray_other_lib.so"], check=True)
        for name, full, native in (("exact", True, False), ("sampled", False, False),
                                   ("native", True, True), ("native_sums", False, True), ("cut", True, False)):
            path = render(folder, name)
            with open(os.path.join(folder, name + ".json"), encoding="utf-8") as f:
                facts = json.load(f)
            reader = memray.FileReader(path)
            check_metadata(name, reader, path, full, native)
            check_timeline(name, reader, facts)
            if name == "cut":
                n = sum(1 for _ in reader.get_allocation_records())
                check("cut: what was left is there", 1000 < n < facts["n_events"], n)
            else:
                check_sums(name, reader, facts, native)
                if full:
                    check_events(name, reader, facts, native)
            check_commands(name, path, folder, full, ["work"] + (["eval_outer"] if native else ["na\\u00efve"]))
    return end()


if __name__ == "__main__":
    sys.exit(main())
