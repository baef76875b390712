"""Resource limits: what a child may use up, whoever it is.

Memory is counted from what the template has once everything is imported. Two limits look odd and are walls of their
own: a child may open no descriptor beyond those it was handed, and may start no process or thread.
"""

import os
import resource
from collections.abc import Iterable

#: descriptors the template may hold: inputs on their way to children
TEMPLATE_FILES = 4096
#: name after RLIMIT_, and the value for both its soft and its hard limit
_Limit = tuple[str, int]


def address_space() -> int:
    """Bytes of address space this process has now; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def _set(limits: Iterable[_Limit]) -> list[str]:
    refused = []
    for name, value in limits:
        which = getattr(resource, f"RLIMIT_{name}", None)
        try:
            if which is None:
                raise ValueError("this system has none")
            _, hard = resource.getrlimit(which)
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.setrlimit(which, (value, value))
        except (OSError, ValueError) as error:
            refused.append(f"{name}: {error}")
    return refused


def limit_template(memory_bytes: int, size_before: int) -> list[str]:
    """Limit this process and all its children. Returns what the system refused, as text.

    RLIMIT_CORE is 1, not 0: a core pattern that pipes to a program ignores 0, and the kernel refuses at 1 (core(5)).
    """
    size = size_before + memory_bytes
    memory = [("AS", size), ("DATA", size)] if size_before else []
    refused = _set([*memory, ("FSIZE", 0), ("CORE", 1), ("NOFILE", TEMPLATE_FILES), ("MEMLOCK", 0), ("MSGQUEUE", 0)])
    return refused if size_before else [*refused, "AS: this system does not say how large a process is"]


def limit_child(cpu_seconds: int) -> None:
    """Limit this one child. Where a limit is refused the deadline and the other layers remain."""
    _set((("CPU", cpu_seconds), ("NOFILE", 0), ("NPROC", 0)))


def volunteer_for_the_oom_killer() -> None:
    """If the host runs out of memory, this process should go before the caller does."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:
        # Nowhere but on Linux, and not in every container; nothing rests on it.
        return


def holds() -> str:
    """What the child's limits let through, as text; empty when they hold."""
    try:
        os.close(os.dup(0))
    except OSError:
        return ""
    return "a child could open a descriptor"
