# SPDX-License-Identifier: Apache-2.0
"""Ways for a Python program to end."""
import atexit
import os
import sys
import threading
import time


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


def burn_on():
    while True:
        burn(0.01)


def os_exit():
    os._exit(5)


def daemon_threads():
    for _ in range(5):
        threading.Thread(target=burn_on, daemon=True).start()
    atexit.register(print, "at exit")
    time.sleep(0.05)


def sys_exit():
    sys.exit(9)


def exception():
    raise ValueError("as planned")


def abort():
    os.abort()


burn(0.05)
print(sys.argv[1], flush=True)
globals()[sys.argv[1]]()
