# SPDX-License-Identifier: Apache-2.0
"""Burns thread CPU in planted shares, by function and by line; prints what each
thread's own clock says at its end.

usage: shares_program.py SECONDS: 70/20/10 over functions, the same over lines
of one function, in the main thread and in two others.
"""
import json
import sys
import threading
import time

CLOCKS = {}
# Lists of one object: numbers would cost more above 256 than below.
ONES_70, ONES_20, ONES_10 = [1] * 14000, [1] * 4000, [1] * 2000


def most(things):
    for _ in things:
        pass


def some(things):
    for _ in things:
        pass


def few(things):
    for _ in things:
        pass


def lines(n):
    for _ in range(n):
        most_line = sum(ONES_70)
        some_line = sum(ONES_20)
        few_line = sum(ONES_10)
    return most_line + some_line + few_line


def burn(seconds):
    end = time.thread_time() + seconds / 2
    while time.thread_time() < end:
        most(ONES_70)
        some(ONES_20)
        few(ONES_10)
    end = time.thread_time() + seconds / 2
    while time.thread_time() < end:
        lines(10)


def worker(seconds):
    burn(seconds)
    CLOCKS[threading.get_native_id()] = time.thread_time()


def main(seconds):
    threads = [threading.Thread(target=worker, args=(seconds,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    burn(seconds)
    for thread in threads:
        thread.join()
    json.dump({str(k): v for k, v in CLOCKS.items()}, sys.stdout)


if __name__ == "__main__":
    main(float(sys.argv[1]))
