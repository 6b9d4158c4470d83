# SPDX-License-Identifier: Apache-2.0
"""Allocates in every way that a Memray capture knows: objects, blocks of C
code, mappings that end in parts, several threads that free what others made,
deep stacks, and some that nobody frees.  usage: memory_program.py ROUNDS"""
import ctypes
import mmap
import queue
import sys
import threading

LIBC = ctypes.CDLL(None)
for name in ("malloc", "calloc", "realloc", "memalign"):
    getattr(LIBC, name).restype = ctypes.c_void_p
    getattr(LIBC, name).argtypes = [ctypes.c_size_t] * (1 if name == "malloc" else 2)
LIBC.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
LIBC.free.argtypes = [ctypes.c_void_p]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
LIBC.munmap.restype = ctypes.c_int
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.mmap.restype = ctypes.c_void_p
PAGE = mmap.PAGESIZE
KEPT = []


class Node:
    def __init__(self, left, right):
        self.left, self.right = left, right


def make_tree(depth):
    return Node(make_tree(depth - 1), make_tree(depth - 1)) if depth else None


def make_strings(n):
    return ",".join(["row-%d" % i * 3 for i in range(n)])


def use_c(i):
    block = LIBC.malloc(1000 + i)
    block = LIBC.realloc(block, 300000 + i)
    other = LIBC.calloc(7, 100 + i)
    LIBC.free(LIBC.memalign(256, 5000))
    LIBC.free(block)
    if i % 10 == 0:
        KEPT.append(other)
    else:
        LIBC.free(other)


def use_mappings():
    at = LIBC.mmap(None, 16 * PAGE, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    LIBC.munmap(at + 4 * PAGE, 4 * PAGE)
    LIBC.munmap(at, 4 * PAGE)
    with mmap.mmap(-1, 3 * PAGE) as m:
        m[:3] = b"abc"
    if len(KEPT) % 3:
        LIBC.munmap(at + 8 * PAGE, 8 * PAGE)


def go_deep(n):
    return [go_deep(n - 1)] if n else bytearray(2000)


def work(rounds, out):
    for i in range(rounds):
        out.put([make_strings(200), bytearray(100000 + i)])
        use_c(i)
    out.put(None)


def main(rounds):
    things = queue.Queue()
    threads = [threading.Thread(target=work, args=(rounds, things), name="worker-%d" % i) for i in range(3)]
    for t in threads:
        t.start()
    for i in range(rounds):
        make_tree(7)
        use_c(i)
        use_mappings()
        KEPT.append(go_deep(60))
    ended = 0
    while ended < len(threads):
        thing = things.get()
        ended += thing is None
        if thing and len(thing[1]) % 5 == 0:
            KEPT.append(thing)
    for t in threads:
        t.join()


main(int(sys.argv[1]))
