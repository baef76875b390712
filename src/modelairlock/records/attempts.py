"""What a system call that a load tried in the jail was after: the words that rules and reports have for it.

What a newcomer would get wrong: to open a file for reading and for writing is one call. And a call of no known group is
not harmless; no honest load makes it.
"""

from collections.abc import Callable, Iterable, Sequence

from modelairlock.records.facts import Attempt, Fact
from modelairlock.records.span import Span
from modelairlock.records.text import shown

_NOWHERE = Span(0, 0)
#: scheme of the `Setting` that says what a scan said of the file
SCANNED = "airlock-scan"
_PROGRAMS = frozenset(("execve", "execveat"))
_PROCESSES = frozenset(("clone", "clone3", "fork", "vfork"))
_NETWORK = frozenset(
    (
        "accept", "accept4", "bind", "connect", "getsockopt", "listen", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg",
        "sendmsg", "sendto", "setsockopt", "socket", "socketpair",
    )
)  # fmt: skip
#: these say where to; a socket by itself names nobody
_ADDRESSED = ("connect", "sendto", "sendmsg", "sendmmsg", "bind")
_OPENS = frozenset(("open", "openat", "openat2"))
_CHANGES = frozenset(
    (
        "chmod", "chown", "copy_file_range", "creat", "fallocate", "fchmod", "fchmodat", "fchmodat2", "fchown",
        "fchownat", "fsetxattr", "ftruncate", "lchown", "link", "linkat", "lsetxattr", "mkdir", "mkdirat", "mknod",
        "mknodat", "pwrite64", "pwritev", "pwritev2", "removexattr", "rename", "renameat", "renameat2", "rmdir",
        "sendfile", "setxattr", "splice", "symlink", "symlinkat", "truncate", "unlink", "unlinkat", "utime",
        "utimensat", "utimes",
    )
)  # fmt: skip
#: what Python and BLAS ask for on the way and go on without: numbers of processors, priorities, where memory lies
IDLE = frozenset(
    ("get_mempolicy", "ioprio_set", "mbind", "sched_setaffinity", "sched_setscheduler", "set_mempolicy", "setpriority")
)
#: questions to the processor, as arch_prctl's codes (arch/x86/include/uapi/asm/prctl.h: ARCH_GET_XCOMP_SUPP, _PERM,
#: ARCH_REQ_XCOMP_PERM): oneDNN asks for tiles of matrices at the first multiplication
_PROCESSOR = frozenset(("0x1021", "0x1022", "0x1023"))
#: how much processor time the control group has: xgboost reads it with every model (``GetCfsCPUCount``), and goes on
#: with the number of processors. Where there are namespaces they are not even there to be asked for
_PROCESSOR_TIME = frozenset(
    ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_period_us", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
)
#: what may be a habit of a framework at all, by the whole path: what the machine and the process are like, and no more.
#: Whatever an honest file does, nothing else is ever excused: no program, process or address, no file of somebody's
_HABITS = frozenset(
    (
        "/etc/host.conf", "/etc/localtime", "/etc/lsb-release", "/etc/mime.types", "/etc/nsswitch.conf",
        "/etc/os-release", "/etc/timezone", "/proc/filesystems", "/proc/loadavg", "/proc/self/cgroup",
        "/proc/self/limits", "/proc/self/maps", "/proc/self/mountinfo", "/proc/self/mounts", "/proc/self/stat",
        "/proc/self/statm", "/proc/self/status", "/proc/sys/kernel/osrelease", "/proc/sys/vm/overcommit_memory",
        "/proc/uptime", "/proc/version",
    )
)  # fmt: skip
#: and by where it is: processors, buses and memory; the devices of graphics cards, which the jail has not
_HABITUAL = (
    "/sys/bus/", "/sys/class/", "/sys/devices/", "/sys/fs/cgroup/", "/sys/kernel/mm/", "/sys/module/", "/dev/dri/",
    "/dev/kfd", "/dev/nvidia",
)  # fmt: skip
#: the jail's own scratch, where frameworks would have their caches
_SCRATCH = "/tmp/"  # noqa: S108 - inside of the jail
_SECRET_FOLDERS = (
    "/.ssh/",
    "/.aws/",
    "/.gnupg/",
    "/.kube/",
    "/.docker/",
    "/.config/gcloud/",
    "/.azure/",
    "/var/run/secrets/",
)
_SECRET_NAMES = (
    "/environ", "/etc/shadow", "/etc/gshadow", "/.netrc", "/.pgpass", "/.git-credentials", "/.pypirc", "/.npmrc",
    "/.cache/huggingface/token", "/.huggingface/token", "/.bash_history", "/id_rsa", "/id_ed25519", "/.env",
)  # fmt: skip
_WRITING = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")


def idle(syscall: str, arguments: Sequence[str]) -> bool:
    """Whether it is a question or a wish of numerical libraries about the machine, and no attempt at anything."""
    first = arguments[0] if arguments else ""
    if syscall in _OPENS:
        return first in _PROCESSOR_TIME and arguments[1] == "O_RDONLY"
    return syscall in IDLE or (syscall == "arch_prctl" and first in _PROCESSOR)


def one_thread_more(syscall: str, arguments: Sequence[str], action: str) -> bool:
    """Whether it was refused a thread beyond those it may have: a limit it ran into, and no attempt at anything."""
    return syscall == "clone" and action == "EAGAIN" and bool(arguments) and "THREAD" in arguments[0].split("|")


def starts_program(attempt: Attempt) -> bool:
    """Whether it would have become another program."""
    return attempt.syscall in _PROGRAMS


def starts_process(attempt: Attempt) -> bool:
    """Whether it would have started another process."""
    return attempt.syscall in _PROCESSES


def reaches_network(attempt: Attempt) -> bool:
    """Whether it would have spoken to somebody, on this machine or another."""
    return attempt.syscall in _NETWORK


def writes(attempt: Attempt) -> bool:
    """Whether it would have changed a file, or the folder it is in."""
    if attempt.syscall in _OPENS:
        return any(flag in argument.split("|") for argument in attempt.arguments[1:] for flag in _WRITING)
    return attempt.syscall in _CHANGES


def reads(attempt: Attempt) -> bool:
    """Whether it would have read a file that no loader needs."""
    return attempt.syscall in _OPENS and not writes(attempt)


def attacks(attempt: Attempt) -> bool:
    """Whether it was after the machine, the jail or another process: none of the other groups, and nothing idle."""
    known = _PROGRAMS | _PROCESSES | _NETWORK
    if attempt.syscall in known or idle(attempt.syscall, attempt.arguments):
        return False
    return not writes(attempt) and not reads(attempt)


def may_be_usual(syscall: str, arguments: Sequence[str]) -> bool:
    """Whether such a call can be a framework's habit, which an honest file may excuse where it makes the very same."""
    path = arguments[0] if arguments else ""
    if ".." in path or not (syscall in _OPENS or syscall in {"mkdir", "mkdirat"}):
        return False
    attempt = Attempt(span=_NOWHERE, syscall=syscall, arguments=tuple(arguments), action="", certainty="denied")
    if writes(attempt):
        return path.startswith((_SCRATCH, "/dev/kfd", "/dev/nvidia", "/dev/dri/"))
    return path in _HABITS or path.startswith(_HABITUAL)


def sort_of(syscall: str, arguments: Sequence[str]) -> tuple[str, bool, bool]:
    """What an attempt has in common with those of which it may be one example: the call, and what it was after."""
    attempt = Attempt(span=_NOWHERE, syscall=syscall, arguments=tuple(arguments), action="", certainty="denied")
    # There are millions of numbers that are no call.
    return "(no call)" if syscall.startswith("nr0x") else syscall, writes(attempt), secret(attempt)


def such(facts: Iterable[Fact], is_such: Callable[[Attempt], bool]) -> list[Attempt]:
    """The attempts among `facts` of one sort."""
    return [fact for fact in facts if isinstance(fact, Attempt) and is_such(fact)]


def secret(attempt: Attempt) -> bool:
    """Whether it would have read what is somebody's alone: keys, tokens, passwords, another's variables."""
    path = attempt.arguments[0] if attempt.arguments else ""
    return reads(attempt) and (path.endswith(_SECRET_NAMES) or any(part in path for part in _SECRET_FOLDERS))


def doing(attempts: Sequence[Attempt]) -> str:
    """What was being done with the model when the first of them was seen."""
    return {"inference": "using it", "unload": "letting go of it"}.get(attempts[0].phase, "loading it")


def in_words(attempts: Sequence[Attempt]) -> str:
    """The call that says most and what it was handed, how many there were, and whether any of it happened."""
    told = next((one for one in attempts if one.syscall in _ADDRESSED), attempts[0])
    call = shown(" ".join((told.syscall, *told.arguments)), 300)
    count = sum(one.count for one in attempts)
    more = f", {'the first' if told is attempts[0] else 'one'} of {count:,}" if count > 1 else ""
    denied = all(one.certainty == "denied" for one in attempts)
    return f"{call} ({'denied' if denied else 'seen, and not all of it denied'}{more})"
