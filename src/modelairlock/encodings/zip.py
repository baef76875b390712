"""Reads a zip as all its readers would: by every directory, by every local header, and by what lies between them.

A zip states everything twice, and no two readers believe the same half: Python's `zipfile` goes by the last end record
and the directory, torch's miniz ignores the encryption flags, streaming readers see local headers only. So nothing
is chosen here: each disagreement is a fact, and a member that can be read in two ways is handed on in both.
Formats that are zips inside call `read_archive` with a `role` for each member, and `member_names` to know their own.
"""

from collections.abc import Callable, Generator
from operator import attrgetter

from modelairlock.encodings import zip_records as records
from modelairlock.encodings.archive_names import decoded, folded
from modelairlock.encodings.zip_between import Between
from modelairlock.encodings.zip_members import LYING_FLAGS, Entry, LinkKind, Members, Told
from modelairlock.encodings.zip_probe import Names, looks_like_zip, member_names, names_under
from modelairlock.encodings.zip_records import DESCRIPTOR, Central, End, Local
from modelairlock.reading import Cursor, OverLimit
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Role
from modelairlock.records.regex import regex
from modelairlock.records.span import Extents, Span

__all__ = ["Entry", "Names", "Role", "looks_like_zip", "member_names", "names_under", "read_archive"]

#: entries of a directory that are in memory together
_SOME = 8192
#: the flag that says a name is UTF-8 (APPNOTE 4.4.4, bit 11)
_UTF8 = 0x0800
_ODD_BYTES = regex(rb"[\x00-\x1f\x7f\\:]|\.\.|\xff/")
#: systems whose external attributes hold a Unix mode, and what its top four bits may say besides files and folders
_UNIX_SYSTEMS = (3, 19)
_KINDS: dict[int, LinkKind] = {1: "fifo", 2: "device", 6: "device", 10: "symlink", 12: "other"}


_offset = attrgetter("offset")


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _ordinary(names: list[bytes]) -> bool:
    """Whether no name is worth a second look by itself: nearly always, so it is asked of all at once."""
    together = b"\xff".join(names)
    # Every \xff must be one that parts two names, or a name with one would pass for ASCII.
    if together.count(b"\xff") != max(len(names) - 1, 0) or not together.replace(b"\xff", b"").isascii():
        return False
    return not _ODD_BYTES.search(together) and not together.startswith(b"/")


def _some(walk: Generator[Central, None, int]) -> tuple[list[Central], int]:
    """The next entries of a directory, and where it ended if it did, else -1."""
    entries: list[Central] = []
    while len(entries) < _SOME:
        try:
            entries.append(next(walk))
        except StopIteration as stop:
            return entries, stop.value
    return entries, -1


def _no_role(_: Entry) -> Role:
    return ""


def read_archive(cursor: Cursor, role: Callable[[Entry], Role] = _no_role) -> Told:
    """Everything there is to say about the zip under `cursor`. Damage becomes gaps; only budgets raise."""
    archive = _Archive(cursor, role)
    ends = records.end_records(cursor.peek, cursor.size)
    archive.members.several = len(ends) > 1
    for index, end in enumerate(ends):
        if index:
            if archive.holds(end.position):
                continue  # the end of an archive that is itself a member: honest
            other = f"another end record at {end.position} names {end.entries} members at {end.start}"
            yield from archive.teller.say("zip-several-end-records", end.position, end.end, other)
        yield from archive.directory(end)
        if end.end > cursor.size:
            detail = f"the comment ends at {end.end}, the file at {cursor.size}"
            yield Gap(start=cursor.size, end=cursor.size, because=Because.TRUNCATED, detail=detail)
    if not ends:
        yield Gap(
            start=cursor.size, end=cursor.size, because=Because.TRUNCATED, detail="no end record with a directory"
        )
    elif not archive.members.held:
        detail = "no member of the archive holds anything"
        yield Gap(start=cursor.size, end=cursor.size, because=Because.UNRECOGNISED, detail=detail)
    yield from archive.overlaps()
    archive.claimed.update(archive.extents)
    yield from Between(archive.members, hidden=bool(ends)).unclaimed(archive.claimed)
    yield from archive.teller.untold()


class _Archive:
    """What is known while one archive is read."""

    def __init__(self, cursor: Cursor, role: Callable[[Entry], Role]) -> None:
        self.cursor, self.members = cursor, Members(cursor, role)
        self.window, self.teller = self.members.window, self.members.teller
        self.extents: list[tuple[int, int]] = []
        self.claimed = Extents()
        self.names: set[bytes] = set()
        self.folded: set[bytes] = set()
        self.count = 0
        self.directories: list[Span] = []

    def holds(self, position: int) -> bool:
        """Whether `position` lies in a member."""
        return any(start <= position < end for start, end in self.extents)

    # The directory and its members.

    def directory(self, end: End) -> Told:
        """One directory, some entries at a time: a hostile one may be larger than memory."""
        self._claim(end)
        self.names.clear()
        self.folded.clear()
        walk, count, last = records.directory(self.cursor, end), 0, -1
        while last < 0:
            entries, last = _some(walk)
            count += len(entries)
            if count > self.cursor.limits.entries:
                raise OverLimit(end.start, f"more than {self.cursor.limits.entries} members (limit: entries)")
            yield from self._entries(entries, end.shift)
        if last < end.stop and self.window.peek(last, 4) != records.SIGNATURE_MAGIC:
            detail = f"the directory goes on for {end.stop - last} bytes"
            yield from self.teller.say("zip-directory-stops", last, end.stop, detail)
        if count & 0xFFFF != end.entries & 0xFFFF or (end.entries > 0xFFFF and end.entries != count):
            detail = f"the end record counts {end.entries} members, the directory holds {count}"
            yield from self.teller.say("zip-count-differs", end.position, end.end, detail)

    def _entries(self, entries: list[Central], shift: int) -> Told:
        """Some entries, in the order in which their members lie in the file."""
        names = [entry.raw for entry in entries]
        small = {name.lower() for name in names}
        ordinary = len(small) == len(names) and _ordinary(names) and small.isdisjoint(self.folded)
        if ordinary:
            self.names.update(names)
            self.folded.update(small)
        entries.sort(key=_offset)
        for central in entries:
            self.count += 1
            if not self.count & 1023:
                self.cursor.budget.check_time(central.at)
            at = central.offset + shift
            data, after = self._agreed(central, at) if ordinary else (0, 0)
            if data:
                yield from self.members.member(self._plain(central, at, data, after))
                continue
            if not ordinary:
                yield from self._named(decoded(central.raw), central)
            yield from self._entry(central, at)

    def _agreed(self, central: Central, at: int) -> tuple[int, int]:
        """Where data and end of a member lie about which there is nothing to say, else zeros."""
        odd = central.flags & LYING_FLAGS or central.packed == records.FULL or central.extra
        if odd or (central.packed != central.size and central.method == 0):
            return 0, 0
        if central.made_by >> 8 in _UNIX_SYSTEMS and central.external >> 28 in _KINDS:
            return 0, 0
        data, stop = records.twin_header(self.window, central, at)
        return (data, stop) if stop <= self.cursor.size else (0, 0)

    def _plain(self, central: Central, at: int, data: int, stop: int) -> Entry:
        end = data + central.packed
        self.cursor.consumed(at, data)
        self.cursor.consumed(end, stop)
        self.extents.append((at, stop))
        name, method = decoded(central.raw), records.METHODS.get(central.method) or f"zip method {central.method}"
        return Entry(name, Span(data, end), method, central.size, central.crc, central.flags, Span(at, data))

    def _claim(self, end: End) -> None:
        self.directories.append(Span(end.start, end.stop))
        self.claimed.add(end.start, end.stop)
        stop = min(end.end, self.cursor.size)
        self.claimed.add(end.position, stop)
        self.cursor.consumed(end.position, stop)
        if end.records < end.position:
            for start, length in ((end.records, records.END64.size), (end.position - 20, 20)):
                self.cursor.consumed(start, start + length)
                self.claimed.add(start, start + length)

    def _entry(self, central: Central, at: int) -> Told:
        """A member by its directory entry, by its local header, and by both where they differ."""
        name = decoded(central.raw)
        yield from self._more_names(name, central)
        local = records.local_header(self.window, at)
        if local is None:
            detail = f"{name!r}: no local header at {at}"
            at = max(0, min(at, self.cursor.size))
            yield from self.teller.say("zip-local-header-missing", central.at, central.at + 46, detail)
            yield Gap(start=at, end=at, because=Because.MALFORMED, detail=detail)
            return
        end = local.data + central.packed
        if end > self.cursor.size:
            detail = f"{name!r} ends at {end}, the file at {self.cursor.size}"
            yield from self.teller.say("zip-member-past-end", central.at, central.at + 46, detail)
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
            yield from self.teller.say("zip-duplicate-name", start, end, f"{name!r} is in the directory more than once")
        else:
            self.names.add(central.raw)
            small = folded(name).encode("utf-8", "surrogatepass")
            if small in self.folded:
                detail = f"{name!r} is another member's name where case does not count"
                yield from self.teller.say("archive-names-collide", start, end, detail)
            self.folded.add(small)
        yield from self.members.odd(name, start, end)

    def _more_names(self, name: str, central: Central) -> Told:
        """What flags and extra fields say about a name, and whether it fits."""
        start, end = central.at, central.at + 46 + len(central.raw)
        if central.flags & _UTF8 and not _is_utf8(central.raw):
            detail = f"{name!r} is flagged as UTF-8 and is not: readers refuse the archive or show another name"
            yield from self.teller.say("zip-name-not-utf8", start, end, detail)
        if records.zip64_unasked(central):
            detail = f"{name!r} has a zip64 field with other numbers than its header, which does not ask for one"
            yield from self.teller.say("zip-zip64-differs", start, end, detail)
        if records.UNICODE_PATH in central.extra:
            other = records.unicode_name(central.extra, central.raw)
            if other is not None:
                detail = f"{name!r} has the Unicode name {other!r}"
                yield from self.teller.say("zip-unicode-name-differs", start, end, detail)

    def _descriptor(self, name: str, central: Central, local: Local, end: int) -> Generator[Fact | Gap, None, int]:
        """How long the data descriptor at `end` is (APPNOTE 4.3.9: signature and 8-byte sizes are both optional)."""
        seen = self.window.peek(end, 24)
        length = records.descriptor_length(seen, central.crc, central.packed, central.size)
        if not length and local[4:7] != central[4:7]:
            length = 16 if seen[:4] == records.DESCRIPTOR_MAGIC else 0
            detail = f"{name!r}: the descriptor after its data says other sizes than the directory, or is not there"
            yield from self.teller.say("zip-descriptor-differs", end, end + length, detail)
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
        if (local.flags ^ central.flags) & LYING_FLAGS:
            pairs.append(("zip-flags-differ", "flags", local.flags, central.flags))
        if local.method != central.method:
            pairs.append(("zip-methods-differ", "method", local.method, central.method))
        if sizes:
            pairs.append(("zip-sizes-differ", "size", *sizes[0]))
        if local.crc != central.crc and not (left_out and not local.crc):
            pairs.append(("zip-crcs-differ", "CRC-32", local.crc, central.crc))
        for kind, what, ours, theirs in pairs:
            detail = f"{name!r}: the local header says {what} {ours!r}, the directory {theirs!r}"
            yield from self.teller.say(kind, local.at, local.data, detail)

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
            if not central.flags & LYING_FLAGS:
                detail = f"{name!r} is stored in {central.packed} bytes and declares {central.size}"
                yield from self.teller.say("zip-sizes-differ", central.at, central.at + 46, detail)
            ways[name, 0, central.size, central.size] = None
        kind = _KINDS.get(central.external >> 28) if central.made_by >> 8 in _UNIX_SYSTEMS else None
        for name, method, packed, size in ways:
            # What is read in more bytes or fewer than it declares has no checksum to compare and no flags to judge.
            whole = packed == central.packed or method != 0
            crc, flags = (central.crc, central.flags | local.flags) if whole else (0, DESCRIPTOR)
            span = Span(local.data, min(local.data + packed, self.cursor.size))
            method_name = records.METHODS.get(method) or f"zip method {method}"
            yield from self.members.member(
                Entry(name, span, method_name, size, crc, flags, Span(local.at, local.data)), kind
            )

    def overlaps(self) -> Told:
        """Members that share bytes, with each other or with a directory."""
        reached = 0
        for start, end in sorted({*self.extents}):
            if start < reached:
                detail = f"the member at {start} begins before the one before it ends at {reached}"
                yield from self.teller.say("zip-members-overlap", start, end, detail)
            for low, high in self.directories[:4]:
                if start < high and end > low:
                    detail = f"the member at {start} reaches into the directory at {low}"
                    yield from self.teller.say("zip-members-overlap", start, end, detail)
            reached = max(reached, end)
