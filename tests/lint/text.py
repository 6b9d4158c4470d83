# SPDX-License-Identifier: Apache-2.0
"""Rules of text: words, hosts, names, sizes."""
import re

from tree import C_FILES, SOURCE, TEXT_FILES, read, tree, whole_tree

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
    yield (line for path in whole_tree() for line in check_words(path, read(f"{SOURCE}/{path}")))


# Addresses that readers follow, that formats prescribe, or that lead nowhere.
# Where packages come from is the machine's own configuration.
HOSTS = {
    "127.0.0.1", "creativecommons.org", "github.com", "localhost", "profiler.firefox.com", "ui.perfetto.dev",
    "www.apache.org", "www.speedscope.app", "www.w3.org",
}
MIRRORS = re.compile(r"\b(deb|security|snapshot|archive)\.(debian|ubuntu)\.|\bpypi\.or" r"g\b|\bpythonhosted\."
                     r"|\bregistry\.npm|\bproxy\.golang\.")


def check_hosts(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for host in re.findall(r"\b(?:https?|ftp)://([\w.-]+)", line):
            if host not in HOSTS and not host.endswith((".example", ".invalid")):
                yield f"{path}:{number}: the host {host} is not named in tests/lint/text.py"
        if MIRRORS.search(line):
            yield f"{path}:{number}: names a mirror of packages: {line.strip()[:80]}"


def hosts():
    yield list(check_hosts("a.sh", "get http:" "//evil.test/x\nget de" "b.debian.org\n")), 2
    yield (line for path in whole_tree() for line in check_hosts(path, read(f"{SOURCE}/{path}")))


NAMES = re.compile(r"(^|_)(util|utils|common|misc|helper|helpers|manager|manage|handle|stuff)(_|$)")


def check_names(path, text):
    stem = path.rsplit("/", 1)[-1].split(".")[0].lstrip(".")
    if NAMES.search(stem):
        yield f"{path}: a file name that says nothing"
    if not path.endswith((".c", ".h")):
        return
    code = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", " ", text, flags=re.S)
    for name in sorted(set(re.findall(r"\b([a-z]\w*)\s*\(", code))):
        if NAMES.search(name) or re.match(r"(fp_)?process_(?!of\b|id\b)[a-z]+$", name):
            yield f"{path}: {name}() says nothing"
    for name in sorted(set(re.findall(r"\b(?:struct|enum|union)\s+(\w+)", code))):
        if NAMES.search(name):
            yield f"{path}: struct {name} says nothing"


def names():
    yield list(check_names("agent/string_utils.c", "void fp_handle_it(void);\nstruct fp_manager { int a; };\n"
                           "static int process_sample(int a);\n")), 4
    yield (line for path in tree("agent", "shim", "tools", "tests", ends=TEXT_FILES)
           for line in check_names(path, read(f"{SOURCE}/{path}") if path.endswith((".c", ".h")) else ""))


def functions_of(text):
    """(line, name, lines of the body) of each function; a brace in column 1 begins and ends it."""
    lines, begin = text.splitlines(), None
    for number, line in enumerate(lines):
        if line == "{":
            begin = number
        elif line.startswith("}") and begin is not None:
            name = re.findall(r"(\w+)\(", " ".join(lines[max(0, begin - 4):begin]))
            yield begin, name[-1] if name else "?", number - begin - 1
            begin = None


def check_sizes(path, text):
    n_lines = text.count("\n")
    if n_lines > 500:
        yield f"{path}: {n_lines} lines; files are split before 500"
    elif n_lines > 400:
        print(f"warning: {path}: {n_lines} lines")
    for line, name, n_body in functions_of(text):
        if n_body > 60:
            yield f"{path}:{line}: {name} has {n_body} lines; at most 60"


def sizes():
    yield list(check_sizes("a.c", "int fp_long(void)\n{\n" + "\n" * 501 + "}\n")), 2
    yield [line for path in tree("agent", "shim", "tools") for line in check_sizes(path, read(f"{SOURCE}/{path}"))]
