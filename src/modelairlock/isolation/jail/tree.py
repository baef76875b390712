"""What the kernel says about the jail's processes: their state, threads, memory, time and namespaces.

Everything here is read from outside, out of ``/proc``; a process cannot forge it.
"""

import contextlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from modelairlock.isolation import kernel
from modelairlock.isolation.privileges import NOBODY

_CAP_SYS_PTRACE = 19
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts")


@cache
def _must_borrow() -> bool:
    """Whether this is root without the power to look into the processes of others, as in most containers."""
    if os.geteuid() != 0:
        return False
    try:
        text = Path("/proc/self/status").read_text("utf-8")
        held = next(int(line.split()[1], 16) for line in text.splitlines() if line.startswith("CapEff:"))
    except (OSError, StopIteration, ValueError):
        return False
    return not held >> _CAP_SYS_PTRACE & 1


@contextlib.contextmanager
def looking() -> Iterator[None]:
    """Look into the jail as the one who runs it, which needs no power: this thread's identity towards files alone."""
    if not _must_borrow():
        yield
        return
    kernel.call("setfsgid", NOBODY)
    kernel.call("setfsuid", NOBODY)
    try:
        yield
    finally:
        kernel.call("setfsuid", 0)
        kernel.call("setfsgid", 0)


def count_threads(process: int) -> int:
    """The threads of the process that `process`, or a thread of it, belongs to; 0 if it is gone."""
    try:
        return len(os.listdir(f"/proc/{process}/task"))
    except OSError:
        return 0


def statuses(process: int) -> list[dict[str, str]]:
    """``/proc/<pid>/task/*/status`` of every thread, as fields. Raises OSError."""
    found = []
    for task in os.listdir(f"/proc/{process}/task"):
        text = Path(f"/proc/{process}/task/{task}/status").read_text("utf-8", "replace")
        found.append({name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())})
    return found


def own_numbers(thread: int) -> tuple[int, int]:
    """What the process of `thread`, and `thread` itself, are called where they are; zeros if it is gone."""
    try:
        text = Path(f"/proc/{thread}/status").read_text("utf-8", "replace")
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return int(fields["NStgid"].split()[-1]), int(fields["NSpid"].split()[-1])
    except (OSError, ValueError, KeyError, IndexError):
        return 0, 0


def limits(process: int) -> dict[str, str]:
    """The soft limits in force, by the kernel's names for them. Raises OSError."""
    text = Path(f"/proc/{process}/limits").read_text("utf-8", "replace")
    return {line[:26].strip(): line[26:46].strip() for line in text.splitlines()[1:]}


def shared_namespaces(process: int) -> list[str]:
    """The kinds of namespace that `process` shares with this one. Raises OSError."""
    with looking():
        theirs = {kind: os.readlink(f"/proc/{process}/ns/{kind}") for kind in _NAMESPACES}
    return [kind for kind, name in theirs.items() if name == os.readlink(f"/proc/self/ns/{kind}")]


def descriptors(process: int) -> dict[int, str]:
    """What each descriptor of `process` leads to. Raises OSError."""
    found = {}
    with looking():
        for entry in os.listdir(f"/proc/{process}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found[int(entry)] = os.readlink(f"/proc/{process}/fd/{entry}")
    return found


def count_descriptors(process: int) -> int:
    """How many descriptors `process` has open; 0 if that cannot be seen."""
    with looking(), contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{process}/fd"))
    return 0


def memory(process: int) -> int:
    """Bytes of memory that `process` has in use; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def cpu_seconds(process: int) -> float:
    """Processor time of `process` and of those it has waited for; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return sum(int(field) for field in fields[11:15]) / _TICKS
    except (OSError, ValueError, IndexError):
        return 0.0
