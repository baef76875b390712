"""Run a named function on open files with nothing else: no network, no files, no other process.

The room knows no formats and no facts. Whoever calls gets bytes back and must treat them as a claim: the process
that made them has read hostile bytes. Names are imported on first use, because the walled-in side imports parts of
this room too and should start in milliseconds.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelairlock.isolation.task import Outcome, Task
    from modelairlock.isolation.wall import Wall, probe

__all__ = ["Outcome", "Task", "Wall", "probe"]


def __getattr__(name: str) -> object:
    if name in {"Outcome", "Task"}:
        from modelairlock.isolation import task

        return getattr(task, name)
    if name in {"Wall", "probe"}:
        from modelairlock.isolation import wall

        return getattr(wall, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
