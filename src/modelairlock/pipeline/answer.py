"""What crosses the wall: the job that goes in, and the strict decoder for the answer that comes out.

`decode` runs in the parent and treats what it gets as an attacker's: sizes are limited, the schema is closed, and the
sums must add up. It lives apart from the worker so that the parent never imports a reader to talk to one.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from modelairlock.limits import Limits
from modelairlock.records.coverage import Because, Coverage
from modelairlock.records.facts import (
    Build,
    Call,
    Configured,
    Fact,
    Key,
    PersistentId,
    SetItem,
    SourceUse,
    UnresolvedImport,
    Value,
)
from modelairlock.records.reading import Reading
from modelairlock.records.typed import msgpack_decoder

T = TypeVar("T")
#: one answer of the worker; 200,000 facts fit several times over
RESULT_BYTES = 64 * 1024 * 1024
NESTING = 32
#: parts within parts of one value. The decoder would take some 490, and whoever encodes them again from a deeper
#: stack would fail; readers tell six (`encodings.pickle_machine.ledger.WHOLE`)
VALUE_NESTING = 64


#: instead of a reading, from a shared child: this file needs a decoder written in C
HANDED_BACK = b""
#: instead of a reading, from a worker that has not loaded what reading this file takes
NOT_HERE = b"?"


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """One artifact: how it is called, and where it lies behind the descriptor."""

    name: str
    start: int
    size: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent asks: which artifacts to read, what reading each may cost, and who else is in the child."""

    pieces: tuple[Piece, ...]
    limits: Limits
    #: whether the child reads other files too that need no decoder written in C, and so must run none
    shared: bool = False


class ProtocolBroken(Exception):
    """The worker's answer breaks the contract; nothing in it may be believed."""


_decode_reading = msgpack_decoder(Reading)
_decode_answers = msgpack_decoder(list[bytes])


def decoded(decoder: Callable[[bytes], T], data: bytes, what: str, most: int) -> T:
    """What `data`, called `what` and of at most so many bytes, says; or `ProtocolBroken`."""
    if len(data) > most:
        raise ProtocolBroken(f"{what} of {len(data)} bytes")
    try:
        return decoder(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ProtocolBroken(f"{what} that does not decode: {type(error).__name__}") from None


def answers(data: bytes, count: int) -> list[bytes]:
    """The worker's answers about `count` artifacts, each for `decode` or `HANDED_BACK`; or `ProtocolBroken`."""
    found = decoded(_decode_answers, data, "an answer", RESULT_BYTES)
    if len(found) != count:
        raise ProtocolBroken(f"{len(found)} answers about {count} artifacts")
    return found


def decode(data: bytes, size_bytes: int, path: str, limits: Limits | None = None) -> Reading:
    """The worker's answer about an artifact of `size_bytes` at `path`, or `ProtocolBroken`.

    `limits` are those it had to keep to; None where they are no longer known.
    """
    reading = decoded(_decode_reading, data, "an answer", RESULT_BYTES)
    if reading.path != path or reading.coverage.size_bytes != size_bytes:
        raise ProtocolBroken("an answer about another artifact")
    _check(reading, 0)
    if limits:
        _check_counts(reading, limits)
    return reading


def _check_counts(reading: Reading, limits: Limits) -> None:
    """What an honest tree keeps to: each artifact may have two facts, and two gaps, that no reader stated."""
    artifacts, facts, gaps = _counts(reading)
    if artifacts > max(1, limits.artifacts):
        raise ProtocolBroken(f"{artifacts} artifacts where {limits.artifacts} were allowed")
    if facts > limits.facts + 2 * artifacts:
        raise ProtocolBroken(f"{facts} facts where {limits.facts} were allowed")
    if gaps > limits.facts + 2 * artifacts:
        raise ProtocolBroken(f"{gaps} gaps where {limits.facts} were allowed")


def _counts(reading: Reading) -> tuple[int, int, int]:
    artifacts, facts, gaps = 1, len(reading.facts), len(reading.coverage.gaps)
    for member in reading.members:
        below = _counts(member)
        artifacts, facts, gaps = artifacts + below[0], facts + below[1], gaps + below[2]
    return artifacts, facts, gaps


def _check(reading: Reading, depth: int) -> None:
    if depth > NESTING:
        raise ProtocolBroken("an answer nested too deep")
    _check_coverage(reading.coverage)
    size = reading.coverage.size_bytes
    for fact in reading.facts:
        if not 0 <= fact.span.start <= fact.span.end <= size:
            raise ProtocolBroken("a fact outside its artifact")
        if (kind := type(fact)) in _VALUES:
            _check_values(_VALUES[kind](fact))
    for member in reading.members:
        if not member.path.startswith(f"{reading.path}!"):
            raise ProtocolBroken("a member outside its artifact")
        _check(member, depth + 1)


def _check_values(level: Sequence[Value]) -> None:
    for _ in range(VALUE_NESTING):
        level = [part for value in level if value.parts or value.holds for part in (*value.parts, *(value.holds or ()))]
        if not level:
            return
    raise ProtocolBroken("a value nested too deep")


#: the values in each kind of fact that has any
_VALUES: dict[type[Fact], Callable[[Any], Sequence[Value]]] = {
    Call: lambda fact: (fact.callable, *fact.arguments),
    Build: attrgetter("target", "state"),
    SetItem: lambda fact: (fact.target,),
    PersistentId: lambda fact: (fact.value,),
    Key: lambda fact: (fact.value,),
    UnresolvedImport: attrgetter("module", "qualname"),
    Configured: attrgetter("arguments"),
    SourceUse: attrgetter("arguments"),
}


def _check_coverage(coverage: Coverage) -> None:
    """Read, passed over and the union of the gaps must make up the size, or somebody is claiming too much."""
    end = 0
    gap_bytes = 0
    for gap in sorted(coverage.gaps, key=lambda gap: gap.start):
        if not 0 <= gap.start <= gap.end <= coverage.size_bytes:
            raise ProtocolBroken("a gap outside its artifact")
        if gap.because is Because.UNVOUCHED:
            raise ProtocolBroken("a reader that judges")
        gap_bytes += max(0, gap.end - max(gap.start, end))
        end = max(end, gap.end)
    counted = (coverage.read_bytes, coverage.passed_over_bytes, gap_bytes)
    if min(counted) < 0 or sum(counted) != coverage.size_bytes:
        raise ProtocolBroken(f"coverage of {sum(counted)} bytes for an artifact of {coverage.size_bytes}")
    if not coverage.size_bytes and not coverage.gaps:
        raise ProtocolBroken("an empty artifact without a gap")
