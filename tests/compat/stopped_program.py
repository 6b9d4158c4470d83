# SPDX-License-Identifier: Apache-2.0
"""Builds a known chain of frames, writes what the interpreter says of it, stops.

usage: stopped_program.py CASE TRUTH_FILE.  Runs on CPython 3.8 and later.
"""
import functools
import json
import os
import signal
import sys
import threading


def write_truth(frame, path):
    frames = []
    while frame is not None:
        code = frame.f_code
        qualname = getattr(code, "co_qualname", "")
        frames.append([code.co_name, qualname, code.co_filename, frame.f_lineno])
        frame = frame.f_back
    with open(path, "w", encoding="utf-8", errors="replace") as out:
        json.dump({"version": sys.hexversion, "thread": threading.get_ident(), "frames": frames}, out)


def stop(path):
    write_truth(sys._getframe(), path); signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def plain(path):
    def inner(depth):
        if depth:
            inner(
                depth - 1
            )
        else:
            stop(path)
    inner(3)


def deep(path):
    sys.setrecursionlimit(12000)
    threading.stack_size(256 << 20)

    def down(depth):
        if depth:
            return down(depth - 1)
        return stop(path)
    thread = threading.Thread(target=down, args=(10000,))
    thread.start()
    thread.join()


def generators(path):
    def leaf():
        yield 1
        stop(path)
        yield 2

    def middle():
        yield from leaf()

    def outer():
        for value in middle():
            yield value
    sum(outer())


def callbacks(path):
    class Thing:
        def __init__(self, value):
            self.value = value
            if value == 2:
                list(map(lambda x: sorted([x], key=self.key), [1]))

        def key(self, x):
            return functools.reduce(lambda a, b: stop(path) or a, [1, 2])

        def __repr__(self):
            Thing(2)
            return "thing"

    def thing_of(value):
        return Thing(value)
    repr(thing_of(1))


def coroutines(path):
    import asyncio

    async def leaf():
        await asyncio.sleep(0)
        stop(path)

    async def middle():
        await leaf()

    async def outer():
        await asyncio.gather(middle())
    asyncio.run(outer())


def exceptions(path):
    def raiser(depth):
        try:
            if depth:
                raiser(depth - 1)
            raise ValueError(depth)
        except ValueError:
            if depth == 2:
                stop(path)
            raise
        finally:
            pass
    try:
        raiser(4)
    except ValueError:
        pass


def names(path):
    source = (
        "def naïve():\n    Ωmega()\n"
        "def Ωmega():\n    \U00020000astral()\n"
        "def \U00020000astral():\n    class Größe:\n        def 測試(self): stop(path)\n    Größe().測試()\n"
    )
    scope = {"stop": stop, "path": path}
    exec(compile(source, "<früh/Ω/\U00020000.py>", "exec"), scope)
    scope["naïve"]()


def large(path):
    # More than 255 bytes of code and 127 lines between two calls, so that line tables need long entries.
    source = "def big(stop, path):\n    x = 0\n"
    source += "".join("    x += %d\n" % i for i in range(300)) + "\n" * 200
    source += "    stop(path)\n" + "".join("    x -= %d\n" % i for i in range(300))
    scope = {}
    exec(compile(source, "<large>", "exec"), scope)
    scope["big"](stop, path)


def main():
    globals()[sys.argv[1]](sys.argv[2])


if __name__ == "__main__":
    main()
