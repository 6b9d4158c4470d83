#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of the tree that a compiler does not check.

check.py <rule> [arguments]; each rule first shows on a bad sample that it can
fail, then looks at the tree ($FP_SOURCE) and what was built from it.
"""
import sys

import objects
import sources
import text

RULES = {
    "exports": objects.exports, "needed": objects.needed, "hot": objects.hot, "copies": objects.copies, "hot_objects": objects.hot_objects,
    "includes": sources.includes, "headers": sources.headers, "tidy": sources.tidy,
    "words": text.words, "hosts": text.hosts, "names": text.names, "sizes": text.sizes,
}


def main():
    steps = RULES[sys.argv[1]](*sys.argv[2:])
    seen, wanted = next(steps)
    if len(seen) < wanted:
        sys.exit(f"the rule found {len(seen)} of {wanted} faults of its bad sample: {seen}")
    faults = list(next(steps))
    for line in faults:
        print(line)
    print(f"{sys.argv[1]}: {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
