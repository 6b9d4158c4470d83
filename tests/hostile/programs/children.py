# SPDX-License-Identifier: Apache-2.0
"""subprocess and os.posix_spawn in their forms; the environment that children see."""
import os
import subprocess
import sys

show = "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))"
print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True))
print(subprocess.run("exit 4", shell=True).returncode)
print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
for options in ({}, {"close_fds": False}, {"start_new_session": True}, {"preexec_fn": os.getpid}, {"env": {"A": "b"}}):
    done = subprocess.run([sys.executable, "-I", "-S", "-c", "print(1)"], capture_output=True, **options)
    print(sorted(options), done)
for environment in ({}, {"A": "b"}):
    print(subprocess.run([sys.executable, "-c", show], env=environment, capture_output=True))
try:
    subprocess.run(["/not/there"])
except FileNotFoundError as error:
    print(error)
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 6"], os.environ)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(os.waitstatus_to_exitcode(os.system("exit 7")))
print(os.popen("echo hello").read())
pid = os.spawnv(os.P_NOWAIT, "/bin/true", ["true"])
print(os.waitpid(pid, 0)[1])
sys.stdout.flush()
os.execv(sys.executable, [sys.executable, "-c", "print('the end')"])
