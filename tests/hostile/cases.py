# SPDX-License-Identifier: Apache-2.0
"""The hostile cases: what runs, how it ends, and what its captures must say."""

import glob
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "deps"))
PROGRAMS = os.path.join(HERE, "programs")
CASES = {}


class Skip(Exception):
    """Says why a case cannot run here."""


def built(name):
    return os.path.join(os.environ.get("FP_BUILD", ""), "tests", name)


def python_of(wanted):
    """An interpreter of 3.11 ("old") or the newest of 3.12 to 3.13 ("new"); no probing."""
    from pythons import candidates

    found = []
    for path, origin in candidates():
        version = re.fullmatch(r"python3\.(\d+)", os.path.basename(path))
        if version and origin in ("pyenv", "debian", "given") and os.access(path, os.X_OK):
            minor = int(version[1])
            if (minor == 11) if wanted == "old" else 12 <= minor <= 13:
                found.append((minor, origin == "pyenv", path))
    if not found:
        raise Skip("no CPython " + ("3.11" if wanted == "old" else "3.12 or 3.13"))
    return max(found)[2]


class Case:
    def __init__(self, name, argv, ends="exit 0", wall=True, rate=1000, check=None, captures=True, environment=None,
                 before=None, during=None, last_file=None, ignore=None, root=False, private_kib=0, renders=None):
        self.name, self.argv, self.ends, self.wall, self.rate = name, argv, ends, wall, rate
        self.check, self.captures, self.environment = check, captures, environment or {}
        self.before, self.during, self.last_file, self.ignore = before, during, last_file, ignore
        self.root, self.private_kib, self.renders = root or private_kib > 0, private_kib, renders

    def command(self):
        return self.argv() if callable(self.argv) else self.argv

    def check_possible(self):
        if self.root and os.geteuid() != 0:
            raise Skip("needs root")

    def wait_until_settled(self, work):
        """What outlives the first process shows its end by a file."""
        end = time.monotonic() + 20
        while self.last_file and time.monotonic() < end and not os.path.exists(os.path.join(work, self.last_file)):
            time.sleep(0.02)

    def tidy(self, text):
        return re.sub(self.ignore, b"", text, flags=re.M) if self.ignore else text


def add(name, argv, **settings):
    CASES[name] = Case(name, argv, **settings)


def program(file, case, *arguments, name=None, **settings):
    """A case of programs/hostile_<file>.c."""
    add(name or f"{file}_{case}", lambda: [built("hostile_" + file), case, *arguments], **settings)


def script(file, *arguments, name=None, python=("old", "new"), options=(), **settings):
    """A script of programs/ under each kind of Python."""
    for kind in python:
        add(f"py_{name or file}_{kind}",
            lambda kind=kind: [python_of(kind), *options, os.path.join(PROGRAMS, file + ".py"), *arguments], **settings)


def shell(name, text, **settings):
    add(name, lambda: ["/bin/sh", "-c", text.format(programs=PROGRAMS, tests=built(""))], **settings)


# -- checks of captures ------------------------------------------------------

def at_least(n_captures=1, samples=0, end=None, threads=0):
    def check(facts):
        whole = [f for f in facts if f.get("magic")]
        if len(whole) < n_captures:
            return f"{len(whole)} captures, expected {n_captures}"
        if sum(f["samples"] for f in whole) < samples:
            return f"fewer than {samples} samples"
        if max(f["threads"] for f in whole) < threads:
            return f"fewer than {threads} threads"
        if end is not None and end not in [f["end"] for f in whole if f["first"]]:
            return f"no first process that ended by reason {end}"
        return None
    return check


def lost(what):
    def check(facts):
        return None if any(f.get("lost_" + what) for f in facts) else f"lost_{what} was not counted"
    return check


def filtered_and_noticed(facts):
    """The filter was counted, and its notice stands after the one about a setting."""
    if sum(f.get("notices", 0) for f in facts) != 2:
        return "not two notices"
    return lost("recording_filtered")(facts)


END_EXIT, END_UNDERSCORE, END_SIGNAL, END_EXEC = 1, 2, 3, 4

# -- SIGPROF and its timers --------------------------------------------------

program("profsig", "handler", check=at_least(samples=2))
program("profsig", "itimer", check=at_least(samples=4))
program("profsig", "itimer_default", ends="signal 27")
program("profsig", "raise_default", ends="signal 27", check=at_least(end=END_SIGNAL))
program("profsig", "kill_from_child", ends="signal 27")
program("profsig", "ignored", check=at_least(samples=1))
program("profsig", "blocked_and_pending", wall=False, check=at_least(samples=2))
program("profsig", "own_timer", check=at_least(samples=4))
program("profsig", "every_signal")
program("profsig", "taken_one_by_one", check=at_least(samples=5, threads=120))

# -- masks and waiting -------------------------------------------------------

program("masks", "sigwait_all", wall=False, check=at_least(samples=1))
program("masks", "sigwait_all", name="masks_sigwait_all_10khz", rate=10000, wall=False)
program("masks", "old_interfaces")
program("masks", "sent_while_all_blocked", ends="signal 27")
program("masks", "signalfd_all", check=at_least(samples=1))
program("masks", "handler_mask", check=at_least(samples=1))
program("masks", "inherited_by_threads", check=at_least(samples=1))
program("masks", "jump_masks")
program("masks", "no_eintr", wall=False, check=at_least(samples=4))
program("masks", "errno_kept", check=at_least(samples=2))

# -- faults, crashes, small stacks -------------------------------------------

program("faults", "repairing")
program("faults", "jumping")
program("faults", "overflow_caught")
program("faults", "overflow", ends="signal 11")
program("faults", "bus_handler", ends="signal 7")
program("faults", "ignoring", ends="signal 11")
program("faults", "sent_faults")
for letter, ends in [("s", "signal 11"), ("b", "signal 7"), ("f", "signal 8"), ("i", "signal 4"), ("a", "signal 6"),
                     ("t", "signal 15"), ("k", "signal 9"), ("m", "signal 11")]:
    core = " core" if letter not in "tk" else ""
    program("faults", "crash", letter, name="faults_crash_" + letter, ends=ends + core)
program("faults", "tiny_alternate")
program("faults", "tiny_thread_stacks", check=lost("threads_not_armed"))
program("faults", "coroutines", "32768", check=at_least(samples=4))
program("faults", "coroutines", "16384", name="faults_coroutines_16k", check=at_least(samples=4))
program("faults", "jump_storm")
program("faults", "jump_out_of_hooks", check=at_least(samples=20))

# -- processes ---------------------------------------------------------------

program("process", "ignored_across_exec", check=at_least(3))
program("process", "blocked_across_exec", check=at_least(2, samples=1))
program("process", "blocked_across_exec", "all", name="process_all_blocked_across_exec", check=at_least(2, samples=1))
program("process", "blocked_across_spawn", check=at_least(4))
program("process", "blocked_across_spawn", "bare", name="process_blocked_across_bare_spawn")
program("process", "pending_across_exec")
program("process", "killed_after_exec", ends="signal 27")
program("process", "exec_chain", check=at_least(10, samples=6))
program("process", "failing_execs", check=at_least(samples=4))
program("process", "exec_from_thread", check=at_least(2, samples=2))
program("process", "many_forks", check=at_least(201))
program("process", "forks_in_threads", check=at_least(31))
program("process", "vforks", check=at_least(11))
program("process", "raw_children", check=at_least(2, samples=4))
program("process", "starters", check=at_least(6))
program("process", "waits")
program("process", "ignoring_children", check=at_least(6))
program("process", "forks_in_handler", check=at_least(61))
program("process", "daemon_outlives", last_file="daemon-was-here", check=at_least(3, end=END_EXIT))
program("process", "daemon_function", last_file="daemon-was-here", check=at_least(2))
for letter, status in [("_", 41), ("E", 42), ("q", 43), ("g", 44), ("e", 300 % 256), ("p", 0)]:
    program("process", "exits", letter, name="process_exits_" + ("u" if letter == "_" else letter), ends=f"exit {status}")

# -- threads -----------------------------------------------------------------

program("threads", "many_threads", check=at_least(samples=10, threads=1001))


def small_quota():
    """A user of its own, as the quota is the user's and not the process's."""
    resource.setrlimit(resource.RLIMIT_SIGPENDING, (64, 64))
    os.setgroups([])
    os.setgid(64321)
    os.setuid(64321)


program("threads", "signal_quota", wall=False, root=True, before=small_quota, check=lost("threads_not_armed"))
program("threads", "cancellation", check=at_least(threads=41))
program("threads", "key_destructors")
program("threads", "all_keys")
program("threads", "alive_at_exit", ends="exit 4", check=at_least(threads=7, samples=2))
program("threads", "alive_at_exit", "_", name="threads_alive_at_underscore_exit", ends="exit 3",
        check=at_least(threads=7, samples=2))
program("threads", "main_leaves_first", check=at_least(threads=2, end=END_EXIT))
program("threads", "c11_threads", check=at_least(threads=2, samples=1))
program("threads", "nothing_shows", check=at_least(samples=2))
program("threads", "atfork_handlers", check=at_least(2))
add("threads_dlopen_storm", lambda: [built("hostile_threads"), "dlopen_storm", built("libhostile_answer_lib.so"),
                                     built("libhostile_caller_lib.so")], check=at_least(samples=1))

# -- the loader --------------------------------------------------------------

add("loader_runpath_of_caller", lambda: [built("hostile_loader"), "runpath", built("libhostile_caller_lib.so")])
add("loader_origin", lambda: [built("hostile_loader"), "origin", built("libhostile_caller_lib.so")])
add("loader_namespaces", lambda: [built("hostile_loader"), "namespaces", built("libhostile_answer_lib.so")])
add("loader_deepbind", lambda: [built("hostile_loader"), "deepbind", built("libhostile_answer_lib.so")])


def preloaded_beside(name, library):
    found = sorted(glob.glob(f"/usr/lib/*/lib{library}.so*"))
    if found:
        program("threads", "key_destructors", name=name, environment={"LD_PRELOAD": found[0]})
    else:
        def absent():
            raise Skip(f"lib{library}.so is not installed")
        add(name, absent)


preloaded_beside("loader_jemalloc_beside", "jemalloc")
preloaded_beside("loader_tcmalloc_beside", "tcmalloc_minimal")

# -- limits and losses -------------------------------------------------------


def under(limit, value, *rest, name=None, **settings):
    add(name or f"limits_{limit}", lambda: [built("hostile_limits"), "under", limit, value, built("hostile_limits"), *rest],
        **settings)


def under_before(what, value):
    return lambda: resource.setrlimit(what, (value, value))


NOTHING_RECORDED = rb"^filperf: RLIMIT_FSIZE or RLIMIT_AS leaves no room for the capture.*\n"
NOT_RENDERED = rb"^filperf: .*: cannot be (written|read): .*\n"
NO_CAPTURE = rb"^filperf: [^\n]*nothing is recorded\n"

under("fsize", "4096", "working", ignore=NOTHING_RECORDED)
program("limits", "working", name="limits_fsize_from_start", before=under_before(resource.RLIMIT_FSIZE, 4096),
        ignore=NOTHING_RECORDED, captures=False)
program("limits", "working", "600", name="limits_fsize_1m", before=under_before(resource.RLIMIT_FSIZE, 1 << 20))
program("limits", "lowered_fsize", check=at_least(samples=2))
program("limits", "memory_left", name="limits_as", before=under_before(resource.RLIMIT_AS, 1000 << 20),
        check=at_least(samples=1))
program("limits", "working", name="limits_as_tiny", before=under_before(resource.RLIMIT_AS, 16 << 20), captures=False,
        ignore=NOTHING_RECORDED)
under("stack", "unlimited", "working", check=at_least(2, samples=4))
under("memlock", "0", "working", check=at_least(2, samples=4))
program("limits", "working", name="limits_sigpending_0", before=under_before(resource.RLIMIT_SIGPENDING, 0),
        check=lost("threads_not_armed"))
program("limits", "no_descriptors", check=at_least(1, samples=1), ignore=rb"^ERROR: ld\.so: object .*\n")
program("limits", "working", name="limits_nofile_4", before=under_before(resource.RLIMIT_NOFILE, 4), captures=False,
        ignore=NO_CAPTURE)
program("limits", "all_closed", check=at_least(2, samples=4))
shell("limits_standard_closed", "exec {tests}hostile_limits standard_closed 0<&- 1>&- 2>&-")
shell("limits_standard_closed_python",
      "exec python3 -c 'import os; print(os.open(\"x\", os.O_CREAT | os.O_RDWR), file=open(\"y\", \"w\"))' 0<&- 1>&- 2>&-")
program("limits", "elsewhere", check=at_least(2, samples=2))
program("limits", "new_root", root=True, check=at_least(1, samples=1), ignore=rb"^ERROR: ld\.so: object .*\n")
program("limits", "captures_cut", "nothing", check=None, captures=False)
program("limits", "captures_cut", "header", name="limits_captures_cut_to_header", captures=False)
program("limits", "captures_removed", captures=False)
program("limits", "disk_filled", private_kib=2048, captures=False)
program("limits", "working", name="limits_disk_full_from_start", private_kib=8, captures=False, ignore=NO_CAPTURE)
program("limits", "filtered", check=at_least(1))
add("limits_filtered_exec", lambda: [built("hostile_limits"), "filtered", built("hostile_limits"), "working"],
    check=at_least(1))
program("limits", "strict", check=filtered_and_noticed, environment={"FIL_PERF_SPY_RAET": "1"}, ignore=rb"^filperf: .*\n")
program("limits", "print_environment", ignore=rb"^(LD_PRELOAD|FIL_PERF_RUN_DIR|FIL_PERF_SPY_RATE)=.*\n")
program("limits", "cleared_environment", check=at_least(3))
shell("limits_unwritable_tmpdir", "TMPDIR=/proc exec {tests}hostile_limits working", captures=False, ignore=NO_CAPTURE)


def drop_root():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


program("limits", "working", name="limits_other_user", root=True, before=drop_root, check=at_least(samples=5))

program("process", "no_processes", root=True, before=drop_root)
shell("limits_directory_removed", "mkdir gone && cd gone && rmdir ../gone && {tests}hostile_limits working; exit $?")
add("limits_output_not_writable", lambda: [built("hostile_limits"), "working"],
    environment={"FIL_PERF_OUTPUT_DIR": "/proc/nowhere"})

# -- kills from outside ------------------------------------------------------


def kill_after(seconds, number):
    def during(pid, place):
        time.sleep(seconds)
        os.kill(pid, number)
    return during


program("limits", "working", "5000", name="killed_by_sigkill", ends="signal 9", during=kill_after(0.3, signal.SIGKILL),
        check=at_least(samples=4))
program("limits", "working", "5000", name="killed_by_sigterm", ends="signal 15", during=kill_after(0.3, signal.SIGTERM),
        check=at_least(samples=4))
program("limits", "working", "5000", name="killed_by_sigprof", ends="signal 27", during=kill_after(0.3, signal.SIGPROF))
program("limits", "working", "5000", name="killed_by_sigsegv", ends="signal 11 core",
        before=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)), during=kill_after(0.3, signal.SIGSEGV))


def stop_and_go(pid, place):
    for _ in range(20):
        time.sleep(0.01)
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGCONT)


program("limits", "working", "300", name="stopped_and_continued", during=stop_and_go)

# -- programs of other kinds -------------------------------------------------


def compiled(name, source, *options, tool="cc", language="c"):
    """A program compiled when the case runs, once per build directory."""
    def path():
        place = built("hostile-made")
        os.makedirs(place, exist_ok=True)
        out = os.path.join(place, name)
        if not os.path.exists(out):
            fresh = "%s.%d" % (out, os.getpid())  # two cases may make it at once; either is good
            done = subprocess.run([tool, "-x", language, "-", "-o", fresh, *options], input=source, text=True,
                                  capture_output=True)
            if done.returncode:
                raise Skip(f"{tool} cannot make it: {done.stderr.strip().splitlines()[-1]}")
            os.rename(fresh, out)
        return out
    return path


BURN = """#include <stdio.h>
int main(void) { for (volatile long i = 0; i < 30000000; i++); puts("burnt"); return 7; }
"""
static_program = compiled("static_program", BURN, "-static")
add("kinds_static", lambda: [static_program()], ends="exit 7", captures=False)
add("kinds_static_child", lambda: ["/bin/sh", "-c", static_program() + "; exit 3"], ends="exit 3")
add("kinds_exec_static", lambda: ["/bin/sh", "-c", "exec " + static_program()], ends="exit 7")


def program_32_bit():
    out = built("hostile-made/program_32_bit")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    source = ".globl _start\n_start: movl $1,%eax\n movl $5,%ebx\n int $0x80\n"
    for tool in ("as", "ld"):
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed")
    made = subprocess.run(["as", "--32", "-o", out + ".o", "-"], input=source, text=True, capture_output=True)
    if made.returncode or subprocess.run(["ld", "-m", "elf_i386", "-o", out, out + ".o"], capture_output=True).returncode:
        raise Skip("this machine's as and ld make no 32-bit program")
    if subprocess.run([out]).returncode != 5:
        raise Skip("this kernel runs no 32-bit program")
    return out


add("kinds_32_bit_child", lambda: ["/bin/sh", "-c", program_32_bit() + "; exit $?"], ends="exit 5")


def setuid_program():
    out = built("hostile-made/setuid_program")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    shutil.copy(built("hostile_process"), out)
    os.chown(out, 65534, 65534)
    os.chmod(out, 0o4755)
    return out


add("kinds_setuid_child", lambda: ["/bin/sh", "-c", setuid_program() + " starters; exit $?"], root=True)

CPP = r"""
#include <stdexcept>
#include <string>
#include <cstdio>
#include <thread>
static int __attribute__((noinline)) fall(int depth) {
	std::string keep(100, 'x');
	if (depth == 0) throw std::runtime_error("deep");
	return fall(depth - 1) + (int)keep.size();
}
static long storm() {
	long caught = 0;
	for (int i = 0; i < 3000; i++)
		try { fall(i % 50); } catch (const std::exception &e) { caught += e.what()[0] == 'd'; }
	return caught;
}
int main() {
	long other = 0;
	std::thread thread([&] { other = storm(); });
	long mine = storm();
	thread.join();
	std::printf("caught %ld %ld\n", mine, other);
	std::fflush(stdout);
	if (mine != 3000) return 1;
	fall(3);
}
"""
cpp_program = compiled("cpp_exceptions", CPP, "-O1", "-pthread", tool="g++", language="c++")
add("kinds_cpp_exceptions", lambda: [cpp_program()], ends="signal 6 core",
    before=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
add("kinds_cpp_exceptions_native", lambda: [cpp_program()], ends="signal 6 core", environment={"FIL_PERF_SPY_NATIVE": "1"},
    before=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
shell("kinds_shell_pipeline", "seq 1 2000 | sort -rn | head -3 | tail -1; (exit 5); echo $?; true & wait; kill -0 $$", check=at_least(5))
shell("kinds_shell_traps", "trap 'echo trapped' USR1 PROF; kill -USR1 $$; kill -PROF $$; sleep 0.02; exit 6", ends="exit 6")
shell("kinds_shell_kill_itself", "kill -TERM $$; sleep 5", ends="signal 15")
shell("kinds_env_i_child", "env -i /usr/bin/env; env -i /bin/sh -c 'exit 4'; echo $?")

# -- copies ------------------------------------------------------------------

BLOCK = 1 << 20
CORE = resource.RLIM_INFINITY, resource.RLIM_INFINITY


def copied(calls, n_bytes, estimate=None, image=0):
    """Exact counts of the first process: the program's own and the little that starting it copies."""
    def check(facts):
        first = [f for f in facts if f.get("first") and f["image"] == image]
        if len(first) != 1:
            return f"{len(first)} captures of the first process"
        seen = first[0]["copy_calls"], first[0]["copy_bytes"]
        if not calls <= seen[0] <= calls + 300 or not n_bytes <= seen[1] <= n_bytes + 100000:
            return f"{seen} calls and bytes, expected a little more than {(calls, n_bytes)}"
        booked = first[0]["copy_python"] + first[0]["copy_native"]
        if estimate and not estimate[0] <= booked <= estimate[1]:
            return f"{booked} bytes booked, expected between {estimate}"
        return None
    return check


def children_apart(facts):
    """What a child copied is not in its parent's capture; a vfork child's is the parent's memory."""
    forked = [f for f in facts if f["forked"]]
    if len(forked) != 1 or not 0 <= forked[0]["copy_bytes"] - 30 * BLOCK < 100000:
        return f"the forked child is not there with its 30 blocks: {[f['copy_bytes'] for f in forked]}"
    return copied(90, 90 * BLOCK - 900)(facts)


program("copies", "early")
program("copies", "early", name="copies_early_bound_at_once", environment={"LD_BIND_NOW": "1"})
program("copies", "signals", wall=False, check=copied(100400, 100000 * 10007 + 400 * 4001, (0.6e9, 1.5e9)))
program("copies", "children", check=children_apart)
program("copies", "before_exec", check=copied(64, 64 * BLOCK))
program("copies", "old_overlaps")
program("copies", "empty", check=copied(400000, 0))
program("copies", "huge", check=copied(2, 10 << 30, (10 << 30, (10 << 30) + 50 * BLOCK)))
program("copies", "small_stacks", check=copied(560, 560 * BLOCK))
program("copies", "at_exit")
program("copies", "threads_at_end", check=copied(200, 4 * 50 * (BLOCK // 2)))
program("copies", "signals", name="copies_off", wall=False, environment={"FIL_PERF_SCALENE_COPY": "0"},
        check=lambda facts: "copies were counted" if any(f["copies"] or f["copy_calls"] for f in facts) else None)


def counted_until_killed(facts):
    """Counts are put into the record at each sample, so at most the last few MiB are missing."""
    for f in facts:
        booked = f["copy_python"] + f["copy_native"]
        if f["copy_bytes"] > 100 * BLOCK and abs(booked / f["copy_bytes"] - 1) < 0.5:
            return None
    return "copies were lost"


program("copies", "forever", name="copies_killed", ends="signal 9", during=kill_after(0.3, signal.SIGKILL),
        check=counted_until_killed)
for kind in "cme":
    program("copies", "overflow", kind, name="copies_overflow_" + kind, ends="signal 6 core",
            before=lambda: resource.setrlimit(resource.RLIMIT_CORE, CORE))
program("copies", "signals", name="copies_counted_by_another", wall=False,
        environment={"LD_PRELOAD": built("libhostile_counter_lib.so")})

# -- memory ------------------------------------------------------------------

MEMORY_MODES = {"sampled": {}, "exact": {"FIL_PERF_MEMRAY_ENABLED": "1"}}


def recorded(exact, kept, lost):
    """Memory was recorded to the end: what the program kept is there, once."""
    def check(facts):
        first = [f for f in facts if f.get("first") and f["image"] == 0]
        if len(first) != 1 or first[0]["mem"] != (2 if exact else 1):
            return "memory was not recorded in the mode that the settings ask for"
        if not kept[0] <= first[0]["mem_heap"] <= kept[1]:
            return f"{first[0]['mem_heap']} bytes alive at the end, expected between {kept}"
        if lost and not lost[0] <= first[0].get("lost_mem_nested", 0) <= lost[1]:
            return f"{first[0].get('lost_mem_nested', 0)} events were lost, expected between {lost}"
        return None
    return check


def memory(name, file, *arguments, kept=(64 * BLOCK, 80 * BLOCK), environment=None, lost=None, **settings):
    """A Python program, its memory recorded in each mode.  lost: events that handlers cost."""
    for mode, setting in MEMORY_MODES.items():
        script(file, *arguments, name=f"memory_{name}_{mode}", python=("new",), environment=dict(environment or {}, **setting),
               check=recorded(mode == "exact", kept, lost), **settings)


LITTLE = (1, 16 * BLOCK)
calls, threads = built("libhostile_memory_lib.so"), built("libhostile_memory_threads_lib.so")
memory("failures", "memory_calls", calls, "failures")
memory("sizes", "memory_calls", calls, "sizes", kept=LITTLE)
memory("no_memory", "memory_calls", calls, "no_memory")
memory("mappings", "memory_calls", calls, "mappings")
memory("at_exit", "memory_calls", calls, "at_exit", kept=LITTLE)
memory("arithmetic", "memory_calls", calls, "arithmetic")
memory("closed", "memory_calls", calls, "closed", kept=LITTLE)
for part in "in_handlers", "short_threads", "ended_threads", "forks", "odd_children":
    memory(part, "memory_calls", threads, part)
# after each jump the next event is recorded again
memory("jumps", "memory_calls", threads, "jumps", lost=(0, 60))
# a thread that jumped and then gets no CPU for a second costs others what they do meanwhile
memory("left_threads", "memory_calls", threads, "left_threads", lost=(0, 1000))
# the stack address does not tell that what the handler interrupted still lives
memory("in_handlers_above", "memory_calls", threads, "in_handlers", "above", lost=(20, 4000))
for part in "traced", "errors", "threads":
    memory(part, "memory_python", part)
memory("made_functions", "memory_python", "made_functions", kept=(9 * BLOCK, 24 * BLOCK))
# what is met by sampling lies elsewhere than it would; here every second block is
memory("resized", "memory_python", "resized", environment={"FIL_PERF_MEMRAY_SAMPLE_BYTES": "1024"})
for kind in "malloc", "pymalloc_debug":
    memory("resized_" + kind, "memory_python", "resized",
           environment={"PYTHONMALLOC": kind, "FIL_PERF_MEMRAY_SAMPLE_BYTES": "1024"})
for kind in "malloc", "debug", "pymalloc_debug", "malloc_debug":
    memory("errors_" + kind, "memory_python", "errors", environment={"PYTHONMALLOC": kind})
memory("dev", "memory_python", "traced", options=("-X", "dev"))


def memory_beside(library):
    found = sorted(glob.glob(f"/usr/lib/*/lib{library}.so*"))
    if found:
        memory(library, "memory_calls", threads, "short_threads", environment={"LD_PRELOAD": found[0]})


memory_beside("jemalloc")
memory_beside("tcmalloc_minimal")

# -- Python programs ---------------------------------------------------------

script("own_itimer", check=at_least(samples=2))
script("fault_reports", "crash", name="faulthandler_crash", ends="signal 11 core",
       before=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)), ignore=rb"(0x[0-9a-f]{8,}|^  <Extension modules:.*\n)")
script("fault_reports", "later", name="faulthandler_later", ignore=rb"0x[0-9a-f]{8,}")
script("fault_reports", "register", name="faulthandler_register", ignore=rb"0x[0-9a-f]{8,}")
script("wakeup_fd", check=at_least(samples=1))
script("wait_for_signals", wall=False)
script("deep_recursion", check=at_least(samples=1))
script("deep_recursion", "overflow", name="stack_overflow", python=("new",), ends="signal 11")
script("interrupted", ends="signal 2", during=None)
script("leave", "os_exit", name="os_exit", ends="exit 5")
script("leave", "daemon_threads", name="daemon_threads", ends="exit 0")
script("leave", "sys_exit", name="sys_exit", ends="exit 9")
script("leave", "exception", name="exception", ends="exit 1")
script("leave", "abort", name="abort", ends="signal 6 core",
       before=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
script("forks", name="forks", ends="exit 0")
script("pools", name="pools", check=at_least(5))
script("children", name="children", check=at_least(5))


def greenlet_python():
    """An interpreter, or a venv of the tests, that has the greenlet package."""
    from pythons import candidates

    venvs = glob.glob(os.path.join(os.environ.get("FP_DEPS", os.path.join(HERE, "..", "..", "build", "deps")), "*/bin/python3"))
    for path in venvs + [path for path, origin in candidates() if origin in ("pyenv", "debian", "given")]:
        if subprocess.run([path, "-c", "import greenlet"], capture_output=True).returncode == 0:
            return path
    raise Skip("no Python here has the greenlet package")


add("py_greenlets", lambda: [greenlet_python(), os.path.join(PROGRAMS, "greenlets.py")], check=at_least(samples=5))
script("generators", name="generators", check=at_least(samples=4))
for option, name in [(("-X", "dev"), "dev"), (("-X", "faulthandler"), "faulthandler"), (("-S", "-E", "-I"), "isolated"),
                     (("-O",), "optimised"), (("-X", "importtime"), "importtime")]:
    script("generators", name="option_" + name, python=("new",), options=option, check=at_least(samples=4),
           # asyncio's debug mode tells of slow steps, importtime of times
           ignore=rb"^(import time:|Executing <).*\n")
script("generators", name="malloc_debug", python=("old", "new"), environment={"PYTHONMALLOC": "debug"},
       check=at_least(samples=4))
script("generators", name="native_walk", python=("old", "new"), environment={"FIL_PERF_SPY_NATIVE": "1"},
       check=at_least(samples=4))

# -- the same with the reports made at the end -------------------------------


def rendered(name, of, **settings):
    """A case once more, its reports rendered by the child at its end."""
    first = CASES[of]
    arguments = dict(ends=first.ends, before=first.before, during=first.during, last_file=first.last_file,
                     ignore=first.ignore, environment=dict(first.environment, FIL_PERF_RENDER="1"), wall=False,
                     captures=False, renders=True)
    arguments.update(settings)
    add("render_" + name, first.argv, **arguments)


rendered("exit", "masks_errno_kept")
rendered("waits", "process_waits")
rendered("ignoring_children", "process_ignoring_children")
rendered("no_processes", "process_no_processes", root=True, renders=None)
rendered("directory_removed", "limits_directory_removed", renders=None)
rendered("output_not_writable", "limits_output_not_writable", renders=None, ignore=NOT_RENDERED)
rendered("underscore_exit", "process_exits_u")
rendered("quick_exit", "process_exits_q")
rendered("raise", "profsig_raise_default")
rendered("abort", "faults_crash_a")
rendered("main_leaves_first", "threads_main_leaves_first")
rendered("alive_threads", "threads_alive_at_exit")
rendered("exec_chain", "process_exec_chain")
rendered("many_forks", "process_many_forks")
rendered("all_blocked", "masks_sigwait_all")
rendered("all_closed", "limits_all_closed")
rendered("no_descriptors", "limits_no_descriptors")
rendered("standard_closed", "limits_standard_closed")
rendered("daemon", "process_daemon_function", renders=None)
rendered("daemon_outlives", "process_daemon_outlives")
rendered("chdir", "limits_elsewhere", renders=None)
rendered("chroot", "limits_new_root", root=True, renders=None,
         ignore=rb"^(ERROR: ld\.so: object |filperf: the program filperf is not beside the agent).*\n")
rendered("captures_cut", "limits_captures_cut", renders=None)
rendered("captures_removed", "limits_captures_removed", renders=None, ignore=NOT_RENDERED)
rendered("fsize", "limits_fsize", renders=None)
rendered("small_stack", "faults_overflow", renders=None)
rendered("seccomp", "limits_strict", renders=None)
rendered("clear_environment", "limits_cleared_environment")
rendered("disk_filled", "limits_disk_filled", private_kib=2048, renders=None)
rendered("py_interrupted", "py_interrupted_new")
rendered("py_daemon_threads", "py_daemon_threads_new")
rendered("py_forks", "py_forks_new")
rendered("py_children", "py_children_new")
rendered("py_pools", "py_pools_old")
