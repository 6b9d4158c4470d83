# SPDX-License-Identifier: Apache-2.0
"""A program whose call relation is known: recursion, generators, exceptions,
callbacks through C, coroutines, objects with __init__ and __del__, in the main
thread and eight others.

usage: relation_program.py SECONDS.  Every function is named in CALLERS: which
frames may be directly below it in a stack.  "/name" is a frame of the standard
library.  No comprehensions: some versions make functions of them.
"""
import asyncio
import ctypes
import functools
import sys
import threading
import time

CALLERS = {
    "main": "<module>",
    "worker": "/run",
    "work": "main worker",
    "fibonacci": "work fibonacci",
    "even": "work odd",
    "odd": "even",
    "sort_things": "work",
    "sort_key": "sort_things",
    "negate": "sort_key map_one",
    "map_things": "work",
    "map_one": "map_things",
    "reduce_things": "work",
    "add": "reduce_things partial_user",
    "partial_user": "work",
    "generate": "consume delegate",
    "square": "generate",
    "delegate": "consume_delegated",
    "consume": "work",
    "consume_delegated": "work",
    "expression": "<genexpr>",
    "<genexpr>": "use_expression",
    "use_expression": "work",
    "throw": "catch throw",
    "catch": "work",
    "cleanup": "throw",
    "make_things": "work",
    "__init__": "make_things",
    "initialise": "__init__",
    "__del__": "make_things",
    "forget": "__del__",
    "__add__": "use_operators",
    "__getattr__": "use_operators",
    "value_of": "__add__ __getattr__",
    "use_operators": "work",
    "quick_sort": "work",
    "compare": "quick_sort",
    "run_coroutines": "main",
    "outer": "/_run /run_coroutines run_coroutines",
    "middle": "outer",
    "inner": "middle",
}


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def negate(x):
    return -x


def sort_key(x):
    return negate(x)


def sort_things():
    return sorted(range(60), key=sort_key)


def map_one(x):
    return negate(x) + 1


def map_things():
    return list(map(map_one, range(60)))


def add(a, b):
    return a + b


def reduce_things():
    return functools.reduce(add, range(60))


def partial_user():
    plus = functools.partial(add, 3)
    return plus(1) + plus(2)


def square(x):
    return x * x


def generate(n):
    for i in range(n):
        yield square(i)


def delegate(n):
    yield from generate(n)


def consume():
    return sum(generate(60))


def consume_delegated():
    total = 0
    for value in delegate(60):
        total += value
    return total


def use_expression():
    total = 0
    for value in (expression(i) for i in range(30)):
        total += value
    return total


def expression(x):
    return x + 1


def cleanup():
    return None


def throw(n):
    try:
        if n:
            throw(n - 1)
        raise ValueError(n)
    finally:
        cleanup()


def catch():
    for _ in range(8):
        try:
            throw(5)
        except ValueError:
            pass


def initialise(thing):
    thing.value = 1


def forget(thing):
    thing.value = 0


class Thing:
    def __init__(self):
        initialise(self)

    def __del__(self):
        forget(self)


def make_things():
    for _ in range(40):
        Thing()


def value_of(x):
    return x


class Operand:
    def __add__(self, other):
        return value_of(1)

    def __getattr__(self, name):
        return value_of(2)


def use_operators():
    a = Operand()
    for _ in range(30):
        a + a
        a.missing


NUMBERS = ctypes.c_int * 24
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
LIBC = ctypes.CDLL(None)


def compare(a, b):
    return a[0] - b[0]


COMPARE_C = COMPARE(compare)


def quick_sort():
    numbers = NUMBERS(*range(24, 0, -1))
    LIBC.qsort(numbers, 24, ctypes.sizeof(ctypes.c_int), COMPARE_C)


async def inner(n):
    for _ in range(n):
        await asyncio.sleep(0)
    return n


async def middle(n):
    return await inner(n)


async def outer():
    return await middle(5) + await middle(5)


def run_coroutines(loop):
    loop.run_until_complete(outer())


def work(until):
    while time.monotonic() < until:
        fibonacci(9)
        even(40)
        sort_things()
        map_things()
        reduce_things()
        partial_user()
        consume()
        consume_delegated()
        use_expression()
        catch()
        make_things()
        use_operators()
        quick_sort()


def worker(until):
    work(until)


def main(seconds):
    begin = time.monotonic()
    loop = asyncio.new_event_loop()
    while time.monotonic() < begin + seconds / 8:
        run_coroutines(loop)
    loop.close()
    work(begin + seconds / 2)
    threads = []
    for _ in range(8):
        threads.append(threading.Thread(target=worker, args=(begin + seconds,)))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(float(sys.argv[1]))
