# SPDX-License-Identifier: Apache-2.0
"""Scripts of the tree: shellcheck finds nothing, help works, a wrong argument
is one line and a status of its own, and the harness generator is deterministic.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

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


def check_mirror():
    """Debian's own repository among others for the same release; one line when there is none."""
    listed = """'https://third.example/apt/dists/bookworm/main/binary-amd64/Packages.xz' a 0
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' b 0
'http://mirror.example/debian/dists/bookworm-updates/main/binary-amd64/Packages.xz' c 0
'http://mirror.example/debian-security/dists/bookworm-security/main/binary-amd64/Packages.xz' d 0
"""
    with tempfile.TemporaryDirectory(prefix="filperf-mirror-") as folder:
        apt, release = pathlib.Path(folder, "apt-get"), pathlib.Path(folder, "os-release")
        release.write_text("VERSION_CODENAME=bookworm\n", encoding="utf-8")
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "FP_OS_RELEASE": str(release)}
        for lines, expected in ((listed, "http://mirror.example/debian\n"), ("", "")):
            apt.write_text(f"#!/bin/sh\ncat <<'end'\n{lines}end\n", encoding="utf-8")
            apt.chmod(0o755)
            told = subprocess.run([SOURCE / "tools" / "setup" / "debian_mirror"], env=environment,
                                  capture_output=True, text=True)
            assert told.stdout == expected, told
            assert told.returncode == (not expected) and len(told.stderr.splitlines()) == (not expected), told


def check_harness():
    make = str(SOURCE / "tests" / "samples" / "make_harness.py")
    first, second = run(sys.executable, make, "--size", "5"), run(sys.executable, make, "--size", "5")
    assert first.stdout == second.stdout and first.stdout.count("  P") == 5, first.stdout[:200]
    assert run(sys.executable, make, "--size", "0").returncode == 2


def main():
    if not shutil.which("shellcheck"):
        print("SKIP: shellcheck is not installed")
        return 77
    for check in (check_shellcheck, check_help, check_wrong_argument, check_mirror, check_harness):
        check()
        print(check.__name__, "ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
