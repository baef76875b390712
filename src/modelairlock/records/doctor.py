"""What isolation a machine has, and how to get the rest: the schema ``modelairlock/doctor/1``.

Advice goes by the reason that a layer gives. A reason nobody thought of gets the general advice for its layer, if that
is not there.
"""

from typing import Any, Literal

import msgspec

from modelairlock.records.described import described_schema
from modelairlock.records.isolation import Isolation, Layer, Level, State
from modelairlock.records.plain_json import plain_json

SCHEMA: Literal["modelairlock/doctor/1"] = "modelairlock/doctor/1"
#: what each layer keeps a load from
STOPS = {
    "privileges": "being root, or becoming it",
    "namespaces": "the network, other processes, files outside of the runtime, from being there at all",
    "limits": "using up memory, processor, descriptors, disk",
    "landlock": "opening files by path, TCP, signals to others",
    "seccomp": "every other system call, and it is what shows them",
    "cgroup": "using up memory by several processes faster than one can look; no level needs it",
}
#: what needs which level, in the order of what most people want
PURPOSES = (
    ("airlock scan", Level.NONE, "reads files and loads nothing"),
    ("airlock convert", Level.NONE, "writes tensors anew and loads nothing"),
    ("airlock convert --load-in-jail", Level.CONFINED, "loads what cannot be read, and takes its tensors"),
    ("airlock detonate", Level.CONFINED, "loads files and watches what they try"),
    ("modelairlock.load_isolated", Level.CONFINED, "keeps a model loaded and asks it"),
    ("airlock serve-isolated", Level.CONFINED, "answers over HTTP for a model that is kept loaded"),
)
_WHEEL = "pip install 'modelairlock[bubblewrap]'"
_APPARMOR = (
    "AppArmor allows user namespaces to some programs only (Ubuntu from 23.10 on): install the system's bubblewrap and"
    " its profile (apt install bubblewrap apparmor-profiles), or"
    " sysctl -w kernel.apparmor_restrict_unprivileged_userns=0."
)
_CONTAINER = (
    "On a host: sysctl -w kernel.unprivileged_userns_clone=1, where there is such a switch. In a container: start it"
    " with a seccomp profile that allows user namespaces, or stay at confined, which is made for containers."
)
_KERNEL = "Linux 5.13 or newer is needed."
#: layer, part of its reason, what to do; the first that fits
_ADVICE = (
    # Another layer kept it from being tried, and has the advice.
    ("", "not tried", ""),
    ("", "needs Linux on", "Run it in a Linux container or virtual machine on x86_64 or aarch64."),
    ("", "CAP_SYS_PTRACE", "Give the container CAP_SYS_PTRACE (--cap-add SYS_PTRACE), or run it as an ordinary user."),
    ("namespaces", "is not installed", f"apt install bubblewrap, dnf install bubblewrap, or {_WHEEL}."),
    ("namespaces", "is setuid", f"Take the bit away (chmod u-s), or {_WHEEL} beside it."),
    ("namespaces", "uid map", _APPARMOR),
    ("namespaces", "RTM_NEWADDR", _APPARMOR),
    ("namespaces", "ENOSPC", "sysctl -w user.max_user_namespaces=15000"),
    ("namespaces", "No space left", "sysctl -w user.max_user_namespaces=15000"),
    ("namespaces", "o permission", _CONTAINER),
    ("namespaces", "not permitted", _CONTAINER),
    ("namespaces", "", f"Install bubblewrap (apt install bubblewrap, or {_WHEEL}), and allow user namespaces."),
    ("landlock", "not implemented", _KERNEL),
    ("landlock", "not supported", "Put landlock among the names in lsm= on the command line of the machine's kernel."),
    ("landlock", "not permitted", "The container's seccomp profile refuses Landlock; newer runtimes allow it."),
    ("landlock", "", _KERNEL),
    ("seccomp", "busy", "Another sandbox around this one listens to system calls already: run it outside of that."),
    ("seccomp", "Invalid argument", "Linux 5.7 or newer is needed."),
    ("seccomp", "", _KERNEL),
    ("privileges", "nobody may pass", "Move the environment out of the closed folder, or run it as an ordinary user."),
    ("cgroup", "", "In a systemd session: systemd-run --user --scope airlock …; until then the watch stands in."),
)  # fmt: skip


class DoctorLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer, what it is against, and how to get it if it is missing."""

    name: str
    state: State
    reason: str
    verified: str
    stops: str
    advice: str


class DoctorWall(msgspec.Struct, frozen=True, kw_only=True):
    """The scanner's wall, or the jail."""

    name: Literal["wall", "jail"]
    level: Level
    layers: tuple[DoctorLayer, ...]


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do with modelairlock, and whether this machine is enough for it."""

    name: str
    does: str
    needs: Level
    has: Level
    available: bool


class FoundBubblewrap(msgspec.Struct, frozen=True, kw_only=True):
    """A bubblewrap on this machine: what it is, or why it is not used."""

    path: str
    origin: str
    version: str = ""
    problem: str = ""


class DoctorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that ``airlock doctor`` found out."""

    schema: Literal["modelairlock/doctor/1"] = SCHEMA
    version: str
    kernel: str
    architecture: str
    walls: tuple[DoctorWall, ...]
    purposes: tuple[Purpose, ...]
    bubblewrap: tuple[FoundBubblewrap, ...]

    @property
    def jail(self) -> Level:
        """The level of the jail."""
        return self.walls[-1].level

    def to_json(self) -> str:
        """What ``airlock doctor --format json`` writes, fit to show on a terminal."""
        return plain_json(self)


def examined(
    wall: Isolation,
    jail: Isolation,
    bubblewrap: tuple[FoundBubblewrap, ...],
    *,
    version: str,
    kernel: str,
    architecture: str,
) -> DoctorRecord:
    """The record of a machine with this wall and this jail."""
    return DoctorRecord(
        version=version,
        kernel=kernel,
        architecture=architecture,
        walls=(_wall("wall", wall), _wall("jail", jail)),
        purposes=tuple(
            Purpose(name=name, does=does, needs=needs, has=level, available=level.rank >= needs.rank)
            for name, needs, does in PURPOSES
            for level in (wall.level if needs is Level.NONE else jail.level,)
        ),
        bubblewrap=bubblewrap,
    )


def _wall(name: Literal["wall", "jail"], isolation: Isolation) -> DoctorWall:
    layers = tuple(
        DoctorLayer(
            name=layer.name,
            state=layer.state,
            reason=layer.reason,
            verified=getattr(layer, "verified", ""),
            stops=STOPS.get(layer.name, "what is its own"),
            advice=advice(layer),
        )
        for layer in isolation.layers
    )
    return DoctorWall(name=name, level=isolation.level, layers=layers)


def advice(layer: Layer) -> str:
    """How to get a layer that is missing; empty if it is there, or if nothing is known to help."""
    if layer.state in {"enforced", "disabled"}:
        return ""
    # One that let something through is there: the general advice, on how to get it, would be wrong.
    known = (row for row in _ADVICE if row[1] or layer.state == "unavailable")
    return next((text for name, part, text in known if name in {"", layer.name} and part in layer.reason), "")


#: what the fields mean, where the name alone does not say it
_DESCRIPTIONS = {
    "DoctorLayer.state": "enforced: it was tried and held; failed: it was put up and let something through.",
    "DoctorLayer.verified": "Who saw that it holds: the process outside, or a call that was tried and refused.",
    "DoctorLayer.advice": "How to get it, if it is missing.",
    "Purpose.needs": "The least level of isolation it works at.",
    "FoundBubblewrap.problem": "Why it is not used; empty for those that can be, of which the first is.",
    "DoctorRecord.walls": "The scanner's wall, then the jail.",
}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report; ``docs/schema/doctor-1.json`` is this, indented by two."""
    return described_schema(DoctorRecord, "doctor", _DESCRIPTIONS)
