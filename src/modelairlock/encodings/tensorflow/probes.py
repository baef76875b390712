"""Tells whether bytes are a graph of TensorFlow, which has no mark of its own.

What a newcomer would get wrong: nearly any few bytes are *some* message of protobuf, so a guess by the first tag
claims texts and pickles. Here at least one node or function must lie open with a name and an operator spelled as
TensorFlow spells them, each field behind the one before, and every field before it one that a graph can have, or one
that no version knows. Only a few dozen bytes are looked at, wherever they lie.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.reading import Probe, Source
from modelairlock.records.regex import regex

_NODE_NAME = regex(rb"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*+")
_OPERATOR = regex(rb"[A-Za-z_][A-Za-z0-9_.>]*+")
_LONGEST_NAME = 4096
#: fields that are looked at before giving up: strangers in front of a graph are legal, and nobody writes them
_STEPS = 40


class _Seen(NamedTuple):
    number: int
    wire: int
    start: int
    end: int


def looks_like_graph(head: bytes, size: int) -> bool:
    """Whether `head`, of an artifact of `size` bytes, begins a GraphDef."""
    return head[:1] in _FIRST and _graph(Fetch(head, size), 0, size)


def is_graph(probe: Probe) -> bool:
    """Whether the artifact is a GraphDef."""
    return probe.head[:1] in _FIRST and _graph(_fetch(probe), 0, probe.size)


def is_meta_graph(probe: Probe) -> bool:
    """Whether the artifact is a MetaGraphDef."""
    return probe.head[:1] in _FIRST and _meta_graph(_fetch(probe), 0, probe.size)


def is_saved_model(probe: Probe) -> bool:
    """Whether the artifact is a SavedModel."""
    if probe.head[:1] not in (b"\x08", b"\x12"):
        return False
    fetch = _fetch(probe)
    for field in _walk(fetch, 0, probe.size):
        if field.number == 2 and field.wire == 2:
            return _meta_graph(fetch, field.start, field.end)
        if field.number in (1, 2) and field.wire != 0:
            return False
    return False


#: tags of one byte that a graph can begin with; a stranger's tag of several bytes is no beginning that anybody writes
_FIRST = frozenset(bytes([number << 3 | wire]) for number in range(1, 8) for wire in (0, 2))


class Fetch:
    """A few bytes from anywhere in an artifact. With `source` it may have been cut short, and is one all the same."""

    __slots__ = ("head", "size", "source")

    def __init__(self, head: bytes, size: int, source: Source | None = None) -> None:
        self.head, self.size, self.source = head, size, source

    def at(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`."""
        if start + length <= len(self.head) or self.source is None:
            return self.head[start : start + length]
        return self.source.read(start, min(length, max(0, self.size - start)))

    def may_be_cut(self, end: int) -> bool:
        """Whether what should lie behind `end` may just be missing."""
        return self.source is not None and end == self.size


def _fetch(probe: Probe) -> Fetch:
    return Fetch(probe.head, probe.size, probe.source)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number and what comes after it; the position is -1 if there is none."""
    value = 0
    for index in range(at, min(at + 10, len(data))):
        value |= (data[index] & 0x7F) << 7 * (index - at)
        if data[index] < 0x80:
            return value, index + 1
    return 0, -1


def _walk(fetch: Fetch, at: int, end: int) -> Iterator[_Seen]:
    """The first fields of a message, as long as they are whole headers."""
    for _ in range(_STEPS):
        data = fetch.at(at, min(20, end - at)) if at < end else b""
        tag, after = _varint(data, 0)
        number, wire = tag >> 3, tag & 7
        if after < 0 or not number or wire not in (0, 1, 2, 5):
            return
        if wire == 2:
            length, begin = _varint(data, after)
            if begin < 0 or (length > end - at - begin and not fetch.may_be_cut(end)):
                return
            start, stop = at + begin, min(at + begin + length, end)
        elif wire == 0:
            _, begin = _varint(data, after)
            if begin < 0:
                return
            start, stop = at + after, at + begin
        else:
            start, stop = at + after, at + after + (4 if wire == 5 else 8)
        yield _Seen(number, wire, start, stop)
        at = stop


def _graph(fetch: Fetch, start: int, end: int) -> bool:
    for field in _walk(fetch, start, end):
        if field.number == 1:
            return field.wire == 2 and _node(fetch, field.start, field.end)
        if field.number == 2:
            return field.wire == 2 and _library(fetch, field.start, field.end)
        if field.wire != (0 if field.number == 3 else 2) and field.number < 6:
            return False
    return False


def _name(fetch: Fetch, field: _Seen, spelled: re.Pattern[bytes]) -> bool:
    length = field.end - field.start
    return 0 < length <= _LONGEST_NAME and spelled.fullmatch(fetch.at(field.start, length)) is not None


def _node(fetch: Fetch, start: int, end: int) -> bool:
    """A name and an operator before any input or attribute, as every writer of protobuf puts them."""
    numbers = []
    for field in _walk(fetch, start, end):
        numbers.append(field.number)
        if field.number > 7 or field.wire != 2:
            return False
        if field.number in (1, 2) and not _name(fetch, field, _NODE_NAME if field.number == 1 else _OPERATOR):
            return False
        if numbers[:2] == [1, 2]:
            return True
    return False


def _library(fetch: Fetch, start: int, end: int) -> bool:
    for function in _walk(fetch, start, end):
        if function.number != 1 or function.wire != 2:
            return False
        for field in _walk(fetch, function.start, function.end):
            return field.number == 1 and field.wire == 2 and _operator(fetch, field.start, field.end)
    return False


def _operator(fetch: Fetch, start: int, end: int) -> bool:
    """An OpDef: its name, and then nothing or an argument that begins with a name."""
    seen = []
    for field in _walk(fetch, start, end):
        seen.append(field.number)
        if field.number == 1:
            if field.wire != 2 or not _name(fetch, field, _OPERATOR):
                return False
        elif field.wire not in (0, 2):
            return False
        if len(seen) > 1:
            break
    return seen[:1] == [1]


def _meta_graph(fetch: Fetch, start: int, end: int) -> bool:
    for field in _walk(fetch, start, end):
        if field.wire != 2:
            return False
        if field.number == 2:
            return _graph(fetch, field.start, field.end) or _empty_graph(fetch, field.start, field.end)
        if field.number == 1 and not _meta_info(fetch, field.start, field.end):
            return False
    return False


def _empty_graph(fetch: Fetch, start: int, end: int) -> bool:
    """A graph without nodes: nothing but versions."""
    seen = list(_walk(fetch, start, end))
    return bool(seen) and all(field.number == 4 and field.wire == 2 and field.end - field.start < 20 for field in seen)


def _meta_info(fetch: Fetch, start: int, end: int) -> bool:
    for field in _walk(fetch, start, end):
        if field.number > 8 or field.wire != (0 if field.number == 7 else 2):
            return False
        if field.number == 2:
            return all(
                operator.number == 1 and operator.wire == 2 and _operator(fetch, operator.start, operator.end)
                for operator in _walk(fetch, field.start, field.end)
            )
    return True
