# SPDX-License-Identifier: Apache-2.0
"""Documents against the tree: links lead somewhere, named files exist, the
settings table is the generated one, commands and settings exist.

With --write it puts the generated settings table into the document.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("FP_SOURCE") or pathlib.Path(__file__).resolve().parent.parent.parent)
FILPERF = os.environ.get("FP_FILPERF") or str(SOURCE / "build" / "release" / "filperf")
TABLE = SOURCE / "docs" / "performance" / "overview.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->"


def documents():
    """README.md and everything below docs."""
    return [SOURCE / "README.md", *sorted((SOURCE / "docs").rglob("*.md"))]


def broken_links(path, text):
    """Relative links without a target."""
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", link) and not (path.parent / link).exists():
            yield f"the link {link} leads nowhere"


def missing_files(text):
    """Files of the tree named in back quotes that are not there."""
    for name in re.findall(r"`((?:agent|shim|tools|tests|docs)/[\w./*-]+)`", text):
        if "NN" not in name and not list(SOURCE.glob(name.rstrip("/"))):
            yield f"{name} does not exist"


def option_list():
    """(name in the environment, as an option) of each setting."""
    text = (SOURCE / "agent" / "settings" / "option_list.h").read_text(encoding="utf-8")
    return {"FIL_PERF_" + name.upper() for name in re.findall(r"\bX\((\w+), \"", text)}


def unknown_settings(text, known):
    """FIL_PERF_ names that are no settings."""
    for name in set(re.findall(r"\bFIL_PERF_[A-Z][A-Z_]*[A-Z]\b", text)) - known:
        if name not in ("FIL_PERF_RUN_DIR", "FIL_PERF_REPORT_TOOL"):
            yield f"{name} is no setting"


def unknown_commands(text):
    """Commands of filperf in code that its help does not have."""
    shown = subprocess.run([FILPERF, "--help"], capture_output=True, text=True, check=True).stdout
    code = "\n".join(re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
    for name in set(re.findall(r"^filperf ([a-z]+)", code, re.MULTILINE)):
        if not re.search(rf"\b{name}\b", shown):
            yield f"filperf {name} is no command"


def generated_table():
    """The settings as Markdown, from the tool."""
    with tempfile.TemporaryDirectory(prefix="filperf-docs-") as folder:
        subprocess.run([FILPERF, "generate", folder], check=True)
        return (pathlib.Path(folder) / "settings.md").read_text(encoding="utf-8")


def split_table(text):
    """The document before, in and after the markers."""
    before, rest = text.split(BEGIN, 1)
    table, after = rest.split(END, 1)
    return before, table, after


def main(arguments):
    wrong = []
    known = option_list()
    for path in documents():
        text = path.read_text(encoding="utf-8")
        found = [*broken_links(path, text), *missing_files(text), *unknown_settings(text, known), *unknown_commands(text)]
        wrong += [f"{path.relative_to(SOURCE)}: {line}" for line in found]
    before, table, after = split_table(TABLE.read_text(encoding="utf-8"))
    wanted = generated_table()
    if arguments == ["--write"]:
        TABLE.write_text(before + BEGIN + wanted + END + after, encoding="utf-8")
    elif table != wanted:
        wrong.append(f"{TABLE.relative_to(SOURCE)}: the settings table is old; run tests/docs/test_docs.py --write")
    print("\n".join(wrong) if wrong else f"{len(documents())} documents, {len(known)} settings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
