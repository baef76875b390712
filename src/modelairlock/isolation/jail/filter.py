"""The jail's filter over system calls: what computing needs is allowed, all else is put before the parent.

A call is answered by the parent instead of by a rule in here, so that the parent sees every attempt from outside. Opens
are among them: whether a path lies in the runtime is only visible in the caller's memory, which no filter can read.
Only the i386 ABI kills the process; its numbers mean other calls, and no honest code makes them.
"""

import struct
from typing import Final

from modelairlock.isolation.jail.calls import NUMBERS

#: where the worker keeps its end of the channel
CONTROL_FD: Final = 3
TSYNC, NEW_LISTENER, TSYNC_ESRCH = 1, 8, 16
#: for the call that installs the filter: over all threads, an error if one cannot be had, and a listener in return
FLAGS: Final = TSYNC | NEW_LISTENER | TSYNC_ESRCH

_AUDIT_ARCH: Final = (0xC000003E, 0xC00000B7)
_X32_BIT: Final = 0x40000000
_ALLOW: Final = 0x7FFF0000
_ASK: Final = 0x7FC00000
_KILL: Final = 0x80000000
_LOAD, _AND, _RETURN, _EQUAL, _NOT_LESS = 0x20, 0x54, 0x06, 0x15, 0x35

_MEMORY = "brk munmap mprotect mremap madvise membarrier mincore"
_DESCRIPTORS = (
    "read pread64 readv preadv preadv2 write writev lseek close close_range fstat fstatfs fadvise64 getdents getdents64"
    " dup dup2 dup3 pipe pipe2 poll ppoll select pselect6 epoll_create1 epoll_ctl"
    " epoll_wait epoll_pwait"
)
#: nothing but what exists is told by these, and with namespaces only the runtime does
_LOOKING = "stat lstat newfstatat statx statfs access faccessat faccessat2 readlink readlinkat getcwd"
_SIGNALS = "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending sigaltstack restart_syscall"
_THREADS = "futex futex_waitv set_robust_list get_robust_list rseq set_tid_address sched_yield exit exit_group"
_ASKING = (
    "getpid gettid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getresuid getresgid getgroups uname"
    " sysinfo times getrusage getrlimit getcpu getrandom clock_gettime clock_getres gettimeofday time nanosleep"
    " clock_nanosleep sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min"
    " wait4 waitid capget"
)
ALLOWED: Final = tuple(" ".join((_MEMORY, _DESCRIPTORS, _LOOKING, _SIGNALS, _THREADS, _ASKING)).split())

_LOW, _HIGH = 0, 4
#: call, and what all must hold: (argument, half of it, bits looked at, the value they must have)
_When = tuple[str, tuple[tuple[int, int, int, int], ...]]


def _is(call: str, argument: int, *values: int) -> tuple[_When, ...]:
    return tuple((call, ((argument, _LOW, 0xFFFFFFFF, value),)) for value in values)


#: MAP_SHARED, MAP_ANONYMOUS
SHARED, ANONYMOUS = 0x01, 0x20

CHECKED: Final[tuple[_When, ...]] = (
    # Shared memory without a file stays in use when a process no longer counts it as its own: the parent counts it.
    *(("mmap", ((3, _LOW, SHARED | ANONYMOUS, value),)) for value in (ANONYMOUS, SHARED, 0)),
    *_is("sendmsg", 0, CONTROL_FD),
    *_is("recvmsg", 0, CONTROL_FD),
    # TCGETS, FIONCLEX, FIOCLEX: what opening a file asks; TIOCGWINSZ: what printing asks, how wide a terminal is;
    # FIONBIO: what a socket with a time-out asks before it says whom it is for. TIOCSTI and the like are not there.
    *_is("ioctl", 1, 0x5401, 0x5413, 0x5421, 0x5450, 0x5451),
    # F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC
    *_is("fcntl", 1, 1, 2, 3, 1030),
    # F_SETFL, of O_NONBLOCK alone; the other two are O_LARGEFILE and O_NOFOLLOW, here or there, and are not set by it
    ("fcntl", ((1, _LOW, 0xFFFFFFFF, 4), (2, _LOW, 0xFFFFFFFF & ~(0x800 | 0x8000 | 0x20000), 0))),
    # PR_SET_NAME, PR_GET_NAME
    *_is("prctl", 0, 15, 16),
    # limits may be asked, not set
    ("prlimit64", ((2, _LOW, 0xFFFFFFFF, 0), (2, _HIGH, 0xFFFFFFFF, 0))),
)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _checked(number: int, conditions: tuple[tuple[int, int, int, int], ...]) -> list[bytes]:
    """Allow call `number` if all conditions hold; else go on after the block."""
    block = [_step(_RETURN, _ALLOW)]
    for argument, half, bits, value in reversed(conditions):
        block.insert(0, _step(_EQUAL, value, 0, len(block)))
        block.insert(0, _step(_AND, bits))
        block.insert(0, _step(_LOAD, 16 + 8 * argument + half))
    return [_step(_LOAD, 0), _step(_EQUAL, number, 0, len(block)), *block]


def program(machine: int) -> bytes:
    """The filter for `machine` (an index as of `kernel.machine`), as instructions of BPF.

    `struct seccomp_data` holds the call's number at 0, the ABI at 4, six 64-bit arguments from 16 on.
    """
    steps = [_step(_LOAD, 4), _step(_EQUAL, _AUDIT_ARCH[machine], 1), _step(_RETURN, _KILL), _step(_LOAD, 0)]
    if machine == 0:
        steps += [_step(_NOT_LESS, _X32_BIT, 0, 1), _step(_RETURN, _ASK)]
    for name in ALLOWED:
        number = NUMBERS[name][machine]
        if number >= 0:
            steps += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    for name, conditions in CHECKED:
        steps += _checked(NUMBERS[name][machine], conditions)
    return b"".join([*steps, _step(_RETURN, _ASK)])
