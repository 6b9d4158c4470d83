# SPDX-License-Identifier: Apache-2.0
"""Burns CPU in C that has released the GIL, in two threads; then in Python that
holds it.  Prints what each took by its threads' clocks, which are read seldom: a
kernel switches threads where they are, and a wall clock's signals arrive there.
"""
import json
import sys
import threading
import time
import zlib

DATA = bytes(1 << 24)
SPENT = {"released": [], "held": []}


def released():
    for _ in range(4):
        zlib.crc32(DATA)


def held():
    n = 1000000
    while n:
        n -= 1


def burn(function, seconds):
    begin = time.thread_time()
    while time.thread_time() < begin + seconds:
        function()
    SPENT[function.__name__].append(time.thread_time() - begin)


thread = threading.Thread(target=burn, args=(released, 0.4))
thread.start()
burn(released, 0.4)
thread.join()
# Alone: the tests' agent wakes a thread that waits for the GIL.
burn(held, 0.8)
json.dump({name: sum(seconds) for name, seconds in SPENT.items()}, sys.stdout)
