# SPDX-License-Identifier: Apache-2.0
"""SIGPROF through Python's own signal module."""
import signal
import time

seen = 0


def count(number, frame):
    global seen
    seen += 1


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


burn(0.05)
print(signal.getsignal(signal.SIGPROF))
print(signal.signal(signal.SIGPROF, count))
print(signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01))
burn(0.4)
print("interval", signal.setitimer(signal.ITIMER_PROF, 0)[1])
print("as many as asked" if 15 <= seen <= 60 else seen)
seen = 0
signal.raise_signal(signal.SIGPROF)
burn(0.05)
print(seen, signal.signal(signal.SIGPROF, signal.SIG_DFL) is count)
print(signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPROF, signal.SIGUSR1]))
signal.raise_signal(signal.SIGPROF)
burn(0.05)
print(sorted(signal.sigpending()), sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
print(signal.sigwait([signal.SIGPROF]))
