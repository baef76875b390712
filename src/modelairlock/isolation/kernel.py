"""System calls by number, for what Python does not offer.

`ctypes.util.find_library` is never used: it starts `ldconfig` or a compiler, which is slow here and forbidden later.
Numbers are the kernel's own: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

import ctypes
import os
import struct
import sys

LINUX = sys.platform == "linux"
#: asked before there is a wall: behind it nobody may ask
_ARCHITECTURE = os.uname().machine

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 38, 39

#: name -> (x86_64, aarch64); -1 where the machine has no such call
NUMBERS: dict[str, tuple[int, int]] = {
    "brk": (12, 214),
    "capget": (125, 90),
    "capset": (126, 91),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clone": (56, 220),
    "clone3": (435, 435),
    "close": (3, 57),
    "close_range": (436, 436),
    "chroot": (161, 51),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "fork": (57, -1),
    "futex": (202, 98),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getrandom": (318, 278),
    "gettid": (186, 178),
    "gettimeofday": (96, 169),
    "kill": (62, 129),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "lseek": (8, 62),
    "madvise": (28, 233),
    "membarrier": (324, 283),
    "mmap": (9, 222),
    "mount": (165, 40),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "poll": (7, -1),
    "ppoll": (271, 73),
    "prctl": (157, 167),
    "pread64": (17, 67),
    "preadv": (295, 69),
    "prlimit64": (302, 261),
    "read": (0, 63),
    "readv": (19, 65),
    "recvmsg": (47, 212),
    "restart_syscall": (219, 128),
    "rseq": (334, 293),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "seccomp": (317, 277),
    "setfsgid": (123, 152),
    "setfsuid": (122, 151),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    "sigaltstack": (131, 132),
    "time": (201, -1),
    "unshare": (272, 97),
    "wait4": (61, 260),
    "write": (1, 64),
    "writev": (20, 66),
}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_PADDING = [ctypes.c_long(0)] * 6


def machine() -> int:
    """0 for x86_64, 1 for aarch64, -1 for what no table here covers (a 32-bit process included)."""
    if not LINUX or struct.calcsize("P") != 8:
        return -1
    return {"x86_64": 0, "aarch64": 1}.get(_ARCHITECTURE, -1)


_MACHINE = machine()


def number(name: str) -> int:
    """The number of the call `name` on this machine, -1 if it has none. Raises KeyError."""
    return NUMBERS[name][_MACHINE] if _MACHINE >= 0 else -1


def call(name: str, *arguments: "int | bytes | ctypes.Array[ctypes.c_char] | None") -> int:
    """Make the system call `name`. Raises OSError as Python's own wrappers do."""
    # Variadic: a bare int would be passed as 32 bits with rubbish above it.
    given = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = int(_libc.syscall(ctypes.c_long(number(name)), *given, *_PADDING[len(given) :]))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)
    return result


def prctl(option: int, argument: int = 0) -> int:
    """``prctl(2)``. Raises OSError."""
    return call("prctl", option, argument)


def why(error: OSError) -> str:
    """An error of the system's as text for a person, with the name of the call if it has one."""
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if isinstance(error.filename, str) else text
