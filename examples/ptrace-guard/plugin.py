"""A host that starts a plugin. The plugin gives up looking into others; the host goes on looking into its plugin.

    landward run --landlock=user -- python3 plugin.py guard.bpf.o

Without the guard (no argument) both can look into each other: whatever one of them holds is the other's as well.
"""

import ctypes
import os
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_LANDWARD, PROGRAM_LOAD = 0x4C445744, 4
PREPEND_LANDLOCK_PROG = 4
SECCOMP = {"x86_64": 317, "aarch64": 277}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def enforce(path):
    """The recommended order: give up new privileges, load, enforce, close; then execute what is not trusted."""
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    with open(path, "rb") as file:
        program = checked(libc.prctl(PR_LANDWARD, PROGRAM_LOAD, file.fileno(), 0, 0))
    checked(libc.syscall(SECCOMP, PREPEND_LANDLOCK_PROG, 0, ctypes.byref(ctypes.c_int(program))))
    os.close(program)


def look(who, pid):
    """Opens the memory of another process, as a debugger does."""
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))
        print(f"{who}: can read the memory", flush=True)
    except OSError as error:
        print(f"{who}: {error.strerror}", flush=True)


ready, go = os.pipe(), os.pipe()
plugin = os.fork()
if plugin == 0:
    if len(sys.argv) > 1:
        enforce(sys.argv[1])
    look("the plugin into its host", os.getppid())
    child = os.fork()
    if child == 0:
        os.read(go[0], 1)
        os._exit(0)
    look("the plugin into its child", child)
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    os._exit(0)
os.read(ready[0], 1)
look("the host into its plugin", plugin)
os.write(go[1], b"xx")
os.wait()
