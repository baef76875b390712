"""Whether both ends of an artifact look like a zip's, and which names they show.

The four bytes of an end record turn up in other files by chance, so they count only with a directory where they say.
"""

from collections.abc import Iterator

from modelairlock.encodings import zip_records as records
from modelairlock.encodings.archive_names import decoded
from modelairlock.reading import Probe

_NAMES = 4096


def _peek(probe: Probe) -> records.Peek:
    base = probe.size - len(probe.tail)

    def peek(start: int, length: int) -> bytes:
        if start >= base:
            return probe.tail[start - base : start - base + length]
        return probe.head[start : start + length] if start >= 0 else b""

    return peek


def looks_like_zip(probe: Probe) -> bool:
    """Whether a reader would take the artifact for a zip: by its first bytes, or by an end record near its end.

    A tar that ends in a stored zip and its own zero blocks is not one, though Python's `zipfile` would open it: the
    tar's reader finds that zip as a member.
    """
    head = probe.head[:8]
    if head[:4] == records.LOCAL_MAGIC or (head[:4] == records.END_MAGIC and probe.size >= records.END_BYTES):
        return True
    if head[4:] == records.LOCAL_MAGIC and head[:4] in (records.DESCRIPTOR_MAGIC, b"PK00"):
        return True
    if records.END_MAGIC not in probe.tail:
        return False
    tar = probe.head[257:262] == b"ustar"
    return any(
        end.entries and not (tar and end.end < probe.size) for end in records.end_records(_peek(probe), probe.size)
    )


def first_names(probe: Probe) -> tuple[str, ...]:
    """Names of members that show in head and tail without reading on, at most a few thousand, each once."""
    names: dict[str, None] = {}
    for name in (*_local_names(probe.head), *_central_names(probe)):
        names[name] = None
        if len(names) >= _NAMES:
            break
    return tuple(names)


def _local_names(head: bytes) -> Iterator[str]:
    at = max(head[:8].find(records.LOCAL_MAGIC), 0)
    while head[at : at + 4] == records.LOCAL_MAGIC and at + 30 <= len(head):
        _, _, flags, _, _, _, _, packed, _, name, extra = records.LOCAL.unpack_from(head, at)
        if at + 30 + name > len(head):
            return
        yield decoded(head[at + 30 : at + 30 + name])
        at += 30 + name + extra + packed
        if flags & 8 or packed == records.FULL:
            # The size stands behind the data; the next header is looked for instead.
            at = head.find(records.LOCAL_MAGIC, at if packed != records.FULL else at - packed)
            if at < 0:
                return


def _central_names(probe: Probe) -> Iterator[str]:
    tail = probe.tail
    for end in records.end_records(_peek(probe), probe.size)[:1]:
        at = end.start - (probe.size - len(tail))
        if at < 0:
            at = tail.find(records.CENTRAL_MAGIC)
        while 0 <= at <= len(tail) - 46 and tail[at : at + 4] == records.CENTRAL_MAGIC:
            name_length = int.from_bytes(tail[at + 28 : at + 30], "little")
            yield decoded(tail[at + 46 : at + 46 + name_length])
            at += records.entry_length(tail, at)
