# SPDX-License-Identifier: Apache-2.0
"""Greenlets that switch while they burn; needs the greenlet package."""
import sys
import time

try:
    import greenlet
except ImportError:
    print("no greenlet")
    sys.exit(0)


def work(depth):
    if depth:
        return work(depth - 1)
    for _ in range(50):
        end = time.thread_time() + 0.001
        while time.thread_time() < end:
            sum(range(200))
        main.switch()


main = greenlet.getcurrent()
workers = [greenlet.greenlet(work) for _ in range(5)]
for depth, worker in enumerate(workers):
    worker.switch(depth * 10)
while any(workers):
    for worker in workers:
        if worker:
            worker.switch()
print("switched")
