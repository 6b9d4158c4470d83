# SPDX-License-Identifier: Apache-2.0
"""Allocations of many kinds: blocks that grow, move, die young or in another
thread, by Python, by libc and by the kernel."""
import ctypes
import mmap
import os
import queue
import sys
import threading

libc = ctypes.CDLL(None)
for name in ("malloc", "calloc", "realloc", "aligned_alloc", "memalign", "valloc", "mmap"):
    getattr(libc, name).restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
PAGE = mmap.PAGESIZE


def python_objects(rounds):
    kept = []
    for i in range(rounds):
        kept.append({"name": "n%d" % i, "parts": [str(k) for k in range(i % 20)], i: (i, float(i))})
        if i % 7 == 0:
            del kept[i // 3 % len(kept)]
        bytes(i % 3000)
    return kept


def growth():
    text, grown = bytearray(), []
    for i in range(3000):
        text += b"x" * (i % 50)
        grown.append(i)
    return text, grown


def system_blocks():
    blocks = [libc.malloc(16 * i) for i in range(200)]
    blocks += [libc.calloc(i, 24) for i in range(100)]
    blocks += [libc.aligned_alloc(1 << (4 + i % 8), 4096) for i in range(50)]
    blocks += [libc.memalign(64, 100), libc.valloc(5000)]
    for i in range(0, len(blocks), 3):
        blocks[i] = libc.realloc(blocks[i], 5000 + 100 * i)
    blocks[1] = libc.realloc(blocks[1], 0) or 0  # ends the block
    for block in blocks[::2]:
        libc.free(block)
    libc.realloc(None, 77)
    huge = libc.malloc(3 << 20)  # a mapping of malloc's own
    libc.free(libc.realloc(huge, 9 << 20))
    return blocks[1::2]


def mappings():
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    whole = libc.mmap(None, 64 * PAGE, 3, flags, -1, 0)
    libc.munmap(whole + 8 * PAGE, 4 * PAGE)
    libc.munmap(whole + 20 * PAGE, 2 * PAGE)
    libc.mmap(whole + 30 * PAGE, 8 * PAGE, 3, flags | 0x10, -1, 0)  # MAP_FIXED: over it
    libc.munmap(whole, 16 * PAGE)
    kept = mmap.mmap(-1, 10 * PAGE)
    mmap.mmap(-1, 5 * PAGE).close()
    return kept


def across_threads(rounds):
    """One thread makes, another ends."""
    handed = queue.Queue(100)

    def make():
        for i in range(rounds):
            handed.put([bytes(i % 2000), libc.malloc(100 + i % 1000)])
        handed.put(None)

    maker = threading.Thread(target=make)
    maker.start()
    while True:
        item = handed.get()
        if item is None:
            break
        libc.free(item[1])
    maker.join()


def main():
    kept = [python_objects(4000), growth(), system_blocks(), mappings()]
    across_threads(3000)
    pid = os.fork()
    if pid == 0:
        kept.append(python_objects(500))
        del kept[0]
        os._exit(0)
    os.waitpid(pid, 0)
    workers = [threading.Thread(target=python_objects, args=(1500,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.stdout.write("%d\n" % len(kept))


main()
