"""Run a job in the jail and tell what it tried: with namespaces, and where there are none without."""

import fcntl
import os
import signal
import stat
from collections.abc import Collection

from modelairlock.isolation import kernel
from modelairlock.isolation.jail.bubblewrap import Unavailable
from modelairlock.isolation.jail.job import Job
from modelairlock.isolation.jail.session import Serving, Session, unavailable
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JAIL_LAYERS, JailLayer, JailLimits, JailResult


def run(
    job: Job,
    *,
    require: Level = Level.CONFINED,
    limits: JailLimits | None = None,
    detonate: bool = False,
    unsafe_allow_weak: bool = False,
    enabled_layers: Collection[str] = JAIL_LAYERS,
    serving: Serving | None = None,
) -> JailResult:
    """Run `job` behind every layer there is.

    With `detonate` a load is led on: up to ``limits.forks`` processes may start, so that what they would execute is
    seen, and sockets are pretended. Nothing is ever executed, written or connected. `enabled_layers` is for tests.
    With `serving` the last phase is its, and lasts as long as that wants.
    What the model does is in the result. Raises AirlockError for what the operator can mend: an interpreter that is
    not there, an environment without the loader; ValueError for a descriptor that must not be handed over.
    """
    limits = limits or JailLimits()
    _refuse_limits(limits)
    for fd in job.inputs:
        _refuse_writable(fd)
    least = max(require, Level.WEAK if unsafe_allow_weak else Level.CONFINED, key=lambda level: level.rank)
    if kernel.machine() < 0:
        reason = "needs Linux on x86_64 or aarch64"
        layers = tuple(JailLayer(name=name, state="unavailable", reason=reason) for name in JAIL_LAYERS)
        return unavailable(layers, least)
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        # What is started inherits that, and bubblewrap then waits for ever.
        raise AirlockError("this process ignores SIGCHLD, so it cannot see its children end", "set it to SIG_DFL")
    wanted = tuple(name for name in JAIL_LAYERS if name in enabled_layers)
    one = Session(job, limits, least, detonate, wanted, serving)
    if "namespaces" not in enabled_layers:
        return one.run(JailLayer(name="namespaces", state="disabled", reason="switched off by the caller"))
    try:
        return one.run(None)
    except Unavailable as error:
        return one.run(JailLayer(name="namespaces", state="unavailable", reason=str(error)))


#: above these the kernel takes a limit for none, or not at all
_MOST = {"memory_bytes": 1 << 48, "cpu_seconds": 10**9, "files": 1 << 20, "threads": 1 << 20, "forks": 1 << 20}


def _refuse_limits(limits: JailLimits) -> None:
    """What cannot be put in force is refused by name, before the layer that would fail."""
    for name in ("import_seconds", "wall_seconds", "cpu_seconds", "memory_bytes", "files", "threads"):
        value = getattr(limits, name)
        if not 0 < value <= _MOST.get(name, float("inf")):
            most = f" and at most {_MOST[name]}" if name in _MOST else ""
            raise AirlockError(f"the limit {name} is {value}", f"It must be more than 0{most}.")


def _refuse_writable(fd: int) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise ValueError(f"descriptor {fd} is not a regular file")
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
        raise ValueError(f"descriptor {fd} is open for writing")
