"""A control group of its own for the worker: the kernel counts memory and tasks of all its processes together.

It is one layer more where the machine lets us have it, and no level needs it: the watch (`watch.py`) counts as well,
every 20 ms, and this counts each page. The worker is moved in while it imports, the limits follow when it has, relative
to what that took, and both are read back before the model is opened. File names and rules: cgroup-v2.rst and
cgroup-v1/memory.rst of the kernel's documentation.
"""

import contextlib
import os
import secrets
import signal
import time
from pathlib import Path
from typing import NamedTuple

from modelairlock.isolation.jail import cgroup_places as places
from modelairlock.isolation.jail.cgroup_places import NoGroup, Place
from modelairlock.records.isolation import State
from modelairlock.records.jail import CGROUP, JailLayer, JailLimits

_MOVE_SECONDS = 2.0
_REMOVE_SECONDS = 5.0
#: a limit is rounded down to pages, which are of 64 KiB at most
_ROUNDED = 1 << 16
#: beyond what the watch stops at, which says more about it
_SLACK = 16 << 20
VERIFIED = "parent: the limits read back, and /proc/<pid>/cgroup of the worker"


class _Names(NamedTuple):
    limit: str
    used: str
    swap: str
    killed: str


_NAMES = {
    1: _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"),
    2: _Names("memory.max", "memory.current", "memory.swap.max", "memory.events"),
}


class Cage:
    """The groups of one worker, from `enter` on. Not for several threads."""

    def __init__(self, groups: dict[str, Place], version: int, *, ours: bool) -> None:
        #: controller -> its group; the same one twice in version 2
        self._groups = groups
        self._names = _NAMES[version]
        self._version = version
        #: whether it is for us to remove; systemd removes its own
        self._ours = ours
        #: tells of what the kernel ended; in version 2 one is woken by it
        self.events = -1
        self.wakes = version == 2
        self._bytes = 0

    def limit(self, worker: int, limits: JailLimits, forks: int) -> JailLayer:
        """Set the limits, which count from now, and look whether they are in force. Never raises."""
        try:
            remark = self._limit(limits, forks)
            at = places.memberships(worker)
        except (OSError, ValueError) as error:
            return _layer("unavailable", f"its limits could not be set: {error}")
        for controller, group in self._groups.items():
            if places.membership(at, controller, self._version) != group.path:
                return _layer("failed", f"the worker is not in its {controller} group {group.path}")
        return _layer("enforced", remark, VERIFIED)

    def _limit(self, limits: JailLimits, forks: int) -> str:
        memory = self._groups["memory"].folder
        wanted = _number(memory, self._names.used) + limits.memory_bytes + limits.memory_bytes // 8 + _SLACK
        _set(memory, self._names.limit, wanted, _ROUNDED)
        remark = self._without_swap(memory, wanted)
        with contextlib.suppress(OSError):
            # All of it or nothing: a worker that lost one process would go on in an unknown state. Since Linux 4.19.
            places.write(memory, "memory.oom.group", "1")
        self._bytes = wanted
        self.events = os.open(f"{memory}/{self._names.killed}", os.O_RDONLY | os.O_CLOEXEC)
        told = f"version {self._version}: memory"
        if pids := self._groups.get("pids"):
            _set(pids.folder, "pids.max", _number(pids.folder, "pids.current") + limits.threads + forks)
            told += " and tasks"
        return told + remark

    def _without_swap(self, folder: str, wanted: int) -> str:
        """Keep it out of swap space; a remark if that cannot be had and there is some."""
        try:
            _set(folder, self._names.swap, 0 if self._version == 2 else wanted, _ROUNDED)
        except OSError:
            if len(Path("/proc/swaps").read_text("utf-8").splitlines()) > 1:
                return ", but not swap space, which this kernel does not count"
        return ""

    def overflowed(self) -> str:
        """How the kernel ended something for the memory it used, in words; empty if it did not."""
        if self.events < 0:
            return ""
        try:
            text = os.pread(self.events, 1024, 0).decode("ascii", "replace")
        except OSError:
            # A scope goes with its last process. What it had to say was said before, to who was woken in time.
            os.close(self.events)
            self.events = -1
            return ""
        fields = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        if fields.get("oom_kill", "0").strip() in {"", "0"}:
            return ""
        return f"the kernel ended it when its processes reached {self._bytes >> 20} MiB, the limit of its control group"

    def close(self) -> bool:
        """End what is left in the groups, and remove them. Whether nothing is left."""
        if self.events >= 0:
            os.close(self.events)
            self.events = -1
        deadline = time.monotonic() + _REMOVE_SECONDS
        folders = dict.fromkeys(group.folder for group in self._groups.values())
        self._groups = {}
        ended = [_ended(folder, deadline) for folder in folders]
        if self._ours:
            for folder in folders:
                _remove(folder, deadline)
        return all(ended)


def enter(worker: int) -> Cage:
    """Make groups for `worker` and move it there. Raises NoGroup, with the reason in words."""
    version, own = places.own()
    candidates = places.candidates(version, own)
    places.sweep(candidates)
    problems: list[str] = []
    for parents in candidates:
        try:
            return _moved(worker, version, places.opened(version, parents))
        except OSError as error:
            problems.append(f"{next(iter(parents.values())).folder}: {error.strerror or error}")
    if version == 1:
        raise NoGroup("; ".join(problems))
    try:
        scope = places.scope(worker, _name(), _MOVE_SECONDS)
    except NoGroup as error:
        raise NoGroup("; ".join([*problems, str(error)])) from None
    return Cage({"memory": scope, "pids": scope}, 2, ours=False)


def _moved(worker: int, version: int, parents: dict[str, Place]) -> Cage:
    """New groups in `parents` with `worker` in them. Raises OSError where it is in none, and none is left."""
    name = _name()
    groups: dict[str, Place] = {}
    for controller, parent in parents.items():
        group = Place(os.path.join(parent.path, name), os.path.join(parent.folder, name))
        if group not in groups.values():
            try:
                _made(group.folder, worker)
            except OSError:
                # Memory comes first, and is worth having alone.
                if not groups:
                    raise
                continue
        groups[controller] = group
    return Cage(groups, version, ours=True)


def _name() -> str:
    """By which `places.sweep` sees whose it is."""
    return f"{places.PREFIX}{os.getpid()}-{secrets.token_hex(4)}"


def _made(folder: str, worker: int) -> None:
    os.mkdir(folder, 0o755)
    try:
        places.write(folder, "cgroup.procs", str(worker))
    except OSError:
        os.rmdir(folder)
        raise


def _layer(state: State, reason: str, verified: str = "") -> JailLayer:
    return JailLayer(name=CGROUP, state=state, reason=reason, verified=verified)


def _number(folder: str, name: str) -> int:
    return int(Path(folder, name).read_text("ascii"))


def _set(folder: str, name: str, value: int, rounded: int = 0) -> None:
    """Write a limit and read it back. Raises OSError, ValueError."""
    places.write(folder, name, str(value))
    found = Path(folder, name).read_text("ascii").strip()
    # Version 2 says "max" where there is no limit.
    if not found.isdigit() or not value - rounded <= int(found) <= value:
        raise ValueError(f"{name} is {found}, not {value}")


def _ended(folder: str, deadline: float) -> bool:
    """Kill what is in a group until nothing is. Whether that worked."""
    while True:
        try:
            left = [pid for pid in Path(folder, "cgroup.procs").read_text("ascii").split() if pid != "0"]
        except OSError:
            return True
        if not left:
            return True
        for pid in left:
            _kill(int(pid), folder)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)


def _kill(pid: int, folder: str) -> None:
    """By a descriptor, and after another look: the number could be another's by now."""
    with contextlib.suppress(OSError):
        fd = os.pidfd_open(pid)
        try:
            if any(path.endswith(os.path.basename(folder)) for path in places.memberships(pid).values()):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        finally:
            os.close(fd)


def _remove(folder: str, deadline: float) -> None:
    """If it cannot be removed, the next run tries again (`places.sweep`)."""
    while True:
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return
        except OSError:
            # Those that were killed take a moment to be gone.
            if time.monotonic() > deadline:
                return
            time.sleep(0.002)
        else:
            return
