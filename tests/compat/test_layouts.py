# SPDX-License-Identifier: Apache-2.0
"""Every CPython found: a walk of a stopped process equals what the interpreter said.

Pythons: FP_PYTHONS (colon list), else pyenv's, /usr/bin's and those in the
Debian trees of FP_SID_ROOT.  A missing version prints SKIP; none at all fails.
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = ["plain", "deep", "generators", "callbacks", "coroutines", "exceptions", "names", "large"]
MINORS = range(8, 16)


def find_pythons():
    """(command prefix, root directory) of each interpreter."""
    given = os.environ.get("FP_PYTHONS")
    if given:
        return [([path], "/") for path in given.split(":") if path]
    pythons = []
    for pattern in ("~/.pyenv/versions/*/bin/python3.*", "/usr/bin/python3.*"):
        pythons += [([path], "/") for path in sorted(glob.glob(os.path.expanduser(pattern)))]
    for root in filter(None, os.environ.get("FP_SID_ROOT", "").split(":")):
        for path in sorted(glob.glob(root + "/usr/bin/python3.*")):
            pythons.append((["chroot", root, path[len(root):]], root))
    return [p for p in pythons if re.search(r"python3\.\d+t?$", p[0][-1])]


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


def run_case(walker, command, root, case):
    folder = tempfile.mkdtemp(prefix="filperf-compat-", dir=os.path.join(root, "tmp"))
    try:
        os.chmod(folder, 0o755)
        shutil.copy(os.path.join(HERE, "stopped_program.py"), folder)
        inside = folder if root == "/" else folder[len(root):]
        truth_path = os.path.join(folder, "truth.json")
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONHOME", "PYTHONPATH")}
        environment["LC_ALL"] = "C.UTF-8"
        child = subprocess.Popen(
            command + [inside + "/stopped_program.py", case, inside + "/truth.json"],
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
    for command, root in find_pythons():
        minor = int(re.search(r"3\.(\d+)", command[-1]).group(1))
        if minor not in MINORS:
            print("SKIP %s: not a version that filperf reads" % " ".join(command))
            continue
        if root != "/" and os.geteuid():
            print("SKIP %s: chroot needs root" % " ".join(command))
            continue
        wrong = {case: run_case(walker, command, root, case) for case in CASES}
        for case, what in wrong.items():
            if what:
                failures += 1
                print("FAIL %s %s: %s" % (" ".join(command), case, what))
        if not any(wrong.values()):
            print("ok   %s: %s" % (" ".join(command), ", ".join(CASES)))
        seen.add(minor)
    for minor in MINORS:
        if minor not in seen:
            print("SKIP CPython 3.%d: not found" % minor)
    if not seen:
        print("FAIL no CPython was found")
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
