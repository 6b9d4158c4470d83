# SPDX-License-Identifier: Apache-2.0
"""A thread that released the GIL keeps its Python stack, and its samples do not
count as holding the GIL; those of a Python loop do.
"""
import collections
import json
import os
import sys

import truth

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gil_program.py")


def check(python):
    run = truth.Run(python, os.environ["FP_AGENT_WALL"], PROGRAM, [], 1000)
    spent = json.loads(run.output)
    times, gil = collections.Counter(), collections.Counter()
    for sample in run.document["samples"]:
        frames = [f for f in map(truth.parse, sample["stack"]) if f]
        name = frames[-1][0] if frames else "no Python frame"
        times[name] += sample["time"]
        gil[name] += sample["gil_time"]
    problems = []
    shares = {name: gil[name] / times[name] if times[name] else -1 for name in ("released", "held")}
    for name in shares:
        if not 0.75 < times[name] / spent[name] < 1.25:
            problems.append("%.2f s in %s instead of about %.2f" % (times[name], name, spent[name]))
    if not 0 <= shares["released"] < 0.05:
        problems.append("released() holds the GIL in %.0f %%" % (100 * shares["released"]))
    if shares["held"] < 0.95:
        problems.append("held() holds the GIL in %.0f %%" % (100 * shares["held"]))
    print("%s %s: released %.2f of %.2f s, GIL %.1f %%; held %.2f of %.2f s, GIL %.1f %%" % (
        "FAIL" if problems else "ok  ", truth.label(python), times["released"], spent["released"],
        100 * shares["released"], times["held"], spent["held"], 100 * shares["held"]))
    for problem in problems:
        print("     " + problem)
    sys.stdout.flush()
    return not problems


def main():
    results = [check(p) for p in truth.pythons.find_pythons()]
    if not results:
        print("FAIL no CPython was found")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
