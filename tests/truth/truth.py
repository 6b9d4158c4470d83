# SPDX-License-Identifier: Apache-2.0
"""Runs a program under the agent and gives the samples of its one process."""
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["FP_SOURCE"]
FILPERF = os.environ["FP_FILPERF"]
FACTS = os.path.join(os.environ["FP_BUILD"], "tests", "capture_facts")
sys.path.insert(0, os.path.join(SOURCE, "tests", "deps"))
import pythons  # noqa: E402

FRAME = re.compile(r"^(?P<name>.*) \((?P<file>.*):(?P<line>\d+)\)$")


def label(python):
    return "%s%s (%s)" % (".".join(map(str, python.version)), "t" if python.free_threaded else "", python.path)


class Run:
    """One process under the agent: document (the json report), output (its stdout),
    agent_seconds (the agent's own CPU in its threads, which is nobody's sample)."""

    def __init__(self, python, agent, program, arguments, rate):
        folder = tempfile.mkdtemp(prefix="filperf-truth-")
        try:
            environment = {k: v for k, v in os.environ.items()
                           if not k.startswith(("FIL_PERF_", "PYTHON", "LD_", "XDG_"))}
            environment.update({
                "LD_PRELOAD": agent, "TMPDIR": folder, "FIL_PERF_SPY_ENABLED": "1",
                "FIL_PERF_SPY_RATE": str(rate), "FIL_PERF_RENDER": "0", "FIL_PERF_QUIET": "1",
                "FIL_PERF_OUTPUT_DIR": folder + "/out", "PYTHONDONTWRITEBYTECODE": "1"})
            command = [python.path, program]
            done = subprocess.run(command + arguments, env=environment, capture_output=True, text=True, timeout=900)
            if done.returncode:
                raise RuntimeError("status %d: %s" % (done.returncode, done.stderr.strip()[-400:]))
            self.output = done.stdout
            runs = glob.glob(folder + "/filperf-*/*/*.fpc")
            if not runs:
                raise RuntimeError("no capture: " + done.stderr.strip()[-400:])
            report = folder + "/report.json"
            made = subprocess.run([FILPERF, "convert", "-i", os.path.dirname(runs[0]), "-o", report],
                                  capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
            if made.returncode:
                raise RuntimeError("filperf convert: " + made.stderr.strip())
            with open(report, encoding="utf-8") as file:
                self.document = json.load(file)
            facts = subprocess.run([FACTS, runs[0]], capture_output=True, text=True, check=True).stdout
            self.agent_seconds = int(re.search(r" agent_ns=(\d+)", facts)[1]) / 1e9
        finally:
            shutil.rmtree(folder)


@functools.lru_cache(maxsize=None)
def parse(frame):
    """(function name without its qualification, base name of the file, line), or None."""
    match = FRAME.match(frame)
    if not match:
        return None
    return match["name"].rsplit(".", 1)[-1], os.path.basename(match["file"]), int(match["line"])
