# SPDX-License-Identifier: Apache-2.0
"""usage: blocks_program.py N [malloc [BYTES]]

N live objects, of 32 bytes (40 %), 64 (30 %), 200 (15 %), 500 (10 %), 5,000 (5 %); with malloc
as many blocks of C, all of BYTES when that is given.
"""
import ctypes
import random
import sys

EMPTY = sys.getsizeof(b"")
n = int(sys.argv[1])
sizes = random.Random(1).choices((32, 64, 200, 500, 5000), (40, 30, 15, 10, 5), k=n)
if len(sys.argv) == 2:
    # An int of two digits has 32 bytes.
    kept = [bytes(size - EMPTY) if size > EMPTY else (1 << 40) + i for i, size in enumerate(sizes)]
else:
    malloc = ctypes.CDLL(None).malloc
    malloc.argtypes, malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    for size in [int(sys.argv[3])] * n if len(sys.argv) > 3 else sizes:
        malloc(size)
