"""Remembers what an honest file makes a loader try in an environment, so that it is found out once and not every time.

Who can write to this can excuse what a file does. So, as with the cache of facts, the folder belongs to the user alone,
and what comes out of it is decoded strictly; beyond that nothing is believed that could not be a habit at all
(`records.attempts.may_be_usual`): a program that is started, an address, somebody's file stays a finding, whatever is
written here. What is recorded is the behaviour of files of ours, never of one that was handed over.
"""

import contextlib
import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

import modelairlock
from modelairlock.isolation.jail.runtime import runtime
from modelairlock.pipeline.cache import private_folder
from modelairlock.records.attempts import may_be_usual
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Event, JailResult, Outcome
from modelairlock.records.typed import json_decoder

FOLDER = "baselines"
_BYTES = 256 * 1024
_HABITS = 1000
_CONFIGURATION_BYTES = 64 * 1024
#: below the folders of an environment, where what is installed is named
_INSTALLED = ("python3*/site-packages", "python3*/dist-packages", "python3/dist-packages")

Key = tuple[str, tuple[str, ...]]


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a habit is a habit of: change any of it, and it is found out anew.

    `job` is the loader and what is imported beside it; `interpreter` its real path, size and time of change;
    `installed` a digest of the names and versions of all distributions and of the environment's settings; `jail` the
    digest of what runs in there.
    """

    job: str
    interpreter: str
    installed: str
    level: Level
    jail: str
    kernel: str
    version: str

    @property
    def name(self) -> str:
        """The file it is kept in."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest() + ".json"


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One record: whose, and the calls with their arguments."""

    schema: Literal["modelairlock/baseline/1"]
    identity: Identity
    usual: tuple[Key, ...]


_decode = json_decoder(Baseline)


def key(event: Event) -> Key:
    """What makes two calls the same one."""
    return event.syscall, event.arguments


def habits(result: JailResult) -> frozenset[Key] | None:
    """What of an honest run may be called usual; None if it did not come to its end, and says nothing."""
    if result.outcome not in {Outcome.COMPLETED, Outcome.COMPLETED_WITH_VIOLATIONS} or result.dropped:
        return None
    return frozenset(key(event) for event in result.events if may_be_usual(event.syscall, event.arguments))


def identity(job: str, interpreter: str, level: Level, code: str) -> Identity:
    """The identity of `interpreter`'s environment, from its files: it is not run. Raises AirlockError, OSError."""
    real = os.path.realpath(interpreter)
    found = os.stat(real)
    return Identity(
        job=job,
        interpreter=f"{real} {found.st_size} {found.st_mtime_ns}",
        installed=_digest(_installed(interpreter)),
        level=level,
        jail=_digest([code]),
        kernel=f"{platform.machine()} {platform.release()}",
        version=modelairlock.__version__,
    )


def _installed(interpreter: str) -> Iterator[str]:
    settings = Path(os.path.abspath(interpreter)).parent.parent / "pyvenv.cfg"
    with contextlib.suppress(OSError), settings.open("rb") as file:
        yield file.read(_CONFIGURATION_BYTES).decode("utf-8", "backslashreplace")
    for folder in runtime(interpreter).readable:
        for home in (Path(folder), Path(folder) / "lib", Path(folder) / "local" / "lib"):
            for pattern in _INSTALLED:
                for packages in sorted(home.glob(pattern)):
                    yield str(packages)
                    yield from sorted(one for one in os.listdir(packages) if one.endswith((".dist-info", ".egg-info")))


def _digest(texts: Iterable[str]) -> str:
    whole = hashlib.sha256()
    for text in texts:
        whole.update(f"{len(text)} {text}\n".encode("utf-8", "backslashreplace"))
    return whole.hexdigest()


def recorded(folder: Path, whose: Identity) -> frozenset[Key] | None:
    """What `folder` knows of `whose` habits; None if nothing, or nothing that can be believed.

    Raises AirlockError if others could have written it.
    """
    try:
        place = private_folder(private_folder(folder) / FOLDER)
        data = _read(place / whose.name)
        found = _decode(data)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if found.identity != whose or not all(may_be_usual(*one) for one in found.usual):
        return None
    return frozenset(found.usual)


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        state = os.fstat(fd)
        foreign = state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if foreign or not stat.S_ISREG(state.st_mode):
            raise ValueError("not a file that is ours alone")
        data = file.read(_BYTES + 1)
    if len(data) > _BYTES:
        raise ValueError("too long")
    return data


def record(folder: Path, whose: Identity, usual: frozenset[Key]) -> None:
    """Keep `usual` for the next time; what goes wrong costs that time. Raises AirlockError as `recorded` does."""
    if len(usual) > _HABITS:
        return
    data = msgspec.json.encode(Baseline("modelairlock/baseline/1", whose, tuple(sorted(usual))))
    with contextlib.suppress(OSError):
        place = private_folder(private_folder(folder) / FOLDER)
        fd, name = tempfile.mkstemp(dir=place, prefix="new-")  # 0600, and nobody else's
        try:
            with open(fd, "wb") as file:
                file.write(data)
            os.replace(name, place / whose.name)
        except OSError:
            os.unlink(name)
            raise
