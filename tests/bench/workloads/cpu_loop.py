# SPDX-License-Identifier: Apache-2.0
"""Nothing but the interpreter: recursion and an integer loop."""

import sys

from meter import measured


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def residues(n):
    total = 0
    for i in range(n):
        total += i * i % 11
    return total


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 45
    for _ in range(rounds):
        fibonacci(23)
        residues(600_000)


measured(main)
