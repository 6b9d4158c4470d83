# SPDX-License-Identifier: Apache-2.0
"""multiprocessing by fork, spawn and forkserver, and a process pool."""
import concurrent.futures
import multiprocessing
import sys
import time


def work(n):
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        sum(range(1000))
    return n * n


if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            print(method, pool.map(work, range(6)))
        process = context.Process(target=sys.exit, args=(3,))
        process.start()
        process.join()
        print(process.exitcode)
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print(list(pool.map(work, range(6))))
