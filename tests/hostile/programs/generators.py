# SPDX-License-Identifier: Apache-2.0
"""Generators, coroutines, exceptions, callbacks and threads at work."""
import asyncio
import functools
import re
import threading
import time


def numbers(n):
    for i in range(n):
        try:
            if i % 3 == 0:
                raise ValueError(i)
            yield i
        except ValueError:
            yield from range(2)


async def step(n):
    await asyncio.sleep(0)
    return sum(numbers(n))


async def steps():
    return sum(await asyncio.gather(*(step(n) for n in range(30))))


def callbacks():
    text = re.sub("[a-c]", lambda match: match[0].upper(), "abcabcxyz" * 20)
    return functools.reduce(lambda a, b: a + len(b), sorted(text, key=lambda c: -ord(c)), 0)


def work(results):
    end = time.thread_time() + 0.1
    total = 0
    while time.thread_time() < end:
        total = sum(numbers(300)) + callbacks() + asyncio.run(steps())
    results.append(total)


found = []
threads = [threading.Thread(target=work, args=(found,)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(found)
