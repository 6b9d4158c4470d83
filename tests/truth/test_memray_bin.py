# SPDX-License-Identifier: Apache-2.0
"""What Memray's own reader finds in the .bin of a run is what filperf has in
its cells: each allocation, the peak and the survivors by stack, to the byte.
usage: test_memray_bin.py; wants memray in this Python or in $FP_PEERS."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict

SOURCE, BUILD, AGENT = os.environ["FP_SOURCE"], os.environ["FP_BUILD"], os.environ["FP_AGENT"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "deps"))
import pythons  # noqa: E402
from memray_here import FREES, check, end, memray, same  # noqa: E402
from temporaries import Temporaries, proof  # noqa: E402


def memray_sums(records, native):
    out = defaultdict(lambda: (0, 0))
    for r in records:
        frames = r.hybrid_stack_trace() if native else r.stack_trace()
        key = tuple(tuple(f) for f in frames)
        out[key] = out[key][0] + r.n_allocations, out[key][1] + r.size
    return dict(out)


def own_sums(cells, n, n_bytes):
    out = defaultdict(lambda: (0, 0))
    for c in cells:
        key = tuple(tuple(f[:3]) for f in c["stack"])
        out[key] = out[key][0] + c[n], out[key][1] + (c[n_bytes] if n_bytes else 0)
    return {k: v for k, v in out.items() if v[0]}


def compare(name, process, path):
    cells, reader = process["cells"], memray.FileReader(path)
    check(f"{name}: something was recorded", sum(c["n_allocs"] for c in cells) > 10000)
    same(f"{name}: the peak", reader.metadata.peak_memory, process["peak_bytes"])
    same(f"{name}: whose blocks", reader.metadata.python_allocator, "mimalloc" if name.split(" ")[0].endswith("t") else "pymalloc")
    same(f"{name}: the peak of all cells", sum(c["peak_bytes"] for c in cells), process["peak_bytes"])
    same(f"{name}: what lives, of all cells", sum(c["live_bytes"] for c in cells), process["heap_bytes"])
    same(f"{name}: the peak by stack", memray_sums(reader.get_high_watermark_allocation_records(), False),
         own_sums(cells, "n_peak", "peak_bytes"))
    same(f"{name}: what lives, by stack", memray_sums(reader.get_leaked_allocation_records(), False),
         own_sums(cells, "n_live", "live_bytes"))
    found, temporaries = defaultdict(lambda: (0, 0)), Temporaries(process["threshold"])
    for r in reader.get_allocation_records():
        temporaries.add(r)
        if r.allocator not in FREES:
            found[r.allocator] = found[r.allocator][0] + 1, found[r.allocator][1] + r.size
    want = defaultdict(lambda: (0, 0))
    for c in cells:
        key = min(c["allocator"], 14)
        want[key] = want[key][0] + c["n_allocs"], want[key][1] + c["alloc_bytes"]
    # a mapping that is cut in two is one more to the cells, not to Memray's events
    n_maps, n_cut = found.pop(14, (0, 0)), want.pop(14, (0, 0))
    check(f"{name}: mappings", n_maps[1] == n_cut[1] and n_maps[0] <= n_cut[0], (n_maps, n_cut))
    same(f"{name}: allocations by allocator", dict(found), {k: v for k, v in want.items() if v[0]})
    compare_temporary(name, process, temporaries)
    compare_with_reader(name, process, reader, temporaries)


def compare_temporary(name, process, temporaries):
    """A block whose end was only seen as its address came back: in the events it
    ends at once then, filperf does not know when it did.  None else may differ."""
    want = own_sums(process["cells"], "n_temporary", None)
    missed = process["losses"].get("mem_frees_missed", 0)
    less = {k: temporaries.found[k] - want.get(k, (0, 0))[0] for k in {**temporaries.found, **want}}
    differ = [(k, n) for k, n in less.items() if not 0 <= n <= temporaries.doubtful[k] * bool(missed)]
    check(f"{name}: temporary allocations by stack, {len(less)}", not differ and sum(less.values()) <= missed,
          f"{len(differ)} stacks differ, {missed} ends were missed; first {differ[:1]}")


def compare_with_reader(name, process, reader, temporaries):
    """Left out: stacks of which the reader is mistaken, and those that make
    mappings, whose parts are temporary by other rules."""
    found = memray_sums(reader.get_temporary_allocation_records(threshold=process["threshold"]), False)
    maps = {tuple(tuple(f[:3]) for f in c["stack"]) for c in process["cells"] if c["allocator"] >= 14}
    stacks = {**found, **temporaries.found}.keys() - maps
    compared = stacks - temporaries.mistaken.keys()
    same(f"{name}: the same of Memray, {len(compared)} stacks, {len(stacks - compared)} left out",
         {k: found[k][0] for k in compared if k in found}, {k: temporaries.found[k] for k in compared})


def record(name, command, work, folder, kill_after=None, **settings):
    """Runs command and compares each Python process of it."""
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith(("FIL_PERF_", "PYTHON", "LD_", "XDG_"))}
    environment.update({
        "LD_PRELOAD": AGENT, "TMPDIR": folder, "FIL_PERF_MEMRAY_ENABLED": "1", "FIL_PERF_RENDER": "0",
        "FIL_PERF_QUIET": "1", "FIL_PERF_OUTPUT_DIR": folder + "/out", "PYTHONDONTWRITEBYTECODE": "1"})
    environment.update(settings)
    errors = open(folder + "/errors", "w+", encoding="utf-8")
    with errors, subprocess.Popen(command, env=environment, cwd=work, stdout=errors, stderr=errors) as done:
        try:
            status = done.wait(timeout=kill_after or 900)
        except subprocess.TimeoutExpired:
            done.kill()
            status = 0 if kill_after else -1
        errors.seek(0)
        text = errors.read()
    runs = glob.glob(folder + "/filperf-*/*/*.fpc")
    check(f"{name}: ran and was recorded", status == 0 and runs, text[-400:])
    if not runs:
        return []
    read = subprocess.run([BUILD + "/tests/memory_cells", os.path.dirname(runs[0]), folder],
                          capture_output=True, text=True, timeout=900)
    check(f"{name}: written", read.returncode == 0, read.stderr[-400:])
    return [json.loads(line) for line in read.stdout.splitlines()]


# How threads and programs begin: filperf leaves it out of its stacks.
BEGINNINGS = {"_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main", "start_thread",
              "clone", "clone3"}


def names(stack):
    stack = [f[0] for f in stack]
    while len(stack) > 1 and stack[-1] in BEGINNINGS:
        stack.pop()
    return tuple(stack)


def by_name(sums):
    """Files and lines of C code are told by different libraries."""
    out = defaultdict(lambda: (0, 0))
    for stack, (n, n_bytes) in sums.items():
        out[names(stack)] = out[names(stack)][0] + n, out[names(stack)][1] + n_bytes
    return out


def native(name, command, work):
    """Python and C in one stack, as Memray puts them together and as filperf does."""
    folder = tempfile.mkdtemp(prefix="filperf-truth-")
    try:
        for i, process in enumerate(record(name, command, work, folder, FIL_PERF_MEMRAY_NATIVE="1")):
            reader = memray.FileReader(f"{folder}/{i}.bin")
            check(f"{name}: native stacks", reader.metadata.has_native_traces)
            same(f"{name}: the peak", reader.metadata.peak_memory, process["peak_bytes"])
            found = by_name(memray_sums(reader.get_leaked_allocation_records(), True))
            want = by_name(own_sums(process["cells"], "n_live", "live_bytes"))
            # without a symbol filperf gives module+offset, Memray the name before it
            named = [k for k in want if not any("+0x" in part for part in k)]
            equal = sum(found.get(k) == want[k] for k in named)
            check(f"{name}: what lives, by names of the stack", equal >= 0.99 * len(named) > 100,
                  f"{equal} of {len(named)} stacks are equal")
            same(f"{name}: what lives, of all", sum(b for _, b in found.values()), sum(b for _, b in want.values()))
            mixed = [k for k in found if "use_c" in k and "main" in k and k.index("use_c") > 0]
            check(f"{name}: C above Python", mixed, list(found)[:3])
    finally:
        shutil.rmtree(folder)


def exact(name, command, work):
    folder = tempfile.mkdtemp(prefix="filperf-truth-")
    try:
        processes = record(name, command, work, folder)
        check(f"{name}: exact, with a stream", processes and all(p["mode"] == 2 and p["stream"] for p in processes))
        for i, process in enumerate(processes):
            compare(f"{name} ({process['title']})", process, f"{folder}/{i}.bin")
            print("    losses", process["losses"])
    finally:
        shutil.rmtree(folder)


def killed(name, command, work):
    """Nothing is lost but the event that a SIGKILL fell into."""
    folder = tempfile.mkdtemp(prefix="filperf-truth-")
    try:
        for i, process in enumerate(record(name, command, work, folder, kill_after=3)):
            reader, cells = memray.FileReader(f"{folder}/{i}.bin"), process["cells"]
            check(f"{name}: it had been at work", reader.metadata.total_allocations > 10000)
            found = memray_sums(reader.get_leaked_allocation_records(), False)
            want = own_sums(cells, "n_live", "live_bytes")
            differ = [k for k in {**found, **want} if found.get(k) != want.get(k)]
            check(f"{name}: what lives, by stack", len(differ) <= 1, [(k, found.get(k), want.get(k)) for k in differ])
    finally:
        shutil.rmtree(folder)


def sampled(name, command, work):
    """Sums alone, in Memray's aggregated form."""
    folder = tempfile.mkdtemp(prefix="filperf-truth-")
    try:
        for i, process in enumerate(record(name, command, work, folder, FIL_PERF_MEMRAY_EXACT="0")):
            reader, cells = memray.FileReader(f"{folder}/{i}.bin"), process["cells"]
            same(f"{name}: form", reader.metadata.file_format, memray.FileFormat.AGGREGATED_ALLOCATIONS)
            same(f"{name}: the peak", reader.metadata.peak_memory, sum(c["peak_bytes"] for c in cells))
            found = memray_sums(reader.get_leaked_allocation_records(merge_threads=False), False)
            want = own_sums(cells, "n_live", "live_bytes")
            same(f"{name}: what lives, by stack", {k: b for k, (_, b) in found.items()}, {k: b for k, (_, b) in want.items()})
    finally:
        shutil.rmtree(folder)


def main():
    here = os.path.join(SOURCE, "tests", "truth")
    for what, got, want in proof():
        check(f"temporaries of {what}: {want}", got == want, got)
    for python in pythons.find_pythons():
        name = ".".join(map(str, python.version)) + ("t" if python.free_threaded else "")
        exact(f"{name} memory_program", [python.path, here + "/memory_program.py", "15"], here)
        if python.free_threaded or (3, 11) <= python.version[:2] <= (3, 12):
            native(f"{name} memory_program, native", [python.path, here + "/memory_program.py", "5"], here)
            killed(f"{name} memory_program, killed", [python.path, here + "/memory_program.py", "1000000"], here)
            sampled(f"{name} memory_program, sampled", [python.path, here + "/memory_program.py", "15"], here)
    filare = os.path.join(os.environ.get("FP_DEPS", ""), "filare", "bin")
    if "filare" not in sys.argv[1:]:
        pass
    elif os.path.exists(filare + "/filare"):
        with tempfile.TemporaryDirectory() as work:
            shutil.copy(SOURCE + "/tests/samples/demo.yml", work)
            os.mkdir(work + "/outputs")
            exact("filare", [filare + "/filare", "run", "demo.yml", "-f", "hpst", "-o", "outputs"], work)
    else:
        print("SKIP filare: not in FP_DEPS")
    return end()


if __name__ == "__main__":
    sys.exit(main())
