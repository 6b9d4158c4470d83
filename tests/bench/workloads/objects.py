# SPDX-License-Identifier: Apache-2.0
"""Object churn: small objects in trees, strings, and large blocks."""

import sys

from meter import measured


class Node:
    """A binary tree's node."""

    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


def grow(depth):
    return Node(None, None) if depth == 0 else Node(grow(depth - 1), grow(depth - 1))


def count(node):
    return 1 if node.left is None else 1 + count(node.left) + count(node.right)


def rows(n):
    return ";".join("cell-%d" % i * 2 for i in range(n))


def blocks(n):
    for size in range(n):
        block = bytearray(150_000 + size)
    return len(block)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 70
    for _ in range(rounds):
        assert count(grow(14)) == 2**15 - 1
        rows(80_000)
        blocks(300)


measured(main)
