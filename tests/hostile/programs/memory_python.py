# SPDX-License-Identifier: Apache-2.0
"""Python's own ways to disturb who follows its memory."""

import gc
import sys
import threading
import tracemalloc


def traced():
    """tracemalloc stands before whoever came first, and goes again."""
    for _ in range(5):
        tracemalloc.start(5)
        kept = [bytearray(i) for i in range(2000)]
        print(tracemalloc.get_traced_memory()[0] > 1000000)
        tracemalloc.stop()
        del kept
    return [bytes(1000) for _ in range(66000)]


def made_functions():
    """Functions made by exec are collected, and the next gets its code's address."""
    total, kept = 0, []
    for i in range(3000):
        space = {}
        exec(f"def made_{i}():\n    return bytearray({100000 if i % 30 == 0 else 600})", space)
        block = space[f"made_{i}"]()
        total += len(block)
        if i % 30 == 0:
            kept.append(block)
    print(total, len(kept))
    return kept


def errors():
    """MemoryError in each domain, again and again."""
    seen = 0
    for _ in range(300):
        for make in (lambda: bytearray(1 << 62), lambda: [0] * (1 << 59), lambda: "x" * (1 << 62), lambda: b"y" * (1 << 61)):
            try:
                make()
            except MemoryError:
                seen += 1
    print("errors", seen)
    return bytearray(64 << 20)


def resized():
    """Blocks of all sizes, cleared, resized and freed; the interpreter's own count of them."""

    def count():
        gc.collect()
        return sys.getallocatedblocks()

    before, lost = count(), 0
    some = [bytes(i % 700 + 40) for i in range(100000)]
    print("made", count() - before, "cleared", not any(map(any, some)))
    del some
    print("left", abs(count() - before) < 100)
    for turn in range(8):
        texts = [bytearray() for _ in range(30)]
        for i in range(700):
            for text in texts:
                text.append((i + turn) % 251)
        for size in (600, 513, 512, 400, 200, 40, 3):
            for text in texts:
                del text[size:]
                lost += text != bytes((i + turn) % 251 for i in range(size))
        lists = [list(range(n)) for n in range(200)]
        for each in lists:
            each.extend(range(len(each), 300))
            lost += each != list(range(300))
    print("lost", lost, "left", abs(count() - before) < 1000)
    return bytearray(64 << 20)


def threads():
    def work():
        for _ in range(20):
            [bytes(i) for i in range(100)]

    for _ in range(50):
        some = [threading.Thread(target=work) for _ in range(20)]
        for thread in some:
            thread.start()
        for thread in some:
            thread.join()
    print("done")
    return bytearray(64 << 20)


kept = globals()[sys.argv[1]]()
