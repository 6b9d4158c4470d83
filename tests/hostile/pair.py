#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one hostile case without and with the agent: both must end alike.

pair.py NAME...   runs cases of cases.py (all when none is named)
pair.py --list    their names, for CMake

Compared: raw wait status (exit, signal, core), stdout, stderr, and the files
left in the working directory.  Then the same under the wall-clock agent at
10 kHz, unless the case says that many signals wake its sleepers, and the
case's own check of the captures.  Status 77: skipped, the reason is printed.
"""

import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from cases import CASES, Skip

RUN_SECONDS = 18


class Result:
    """One run: what is compared, and where its captures lie."""

    def __init__(self, status, stdout, stderr, files, facts):
        self.status, self.stdout, self.stderr, self.files, self.facts = status, stdout, stderr, files, facts
        self.reports = []


def words(status):
    if status is None:
        return "still running after %d s" % RUN_SECONDS
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}{' core' if os.WCOREDUMP(status) else ''}"
    return f"exit {os.WEXITSTATUS(status)}"


def files_below(directory):
    """{relative path: content} of a directory."""
    found = {}
    for path in sorted(glob.glob(os.path.join(directory, "**"), recursive=True)):
        name = os.path.relpath(path, directory)
        if os.path.isfile(path) and not os.path.basename(path).startswith("core"):
            with open(path, "rb") as file:
                found[name] = file.read()
        elif os.path.isdir(path):
            found[name] = b"a directory"
    return found


def read_facts(private):
    """[{key: int}] of every capture below a private directory."""
    paths = sorted(glob.glob(os.path.join(private, "**", "*.fpc"), recursive=True))
    if not paths:
        return []
    tool = os.path.join(os.environ["FP_BUILD"], "tests", "capture_facts")
    printed = subprocess.run([tool] + paths, capture_output=True, text=True, check=True).stdout
    return [dict((key, int(value)) for key, value in (word.split("=") for word in line.split()))
            for line in printed.splitlines()]


def wait_raw(process):
    """The raw status that wait() gives, None when it did not end in time."""
    end = time.monotonic() + RUN_SECONDS
    while time.monotonic() < end:
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        if pid:
            process.returncode = 0
            return status
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)
    process.returncode = 0
    return None


class Place:
    """Directories of one case: the same paths in each of its runs."""

    def __init__(self, root, private_kib=0):
        self.root, self.private_kib = root, private_kib
        self.work, self.tmp = os.path.join(root, "work"), os.path.join(root, "tmp")

    def clear(self):
        if os.path.ismount(self.tmp):
            subprocess.run(["umount", "-l", self.tmp], check=True)
        for directory in (self.work, self.tmp):
            shutil.rmtree(directory, ignore_errors=True)

    def make(self):
        self.clear()
        os.mkdir(self.work)
        os.mkdir(self.tmp)
        for directory, mode in ((self.root, 0o755), (self.work, 0o777), (self.tmp, 0o1777)):
            os.chmod(directory, mode)
        if self.private_kib:
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.private_kib}k", "filperf-test", self.tmp],
                                  capture_output=True, text=True)
            if done.returncode:
                raise Skip("no tmpfs can be mounted here: " + done.stderr.strip())


def run_once(case, place, agent, rate):
    place.make()
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "TMPDIR": place.tmp,
                   "FIL_PERF_RENDER": "0", "FIL_PERF_QUIET": "1", "FIL_PERF_SPY_RATE": str(rate),
                   "PYTHONDONTWRITEBYTECODE": "1"}
    environment.update(case.environment)
    if agent:
        preload = environment.get("LD_PRELOAD")
        environment["LD_PRELOAD"] = agent + (":" + preload if preload else "")
    out, err = os.path.join(place.root, "stdout"), os.path.join(place.root, "stderr")
    command = case.command()
    with open(out, "wb") as stdout, open(err, "wb") as stderr:
        try:
            process = subprocess.Popen(command, cwd=place.work, env=environment, stdin=subprocess.DEVNULL, stdout=stdout,
                                       stderr=stderr, preexec_fn=case.before)
        except PermissionError as error:
            raise Skip(f"the case runs as another user, who may not read the build directory ({error})") from None
        if case.during:
            case.during(process.pid, place)
        status = wait_raw(process)
    case.wait_until_settled(place.work)
    with open(out, "rb") as stdout, open(err, "rb") as stderr:
        result = Result(status, case.tidy(stdout.read()), case.tidy(stderr.read()), files_below(place.work), [])
    reports = os.path.join("outputs", "perf")
    result.reports = sorted(name for name in result.files if name.startswith(reports))
    if agent and case.environment.get("FIL_PERF_RENDER") == "1":
        result.files = {name: content for name, content in result.files.items() if not name.startswith("outputs")}
    if agent:
        result.facts = read_facts(place.tmp)
    elsewhere = sorted(name for name in os.listdir(place.tmp) if not name.startswith("filperf-"))
    result.files.update({"TMPDIR/" + name: b"" for name in elsewhere})
    return result


def show(text):
    text = text if isinstance(text, str) else repr(text) if not isinstance(text, bytes) else text.decode(errors="replace")
    return "\n".join("    " + line for line in text.splitlines()[:40]) or "    (nothing)"


def differences(plain, loaded):
    """Lines that say what is not as without the agent."""
    lines = []
    if plain.status != loaded.status:
        lines.append(f"  status: without {words(plain.status)}, with {words(loaded.status)}")
    for what in ("stdout", "stderr"):
        a, b = getattr(plain, what), getattr(loaded, what)
        if a != b:
            lines += [f"  {what} without:", show(a), f"  {what} with:", show(b)]
    if plain.files != loaded.files:
        names = sorted(n for n in plain.files.keys() | loaded.files.keys() if plain.files.get(n) != loaded.files.get(n))
        lines.append(f"  files that differ: {', '.join(names)}")
    return lines


def unsound(facts):
    """What no capture may say."""
    lines = []
    for f in facts:
        if not f.get("magic") and not f.get("cut"):
            lines.append(f"  a capture without its magic: {f}")
        if f.get("booked_ns", 0) > f.get("clock_ns", 0) and f.get("threads"):
            lines.append(f"  more CPU booked than the clock shows: {f}")
        if f.get("lost_walk_torn", 0) > 3 + f.get("samples", 0) // 50:
            lines.append(f"  more than 2 % of the walks torn: {f}")
    return lines


def run_case(case, root):
    """True when the case held."""
    case.check_possible()
    place = Place(root, case.private_kib)
    variants = [("the agent", os.environ["FP_AGENT"], case.rate)]
    if case.wall and os.path.exists(os.environ.get("FP_AGENT_WALL", "")):
        variants.append(("the wall-clock agent at 10 kHz", os.environ["FP_AGENT_WALL"], 10000))
    good = True
    try:
        plain = run_once(case, place, None, case.rate)
        if plain.status is None or words(plain.status) != case.ends:
            print(f"{case.name}: without the agent: {words(plain.status)}, expected {case.ends}")
            print(show(plain.stdout), show(plain.stderr), sep="\n")
            return False
        for title, agent, rate in variants:
            loaded = run_once(case, place, agent, rate)
            lines = differences(plain, loaded)
            if case.captures and not loaded.facts:
                lines.append("  no capture was made")
            if case.renders and not any(name.endswith("-pyspy.svg") for name in loaded.reports):
                lines.append(f"  no flame graph was made; reports: {loaded.reports}")
            lines += unsound(loaded.facts)
            wrong = case.check(loaded.facts) if case.check and title == "the agent" else None
            if wrong:
                lines += [f"  captures: {wrong}"] + [f"    {f}" for f in loaded.facts[:12]]
            if lines:
                good = False
                print(f"{case.name}: with {title}:", *lines, sep="\n")
    finally:
        place.clear()
    return good


def main(arguments):
    if arguments == ["--list"]:
        print(";".join(CASES))
        return 0
    failed, skipped = [], []
    names = arguments or list(CASES)
    for name in names:
        root = tempfile.mkdtemp(prefix="fp-hostile-")
        begin = time.monotonic()
        try:
            good = run_case(CASES[name], root)
            if not good:
                failed.append(name)
            print(f"{name}: {'ok' if good else 'FAILED'} ({time.monotonic() - begin:.1f} s)", flush=True)
        except Skip as reason:
            skipped.append(name)
            print(f"SKIP: {name}: {reason}", flush=True)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    if failed and len(names) > 1:
        print(f"{len(failed)} of {len(names)} failed: {' '.join(failed)}")
    return 1 if failed else 77 if len(skipped) == len(names) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
