# SPDX-License-Identifier: Apache-2.0
"""Programs that hold memory, each as honestly as its name says, for about as
many seconds of CPU as the second argument says.  The first is the program's name;
those whose name begins with leak_ leak, and print what and how much."""
import collections
import ctypes
import functools
import random
import sys
import time

KEPT = []


def until(seconds):
    """Numbers, 0, 1, …, until so much CPU is spent; some work for each."""
    end = time.process_time() + seconds
    number = 0
    while time.process_time() < end:
        yield number
        number += 1
        sum(i * i for i in range(300))


def lru_that_fills(seconds):
    draw = random.Random(1)

    @functools.lru_cache(maxsize=2000)
    def answer(key):
        return bytearray(500 + key % 7)

    for _ in until(seconds):
        answer(draw.randrange(6000))


def dict_that_plateaus(seconds):
    draw = random.Random(2)
    cache = {}
    for _ in until(seconds):
        key = draw.randrange(1500)
        if key not in cache:
            cache[key] = [str(key + i) for i in range(40)]
    KEPT.append(cache)


def slowing_cache(seconds):
    """Keys with a long tail: the cache grows for ever, ever more slowly."""
    draw = random.Random(3)
    cache = {}
    for _ in until(seconds):
        key = int(draw.paretovariate(1.3))
        if key not in cache:
            cache[key] = bytearray(3000)
    KEPT.append(cache)


def grows_and_shrinks(seconds):
    batch = []
    for number in until(seconds):
        if len(batch) > 900 + number % 50:
            batch.clear()
        batch.append([number] * 60)
    KEPT.append(batch)


def loads_once(seconds):
    rows = [{"id": i, "name": "row %d" % i, "values": list(range(i % 30))} for i in range(60000)]
    for number in until(seconds):
        row = rows[number % len(rows)]
        len(row["name"] + str(sum(row["values"])))
    KEPT.append(rows)


def loads_slowly(seconds):
    """Half of the run loads, the other uses."""
    rows = []
    for number in until(seconds / 2):
        rows.append({"id": number, "text": "x" * 300 + str(number)})
    for number in until(seconds / 2):
        len(rows[number % len(rows)]["text"] + "y")
    KEPT.append(rows)


def keeps_a_pool(seconds):
    free, used = [], collections.deque()
    draw = random.Random(4)
    for _ in until(seconds):
        used.append(free.pop() if free else bytearray(16000))
        while len(used) > draw.randrange(1, 60):
            free.append(used.popleft())
    KEPT.append((free, used))


def warms_up(seconds):
    tables = []
    for number in until(seconds / 5):
        tables.append({i: number * i for i in range(50)})
    for number in until(seconds * 4 / 5):
        [table[number % 50] for table in tables[-20:]]
    KEPT.append(tables)


def rolls(seconds):
    window = collections.deque(maxlen=300)
    for number in until(seconds):
        window.append([number] * 200)
    KEPT.append(window)


def makes_cycles(seconds):
    class Node:
        def __init__(self):
            self.me = self
            self.load = [0] * 200

    for _ in until(seconds):
        Node()


def builds_and_drops(seconds):
    """A tree for each job, the last three results are kept."""
    results = collections.deque(maxlen=3)

    def build(depth):
        return [build(depth - 1), build(depth - 1)] if depth else bytearray(40)

    for _ in until(seconds):
        results.append(build(6))
    KEPT.append(results)


def leak_in_a_list(seconds):
    n_bytes = 0
    for number in until(seconds):
        KEPT.append(bytearray(900))
        n_bytes += sys.getsizeof(KEPT[-1])
    print("held_programs.py", "leak_in_a_list", n_bytes + sys.getsizeof(KEPT))


def leak_in_c(seconds):
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    n_bytes = 0
    for number in until(seconds):
        libc.malloc(4000)
        n_bytes += 4000
    print("held_programs.py", "leak_in_c", n_bytes)


if __name__ == "__main__":
    globals()[sys.argv[1]](float(sys.argv[2]))
