# SPDX-License-Identifier: Apache-2.0
"""faulthandler with real faults and its own watchdog thread."""
import faulthandler
import os
import signal
import sys
import time


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


def crash():
    import ctypes
    burn(0.05)
    ctypes.string_at(16)


def later():
    faulthandler.dump_traceback_later(0.05, repeat=False)
    time.sleep(0.3)
    faulthandler.cancel_dump_traceback_later()
    print("alive")


def register():
    for number in (signal.SIGUSR1, signal.SIGPROF):
        faulthandler.register(number, chain=False)
        os.kill(os.getpid(), number)
        burn(0.05)
        print(faulthandler.unregister(number))


faulthandler.enable()
print(faulthandler.is_enabled(), flush=True)
{"crash": crash, "later": later, "register": register}[sys.argv[1]]()
