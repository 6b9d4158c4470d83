# SPDX-License-Identifier: Apache-2.0
"""No sampled stack contradicts the program's static call relation, nor puts a
function on a line outside of it.

usage: test_relation.py EACH ALL: at least so many stacks of each CPython, and of
all together, by the agent whose signals do not wait for the kernel's tick
(FP_AGENT_WALL).
"""
import ast
import collections
import os
import sys

import truth

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "relation_program.py")
TORN_SHARE_MAX = 0.02


def read_program():
    """CALLERS, the line range of each function (the widest, where names repeat), class bodies."""
    with open(PROGRAM, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    callers, ranges, bodies = {}, {"<module>": (1, 10 ** 6)}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CALLERS":
            callers = {k: set(v.split()) for k, v in ast.literal_eval(node.value).items()}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            ranges[node.name] = (node.lineno, node.end_lineno)
        if isinstance(node, ast.ClassDef):  # its body runs as a frame of that name
            ranges[node.name] = (node.lineno, node.end_lineno)
            bodies.add(node.name)
    callers.update(dict.fromkeys(bodies, {"<module>"}))
    ranges["<genexpr>"] = ranges["use_expression"]
    return callers, ranges, bodies


def impossible(stack, callers, ranges):
    """What is wrong with a stack, root first; None when nothing is."""
    below = None
    for text in stack:
        frame = truth.parse(text)
        if frame is None:
            continue
        name, file, line = frame
        if file != os.path.basename(PROGRAM):
            below = "/" + name
            continue
        if name not in ranges:
            return "no such function: " + text
        if not ranges[name][0] <= line <= ranges[name][1]:
            return "line outside of the function: " + text
        if name == "<module>":
            if below is not None:
                return "<module> called by " + below
        elif below not in callers[name]:
            return "%s called by %s" % (name, below)
        below = name
    return None


def check(python, agent, wanted, callers, ranges, bodies):
    stacks, torn, wrong, seconds, runs = 0, 0, collections.Counter(), 6.0, 0
    seen = set()
    while stacks < wanted and runs < 40:
        document = truth.Run(python, agent, PROGRAM, [str(seconds)], 10000).document
        runs += 1
        for sample in document["samples"]:
            stack = sample["stack"]
            if stack == ["[torn stack]"]:
                torn += 1
                continue
            if not any(truth.parse(f) for f in stack):
                continue
            stacks += 1
            seen.update(f[0] for f in map(truth.parse, stack) if f)
            what = impossible(stack, callers, ranges)
            if what:
                wrong[what] += 1
    never = sorted(set(callers) - seen - bodies)
    problems = ["%d x %s" % (n, what) for what, n in wrong.most_common(5)]
    if stacks < wanted:
        problems.append("only %d stacks in %d runs" % (stacks, runs))
    if torn > TORN_SHARE_MAX * (stacks + torn):
        problems.append("%d of %d torn" % (torn, stacks + torn))
    if stacks >= 20000 and never:
        problems.append("never sampled: " + ", ".join(never))
    print("%s %s: %d stacks, %d impossible, %d torn (%.2f %%)" % (
        "FAIL" if problems else "ok  ", truth.label(python), stacks, sum(wrong.values()), torn,
        100.0 * torn / max(1, stacks + torn)))
    for problem in problems:
        print("     " + problem)
    sys.stdout.flush()
    return not problems


def main():
    relation = read_program()
    each, together = map(int, sys.argv[1:3])
    agent = os.environ["FP_AGENT_WALL"]
    pythons = truth.pythons.find_pythons()
    if not pythons:
        print("FAIL no CPython was found")
        return 1
    wanted = max(each, -(-together // len(pythons)))
    results = [check(p, agent, wanted, *relation) for p in pythons]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
