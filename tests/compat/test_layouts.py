# SPDX-License-Identifier: Apache-2.0
"""Every CPython found: a walk of a stopped process equals what the interpreter said.

usage: test_layouts.py REMOTE_WALK.  Which Pythons: tests/deps/pythons.py.  A
missing version prints SKIP; none at all fails.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "deps"))
import pythons  # noqa: E402

CASES = ["plain", "deep", "generators", "callbacks", "coroutines", "exceptions", "names", "large"]
MINORS = range(8, 16)


def stacks_of(text):
    stacks, current = {}, None
    for line in text.splitlines():
        if line.startswith("python "):
            continue
        if line.startswith("thread "):
            _, ident, status = line.split()
            current = stacks.setdefault(int(ident), {"status": status, "frames": []})
        else:
            current["frames"].append(line.split("\t"))
    return stacks


def compare(truth, stack):
    if stack is None:
        return "the thread was not found"
    if stack["status"] != "ok":
        return "status " + stack["status"]
    got = [[f[0], f[1] if t[1] else "", f[2], int(f[3])] for f, t in zip(stack["frames"], truth["frames"])]
    if len(stack["frames"]) != len(truth["frames"]):
        return "%d frames instead of %d" % (len(stack["frames"]), len(truth["frames"]))
    for i, (g, t) in enumerate(zip(got, truth["frames"])):
        if g != t:
            return "frame %d is %r instead of %r" % (i, g, t)
    return None


def run_case(walker, path, case):
    folder = tempfile.mkdtemp(prefix="filperf-compat-")
    try:
        truth_path = os.path.join(folder, "truth.json")
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONHOME", "PYTHONPATH")}
        environment["LC_ALL"] = "C.UTF-8"
        child = subprocess.Popen(
            [path, os.path.join(HERE, "stopped_program.py"), case, truth_path],
            env=environment, stdin=subprocess.DEVNULL)
        try:
            _, status = os.waitpid(child.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                child.returncode = status
                return "the program ended with status %d" % status
            walk = subprocess.run([walker, str(child.pid)], capture_output=True, encoding="utf-8")
        finally:
            if child.returncode is None:
                os.kill(child.pid, signal.SIGKILL)
                child.wait()
        if walk.returncode:
            return "walk failed: " + walk.stderr.strip()
        with open(truth_path, encoding="utf-8") as file:
            truth = json.load(file)
        return compare(truth, stacks_of(walk.stdout).get(truth["thread"]))
    finally:
        shutil.rmtree(folder)


def main():
    walker = sys.argv[1]
    failures, seen = 0, set()
    for python in pythons.find_pythons():
        what = "%s%s (%s)" % (".".join(map(str, python.version)), "t" if python.free_threaded else "", python.path)
        wrong = {case: run_case(walker, python.path, case) for case in CASES}
        for case, difference in wrong.items():
            if difference:
                failures += 1
                print("FAIL %s %s: %s" % (what, case, difference))
        if not any(wrong.values()):
            print("ok   %s: %s" % (what, ", ".join(CASES)))
        seen.add(python.version[1])
    for minor in MINORS:
        if minor not in seen:
            print("SKIP CPython 3.%d: not found" % minor)
    if not seen:
        print("FAIL no CPython was found")
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
