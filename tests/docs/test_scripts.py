# SPDX-License-Identifier: Apache-2.0
"""Scripts of the tree: shellcheck finds nothing, help works, a wrong argument
is one line and a status of its own, and the harness generator is deterministic.
"""

import os
import pathlib
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(os.environ.get("FP_SOURCE") or pathlib.Path(__file__).resolve().parent.parent.parent)
ENTRIES = ["tools/quickstart", "tests/run"]


def shell_scripts():
    """Files of the folders with scripts that a shell reads."""
    for folder in (".ci", "tools", "tools/setup", "tools/cmake", "tests", "tests/deps"):
        for path in sorted((SOURCE / folder).iterdir()):
            if path.is_file() and path.suffix in ("", ".sh"):
                first = path.open("rb").readline()
                if (first.startswith(b"#!") and b"sh" in first) or path.suffix == ".sh":
                    yield path


def run(*command):
    return subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)


def check_shellcheck():
    scripts = [str(path.relative_to(SOURCE)) for path in shell_scripts()]
    assert set(ENTRIES) <= set(scripts), scripts
    found = run("shellcheck", "-x", *scripts)
    assert found.returncode == 0, found.stdout


def check_help():
    for entry in ENTRIES:
        shown = run(str(SOURCE / entry), "--help")
        assert shown.returncode == 0 and "Usage:" in shown.stdout, (entry, shown)
        assert not any(line.startswith("#") for line in shown.stdout.splitlines()), (entry, shown.stdout)


def check_wrong_argument():
    for entry in ENTRIES:
        wrong = run(str(SOURCE / entry), "--no-such-thing")
        assert wrong.returncode == 1 and not wrong.stdout, (entry, wrong)
        assert len(wrong.stderr.splitlines()) == 1 and "--no-such-thing" in wrong.stderr, (entry, wrong.stderr)


def check_harness():
    make = str(SOURCE / "tests" / "samples" / "make_harness.py")
    first, second = run(sys.executable, make, "--size", "5"), run(sys.executable, make, "--size", "5")
    assert first.stdout == second.stdout and first.stdout.count("  P") == 5, first.stdout[:200]
    assert run(sys.executable, make, "--size", "0").returncode == 2


def main():
    if not shutil.which("shellcheck"):
        print("SKIP: shellcheck is not installed")
        return 77
    for check in (check_shellcheck, check_help, check_wrong_argument, check_harness):
        check()
        print(check.__name__, "ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
