"""What of the file system an interpreter needs: read from paths and one text file, without running it.

Of its prefix only the places of code count. A prefix may be somebody's home, or hold one (``~/.local``).
"""

import os
from pathlib import Path

import msgspec

from modelairlock.records.errors import AirlockError

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/nix/store", "/gnu/store")
#: single files and folders that libraries read when they are loaded; none says anything about a person
_BESIDE = (
    "/etc/ld.so.cache",
    "/etc/ld-musl-x86_64.path",
    "/etc/ld-musl-aarch64.path",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/ssl/openssl.cnf",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
#: not ``/dev/zero``: mapped shared, it is memory that nobody counts
DEVICES = ("/dev/null", "/dev/random", "/dev/urandom")
#: readable in every jail, and never bound as they are: devices, and what libraries count processors and memory by
ALWAYS = (*DEVICES, "/proc/cpuinfo", "/proc/meminfo", "/proc/stat")
_IN_PREFIX = ("bin", "lib", "lib64", "pyvenv.cfg")
_CONFIGURATION_BYTES = 64 * 1024


class Runtime(msgspec.Struct, frozen=True):
    """An interpreter's path, and every path that may be read to run it."""

    interpreter: str
    readable: tuple[str, ...]


def runtime(interpreter: str, more: tuple[str, ...] = ()) -> Runtime:
    """What `interpreter` needs, with `more` folders to import from. Raises AirlockError."""
    path = Path(os.path.abspath(interpreter))
    if not path.is_file() or not os.access(path, os.X_OK):
        raise AirlockError(
            f"there is no interpreter at {interpreter}",
            "Name the environment that would load the model: its folder (--env), or its python (venv/bin/python).",
        )
    found = [entry for entry in (*_SYSTEM, *_BESIDE) if os.path.exists(entry)]
    for prefix in _prefixes(path):
        found += [str(prefix / name) for name in _IN_PREFIX if (prefix / name).exists()]
    found += [os.path.abspath(entry) for entry in more]
    return Runtime(str(path), _outermost([*found, *(os.path.realpath(entry) for entry in found)]))


def _prefixes(interpreter: Path) -> list[Path]:
    """The environment's own folder, the one it was made from, and the one the links lead to."""
    found = [interpreter.parent.parent, Path(os.path.realpath(interpreter)).parent.parent]
    configuration = interpreter.parent.parent / "pyvenv.cfg"
    try:
        with configuration.open("rb") as file:
            text = file.read(_CONFIGURATION_BYTES).decode("utf-8", "replace")
    except OSError:
        return found
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip().lower() == "home" and os.path.isabs(value.strip()):
            home = Path(value.strip())
            found += [home.parent, Path(os.path.realpath(home)).parent]
    return found


def _outermost(paths: list[str]) -> tuple[str, ...]:
    """Each path once, without those that lie in another; links stay, for they must be there to be followed."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda one: (one.count("/"), one)):
        if path not in {"/", "/proc"} and not any(path.startswith(f"{outer}/") for outer in kept):
            kept.append(path)
    return tuple(kept)


def leads_inside(path: str, folders: tuple[str, ...]) -> bool:
    """Whether the absolute `path` leads to something in `folders` by a way that is in them where it counts.

    Links of the runtime are followed, for the jail can make none. Nothing else is looked at: a path is the model's to
    choose, and to look at it can be an effect, such as a mount.
    """
    at = "/"
    for name in path.split("/"):
        if name == "..":
            if not inside(at, folders):
                return False
            at = os.path.dirname(os.path.realpath(at))
        elif name not in {"", "."}:
            at = os.path.join(at, name)
    return inside(at, folders) and inside(os.path.realpath(at), folders)


def inside(path: str, folders: tuple[str, ...]) -> bool:
    """Whether `path`, with no ``..`` left in it, is one of `folders` or in one."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
