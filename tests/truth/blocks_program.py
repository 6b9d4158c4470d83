# SPDX-License-Identifier: Apache-2.0
"""usage: blocks_program.py N.  N live objects, of 32 bytes (40 %), 64 (30 %), 200 (15 %), 500 (10 %), 5,000 (5 %)."""
import random
import sys

EMPTY = sys.getsizeof(b"")
sizes = random.Random(1).choices((32, 64, 200, 500, 5000), (40, 30, 15, 10, 5), k=int(sys.argv[1]))
# An int of two digits has 32 bytes.
kept = [bytes(size - EMPTY) if size > EMPTY else (1 << 40) + i for i, size in enumerate(sizes)]
