#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of the tree that a compiler does not check.

check.py <rule> [arguments]; each rule first shows on a bad sample that it can
fail, then looks at the tree ($FP_SOURCE) and what was built from it.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("FP_SOURCE", os.path.dirname(os.path.dirname(HERE)))
AGENT = os.environ.get("FP_AGENT", "")
C_FILES = (".c", ".h", ".S")
TEXT_FILES = C_FILES + (".py", ".sh", ".cmake", ".txt", ".md", ".json", ".js", ".css", ".map", ".redirects")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def tree(*folders, ends=C_FILES):
    """Paths below the source, relative; what git ignores is left out by name."""
    for folder in folders:
        for at, names, files in os.walk(os.path.join(SOURCE, folder)):
            names[:] = sorted(n for n in names if not n.startswith((".git", "build", "outputs", "__pycache__")))
            for name in sorted(files):
                if name.endswith(ends) or (ends is TEXT_FILES and "." not in name):
                    yield os.path.relpath(os.path.join(at, name), SOURCE)


# exports ---------------------------------------------------------------

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


# includes ---------------------------------------------------------------

# Folder -> what it may include besides itself.  python.h of agent/python holds
# the reader interface that base implements and the keys that ledger stores.
ARROWS = {
    "shim": {"agent/agent.h", "agent/capture/format.h"},
    "agent/base": {"agent/capture", "agent/python/python.h"},
    "agent/capture": set(),
    "agent/settings": {"agent/base"},
    "agent/python": {"agent/base", "agent/capture"},
    "agent/native": {"agent/base", "agent/capture", "agent/python"},
    "agent/ledger": {"agent/base", "agent/capture", "agent/python"},
    "agent/hot": {"agent/agent.h", "agent/base", "agent/capture", "agent/ledger", "agent/native", "agent/python",
                  "agent/settings"},
    "agent": {"agent/base", "agent/capture", "agent/hot", "agent/ledger", "agent/native", "agent/python",
              "agent/settings"},
    "tools/read": {"agent/base", "agent/capture", "agent/python"},
    "tools/model": {"agent/capture", "tools/read"},
    "tools/render": {"agent/capture", "tools/read", "tools/model", "assets.h"},
    "tools/cli": {"agent/base", "agent/capture", "agent/python", "agent/settings", "tools/read", "tools/model",
                  "tools/render"},
    "tools": {"agent/base", "agent/capture", "agent/python", "agent/settings", "tools/cli", "tools/read",
              "tools/model", "tools/render"},
}


def check_includes(path, text):
    folder = os.path.dirname(path)
    while folder and folder not in ARROWS:
        folder = os.path.dirname(folder)
    if not folder:
        yield f"{path}: no rule for its folder in tests/lint/check.py"
        return
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
        below = os.path.dirname(name)
        own = below == folder or below.startswith(folder + "/") and folder not in ("agent", "tools")
        if not own and name not in ARROWS[folder] and not any(
                below == may or below.startswith(may + "/") for may in ARROWS[folder]):
            yield f"{path}: {folder} may not include {name}"


def includes():
    yield (list(check_includes("shim/a.c", '#include "agent/hot/thread.h"\n'))
           + list(check_includes("agent/python/a.c", '#include "agent/hot/thread.h"\n'))
           + list(check_includes("tools/read/a.c", '#include "tools/render/render.h"\n'))), 3
    yield (line for path in tree("agent", "shim", "tools") for line in check_includes(path, read(f"{SOURCE}/{path}")))


def headers(*command):
    """Each header compiles alone; command: the compiler and its flags."""
    def check(path):
        done = subprocess.run([*command, "-fsyntax-only", "-x", "c", "-include", path, "/dev/null"],
                              capture_output=True, text=True)
        if done.returncode:
            yield f"{path}: does not compile alone\n{done.stderr.strip()}"
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/bad.h", "w", encoding="utf-8") as f:
            f.write("uint32_t fp_bad(struct fp_gone gone);\n")
        yield list(check(f"{folder}/bad.h")), 1
    yield (line for path in tree("agent", "shim", "tools", ends=(".h",)) if "/." not in path
           for line in check(f"{SOURCE}/{path}"))


# text -------------------------------------------------------------------

FORBIDDEN = re.compile(r"\b(TO" r"DO|FIX" r"ME|X{3})\b|(?i:\bfor " r"now\b(?!\())")
MACHINE = re.compile(r"/ro" r"ot/|/var/tmp/f" r"p|/work/(?:ma" r"in|sha" r"red|\.)")


def check_words(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if FORBIDDEN.search(line):
            yield f"{path}:{number}: a word that does not ship: {line.strip()[:80]}"
        if MACHINE.search(line):
            yield f"{path}:{number}: a path of one machine: {line.strip()[:80]}"
    first = text.split("\n", 2)[:2]
    if path.endswith(C_FILES) and "SPDX-License-Identifier: Apache-2.0" not in (first[0] if first else ""):
        yield f"{path}: first line is no SPDX line"


def words():
    yield list(check_words("a.c", "/* SPDX-License-Identifier: Apache-2.0 */\n// TO" "DO\n/* for " "now */\n"
                           '"/ro' 'ot/x"\n"/var/tm' 'p/fp"\n')) + list(check_words("b.c", "int a;\n")), 5
    # Vendored text keeps its own words.
    yield (line for path in tree("agent", "shim", "tools", "tests", "docs", ".ci", ends=TEXT_FILES)
           if "/data/" not in path for line in check_words(path, read(f"{SOURCE}/{path}")))


def sizes():
    def check(path, text, limit=500):
        if text.count("\n") > limit:
            yield f"{path}: {text.count(chr(10))} lines; files are split before {limit}"
    yield list(check("a.c", "\n" * 501)), 1
    found = []
    for path in tree("agent", "shim", "tools"):
        text = read(f"{SOURCE}/{path}")
        if text.count("\n") > 400:
            print(f"warning: {path}: {text.count(chr(10))} lines")
        found.extend(check(path, text))
    yield found


RULES = {"exports": exports, "needed": needed, "hot": hot, "hot_objects": hot_objects, "includes": includes,
         "headers": headers, "words": words, "sizes": sizes}


def main():
    steps = RULES[sys.argv[1]](*sys.argv[2:])
    seen, wanted = next(steps)
    if len(seen) < wanted:
        sys.exit(f"the rule found {len(seen)} of {wanted} faults of its bad sample: {seen}")
    faults = list(next(steps))
    for line in faults:
        print(line)
    print(f"{sys.argv[1]}: {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
