# SPDX-License-Identifier: Apache-2.0
"""Instructions of a program, counted by valgrind: the same on a busy machine."""
import os
import re
import subprocess
import sys
import tempfile

MEASURED_BUILD = "Release GNU x86_64"


def count(command, environment=None, options=()):
    """Of the whole run, or what the options of callgrind leave of it.  environment:
    added to nothing but PATH and a TMPDIR of its own; None: this process's."""
    with tempfile.TemporaryDirectory(prefix="filperf-count-") as folder:
        path = os.path.join(folder, "out")
        own = None if environment is None else {"PATH": os.environ["PATH"], "TMPDIR": folder, **environment}
        done = subprocess.run(["valgrind", "--tool=callgrind", *options, f"--callgrind-out-file={path}", *command],
                              capture_output=True, text=True, env=own)
        if done.returncode:
            sys.exit(f"{' '.join(command)[:200]}: status {done.returncode}\n{done.stderr[-800:]}")
        with open(path, encoding="utf-8") as f:
            return int(re.search(r"^(?:totals|summary): (\d+)", f.read(), re.M)[1])


def is_bounded(build):
    """Whether the bounds are for this build; said when they are not."""
    if build != MEASURED_BUILD:
        print(f"no bounds: they are for a build '{MEASURED_BUILD}', this is '{build}'")
    return build == MEASURED_BUILD
