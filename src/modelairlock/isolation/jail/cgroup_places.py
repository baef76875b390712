"""Where this process may make control groups: in its own, beside it, or in a scope of the user's systemd.

Version 2 gives controllers to the groups below one that holds no processes itself; so a process can seldom use its own
group, and one that a service manager delegated has another above it. Version 1 has a tree for each controller.
"""

import contextlib
import os
import stat
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

PREFIX = "modelairlock-"
_BUSCTL = "/usr/bin/busctl"
_MOUNTS = "/proc/self/mountinfo"
CONTROLLERS = ("memory", "pids")


class NoGroup(Exception):
    """No group can be had here, and why."""


class Place(NamedTuple):
    """A group: its path as ``/proc/<pid>/cgroup`` tells it, and the folder that stands for it."""

    path: str
    folder: str


def memberships(process: int | str) -> dict[str, str]:
    """Controller -> path of the group that `process` is in; "" is version 2. Raises OSError."""
    found = {}
    for line in Path(f"/proc/{process}/cgroup").read_text("utf-8", "surrogateescape").splitlines():
        _, controllers, path = line.split(":", 2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def membership(at: dict[str, str], controller: str, version: int) -> str:
    """Of `at`, the path for one controller; empty if there is none."""
    return at.get(controller if version == 1 else "", "")


def _mounted(controller: str) -> tuple[str, str]:
    """Where a tree of groups is mounted, and which group lies there; ``""`` asks for version 2. Raises NoGroup."""
    for line in Path(_MOUNTS).read_text("utf-8", "surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split(" ", 2)
        fits = kind == "cgroup2" if not controller else kind == "cgroup" and controller in options.split(",")
        if fits and "\\" not in fields[3] + fields[4]:
            return fields[4], fields[3]
    raise NoGroup("no control groups are mounted here")


def placed(path: str, controller: str) -> Place:
    """The group of that path in the tree of `controller` ("" for version 2). Raises NoGroup."""
    folder, root = _mounted(controller)
    below = "/" + path.lstrip("/")
    if root != "/":
        if below != root and not below.startswith(f"{root}/"):
            raise NoGroup(f"the control group {path} is not in what is mounted at {folder}")
        below = below[len(root) :]
    return Place(path, os.path.normpath(folder + below))


def own() -> tuple[int, dict[str, Place]]:
    """The version in use for memory, and the groups of this process by controller. Raises NoGroup."""
    try:
        at = memberships("self")
        if "memory" in at:
            return 1, {name: placed(at[name], name) for name in CONTROLLERS if name in at}
        if "" in at:
            place = placed(at[""], "")
            return 2, dict.fromkeys(CONTROLLERS, place)
    except OSError as error:
        raise NoGroup(f"/proc does not say which control group this is: {error.strerror}") from error
    raise NoGroup("this kernel has no control groups for memory")


def candidates(version: int, mine: dict[str, Place]) -> list[dict[str, Place]]:
    """Groups to make others in, the best first; each may turn out to be closed to us."""
    if version == 1:
        return [mine]
    place = mine["memory"]
    above = Place(os.path.dirname(place.path), os.path.dirname(place.folder))
    found = [mine]
    # What lies above the mount is somebody else's.
    if place.path != "/" and os.path.exists(os.path.join(above.folder, "cgroup.procs")):
        found.append(dict.fromkeys(CONTROLLERS, above))
    return found


def opened(version: int, parents: dict[str, Place]) -> dict[str, Place]:
    """`parents`, those that hand their controllers on to the groups in them. Raises OSError where memory is not."""
    if version == 1:
        return parents
    folder = parents["memory"].folder
    if not os.access(folder, os.W_OK):
        raise PermissionError(13, "no permission to make groups in it")
    for name in CONTROLLERS:
        if name not in _words(folder, "cgroup.subtree_control"):
            with contextlib.suppress(OSError):
                write(folder, "cgroup.subtree_control", f"+{name}")
    handed = [name for name in CONTROLLERS if name in _words(folder, "cgroup.subtree_control")]
    if "memory" not in handed:
        raise OSError(0, "it hands no memory controller on, and holds processes or is not delegated")
    return {name: parents[name] for name in handed}


def _words(folder: str, name: str) -> list[str]:
    return Path(folder, name).read_text("ascii").split()


def write(folder: str, name: str, value: str) -> None:
    """Write one of a group's files. Raises OSError."""
    fd = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def sweep(parents: list[dict[str, Place]]) -> None:
    """Remove the empty groups of those that were killed before they could."""
    for folder in {place.folder for one in parents for place in one.values()}:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                owner = name.removeprefix(PREFIX).partition("-")[0]
                if name.startswith(PREFIX) and owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
                    # Fails where it is not empty, and so not left alone.
                    with contextlib.suppress(OSError):
                        os.rmdir(os.path.join(folder, name))


def scope(worker: int, name: str, seconds: float) -> Place:
    """Have the user's systemd make a delegated scope with `worker` in it. Raises NoGroup.

    What ``systemd-run --user --scope`` does, for a process that is there already.
    """
    user = os.geteuid()
    run = f"/run/user/{user}"
    try:
        there = stat.S_ISSOCK(os.stat(f"{run}/bus").st_mode) and os.stat(run).st_uid == user
    except OSError:
        there = False
    if not there or not os.path.exists(_BUSCTL):
        raise NoGroup("no systemd of this user to ask for a scope")
    manager = "org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
    unit = f"{name}.scope"
    # Collected also when the kernel has ended something in it, which counts as a failure.
    properties = f"PIDs au 1 {worker} Delegate b true MemoryAccounting b true TasksAccounting b true"
    properties += " CollectMode s inactive-or-failed"
    command = [_BUSCTL, "--user", "--quiet", f"--timeout={seconds:.0f}", "call", *manager.split(), "StartTransientUnit"]
    command += ["ssa(sv)a(sa(sv))", unit, "fail", "5", *properties.split(), "0"]
    try:
        done = subprocess.run(
            command,
            env={"XDG_RUNTIME_DIR": run},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=2 * seconds,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoGroup(f"the user's systemd did not answer: {error}") from error
    if done.returncode:
        raise NoGroup(f"the user's systemd made no scope: {done.stderr.decode('utf-8', 'replace').strip()[:200]}")
    return _arrived(worker, unit, seconds)


def _arrived(worker: int, unit: str, seconds: float) -> Place:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            path = memberships(worker).get("", "")
            if path.endswith(f"/{unit}"):
                return placed(path, "")
        time.sleep(0.005)
    raise NoGroup(f"the user's systemd did not move the worker into {unit} in {seconds:.0f} s")
