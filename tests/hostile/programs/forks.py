# SPDX-License-Identifier: Apache-2.0
"""fork() warns of no thread of ours; os.wait() sees no child of ours."""
import os
import sys
import threading
import time
import warnings

warnings.simplefilter("error")


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


burn(0.05)
print(threading.active_count(), len(os.listdir("/proc/self/task")), flush=True)
for i in range(60):
    pid = os.fork()
    if pid == 0:
        burn(0.002)
        if i % 2:
            os._exit(i)
        sys.exit(i)
    got, status = os.wait()
    assert (got, os.waitstatus_to_exitcode(status)) == (pid, i), (got, pid, status)
try:
    os.wait()
except ChildProcessError as error:
    print(error)
print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:3])
