# SPDX-License-Identifier: Apache-2.0
"""All signals blocked, waited for one by one."""
import os
import signal
import time


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


everything = signal.valid_signals()
signal.pthread_sigmask(signal.SIG_BLOCK, everything)
print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
burn(0.1)
print(sorted(signal.sigpending()))
print(signal.sigtimedwait(everything, 0.1))
os.kill(os.getpid(), signal.SIGINT)
print(signal.sigwait(everything))
print(signal.sigtimedwait(everything, 0.05))
signal.pthread_sigmask(signal.SIG_SETMASK, [])
print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
burn(0.05)
