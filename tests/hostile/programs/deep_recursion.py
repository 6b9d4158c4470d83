# SPDX-License-Identifier: Apache-2.0
"""10,000 frames, RecursionError, and with "overflow" a real stack overflow."""
import sys
import time


def deep(n):
    return deep(n - 1) + 1 if n else burn(0.1)


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))
    return 0


def endless(n):
    return endless(n + 1) + 1


class Nested:
    """Goes down through C for each level."""

    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return repr(Nested(self.n + 1))


def overflow_in_c():
    import ctypes
    import threading

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

    def again(n):
        return pointer(n + 1)

    pointer = callback(again)
    threading.stack_size(1 << 17)
    thread = threading.Thread(target=pointer, args=(0,))
    thread.start()
    thread.join()


sys.setrecursionlimit(12000)
if len(sys.argv) > 1:
    sys.setrecursionlimit(1 << 30)
    overflow_in_c()
print(deep(10000))
for start in (endless, Nested):
    sys.setrecursionlimit(3000)
    try:
        print(repr(start(0)))
    except RecursionError as error:
        print(type(error).__name__)
burn(0.05)
