"""How much a load may use up: more for a larger file, and never more memory than the machine has.

What a newcomer would get wrong: a checkpoint of 2 GB takes more than 2 GB to load. Its bytes are read, tensors are made
of them, some loaders keep both for a moment, and the first use makes more. And a limit above what the machine has is
none: the kernel then ends something, and nobody can say why.
"""

import contextlib
import math
import os
from pathlib import Path

import msgspec

from modelairlock.records.jail import JailLimits, JailResult, Outcome
from modelairlock.records.wording import counted
from modelairlock.records.wording import size as in_words

_GIB = 1024**3
#: memory for each byte of a file, beside what every load gets
_TIMES = 4
_LEAST_MEMORY = _GIB
#: a slow disk and a slow loader (a compressed archive, decoded in Python)
_BYTES_A_SECOND = 20 * 1000**2
#: a file may say that it has a million gigabytes, and take no room on the disk
_MOST_SECONDS = 3600
#: what the rest of the machine keeps
_LEFT = 8
_LONGEST = 10**8
_CGROUP = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limits_for(size: int, machine: int, *, seconds: float | None = None, memory_bytes: int | None = None) -> JailLimits:
    """The limits for a file of `size` bytes on a machine with `machine` bytes of memory (0: nobody knows).

    `seconds`, for all phases together after the imports, and `memory_bytes` are an operator's own choice, taken as is.
    """
    least = JailLimits()
    memory = max(least.memory_bytes, _LEAST_MEMORY + _TIMES * size)
    if machine:
        memory = min(memory, machine - machine // _LEFT)
    more = min(size // _BYTES_A_SECOND, _MOST_SECONDS)
    wall = least.wall_seconds + more if seconds is None else seconds
    cpu = least.cpu_seconds + more if seconds is None else max(least.cpu_seconds, math.ceil(min(seconds, _LONGEST)))
    memory = memory if memory_bytes is None else memory_bytes
    return msgspec.structs.replace(least, memory_bytes=memory, wall_seconds=wall, cpu_seconds=cpu)


def machine_memory() -> int:
    """The bytes of memory that this process and what it starts may ever use; 0 where that cannot be told."""
    found = [_number(path) for path in _CGROUP]
    with contextlib.suppress(OSError, ValueError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((one for one in found if one > 0), default=0)


def _number(path: str) -> int:
    try:
        text = Path(path).read_text("ascii").strip()
    except (OSError, ValueError):
        return 0
    return int(text) if text.isascii() and text.isdigit() else 0


def reached(result: JailResult, limits: JailLimits, size: int) -> str:
    """What a load was allowed of what it ran out of, and how it gets more; empty if no limit ended it."""
    told = {
        Outcome.LIMIT_MEMORY: f"{limits.memory_bytes >> 20:,} MiB of memory (--memory gives more)",
        Outcome.LIMIT_CPU: f"{limits.cpu_seconds:,} s of processor time (--seconds gives more)",
        Outcome.LIMIT_WALL: f"{limits.wall_seconds:,.0f} s (--seconds gives more)",
        Outcome.LIMIT_OUTPUT: f"{counted(limits.output_bytes, 'byte')} of output",
        Outcome.LIMIT_FORKS: counted(limits.forks, "process"),
        Outcome.LIMIT_FILES: f"{limits.files:,} open files",
    }.get(result.outcome)
    if told is None:
        return ""
    where = result.phases[-1].name if result.phases else ""
    # A load that says itself that memory ran out has gone on to its last phase.
    during = f", during {where}" if where in {"load", "inference"} else ""
    return f"; allowed for {in_words(size)}{during}: {told}"
