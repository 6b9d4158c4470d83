# SPDX-License-Identifier: Apache-2.0
"""Rules of the built agent: what it exports, needs, and calls where little is allowed."""
import os
import re
import sys

from tree import AGENT, HERE, SOURCE, read, run


def hook_names(hook_list):
    return set(re.findall(r"\bX\((\w+), *(?:REQUIRED|OPTIONAL)\)", hook_list))


def map_names(exports):
    body = re.sub(r"#.*", "", exports)
    wanted = re.search(r"global:(.*?)local:", body, re.S)
    return set(re.findall(r"([\w*]+);", wanted[1])) if wanted else set()


def check_exports(hook_list, exports, defined, undefined):
    hooks, listed = hook_names(hook_list), map_names(exports)
    for name in sorted(hooks ^ (listed - {"filperf_*"})):
        yield f"{name}: only in one of shim/hook_list.h and shim/exports.map"
    if re.search(r"^\s*\w[\w.]*\s*\{", re.sub(r"#.*", "", exports), re.M):
        yield "shim/exports.map names a version node: references to a libc version would miss the hooks"
    for name in sorted(defined - hooks):
        if not name.startswith("filperf_"):
            yield f"{name}: exported, but no hook"
    for name in sorted(hooks - defined):
        yield f"{name}: in shim/hook_list.h, but not exported"
    for name in sorted(undefined & {"__tls_get_addr", "__stack_chk_fail"}):
        yield f"{name}: called by the agent"
    for name in sorted(undefined):
        if name.startswith(("_Unwind_", "fpje_", "fp_")):
            yield f"{name}: undefined in the agent"


def exports():
    bad = list(check_exports("X(kill, REQUIRED)", "V1 {\nglobal:\n\tkill;\n\tmalloc;\nlocal: *;\n};",
                             {"malloc", "_Unwind_Resume"}, {"__tls_get_addr"}))
    yield [line for want in ("malloc: only", "version node", "_Unwind_Resume: exp", "kill: in", "__tls_get_addr")
           for line in bad if want in line], 5

    def names(kind):
        lines = run("nm", "-D", kind, AGENT).splitlines()
        return {line.split()[-1].split("@")[0] for line in lines}

    yield check_exports(read(f"{SOURCE}/shim/hook_list.h"), read(f"{SOURCE}/shim/exports.map"),
                        names("--defined-only"), names("--undefined-only"))


def needed():
    """The libraries that the agent pulls into the host: libc and its parts."""
    def check(text):
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            if not re.match(r"(libc\.so|ld-linux|libpthread\.so|libdl\.so|librt\.so)", name):
                yield f"{name}: loaded into the host by the agent"
        size = re.search(r"^\s*TLS\s+\S+\s+\S+\s+\S+\s+\S+\s+(\S+)", text, re.M)
        # A 16 KiB thread stack also holds every preload's thread-local storage.
        if size and int(size[1], 16) > 2048:
            yield f"{int(size[1], 16)} bytes of thread-local storage; at most 2048 for small stacks of the host"
    yield list(check(" 0x1 (NEEDED) Shared library: [libgcc_s.so.1]\n  TLS 0x1 0x2 0x3 0x0 0x6680 R 0x8\n")), 2
    yield check(run("readelf", "-dlW", AGENT))


# copies ----------------------------------------------------------------

COPIES = ("memcpy", "memmove", "mempcpy", "__memcpy_chk", "__memmove_chk", "__mempcpy_chk")


def functions(disassembly):
    """{name: its lines} of objdump's output."""
    found, at = {}, None
    for line in disassembly.splitlines():
        start = re.match(r"[0-9a-f]+ <([^>]+)>:$", line)
        if start:
            at = found.setdefault(start[1], [])
        elif at is not None and line.strip():
            at.append(line)
    return found


def check_copies(disassembly, relocations):
    """A copy of the agent's own must not come back as one of the program's, and
    before relocation a hook may use nothing that relocation makes."""
    bodies = functions(disassembly)
    for name, lines in bodies.items():
        for line in lines:
            for called in re.findall(r"<([^>+@]+)(?:@[^>]*)?(?:\+0x[0-9a-f]+)?>", line):
                if called in COPIES and called != name:
                    yield f"{name}: calls the hook {called}"
    for name in re.findall(r"^\S+ +\S+ +\S+ +\S+ +(\w+)", relocations, re.M):
        if name in COPIES:
            yield f"{name}: the loader binds a call or an address from inside to the hook"
    for hook in COPIES:
        for line in bodies.get(hook, [f"{hook} is not in the agent %fs:"]):
            if re.search(r"\tj(e|ne|z|nz) ", line):
                break
            if "%fs:" in line or "GLOBAL_OFFSET" in line:
                yield f"{hook}: before it knows libc: {line.strip()}"
    for line in bodies.get("fp_base_move", ["fp_base_move is not in the agent call"]):
        if re.search(r"\(%rip\)|%fs:|call|@plt", line):
            yield f"fp_base_move: needs relocation: {line.strip()}"


def copies():
    good = "".join(f"00 <{hook}>:\n 1:\tje  8 <x>\n 2:\tmov %fs:8,%rax\n" for hook in COPIES)
    bad = ("01 <memmove>:\n 1:\tmov 0x8(%rip),%rax # <_GLOBAL_OFFSET_TABLE_+0x8>\n"
           "02 <fpje_realloc>:\n 1:\tcall 3 <memcpy@plt>\n 2:\tcall 3 <mempcpy>\n"
           "03 <fp_base_move>:\n 1:\tcall 3 <x>\n")
    yield list(check_copies(good.replace("<memmove>", "<other>") + bad,
                            "000000 000400000007 R_X86_64_JUMP_SLO 0000000000017940 memcpy + 0\n")), 5
    yield check_copies(run("objdump", "-d", "--no-show-raw-insn", AGENT), run("readelf", "-rW", AGENT))


# what hot code may call -------------------------------------------------

def call_graph(disassembly):
    edges, at = {}, None
    for line in disassembly.splitlines():
        start = re.match(r"[0-9a-f]+ <([^>]+)>:$", line)
        if start:
            at = start[1]
            edges.setdefault(at, set())
        elif at:
            edges[at].update(n for n in re.findall(r"<([^>+]+)(?:\+0x[0-9a-f]+)?>", line) if n != at)
    return edges


def outside_calls(edges, roots):
    """{outside name: chain of callers} of everything reachable from roots."""
    seen, todo, outside = {}, [(root, None) for root in roots], {}
    while todo:
        name, caller = todo.pop()
        if name in seen:
            continue
        seen[name] = caller
        if "@" in name:
            chain, up = [], caller
            while up:
                chain.append(up)
                up = seen[up]
            outside.setdefault(name.split("@")[0], chain)
            continue
        todo.extend((callee, name) for callee in edges.get(name, ()))
    return outside


def read_allow_list(text):
    roots, allowed = [], set()
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words:
            (roots.extend if words[0] == "root" else allowed.update)(words[1:] if words[0] == "root" else words)
    return roots, allowed


def check_hot(disassembly, allow):
    edges = call_graph(disassembly)
    roots, allowed = read_allow_list(allow)
    for root in roots:
        if root not in edges:
            yield f"{root}: named as a root in hot_symbols.allow, but not in the agent"
    for name, chain in sorted(outside_calls(edges, roots).items()):
        if name not in allowed:
            yield f"{name}: not in hot_symbols.allow; called by {' <- '.join(chain[:8])}"


def hot():
    sample = "00 <on_signal>:\n 1: call 10 <inner>\n10 <inner>:\n 11: call 20 <malloc@plt>\n"
    yield list(check_hot(sample, "root on_signal gone\nmemset")), 2
    yield check_hot(run("objdump", "-d", "--no-show-raw-insn", AGENT), read(f"{HERE}/hot_symbols.allow"))


def hot_objects(*objects):
    """Objects of hot and ledger: nothing from libc but what is allowed."""
    def check(undefined, allowed):
        for path, name in undefined:
            if not name.startswith(("fp_", "_GLOBAL_OFFSET_TABLE_")) and name not in allowed:
                yield f"{path}: calls {name}, which hot_symbols.allow does not name"
    allowed = read_allow_list(read(f"{HERE}/hot_symbols.allow"))[1]
    yield list(check([("a.o", "malloc"), ("a.o", "fp_x")], allowed)), 1
    found = []
    for path in objects:
        for line in run("nm", "--undefined-only", path).splitlines():
            found.append((os.path.basename(path), line.split()[-1]))
    if not found:
        sys.exit("no hot objects were given")
    yield check(found, allowed)
