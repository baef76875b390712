"""The two filters over system calls: one for the template, a stricter one for each child.

Both allow what is listed and answer everything else with EPERM. A reader that stumbles on a forbidden call (a late
import, say) then fails with an ordinary error instead of taking its whole batch along; for hostile code EPERM and
death are equally useless. Only calls in a foreign ABI (i386, x32), which no honest code makes, kill the process.

The stat family is missing on purpose: Landlock does not cover it, so it would show which files the host has. Readers
learn a file's size by ``os.lseek(fd, 0, os.SEEK_END)``.
"""

import ctypes
import struct
from typing import Final

from modelairlock.isolation import kernel

_AUDIT_ARCH: Final = (0xC000003E, 0xC00000B7)
_X32_BIT: Final = 0x40000000
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_EPERM: Final = 0x00050000 | 1
_ENOSYS: Final = 0x00050000 | 38
_SET_MODE_FILTER, _FLAG_TSYNC = 1, 1

_LOAD, _AND, _RETURN, _EQUAL, _NOT_LESS = 0x20, 0x54, 0x06, 0x15, 0x35
_MMAP_EXEC: Final = 4
#: flags of a plain fork: the exit signal and the thread-id bookkeeping of libc
_FORK_FLAGS: Final = 0xFF | 0x00100000 | 0x00200000 | 0x01000000

_COMPUTE: Final = [
    "read",
    "pread64",
    "write",
    "writev",
    "readv",
    "preadv",
    "lseek",
    "munmap",
    "brk",
    "mremap",
    "madvise",
    "futex",
    "close",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "getrandom",
    "getpid",
    "gettid",
    "sched_yield",
    "restart_syscall",
    "membarrier",
    "exit",
    "exit_group",
]
_SERVE: Final = [
    "poll",
    "ppoll",
    "recvmsg",
    "wait4",
    "kill",
    "getppid",
    "set_robust_list",
    "set_tid_address",
    "rseq",
    "close_range",
    "seccomp",
    "fork",
    "landlock_restrict_self",
]

#: (call, argument, bits looked at, the one value allowed in them)
Check = tuple[str, int, int, int]
_NO_EXEC: Final[tuple[Check, ...]] = (("mmap", 2, _MMAP_EXEC, 0), ("mprotect", 2, _MMAP_EXEC, 0))
_FORKING: Final[tuple[Check, ...]] = (
    ("clone", 0, 0xFFFFFFFF & ~_FORK_FLAGS, 0),
    ("prctl", 0, 0xFFFFFFFF, kernel.PR_SET_PDEATHSIG),
    ("prlimit64", 0, 0xFFFFFFFF, 0),
)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def assemble(machine: int, allowed: list[str], checks: tuple[Check, ...]) -> bytes:
    """A BPF program for `machine` (an index as of `kernel.machine`); see linux/filter.h and linux/seccomp.h.

    `struct seccomp_data` holds the call's number at 0, the ABI at 4, six 64-bit arguments from 16 on.
    """
    steps = [_step(_LOAD, 4), _step(_EQUAL, _AUDIT_ARCH[machine], 1), _step(_RETURN, _KILL), _step(_LOAD, 0)]
    if machine == 0:
        steps += [_step(_NOT_LESS, _X32_BIT, 0, 1), _step(_RETURN, _KILL)]
    for name in allowed:
        number = kernel.NUMBERS[name][machine]
        if number >= 0:
            steps += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    for name, argument, bits, value in checks:
        # Both machines are little-endian and every argument checked fits the low half of its slot.
        steps += [
            _step(_EQUAL, kernel.NUMBERS[name][machine], 0, 5),
            _step(_LOAD, 16 + 8 * argument),
            _step(_AND, bits),
            _step(_EQUAL, value, 0, 1),
            _step(_RETURN, _ALLOW),
            _step(_RETURN, _EPERM),
        ]
    # libc tries clone3 first and falls back to clone, whose flags a filter can see, on ENOSYS only.
    steps += [_step(_EQUAL, kernel.NUMBERS["clone3"][machine], 0, 1), _step(_RETURN, _ENOSYS), _step(_RETURN, _EPERM)]
    return b"".join(steps)


def template_filter(machine: int) -> bytes:
    """For the template: also fork, reap, receive descriptors, and tighten further."""
    return assemble(machine, _COMPUTE + _SERVE, _NO_EXEC + _FORKING)


def child_filter(machine: int) -> bytes:
    """For a child: compute, read by descriptor, write by descriptor, end."""
    return assemble(machine, _COMPUTE, _NO_EXEC)


class Program:
    """A filter ready to be installed: made before fork, so that installing it is one system call."""

    def __init__(self, steps: bytes) -> None:
        self._steps = ctypes.create_string_buffer(steps, len(steps))
        self._header = struct.pack("=HxxxxxxQ", len(steps) // 8, ctypes.addressof(self._steps))

    def install(self) -> None:
        """Put the filter on every thread of this process, for good. Raises OSError."""
        kernel.call("seccomp", _SET_MODE_FILTER, _FLAG_TSYNC, self._header)
