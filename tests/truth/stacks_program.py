# SPDX-License-Identifier: Apache-2.0
"""Holds blocks of known sizes under known stacks: calls of one function from
several places, a generator, recursion, a constructor, a callback from C, and
functions whose code objects come and go at the same addresses."""
KEEP = []


def leaf(n):
    KEEP.append(bytearray(n))


def first(n):
    leaf(n)


def second(n):
    leaf(n)


def generate(n):
    for _ in range(n):
        yield bytearray(1000)


def recurse(depth, n):
    if depth:
        recurse(depth - 1, n)
    else:
        leaf(n)


class Holder:
    def __init__(self, n):
        leaf(n)


def callback(n):
    leaf(n)
    return n


def main():
    for _ in range(100):
        first(10000)
    for _ in range(50):
        second(20000)
    KEEP.extend(generate(500))
    for depth in range(20):
        recurse(depth, 5000)
    for _ in range(30):
        Holder(7000)
    list(map(callback, [3000] * 10))
    for i in range(40):
        names = {}
        exec(compile(f"def made_{i}(keep):\n    keep.append(bytearray(40000))\n", f"made_{i}.py", "exec"), names)
        names[f"made_{i}"](KEEP)
    leaf(2000000)  # so that all of it lives at the peak


main()
