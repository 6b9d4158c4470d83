# SPDX-License-Identifier: Apache-2.0
"""Planted shares come back within 2 points, by function and by line, and each
thread's weights sum to within 1 % of its own CPU clock.

usage: test_shares.py SECONDS of CPU per thread.  Shares need more samples than
the kernel's tick gives in that time, so they come from FP_AGENT_WALL at 10 kHz,
of as many runs as it takes until chance is small beside the 2 points; what was
planted is what the program's own clock says.  Clocks are the product's agent's,
at 1 kHz.
"""
import collections
import json
import os
import sys

import truth

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "shares_program.py")
PLANTED = {"most": 70, "some": 20, "few": 10}
POINTS, SIGMAS, RUNS_MAX = 2, 4, 20


def line_labels():
    labels = {}
    with open(PROGRAM, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            for name in PLANTED:
                if text.strip().startswith(name + "_line"):
                    labels[number] = name
    return labels


class Shares:
    """What lies in the planted places: by the samples, and by the program's clock."""

    def __init__(self):
        self.sampled, self.spent = collections.Counter(), collections.Counter()
        self.squares = 0.0

    def points(self, seconds):
        return {name: 100 * seconds[name] / max(1e-9, sum(seconds.values())) for name in PLANTED}

    def sigma(self):
        """Of the largest share, in points: that of as many equal samples as these are worth."""
        if not self.squares:
            return 100.0
        most = PLANTED["most"]
        return (most * (100 - most) * self.squares) ** 0.5 / sum(self.sampled.values())


def place_of(stack, labels):
    frames = [f for f in map(truth.parse, stack) if f and f[1] == os.path.basename(PROGRAM)]
    name, _, line = frames[-1] if frames else ("", "", 0)
    if name in PLANTED:
        return "function", name
    return ("line", labels[line]) if name == "lines" and line in labels else None


def add(run, sums, labels):
    for sample in run.document["samples"]:
        place = place_of(sample["stack"], labels)
        if place:
            sums[place[0]].sampled[place[1]] += sample["time"]
            sums[place[0]].squares += sample["time"] ** 2
    for spent in json.loads(run.output)["spent"]:
        for what in sums:
            sums[what].spent.update(spent[what])


def check_shares(python, seconds, said, problems):
    sums, labels, runs = {"function": Shares(), "line": Shares()}, line_labels(), 0
    while runs < RUNS_MAX and any(s.sigma() * SIGMAS > POINTS for s in sums.values()):
        add(truth.Run(python, os.environ["FP_AGENT_WALL"], PROGRAM, [seconds], 10000), sums, labels)
        runs += 1
    for what, one in sums.items():
        got, planted = one.points(one.sampled), one.points(one.spent)
        said.append("%s %s of %s (sigma %.2f, runs %d)" % (
            what, "/".join("%.1f" % got[n] for n in PLANTED), "/".join("%.1f" % planted[n] for n in PLANTED),
            one.sigma(), runs))
        if one.sigma() * SIGMAS > POINTS:
            problems.append("too few samples in %d runs" % runs)
        problems += ["%s %s has %.1f %% instead of %.1f %%" % (what, n, got[n], planted[n])
                     for n in PLANTED if abs(got[n] - planted[n]) > POINTS]


def check_clocks(run, said, problems):
    """The agent's own CPU is in the clock, but not in the weights: it is the little
    that a handler takes, or much where the handler was the one to be held up."""
    weights = {str(t["thread_id"]): t["time"] for t in run.document["threads"]}
    for thread, clock in json.loads(run.output)["clocks"].items():
        weight = weights.get(thread, 0)
        said.append("clock %.4f" % (weight / clock))
        if not 0.99 * clock - run.agent_seconds <= weight <= 1.01 * clock:
            problems.append("thread %s: %.4f s of %.4f s, agent %.4f s" % (thread, weight, clock, run.agent_seconds))


def check(python, seconds):
    problems, said = [], []
    check_shares(python, seconds, said, problems)
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
