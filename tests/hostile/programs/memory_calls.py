# SPDX-License-Identifier: Apache-2.0
"""Calls a case of a hostile library: memory_calls.py LIBRARY CASE [ARGUMENT]..."""

import ctypes
import os
import sys

library = ctypes.CDLL(sys.argv[1])
if sys.argv[2] == "closed":
    # the blocks of a library that is gone are freed later
    library.hostile_block.restype = ctypes.c_void_p
    library.hostile_block.argtypes = [ctypes.c_size_t]
    blocks = [library.hostile_block(1 << i % 20) for i in range(1000)]
    close, free = ctypes.CDLL(None).dlclose, ctypes.CDLL(None).free
    close.argtypes = free.argtypes = [ctypes.c_void_p]
    print("closed", close(library._handle), all(blocks))
    for block in blocks:
        free(block)
    print(os.path.basename(sys.argv[1]) in open("/proc/self/maps").read())
else:
    words = [word.encode() for word in sys.argv[1:]]
    status = library.hostile_memory(len(words), (ctypes.c_char_p * (len(words) + 1))(*words))
    print("returned", status)
    sys.exit(status)
