# SPDX-License-Identifier: Apache-2.0
"""Three arrays of 100 MB that live, and a block of C's that grows to 200 MB; prints VmHWM in bytes."""
import ctypes
import sys

import numpy

MB = 1000000
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.realloc.restype = ctypes.c_void_p
libc.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def make_arrays():
    return [numpy.ones(100 * MB, dtype=numpy.uint8) for _ in range(3)]


def grow_block():
    block = libc.malloc(1000)
    for n_bytes in (50 * MB, 100 * MB, 200 * MB):
        block = libc.realloc(block, n_bytes)
        ctypes.memset(block, 1, n_bytes)
    return block


kept = make_arrays(), grow_block()
with open("/proc/self/status", encoding="ascii") as status:
    for line in status:
        if line.startswith("VmHWM:"):
            sys.stdout.write("%d\n" % (int(line.split()[1]) * 1024))
