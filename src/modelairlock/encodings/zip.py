"""Reads a zip as all its readers would: by every directory, by every local header, and by what lies between them.

A zip states everything twice, and no two readers believe the same half: Python's `zipfile` goes by the last end record
and the directory, torch's miniz ignores the encryption flags, streaming readers see local headers only. So nothing
is chosen here: each disagreement is a fact, and a member that can be read in two ways is handed on in both.
Formats that are zips inside call `read_archive` with a `role` for each member, and `first_names` to know their own.
"""

import re
import zlib
from collections.abc import Callable, Generator, Iterator
from operator import attrgetter
from typing import Literal, NamedTuple

from modelairlock.encodings import zip_records as records
from modelairlock.encodings.archive_names import decoded, folded, oddities
from modelairlock.encodings.compression import METHODS, inflate
from modelairlock.encodings.zip_probe import first_names, looks_like_zip
from modelairlock.encodings.zip_records import Central, End, Local, Window
from modelairlock.reading import Cursor, OverLimit
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Link, Member
from modelairlock.records.span import Extents, Span

__all__ = ["Entry", "Role", "first_names", "looks_like_zip", "read_archive"]

Role = Literal["", "raw", "dormant", "argument"]
LinkKind = Literal["symlink", "device", "fifo", "other"]
Told = Iterator[Fact | Gap]

DESCRIPTOR = 0x0008
#: encrypted, patched, strongly encrypted, masked headers (APPNOTE 4.4.4): torch's miniz ignores all four
_LYING_FLAGS = 0x0001 | 0x0020 | 0x0040 | 0x2000
_ODD_BYTES = re.compile(rb"[\x00-\x1f\x7f\\:]|\.\.|\xff/")
#: irregularities of one kind that are told one by one
_TOLD = 20
#: members up to this size are compared with their CRC-32, while the sum of them stays below the second number
CRC_BYTES, CRC_TOTAL_BYTES = 64 * 1024 * 1024, 256 * 1024 * 1024
_PIECE = 1024 * 1024
#: unclaimed bytes are searched for local headers up to here; beyond it they are a gap like any other
_SEARCH_BYTES = 256 * 1024 * 1024
#: systems whose external attributes hold a Unix mode, and what its top four bits may say besides files and folders
_UNIX_SYSTEMS = (3, 19)
_KINDS: dict[int, LinkKind] = {1: "fifo", 2: "device", 6: "device", 10: "symlink", 12: "other"}
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


_offset = attrgetter("offset")


def _ordinary(names: list[bytes]) -> bool:
    """Whether no name is worth a second look, by itself or beside the others: nearly always, so it is asked of all."""
    together = b"\xff".join(names)
    if _ODD_BYTES.search(together) or not together.replace(b"\xff", b"").isascii():
        return False
    return len({name.lower() for name in names}) == len(names) and not together.startswith(b"/")


def _no_role(_: Entry) -> Role:
    return ""


def read_archive(cursor: Cursor, role: Callable[[Entry], Role] = _no_role) -> Told:
    """Everything there is to say about the zip under `cursor`. Damage becomes gaps; only budgets raise."""
    archive = _Archive(cursor, role)
    ends = records.end_records(cursor.peek, cursor.size)
    archive.several = len(ends) > 1
    for index, end in enumerate(ends):
        if index:
            if archive.holds(end.position):
                continue  # the end of an archive that is itself a member: honest
            other = f"another end record at {end.position} names {end.count} members at {end.start}"
            yield from archive.say("zip-several-end-records", end.position, end.end, other)
        yield from archive.directory(end)
    if not ends:
        yield Gap(
            start=cursor.size, end=cursor.size, because=Because.TRUNCATED, detail="no end record with a directory"
        )
    yield from archive.overlaps()
    yield from archive.unclaimed(hidden=bool(ends))
    yield from archive.untold()


class _Archive:
    """What is known while one archive is read."""

    def __init__(self, cursor: Cursor, role: Callable[[Entry], Role]) -> None:
        self.cursor, self.role = cursor, role
        self.window = Window(cursor)
        self.extents: list[tuple[int, int]] = []
        self.claimed = Extents()
        self.told: dict[str, int] = {}
        self.yielded: set[Entry] = set()
        self.names: set[bytes] = set()
        self.folded: set[str] = set()
        self.crc_left = CRC_TOTAL_BYTES
        self.count = 0
        #: whether there are several directories, which mostly name the same members
        self.several = False
        self.directories: list[Span] = []

    def holds(self, position: int) -> bool:
        """Whether `position` lies in a member."""
        return any(start <= position < end for start, end in self.extents)

    def say(self, kind: str, start: int, end: int, detail: str) -> Told:
        """One irregularity, unless many of its kind were told already."""
        self.told[kind] = self.told.get(kind, 0) + 1
        if self.told[kind] <= _TOLD:
            start = max(0, min(start, self.cursor.size))
            yield Irregularity(span=Span(start, max(start, min(end, self.cursor.size))), kind=kind, detail=detail)

    def untold(self) -> Told:
        """How many more there were of each kind."""
        for kind, count in self.told.items():
            if count > _TOLD:
                yield Irregularity(span=Span(0, self.cursor.size), kind=kind, detail=f"and {count - _TOLD} more")

    # The directory and its members.

    def directory(self, end: End) -> Told:
        """One directory: its entries in the order in which they lie in the file."""
        self._claim(end)
        entries: list[Central] = []
        walk = records.directory(self.cursor, end)
        while True:
            try:
                entries.append(next(walk))
            except StopIteration as stop:
                last: int = stop.value
                break
            if len(entries) > self.cursor.limits.entries:
                raise OverLimit(end.start, f"more than {self.cursor.limits.entries} members (limit: entries)")
        if last < end.stop and self.window.peek(last, 4) != records.SIGNATURE_MAGIC:
            yield from self.say(
                "zip-directory-stops", last, end.stop, f"the directory goes on for {end.stop - last} bytes"
            )
        if len(entries) & 0xFFFF != end.count & 0xFFFF or (end.count > 0xFFFF and end.count != len(entries)):
            detail = f"the end record counts {end.count} members, the directory holds {len(entries)}"
            yield from self.say("zip-count-differs", end.position, end.end, detail)
        ordinary = _ordinary([entry.raw for entry in entries])
        self.names.clear()
        self.folded.clear()
        entries.sort(key=_offset)
        for central in entries:
            self.count += 1
            if not self.count & 1023:
                self.cursor.budget.check_time(central.at)
            if ordinary and (data := self._agreed(central, end.shift)):
                yield from self._plain(central, data, central.offset + end.shift)
            else:
                yield from self._entry(central, end.shift)

    def _agreed(self, central: Central, shift: int) -> int:
        """Where the data of a member begins about which there is nothing to say, else 0."""
        if central.flags & (DESCRIPTOR | _LYING_FLAGS) or central.packed == records.FULL or central.extra:
            return 0
        if central.made_by >> 8 in _UNIX_SYSTEMS and central.external >> 28 in _KINDS:
            return 0
        if central.packed != central.size and central.method == 0:
            return 0
        data = records.twin_header(self.window, central, central.offset + shift)
        return data if data + central.packed <= self.cursor.size else 0

    def _plain(self, central: Central, data: int, at: int) -> Told:
        end = data + central.packed
        self.cursor.consumed(at, data)
        self.extents.append((at, end))
        method = records.METHODS.get(central.method) or f"zip method {central.method}"
        yield from self._member(
            Entry(
                decoded(central.raw), Span(data, end), method, central.size, central.crc, central.flags, Span(at, data)
            )
        )

    def _claim(self, end: End) -> None:
        self.directories.append(Span(end.start, end.stop))
        self.claimed.add(end.start, end.stop)
        self.claimed.add(end.position, end.end)
        self.cursor.consumed(end.position, end.end)
        if end.records < end.position:
            for start, length in ((end.records, records.END64.size), (end.position - 20, 20)):
                self.cursor.consumed(start, start + length)
                self.claimed.add(start, start + length)

    def _entry(self, central: Central, shift: int) -> Told:
        """A member by its directory entry, by its local header, and by both where they differ."""
        name = decoded(central.raw)
        yield from self._named(name, central)
        local = records.local_header(self.window, central.offset + shift)
        if local is None:
            at = max(0, min(central.offset + shift, self.cursor.size))
            detail = f"{name!r}: no local header at {central.offset + shift}"
            yield from self.say("zip-local-header-missing", central.at, central.at + 46, detail)
            yield Gap(start=at, end=at, because=Because.MALFORMED, detail=detail)
            return
        end = local.data + central.packed
        if end > self.cursor.size:
            detail = f"{name!r} ends at {end}, the file at {self.cursor.size}"
            yield from self.say("zip-member-past-end", central.at, central.at + 46, detail)
            yield Gap(start=self.cursor.size, end=self.cursor.size, because=Because.TRUNCATED, detail=detail)
        self.cursor.consumed(local.at, local.data)
        tail = end
        if (local.flags | central.flags) & DESCRIPTOR:
            tail += yield from self._descriptor(name, central, local, end)
        self.extents.append((local.at, min(tail, self.cursor.size)))
        if local[2:8] != central[2:8]:
            yield from self._differences(name, central, local)
        yield from self._readings(name, central, local)

    def _named(self, name: str, central: Central) -> Told:
        start, end = central.at, central.at + 46 + len(central.raw)
        if central.raw in self.names:
            yield from self.say("zip-duplicate-name", start, end, f"{name!r} is in the directory more than once")
        else:
            self.names.add(central.raw)
            small = folded(name)
            if small in self.folded:
                detail = f"{name!r} is another member's name where case does not count"
                yield from self.say("archive-names-collide", start, end, detail)
            self.folded.add(small)
        yield from self._odd(name, start, end)
        if records.UNICODE_PATH in central.extra:
            other = records.unicode_name(central.extra, central.raw)
            if other is not None:
                detail = f"{name!r} has the Unicode name {other!r}"
                yield from self.say("zip-unicode-name-differs", start, end, detail)

    def _odd(self, name: str, start: int, end: int) -> Told:
        for kind, detail in oddities(name):
            yield from self.say(kind, start, end, detail)

    def _descriptor(self, name: str, central: Central, local: Local, end: int) -> Generator[Fact | Gap, None, int]:
        """How long the data descriptor at `end` is (APPNOTE 4.3.9: signature and 8-byte sizes are both optional)."""
        seen = self.window.peek(end, 24)
        length = records.descriptor_length(seen, central.crc, central.packed, central.size)
        if not length and local[4:7] != central[4:7]:
            length = 16 if seen[:4] == records.DESCRIPTOR_MAGIC else 0
            detail = f"{name!r}: the descriptor after its data says other sizes than the directory, or is not there"
            yield from self.say("zip-descriptor-differs", end, end + length, detail)
        self.cursor.consumed(end, end + length)
        return length

    def _differences(self, name: str, central: Central, local: Local) -> Told:
        """What directory and local header say differently. With a descriptor, a local header may leave out sizes."""
        left_out = (local.flags | central.flags) & DESCRIPTOR
        sizes = [
            (ours, theirs)
            for ours, theirs in ((local.packed, central.packed), (local.size, central.size))
            if ours != theirs and not (left_out and ours in (0, records.FULL))
        ]
        pairs: list[tuple[str, str, object, object]] = []
        if local.raw != central.raw:
            pairs.append(("zip-names-differ", "name", decoded(local.raw), name))
        if (local.flags ^ central.flags) & _LYING_FLAGS:
            pairs.append(("zip-flags-differ", "flags", local.flags, central.flags))
        if local.method != central.method:
            pairs.append(("zip-methods-differ", "method", local.method, central.method))
        if sizes:
            pairs.append(("zip-sizes-differ", "size", *sizes[0]))
        if local.crc != central.crc and not (left_out and not local.crc):
            pairs.append(("zip-crcs-differ", "CRC-32", local.crc, central.crc))
        for kind, what, ours, theirs in pairs:
            detail = f"{name!r}: the local header says {what} {ours!r}, the directory {theirs!r}"
            yield from self.say(kind, local.at, local.data, detail)

    def _readings(self, name: str, central: Central, local: Local) -> Told:
        """The member as each reader would take it."""
        ways = {(name, central.method, central.packed, central.size): None}
        if local[2:8] != central[2:8]:
            ways[decoded(local.raw), central.method, central.packed, central.size] = None
            if local.method != central.method:
                ways[name, local.method, central.packed, central.size] = None
            if local.packed not in (0, central.packed, records.FULL):
                ways[name, local.method, local.packed, local.size] = None
        if central.method == 0 and central.packed != central.size:
            if not central.flags & _LYING_FLAGS:
                detail = f"{name!r} is stored in {central.packed} bytes and declares {central.size}"
                yield from self.say("zip-sizes-differ", central.at, central.at + 46, detail)
            ways[name, 0, central.size, central.size] = None
        kind = _KINDS.get(central.external >> 28) if central.made_by >> 8 in _UNIX_SYSTEMS else None
        flags = central.flags | local.flags
        for name, method, packed, size in ways:
            span = Span(local.data, min(local.data + packed, self.cursor.size))
            method_name = records.METHODS.get(method) or f"zip method {method}"
            yield from self._member(
                Entry(name, span, method_name, size, central.crc, flags, Span(local.at, local.data)), kind
            )

    def _member(self, entry: Entry, kind: LinkKind | None = None) -> Told:
        start, end = entry.span
        if start == end and entry.name.endswith("/"):
            return
        if self.several:
            if entry in self.yielded:
                return
            self.yielded.add(entry)
        if kind:
            target = self._target(entry)
            yield Link(span=entry.header, name=entry.name, target=target, kind=kind)
            if target.isprintable() and target:
                self.cursor.consumed(start, end)
                return
        role: Role = "raw" if not entry.size_bytes and self._nothing(entry) else self.role(entry)
        if entry.flags & _LYING_FLAGS or entry.method == "encrypted":
            yield from self._locked(entry)
        yield Member(span=entry.span, name=entry.name, method=entry.method, size_bytes=entry.size_bytes, role=role)
        if role != "raw" and not entry.flags & _LYING_FLAGS:
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
            yield from self.say("zip-encryption-flag-lies", *entry.header, detail)
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
            yield from self.say("zip-sizes-differ", *entry.header, detail)
        elif size is not None and crc != entry.crc32:
            detail = f"{entry.name!r}: expected CRC-32 {entry.crc32:08x}, got {crc:08x}"
            yield from self.say("archive-checksum-differs", *entry.span, detail)

    # What no directory mentions.

    def overlaps(self) -> Told:
        """Members that share bytes, with each other or with a directory."""
        reached = 0
        for start, end in sorted({*self.extents}):
            if start < reached:
                detail = f"the member at {start} begins before the one before it ends at {reached}"
                yield from self.say("zip-members-overlap", start, end, detail)
            for low, high in self.directories[:4]:
                if start < high and end > low:
                    detail = f"the member at {start} reaches into the directory at {low}"
                    yield from self.say("zip-members-overlap", start, end, detail)
            reached = max(reached, end)

    def unclaimed(self, *, hidden: bool) -> Told:
        """The bytes between; `hidden` unless there is no directory at all that could have mentioned them."""
        self.claimed.update(self.extents)
        size = self.cursor.size
        for start, end in Extents([(0, size)]).minus(self.claimed):
            if self._padding(start, end):
                continue
            if hidden:
                kind = "archive-prefix" if start == 0 else "archive-trailing" if end == size else "archive-hidden-bytes"
                yield from self.say(kind, start, end, f"{end - start} bytes that belong to no member")
            yield from self._search(start, end, hidden)

    def _padding(self, start: int, end: int) -> bool:
        """Whether nothing but zeros, or the mark of an archive that was to be split, stands here; then it was read."""
        if start == 0 and end == 4 and self.window.peek(0, 4) in (records.DESCRIPTOR_MAGIC, b"PK00"):
            self.cursor.consumed(0, 4)
            return True
        for at in range(start, end, _PIECE):
            self.cursor.budget.check_time(at)
            if self.cursor.peek(at, min(_PIECE, end - at)).strip(b"\x00"):
                return False
        self.cursor.consumed(start, end)
        return True

    def _search(self, start: int, end: int, hidden: bool) -> Told:
        """Local headers among unclaimed bytes: readers that go from front to back meet them."""
        at, last = start, min(end, start + _SEARCH_BYTES)
        while at < last:
            self.cursor.budget.check_time(at)
            piece = self.cursor.peek(at, min(_PIECE, last - at) + 3)
            found = piece.find(records.LOCAL_MAGIC)
            if found < 0:
                at += _PIECE
                continue
            local = records.local_header(self.window, at + found)
            at += found + 4
            if local is not None and local.data <= end:
                at = yield from self._streamed(local, end, hidden)

    def _streamed(self, local: Local, stop: int, hidden: bool) -> Generator[Fact | Gap, None, int]:
        """A member known by its local header only; returns where to look for the next."""
        self.count += 1
        if self.count > self.cursor.limits.entries:
            raise OverLimit(local.at, f"more than {self.cursor.limits.entries} members (limit: entries)")
        name = decoded(local.raw)
        if hidden:
            yield from self.say("zip-hidden-local-header", local.at, local.data, f"{name!r} is in no directory")
        yield from self._odd(name, local.at, local.data)
        self.cursor.consumed(local.at, local.data)
        method = records.METHODS.get(local.method) or f"zip method {local.method}"
        end = min(local.data + local.packed, self.cursor.size)
        if local.flags & DESCRIPTOR and not local.packed:
            end = self._end(local.data, stop, method)
        header = Span(local.at, local.data)
        yield from self._member(
            Entry(name, Span(local.data, end), method, local.size or end - local.data, local.crc, local.flags, header)
        )
        if local.flags & DESCRIPTOR:
            length = records.descriptor_at(self.window.peek(end, 24), end - local.data)
            self.cursor.consumed(end, end + length)
            end += length
        return max(local.data, min(end, stop))

    def _end(self, start: int, stop: int, method: str) -> int:
        """Where data ends whose size stands behind it: where decoding stops, or at the descriptor that fits."""
        if method in METHODS:
            return start + inflate(self.cursor.source, Span(start, stop), method, self.cursor.budget).consumed
        at, last = start, min(stop, start + _SEARCH_BYTES)
        while at < last:
            self.cursor.budget.check_time(at)
            piece = self.cursor.peek(at, min(_PIECE, last - at) + 24)
            found = piece.find(records.DESCRIPTOR_MAGIC)
            while 0 <= found < _PIECE:
                if records.descriptor_at(piece[found : found + 24], at + found - start):
                    return at + found
                found = piece.find(records.DESCRIPTOR_MAGIC, found + 4)
            at += _PIECE
        return stop


def _inflated_start(data: bytes) -> bytes | None:
    """What the first bytes of a deflate stream decode to, or nothing when they are none."""
    try:
        return zlib.decompressobj(-15).decompress(data, _PIECE)
    except zlib.error:
        return None


def _checksum(cursor: Cursor, entry: Entry) -> tuple[int, int | None]:
    """CRC-32 and size of the decoded member; no size when decoding it stops early, which is told when it is read."""
    start, end = entry.span
    if entry.method == "deflate" and max(end - start, entry.size_bytes) <= _PIECE:
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
    for at in range(position, stop, _PIECE):
        cursor.budget.check_time(start)
        crc = zlib.crc32(source.read(at, min(_PIECE, stop - at)), crc)
    return crc, stop - position


def _small_checksum(data: bytes, size: int) -> tuple[int, int | None]:
    decoder = zlib.decompressobj(-15)
    try:
        out = decoder.decompress(data, size + 1)
    except zlib.error:
        return 0, None
    return zlib.crc32(out), len(out) if decoder.eof or len(out) > size else None
