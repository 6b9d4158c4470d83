# SPDX-License-Identifier: Apache-2.0
"""signal.set_wakeup_fd: one byte per signal of the program, none of others."""
import os
import signal
import time

reader, writer = os.pipe()
os.set_blocking(reader, False)
os.set_blocking(writer, False)
print(signal.set_wakeup_fd(writer))
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
    signal.signal(number, lambda number, frame: None)
end = time.thread_time() + 0.1
while time.thread_time() < end:
    sum(range(1000))
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
    signal.raise_signal(number)
print(list(os.read(reader, 100)))
end = time.thread_time() + 0.1
while time.thread_time() < end:
    sum(range(1000))
try:
    print(list(os.read(reader, 100)))
except BlockingIOError:
    print("nothing more")
