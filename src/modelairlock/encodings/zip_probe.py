"""Whether an artifact looks like a zip to any reader, and the names of all its members.

The four bytes of an end record turn up in other files by chance, so they count only with a directory where they say.
Names decide which format reads an archive and which members are numbers, so all of them are looked at: what stands in
the middle of a long directory is as good a mark as what stands at its ends.
"""

from collections.abc import Iterator
from itertools import islice
from struct import Struct
from typing import NamedTuple

from modelairlock.encodings import zip_records as records
from modelairlock.encodings.archive_names import decoded
from modelairlock.encodings.tar import looks_like_tar, members_at
from modelairlock.reading import Cursor, Probe, ReadProblem

#: entries that are looked at; an archive of more is read with nothing in it passed over
_NAMES = 250_000
_PIECE = 1024 * 1024
#: sizes, lengths and offset in a directory entry (APPNOTE 4.3.12)
_PLACE = Struct("<IIHHH8xI")


class Names(NamedTuple):
    """Names of members, each once; `cut` if there are more."""

    names: tuple[str, ...]
    cut: bool = False


def _peek(probe: Probe) -> records.Peek:
    base = probe.size - len(probe.tail)

    def peek(start: int, length: int) -> bytes:
        if start < 0 or start >= probe.size or length <= 0:
            return b""
        if start >= base:
            return probe.tail[start - base : start - base + length]
        end = min(start + length, probe.size)
        if end <= len(probe.head) or probe.source is None:
            return probe.head[start:end]
        try:
            return probe.source.read(start, end - start)
        except ReadProblem:
            return b""  # whoever reads the artifact meets the same problem and states it

    return peek


def looks_like_zip(probe: Probe) -> bool:
    """Whether a reader would take the artifact for a zip: by its first bytes, or by an end record near its end.

    A tar with a stored zip as its last member is not one, though Python's `zipfile` would open it: the tar's reader
    finds that zip as a member. Half a dozen formats ask.
    """
    return probe.once(_looks_like_zip)


def _looks_like_zip(probe: Probe) -> bool:
    head = probe.head[:8]
    if head[:4] == records.LOCAL_MAGIC or (head[:4] == records.END_MAGIC and probe.size >= records.END_BYTES):
        return True
    if head[4:] == records.LOCAL_MAGIC and head[:4] in (records.DESCRIPTOR_MAGIC, b"PK00"):
        return True
    if records.END_MAGIC not in probe.tail:
        return False
    ends = [end for end in records.end_records(_peek(probe), probe.size) if end.start < end.stop]
    return bool(ends) and not (looks_like_tar(probe) and _in_tar(probe, ends))


def _in_tar(probe: Probe, ends: list[records.End]) -> bool:
    """Whether each directory and its end record lie in one member of the tar that the artifact is as well."""
    members = members_at(_peek(probe), probe.size, [end.position for end in ends])
    within = ((members.get(end.position, (0, 0)), end) for end in ends)
    return all(start <= end.start < end.stop <= stop and end.end <= stop for (start, stop), end in within)


def member_names(probe: Probe) -> Names:
    """All names in all directories of a zip; without any, those of the local headers in its head.

    Read once for each probe. Local headers beside a directory decide nothing: the next one is guessed at where sizes
    stand behind the data, and might be that of an archive in the archive.
    """
    return probe.once(_names_of)


def _names_of(probe: Probe) -> Names:
    return _names(_peek(probe), probe.head, probe.size)


def names_under(cursor: Cursor) -> Names:
    """The same of what a reader has before it, which has no probe."""
    return _names(cursor.peek, cursor.peek(0, _PIECE), cursor.size)


def _names(peek: records.Peek, head: bytes, size: int) -> Names:
    found: dict[bytes, None] = {}
    ends = records.end_records(peek, size)
    inside = _inside(peek, ends[0], [end.position for end in ends[1:]]) if len(ends) > 1 else set()
    walked = 0
    for end in ends:
        if end.position in inside:
            continue  # an archive in the archive has names of its own
        for name, _, _ in _entries(peek, end):
            found[name] = None
            walked += 1
            if walked >= _NAMES:
                return Names(tuple(map(decoded, found)), True)
    if not ends:
        found.update(dict.fromkeys(_local_names(head)))
    return Names(tuple(map(decoded, found)))


def _inside(peek: records.Peek, end: records.End, positions: list[int]) -> set[int]:
    """Those of `positions` that a member of the directory at `end` holds, as far as its first `_NAMES` tell."""
    held: set[int] = set()
    for _, start, stop in islice(_entries(peek, end), _NAMES):
        held.update(one for one in positions if start + end.shift < one < stop + end.shift)
    return held


def _local_names(head: bytes) -> Iterator[bytes]:
    at = max(head[:8].find(records.LOCAL_MAGIC), 0)
    while head[at : at + 4] == records.LOCAL_MAGIC and at + 30 <= len(head):
        _, _, flags, _, _, _, _, packed, _, name, extra = records.LOCAL.unpack_from(head, at)
        if at + 30 + name > len(head):
            return
        yield head[at + 30 : at + 30 + name]
        at += 30 + name + extra + packed
        if flags & 8 or packed == records.FULL:
            # The size stands behind the data; the next header is looked for instead.
            at = head.find(records.LOCAL_MAGIC, at if packed != records.FULL else at - packed)
            if at < 0:
                return


def _entries(peek: records.Peek, end: records.End) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and least end of each member in one directory, a piece of it at a time."""
    at, buffer, base = end.start, b"", end.start
    while at < end.stop:
        offset = at - base
        if len(buffer) - offset < records.ENTRY_BYTES and base + len(buffer) < end.stop:
            buffer, base, offset = peek(at, min(_PIECE, end.stop - at)), at, 0
        if offset + 46 > len(buffer) or buffer[offset : offset + 4] != records.CENTRAL_MAGIC:
            return
        packed, _, name, extra, comment, start = _PLACE.unpack_from(buffer, offset + 20)
        yield buffer[offset + 46 : offset + 46 + name], start, start + 30 + name + packed
        at += 46 + name + extra + comment
