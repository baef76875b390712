"""Unpacking an archive would write outside the folder it is unpacked in

## Why it matters

A member named ``../../.ssh/authorized_keys``, or a link that leads out of the archive followed by a member behind that
link, writes wherever the user may write. Loaders unpack archives without being asked to: Keras unpacks tar files it
downloads, MLflow and NeMo unpack checkpoints. Python refuses most of it only since 3.12 (PEP 706), and only where the
caller did not switch that off. A device or a pipe makes whoever opens it read something else, or wait for ever.

## What to do

Do not unpack the file, and do not load it with anything that does.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity, Link
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.regex import regex
from modelairlock.records.rule import Context, Judgement, Rule

_KINDS = {
    "archive-name-absolute": Severity.HIGH,
    "archive-name-traversal": Severity.HIGH,
    "archive-name-drive": Severity.HIGH,
    "archive-name-control": Severity.LOW,
}
_ROOTED = regex(r"/|[A-Za-z]:")


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    links = [fact for fact in reading.facts if isinstance(fact, Link)]
    known = {_parts(link.name): link for link in links}
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind in _KINDS:
            yield RULE.finding(reading, fact.detail, fact, severity=_KINDS[fact.kind])
    for link in links:
        yield from _link(reading, link, known)


def _link(reading: Reading, link: Link, known: dict[tuple[str, ...], Link]) -> Iterator[Judgement]:
    if link.kind in ("device", "fifo", "other"):
        what = {"device": "a device", "fifo": "a pipe", "other": "neither a file nor a link"}[link.kind]
        yield RULE.finding(reading, f"{link.name!r} is {what}", link, severity=Severity.MEDIUM)
    elif leads_out(link.name, link.target, from_root=link.kind == "hardlink"):
        yield RULE.finding(reading, f"{link.name!r} is a link to {link.target!r}, outside of the archive", link)
    elif other := _by_way_of(link, known):
        message = f"{link.name!r} is a link to {link.target!r}, which leads out by way of the link {other.name!r}"
        yield RULE.finding(reading, message, link, other)


def _by_way_of(link: Link, known: dict[tuple[str, ...], Link]) -> Link | None:
    """Another link that can make this one lead out, though each alone stays inside.

    What ``..`` goes up from is where the names before it lead when it is followed, so a path that goes up behind a name
    counts as leading out when a link may stand there; so does one that goes up from a folder that is a link, and a
    second name for a link that goes up (a hard link is the same link in another place).
    """
    name, target = _parts(link.name), _parts(link.target)
    if link.kind == "hardlink":
        other = known.get(target) or _linked_folder(target, known)
        return other if other and other is not link and ".." in _parts(other.target) else None
    if ".." not in target:
        return None
    ups = next((at for at, part in enumerate(target) if part != ".."), len(target))
    if ".." in target[ups:]:
        return next((other for other in known.values() if other is not link), None)
    return _linked_folder(name, known)


def _linked_folder(name: tuple[str, ...], known: dict[tuple[str, ...], Link]) -> Link | None:
    """The first folder of `name` that is a link itself."""
    return next((known[name[:length]] for length in range(1, len(name)) if name[:length] in known), None)


def _parts(path: str) -> tuple[str, ...]:
    """The parts of a path, alike for file systems that ignore case."""
    return tuple(part for part in path.replace("\\", "/").casefold().split("/") if part not in ("", "."))


def leads_out(name: str, target: str, *, from_root: bool) -> bool:
    """Whether a link `name` to `target` leads out of the archive; hard links count from its root."""
    target = target.replace("\\", "/")
    if _ROOTED.match(target):
        return True
    folders = [] if from_root else [part for part in name.replace("\\", "/").split("/")[:-1] if part not in ("", ".")]
    depth = len(folders)
    for part in target.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


RULE = Rule(
    name="archive-name-escapes",
    summary="Unpacking an archive would write outside the folder it is unpacked in.",
    check=_check,
    looks_at=(Irregularity, Link),
    severity=Severity.HIGH,
    help="Do not unpack this file: it would write, or link, outside of the folder you choose.",
    cwe=("CWE-22", "CWE-59"),
    atlas=("AML.T0011",),
)
