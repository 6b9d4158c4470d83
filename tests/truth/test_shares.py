# SPDX-License-Identifier: Apache-2.0
"""Planted shares come back within 2 points, by function and by line, and each
thread's weights sum to within 1 % of its own CPU clock.

usage: test_shares.py SECONDS of CPU per thread.  Shares need more samples than
the kernel's tick gives in that time, so they come from FP_AGENT_WALL at 5 kHz;
clocks are the product's agent's, at 1 kHz.
"""
import collections
import json
import os
import sys

import truth

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "shares_program.py")
PLANTED = {"most": 70, "some": 20, "few": 10}


def line_labels():
    labels = {}
    with open(PROGRAM, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            for name in PLANTED:
                if text.strip().startswith(name + "_line"):
                    labels[number] = name
    return labels


def shares(document):
    by_function, by_line = collections.Counter(), collections.Counter()
    labels = line_labels()
    for sample in document["samples"]:
        frames = [f for f in map(truth.parse, sample["stack"]) if f and f[1] == os.path.basename(PROGRAM)]
        if not frames:
            continue
        name, _, line = frames[-1]
        if name in PLANTED:
            by_function[name] += sample["time"]
        elif name == "lines" and line in labels:
            by_line[labels[line]] += sample["time"]
    return {"function": by_function, "line": by_line}


def check_shares(run, said, problems):
    for what, sums in shares(run.document).items():
        total = sum(sums.values())
        got = {name: 100 * sums[name] / total if total else 0 for name in PLANTED}
        said.append("%s %s" % (what, "/".join("%.1f" % got[n] for n in PLANTED)))
        problems += ["%s %s has %.1f %%" % (what, n, got[n]) for n in PLANTED if abs(got[n] - PLANTED[n]) > 2]


def check_clocks(run, said, problems):
    weights = {str(t["thread_id"]): t["time"] for t in run.document["threads"]}
    for thread, clock in json.loads(run.output).items():
        ratio = weights.get(thread, 0) / clock
        said.append("clock %.4f" % ratio)
        if abs(ratio - 1) > 0.01:
            problems.append("thread %s: %.4f s of %.4f s" % (thread, weights.get(thread, 0), clock))


def check(python, seconds):
    problems, said = [], []
    check_shares(truth.Run(python, os.environ["FP_AGENT_WALL"], PROGRAM, [seconds], 5000), said, problems)
    check_clocks(truth.Run(python, os.environ["FP_AGENT"], PROGRAM, [seconds], 1000), said, problems)
    print("%s %s: %s" % ("FAIL" if problems else "ok  ", truth.label(python), ", ".join(said)))
    for problem in problems:
        print("     " + problem)
    sys.stdout.flush()
    return not problems


def main():
    results = [check(p, sys.argv[1]) for p in truth.pythons.find_pythons()]
    if not results:
        print("FAIL no CPython was found")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
