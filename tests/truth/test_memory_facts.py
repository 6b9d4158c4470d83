# SPDX-License-Identifier: Apache-2.0
"""What memory reports say against what is known of the program.

The peak and its itemised rest against VmHWM where arrays and a block of C's hold
500 MB; the number of allocations against a counter that is preloaded alone;
what filperf itself holds; all families of reports from one run.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import types

import truth

HERE = os.path.dirname(os.path.abspath(__file__))
ARRAYS = os.path.join(HERE, "arrays_program.py")
BLOCKS = os.path.join(HERE, "blocks_program.py")
COUNTER = os.path.join(os.environ["FP_BUILD"], "tests", "libmalloc_counter_lib.so")
APPENDS = 1000000
LOOP = "import sys\nl = []\nfor i in range(int(sys.argv[1])):\n    l.append((i,))\n"
FAILED = []


def check(ok, what):
    print("%s %s" % ("ok  " if ok else "FAIL", what), flush=True)
    if not ok:
        FAILED.append(what)


def run(command, folder, preload, **settings):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIL_PERF_", "PYTHON", "LD_", "XDG_"))}
    environment.update({"LD_PRELOAD": preload, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}, **settings)
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=100)
    if done.returncode:
        raise RuntimeError("status %d: %s" % (done.returncode, done.stderr.strip()[-400:]))
    return done


def record(command, folder, **settings):
    """What the program printed, and its run for filperf memory."""
    done = run(command, folder, os.environ["FP_AGENT"], FIL_PERF_RENDER="0", FIL_PERF_QUIET="1",
               FIL_PERF_MEMRAY_ENABLED="1", FIL_PERF_MEMRAY_FORMAT="table", **settings)
    captures = glob.glob(folder + "/filperf-*/*/*.fpc")
    if not captures:
        raise RuntimeError("no capture")
    return done.stdout, os.path.dirname(captures[0])


def report(name, captured):
    done = subprocess.run([truth.FILPERF, "memory", name, "--json", "-i", captured], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("filperf memory: " + done.stderr.strip())
    return json.loads(done.stdout)


def check_peak(python, mode, **settings):
    with tempfile.TemporaryDirectory(prefix="filperf-facts-") as folder:
        said, captured = record([python.path, ARRAYS], folder, **settings)
        balance, rows = report("summary", captured)["balance"][0], report("table", captured)["rows"]
    hwm = int(said)
    check(abs(balance["vm_hwm_bytes"] - hwm) <= 0.01 * hwm, "%s: VmHWM %.1f MB, the program read %.1f" % (
        mode, balance["vm_hwm_bytes"] / 1e6, hwm / 1e6))
    # A rest below 0 is no explanation either: more was asked for than is there.
    explained = 1 - (abs(balance["rest_bytes"]) + abs(balance["later_bytes"])) / hwm
    check(explained >= 0.98 and abs(balance["explained"] - explained) < 1e-3, "%s: %.2f %% of VmHWM is explained; %s" % (
        mode, 100 * explained, ", ".join("%s %.1f" % (k[:-6], v / 1e6) for k, v in balance.items()
                                                    if k.endswith("_bytes"))))
    for name, n_bytes in (("ones", 300000000), ("grow_block", 200000000)):
        found = sum(r["bytes"] for r in rows if r["function"] == name)
        check(abs(found - n_bytes) <= 0.01 * n_bytes, "%s: %s holds %.2f MB of %.0f" % (
            mode, name, found / 1e6, n_bytes / 1e6))


def counted(python, appends):
    with tempfile.TemporaryDirectory(prefix="filperf-facts-") as folder:
        text = run([python.path, "-c", LOOP, str(appends)], folder, COUNTER, PYTHONMALLOC="malloc").stderr
    return int(text.strip().splitlines()[-1].split()[1])


def recorded(python, appends):
    with tempfile.TemporaryDirectory(prefix="filperf-facts-") as folder:
        _, captured = record([python.path, "-c", LOOP, str(appends)], folder, PYTHONMALLOC="malloc")
        return report("stats", captured)["total_num_allocations"]


def check_counts(python):
    wanted = counted(python, APPENDS) - counted(python, 0)
    found = recorded(python, APPENDS) - recorded(python, 0)
    check(wanted > APPENDS and abs(found - wanted) <= wanted / 1000, "%s: %d allocations, the counter saw %d, %+.4f %%" % (
        truth.label(python), found, wanted, 100 * (found / wanted - 1)))


def balance_of(command, folder, **settings):
    """Of the process with the largest peak, and how many blocks lived at it."""
    said = report("summary", record(command, folder, **settings)[1])
    return max(said["balance"], key=lambda b: b["peak_bytes"]), said["count"]


def check_blocks(python, *kind):
    """Exact: many live blocks, and what filperf holds for them."""
    n_blocks = 1000000  # what filperf holds before the first block is 10 to 13 MB
    with tempfile.TemporaryDirectory(prefix="filperf-facts-") as folder:
        balance, n = balance_of([python.path, BLOCKS, str(n_blocks), *kind], folder)
    most = max(40 * n, balance["peak_bytes"] / 4)
    check(n > n_blocks and balance["agent_bytes"] <= most, "exact, %d blocks of %.0f MB (%s): filperf holds %.1f MB, at most %.1f" % (
        n, balance["peak_bytes"] / 1e6, " ".join(kind) or "objects", balance["agent_bytes"] / 1e6, most / 1e6))
    if kind:  # malloc's own headers are in the rest
        return
    rest = abs(balance["rest_bytes"]) + abs(balance["later_bytes"])
    check(rest <= 0.02 * balance["vm_hwm_bytes"], "%s: of VmHWM %.1f MB all but %.1f is explained" % (
        truth.label(python), balance["vm_hwm_bytes"] / 1e6, rest / 1e6))


def check_render():
    """What filperf itself holds, sampled."""
    filare = os.path.join(os.environ.get("FP_DEPS", ""), "filare", "bin", "filare")
    if not os.path.exists(filare):
        print("SKIP: filare is not here (FP_DEPS); what a render costs was not looked at")
        return
    with tempfile.TemporaryDirectory(prefix="filperf-facts-") as folder:
        shutil.copy(os.path.join(truth.SOURCE, "tests", "samples", "demo.yml"), folder)
        os.mkdir(folder + "/outputs")
        balance, _ = balance_of([filare, "run", "demo.yml", "-f", "hpst", "-o", "outputs"], folder,
                                FIL_PERF_MEMRAY_EXACT="0")
    check(0 < balance["agent_bytes"] <= 30e6, "sampled, a render by Filare with %.0f MB: filperf holds %.1f MB, at most 30" % (
        balance["peak_bytes"] / 1e6, balance["agent_bytes"] / 1e6))


def check_families(python):
    with tempfile.TemporaryDirectory(prefix="filperf-facts-") as folder:
        run([python.path, "-c", LOOP, "300000"], folder, os.environ["FP_AGENT"], FIL_PERF_QUIET="1",
            FIL_PERF_OUTPUT_DIR=folder + "/out", FIL_PERF_RUN_LABEL="all", FIL_PERF_SPY_ENABLED="1",
            FIL_PERF_MEMRAY_ENABLED="1", FIL_PERF_SCALENE_ENABLED="1", FIL_PERF_SCALENE_HTML="1",
            FIL_PERF_MEMRAY_FORMAT="html,table,tree,summary,stats,bin")
        made = sorted(name for name in os.listdir(folder + "/out") if os.path.getsize(os.path.join(folder, "out", name)))
    for name in ("pyspy.svg", "memray.bin", "memray.html", "memray.table.txt", "memray.tree.txt", "memray.summary.txt",
                 "memray.stats.txt", "scalene.json", "scalene.txt", "scalene.html", "memory-final.txt"):
        check("all-" + name in made, "one run of all families: %s" % name)


def with_numpy():
    path = os.path.join(os.environ.get("FP_PEERS", ""), "bin", "python")
    said = truth.pythons.probe(path)
    own = [types.SimpleNamespace(path=path)] if said else []
    for python in own + list(truth.pythons.find_pythons()):
        if subprocess.run([python.path, "-c", "import numpy"], capture_output=True).returncode == 0:
            return python
    return None


def main():
    found = [p for p in truth.pythons.find_pythons() if not p.free_threaded]
    old, new = [p for p in found if p.version[:2] < (3, 12)], [p for p in found if p.version[:2] >= (3, 12)]
    arrays = with_numpy()
    if arrays:
        check_peak(arrays, "exact")
        check_peak(arrays, "sampled", FIL_PERF_MEMRAY_EXACT="0")
    else:
        print("SKIP: no Python here has numpy; the peak was not looked at")
    for python in old[-1:] + new[:1]:
        check_counts(python)
    # Free-threaded: mimalloc reserves far more than it uses.
    for python in new[:1] + [p for p in truth.pythons.find_pythons() if p.free_threaded]:
        check_blocks(python)
    check_blocks(found[-1], "malloc")
    check_blocks(found[-1], "malloc", "200")
    check_render()
    check_families(found[-1])
    if FAILED:
        print("%d failed" % len(FAILED))
    return 1 if FAILED or not found else 0


if __name__ == "__main__":
    sys.exit(main())
