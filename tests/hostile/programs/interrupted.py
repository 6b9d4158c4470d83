# SPDX-License-Identifier: Apache-2.0
"""KeyboardInterrupt to the end: CPython dies of SIGINT by its own hand."""
import os
import signal
import time

signal.signal(signal.SIGINT, signal.default_int_handler)
end = time.thread_time() + 0.1
while time.thread_time() < end:
    sum(range(1000))
os.kill(os.getpid(), signal.SIGINT)
time.sleep(5)
