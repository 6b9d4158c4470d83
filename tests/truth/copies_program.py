# SPDX-License-Identifier: Apache-2.0
"""Copies a known number of bytes in known functions, some of them in a thread."""
import ctypes
import sys
import threading

BLOCK = 1 << 20
libc = ctypes.CDLL(None)
libc.memmove.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
libc.memmove.restype = ctypes.c_void_p


def from_bytearray(source, n):
    for _ in range(n):
        bytes(source)


def small_slices(target, source, n):
    for _ in range(n):
        target[:] = source


def by_ctypes(n):
    room = ctypes.create_string_buffer(BLOCK)
    start = ctypes.addressof(room)
    for _ in range(n):
        libc.memmove(start, start + 16, BLOCK - 16)


def numpy_copies(n):
    array = numpy.ones(BLOCK // 8)
    for _ in range(n):
        array.copy()


def main(blocks):
    """Bytes by function: three, two, one and one parts of blocks."""
    source, part, target = bytearray(BLOCK), bytearray(2000), bytearray(2000)
    thread = threading.Thread(target=from_bytearray, args=(source, blocks))
    thread.start()
    thread.join()
    from_bytearray(source, 2 * blocks)
    small_slices(memoryview(target), part, 2 * blocks * BLOCK // 2000)
    by_ctypes(blocks)
    if numpy:
        numpy_copies(blocks)


if __name__ == "__main__":
    numpy = None
    if sys.argv[2:] == ["numpy"]:
        import numpy
    main(int(sys.argv[1]))
