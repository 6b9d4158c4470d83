# SPDX-License-Identifier: Apache-2.0
"""Burns CPU in C that has released the GIL, in two threads; then in Python that holds it."""
import threading
import time
import zlib

DATA = bytes(1 << 24)


def released():
    return zlib.crc32(DATA)


def held():
    n = 100000
    while n:
        n -= 1


def burn(function, seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        function()


thread = threading.Thread(target=burn, args=(released, 0.4))
thread.start()
burn(released, 0.4)
thread.join()
# Alone: the tests' agent wakes a thread that waits for the GIL.
burn(held, 0.8)
