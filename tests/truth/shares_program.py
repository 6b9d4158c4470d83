# SPDX-License-Identifier: Apache-2.0
"""Burns thread CPU in planted shares, by function and by line; prints what each
thread's own clock says of them and of itself at its end.

usage: shares_program.py SECONDS: 70/20/10 over functions, the same over lines
of one function, in the main thread and in two others.

The clock decides what was planted, since a loop's speed changes with what else
the machine runs.  All steps are alike, so that what a step costs beside its loop
moves no share, and their order is random, so that none falls in with the timer's.
"""
import json
import random
import sys
import threading
import time

PLANTED = {"most": 70, "some": 20, "few": 10}
CLOCKS, SPENT = {}, []
# Of one object: numbers would cost more above 256 than below.
ONES = [1] * 5000
ORDER = [name for name, share in PLANTED.items() for _ in range(share)]
random.Random(1).shuffle(ORDER)
clock = time.thread_time


def most(things):
    for _ in things:
        pass


def some(things):
    for _ in things:
        pass


def few(things):
    for _ in things:
        pass


FUNCTIONS = {"most": most, "some": some, "few": few}


def functions(name, spent):
    function = FUNCTIONS[name]
    begin = clock()
    function(ONES)
    spent[name] += clock() - begin


def lines(name, spent):
    begin = clock()
    if name == "most":
        most_line = sum(ONES)
    elif name == "some":
        some_line = sum(ONES)
    else:
        few_line = sum(ONES)
    spent[name] += clock() - begin


def burn(seconds, step):
    spent = dict.fromkeys(PLANTED, 0.0)
    end = clock() + seconds
    while clock() < end:
        for name in ORDER:
            step(name, spent)
    return spent


def burn_both(seconds):
    SPENT.append({"function": burn(seconds / 2, functions), "line": burn(seconds / 2, lines)})


def worker(seconds):
    burn_both(seconds)
    CLOCKS[threading.get_native_id()] = clock()


def main(seconds):
    threads = [threading.Thread(target=worker, args=(seconds,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    burn_both(seconds)
    for thread in threads:
        thread.join()
    json.dump({"clocks": {str(k): v for k, v in CLOCKS.items()}, "spent": SPENT}, sys.stdout)


if __name__ == "__main__":
    main(float(sys.argv[1]))
