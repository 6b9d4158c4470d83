# SPDX-License-Identifier: Apache-2.0
"""One way of starting a process, by name; each process burns in a function
that says which it is, then prints pid and CPU of its own."""

import ctypes
import os
import subprocess
import sys
import threading
import time

from burner import burn

SECONDS = 0.12


def say():
    # one write, so that lines of processes do not mix
    os.write(1, b"cpu %d %.6f\n" % (os.getpid(), time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)))


def parent_work():
    burn(SECONDS)


def child_work(*_):
    burn(SECONDS)
    say()
    return os.getpid()


def by_fork():
    pid = os.fork()
    if pid == 0:
        child_work()
        os._exit(0)
    os.waitpid(pid, 0)


def by_fork_of_fork():
    pid = os.fork()
    if pid == 0:
        by_fork()
        child_work()
        os._exit(0)
    os.waitpid(pid, 0)


def by_fork_in_thread():
    t = threading.Thread(target=by_fork)
    t.start()
    t.join()


def itself(way):
    return [sys.executable, os.path.abspath(__file__), way]


def by_exec():
    say_before = time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)
    parent_work()
    os.environ["SAID"] = str(say_before)
    os.execv(sys.executable, itself("child"))


def by_subprocess():
    subprocess.run(itself("child"), check=True)


def by_subprocess_without_vfork():
    subprocess.run(itself("child"), check=True, preexec_fn=lambda: None, close_fds=True)


def by_posix_spawn():
    pid = os.posix_spawn(sys.executable, itself("child"), os.environ)
    os.waitpid(pid, 0)


def by_system():
    os.system(" ".join(itself("child")))


def by_popen():
    with os.popen(" ".join(itself("child"))) as f:
        text = f.read()
    os.write(1, text.encode())


def by_vfork():
    """vfork of C, by the way of posix_spawn of libc."""
    libc = ctypes.CDLL(None)
    pid = ctypes.c_int()
    words = [w.encode() for w in itself("child")]
    argv = (ctypes.c_char_p * (len(words) + 1))(*words, None)
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    assert libc.posix_spawn(ctypes.byref(pid), words[0], None, None, argv, environ) == 0
    os.waitpid(pid.value, 0)


def by_multiprocessing(method):
    import multiprocessing

    context = multiprocessing.get_context(method)
    workers = [context.Process(target=child_work) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()


def by_pool(method):
    import concurrent.futures
    import multiprocessing

    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        list(pool.map(child_work, range(2)))


def main():
    way, arguments = sys.argv[1], sys.argv[2:]
    if way == "child":
        child_work()
        return
    if way != "by_exec":
        parent_work()
    globals()[way](*arguments)
    say()


if __name__ == "__main__":
    main()
