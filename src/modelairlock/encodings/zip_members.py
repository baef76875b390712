"""One member of a zip: whether it is empty, a link, locked, or not what its checksum says, and how it is handed on.

Flags are claims like any other. A member that is flagged as encrypted and decodes all the same is not encrypted, and
torch's miniz, which ignores the flags, loads it.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from modelairlock.encodings.archive_names import decoded, oddities
from modelairlock.encodings.compression import METHODS, inflate
from modelairlock.encodings.teller import Teller
from modelairlock.encodings.window import Window
from modelairlock.encodings.zip_records import DESCRIPTOR
from modelairlock.reading import Cursor
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Link, Member, Role
from modelairlock.records.span import Span

LinkKind = Literal["symlink", "device", "fifo", "other"]
Told = Iterator[Fact | Gap]

#: encrypted, patched, strongly encrypted, masked headers (APPNOTE 4.4.4): torch's miniz ignores all four
LYING_FLAGS = 0x0001 | 0x0020 | 0x0040 | 0x2000
#: members up to this size are compared with their CRC-32, while the sum of them stays below the second number
CRC_BYTES, CRC_TOTAL_BYTES = 64 * 1024 * 1024, 256 * 1024 * 1024
PIECE = 1024 * 1024
_PATH_BYTES = 4096
#: nothing at all is not longer than this by any method
_SMALL_BYTES = 64


class Entry(NamedTuple):
    """One way to read one member. `span` is where its encoded bytes lie, `header` where its local header does."""

    name: str
    span: Span
    method: str
    size_bytes: int
    crc32: int
    flags: int
    header: Span


class Members:
    """Hands on the members of one archive, each way to read one once."""

    __slots__ = ("crc_left", "cursor", "held", "role", "several", "teller", "window", "yielded")

    def __init__(self, cursor: Cursor, role: Callable[[Entry], Role]) -> None:
        self.cursor, self.role = cursor, role
        self.window, self.teller = Window(cursor), Teller(cursor.size)
        self.yielded: set[Entry] = set()
        #: whether there are several directories, which mostly name the same members
        self.several = False
        self.crc_left = CRC_TOTAL_BYTES
        #: whether any member holds a byte
        self.held = False

    def odd(self, name: str, start: int, end: int) -> Told:
        """What is unusual about a name that stands at `start`..`end`."""
        for kind, detail in oddities(name):
            yield from self.teller.say(kind, start, end, detail)

    def member(self, entry: Entry, kind: LinkKind | None = None) -> Told:
        """The member as `entry` describes it; nothing when that was handed on already."""
        start, end = entry.span
        if start == end and entry.name.endswith("/"):
            return
        if self.several:
            if entry in self.yielded:
                return
            self.yielded.add(entry)
        if kind:
            # Handed on as well: Python's `zipfile` knows no links and unpacks a file that holds the target.
            yield Link(span=entry.header, name=entry.name, target=self._target(entry), kind=kind)
        self.held = self.held or start < end
        role: Role = "raw" if not entry.size_bytes and self._nothing(entry) else self.role(entry)
        if entry.flags & LYING_FLAGS or entry.method == "encrypted":
            yield from self._locked(entry)
        yield Member(span=entry.span, name=entry.name, method=entry.method, size_bytes=entry.size_bytes, role=role)
        if role != "raw" and not entry.flags & LYING_FLAGS:
            yield from self._checked(entry)

    def _nothing(self, entry: Entry) -> bool:
        """Whether the member is really empty: there is nothing in it to identify."""
        start, end = entry.span
        if start == end or (entry.method == "deflate" and self.cursor.peek(start, min(end - start, 3)) == b"\x03\x00"):
            return True
        if entry.method not in METHODS or end - start > _SMALL_BYTES:
            return False
        inflated = inflate(self.cursor.source, entry.span, entry.method, self.cursor.budget, 0)
        return not inflated.size and not inflated.damage

    def _target(self, entry: Entry) -> str:
        """Where a link leads: the content of the member, when that may be a path."""
        data = self.cursor.peek(entry.span.start, min(entry.span.end - entry.span.start, _PATH_BYTES))
        if entry.method == "deflate":
            data = _inflated_start(data) or b""
        return decoded(data) if entry.size_bytes <= _PATH_BYTES else ""

    def _locked(self, entry: Entry) -> Told:
        """Whether the flags that say "encrypted" are true. The bytes are handed on as they are in any case."""
        start, end = entry.span
        plain = end - start == entry.size_bytes  # encryption puts 12 bytes or more before the data
        if entry.method == "deflate":
            plain = _inflated_start(self.cursor.peek(start, min(end - start, 65536))) is not None
        elif entry.method != "stored":
            plain = False
        if plain:
            detail = f"{entry.name!r} is flagged {entry.flags:#06x} as encrypted or patched, and is not"
            yield from self.teller.say("zip-encryption-flag-lies", *entry.header, detail)
        else:
            yield Gap(start=start, end=end, because=Because.ENCRYPTED, detail=f"{entry.name!r} is encrypted")

    def _checked(self, entry: Entry) -> Told:
        """Compare a member with its declared size and CRC-32, unless it is large or there were many before."""
        if entry.size_bytes > min(CRC_BYTES, self.crc_left) or (entry.flags & DESCRIPTOR and not entry.crc32):
            return
        self.crc_left -= entry.size_bytes
        crc, size = _checksum(self.cursor, entry)
        if size is not None and size != entry.size_bytes:
            detail = f"{entry.name!r} declares {entry.size_bytes} bytes and decodes to {size}"
            yield from self.teller.say("zip-sizes-differ", *entry.header, detail)
        elif size is not None and crc != entry.crc32:
            detail = f"{entry.name!r}: expected CRC-32 {entry.crc32:08x}, got {crc:08x}"
            yield from self.teller.say("archive-checksum-differs", *entry.span, detail)


def _inflated_start(data: bytes) -> bytes | None:
    """What the first bytes of a deflate stream decode to, or nothing when they are none."""
    try:
        return zlib.decompressobj(-15).decompress(data, PIECE)
    except zlib.error:
        return None


def _checksum(cursor: Cursor, entry: Entry) -> tuple[int, int | None]:
    """CRC-32 and size of the decoded member; no size when decoding it stops early, which is told when it is read."""
    start, end = entry.span
    if entry.method == "deflate" and max(end - start, entry.size_bytes) <= PIECE:
        return _small_checksum(cursor.source.read(start, end - start), entry.size_bytes)
    source, position, stop = cursor.source, start, end
    if entry.method in METHODS:
        source = inflated = inflate(source, entry.span, entry.method, cursor.budget, entry.size_bytes)
        position, stop = 0, inflated.size
        if inflated.damage or inflated.size != entry.size_bytes:
            return 0, None if inflated.damage else inflated.size
    elif entry.method != "stored" or end - start != entry.size_bytes:
        return 0, None
    crc = 0
    for at in range(position, stop, PIECE):
        cursor.budget.check_time(start)
        crc = zlib.crc32(source.read(at, min(PIECE, stop - at)), crc)
    return crc, stop - position


def _small_checksum(data: bytes, size: int) -> tuple[int, int | None]:
    decoder = zlib.decompressobj(-15)
    try:
        out = decoder.decompress(data, size + 1)
    except zlib.error:
        return 0, None
    return zlib.crc32(out), len(out) if decoder.eof or len(out) > size else None
