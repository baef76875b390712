"""Reads a tar to its last byte: every member, every link, and what stands where readers stop.

What a newcomer would get wrong: the size of a member may be stated twice, in its header and in a pax record, and a
reader that goes by the wrong one takes data for headers (CVE-2025-62518). And readers stop at different places: Python
at the first zero block, GNU tar at the second, others go on; so this one reads on as long as there are headers.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Literal, NamedTuple, cast

from modelairlock.encodings import tar_records as records
from modelairlock.encodings.archive_names import decoded, folded, oddities
from modelairlock.encodings.tar_records import BLOCK, ZEROS, Header, padded
from modelairlock.encodings.teller import Teller
from modelairlock.encodings.window import Window
from modelairlock.reading import Cursor, Malformed, OverLimit, Probe, Truncated
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Link, Member
from modelairlock.records.span import Span
from modelairlock.records.text import counted

__all__ = ["Entry", "Role", "first_names", "looks_like_tar", "read_archive"]

Role = Literal["", "raw", "dormant", "argument"]
Told = Iterator[Fact | Gap]
Position = Generator[Fact | Gap, None, int]

#: searches begin small, because there may be millions of them, and grow
_LEAST, _PIECE = 8192, 1024 * 1024
#: a long name or a pax header; GNU tar's own names end at 64 KiB, and a pax header may hold several
_EXTENDED_BYTES = 1024 * 1024
#: how far to look for the next header behind a damaged one
_SEARCH_BYTES = 64 * 1024 * 1024
#: the largest size that fits into a header's octal digits
_LARGEST_OCTAL = 8**11 - 1


#: headers that are walked to identify an artifact, before anybody watches the clock
WALKED = 100_000


class Entry(NamedTuple):
    """One member with data. `span` is where its bytes lie, `header` where its own header block does."""

    name: str
    span: Span
    size_bytes: int
    header: Span


def _no_role(_: Entry) -> Role:
    return ""


def looks_like_tar(probe: Probe) -> bool:
    """Whether the artifact begins with a header whose checksum fits, which is all that readers ask for.

    Numbers may have a fitting checksum of 0 by chance. It counts with a second header where the first one ends, or with
    a name that can be printed; never for bytes that a loader takes raw.
    """
    block = probe.head[:BLOCK]
    first = records.header(block)
    if first is None:
        return False
    if block[257:262] == b"ustar" or not records.blank_checksum(block):
        return True
    if probe.role == "raw":
        return False
    return (bool(first.name) and first.name.isprintable()) or _second(probe, first) is not None


def _second(probe: Probe, first: Header) -> Header | None:
    """The header behind the first one and its data."""
    bare = first.folder or first.kind in records.LINK_KINDS
    at = BLOCK + (0 if bare else padded(first.size))
    if at + BLOCK <= len(probe.head) or probe.source is None:
        return records.header(probe.head[at : at + BLOCK])
    return records.header(probe.source.read(at, BLOCK)) if at < probe.size else None


def first_names(probe: Probe) -> tuple[str, ...]:
    """Names of the members whose headers lie in the head; long names as far as their own field goes."""
    names: list[str] = []
    at = 0
    while (entry := records.header(probe.head[at : at + BLOCK])) is not None:
        if entry.kind not in _ABOUT_NEXT:
            names.append(entry.name)
        at += BLOCK + (0 if entry.kind in records.LINK_KINDS else padded(entry.size))
    return tuple(names)


def members_at(peek: Callable[[int, int], bytes], size: int, positions: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Where the data of the members lie that hold `positions`, by the way Python goes through a tar.

    A position that no member holds is left out, and so is one behind the first `WALKED` headers.
    """
    at, stated = 0, 0
    found: dict[int, tuple[int, int]] = {}
    last = max(positions, default=-1)
    for _ in range(WALKED):
        entry = records.header(peek(at, BLOCK)) if at <= last else None
        if entry is None:
            break
        start = at + BLOCK
        if entry.kind in _ABOUT_NEXT:
            if entry.kind in (records.PAX, records.PAX_SOLARIS) and entry.size <= _EXTENDED_BYTES:
                said, _ = records.pax_records(peek(start, padded(entry.size)), entry.size)
                stated = int(said["size"]) if said.get("size", "").isdecimal() else 0
            at = start + padded(entry.size)
            continue
        length = 0 if entry.folder or entry.kind in records.LINK_KINDS else stated or entry.size
        if start + length <= size:
            found.update((one, (start, start + length)) for one in positions if start <= one < start + length)
        at, stated = start + padded(length), 0
    return found


def read_archive(cursor: Cursor, role: Callable[[Entry], Role] = _no_role) -> Told:
    """Everything there is to say about the tar under `cursor`. Damage becomes gaps; only budgets raise."""
    archive = _Archive(cursor, role)
    at = 0
    while at < cursor.size:
        cursor.budget.check_time(at)
        at = yield from archive.next(at)
    yield from archive.end()
    yield from archive.teller.untold()


class _Archive:
    """What is known while one archive is read: what the headers before the next member said about it."""

    def __init__(self, cursor: Cursor, role: Callable[[Entry], Role]) -> None:
        self.cursor, self.role = cursor, role
        self.window, self.teller = Window(cursor), Teller(cursor.size)
        self.everywhere: dict[str, str] = {}
        self.pax: dict[str, str] = {}
        self.long: dict[str, str] = {}
        self.names: set[str] = set()
        self.folded: set[str] = set()
        self.count = 0
        #: whether any member holds a byte
        self.held = False
        #: zero blocks seen so far, where readers stop
        self.zeros = 0

    def next(self, at: int) -> Position:
        """What stands at `at`; returns where to go on."""
        block = self.window.peek(at, BLOCK)
        if block == ZEROS[: len(block)]:
            self.cursor.consumed(at, at + len(block))
            self.zeros += len(block) // BLOCK
            return self._zeros(at + len(block)) if self.zeros >= 2 else at + len(block)
        header = records.header(block)
        if header is None:
            return (yield from self._no_header(at, block))
        if self.zeros:
            detail = f"a member {header.name!r} after the end of the archive"
            yield from self.teller.say("tar-members-after-end", at, at + BLOCK, detail)
            self.zeros = 0
        self.count += 1
        if self.count > self.cursor.limits.entries:
            raise OverLimit(at, f"more than {self.cursor.limits.entries} members (limit: entries)")
        self.cursor.consumed(at, at + BLOCK)
        if header.kind in _ABOUT_NEXT:
            return (yield from self._about_next(header, at))
        return (yield from self._member(header, at))

    def end(self) -> Told:
        """A tar ends in two zero blocks; without them nobody knows whether it was cut."""
        size = self.cursor.size
        if self.zeros < 2:
            detail = "the archive ends without two zero blocks"
            yield Gap(start=size, end=size, because=Because.TRUNCATED, detail=detail)
        elif not self.held:
            detail = "no member of the archive holds anything"
            yield Gap(start=size, end=size, because=Because.UNRECOGNISED, detail=detail)

    def _zeros(self, at: int) -> int:
        """Pass over zeros a large piece at a time; returns the block where they end."""
        length = _LEAST
        while at < self.cursor.size:
            self.cursor.budget.check_time(at)
            piece = self.cursor.peek(at, length)
            length = min(length * 4, _PIECE)
            rest = piece.lstrip(b"\x00")
            blocks = len(piece) if not rest else (len(piece) - len(rest)) // BLOCK * BLOCK
            self.cursor.consumed(at, at + blocks)
            at += blocks
            if rest:
                break
        return at

    def _no_header(self, at: int, block: bytes) -> Position:
        """Neither a header nor zeros: trailing data after the end, damage before it."""
        if not at:
            raise Malformed(0, "a tar header with a fitting checksum", "another block")
        following = self._following(at)
        if self.zeros:
            detail = f"{counted(following - at, 'byte')} that belong to no member"
            yield from self.teller.say("archive-trailing", at, following, detail)
            yield Gap(start=at, end=following, because=Because.UNRECOGNISED, detail=detail)
        elif len(block) < BLOCK:
            raise Truncated(at, f"expected a block of {BLOCK} bytes, got {len(block)}")
        else:
            detail = "expected a header with a fitting checksum"
            yield from self.teller.say("tar-header-damaged", at, at + BLOCK, detail)
            yield Gap(start=at, end=following, because=Because.MALFORMED, detail=detail)
        return following

    def _following(self, at: int) -> int:
        """The next block with a magic and a fitting checksum, or the end: GNU tar looks for it, too."""
        stop = min(self.cursor.size, at + _SEARCH_BYTES)
        start, length = at, _LEAST
        while start < stop:
            self.cursor.budget.check_time(start)
            piece = self.cursor.peek(start, length + BLOCK)
            found = piece.find(b"ustar")
            while found >= 0:
                block = found - 257
                if block >= 0 and block % BLOCK == 0 and records.header(piece[block : block + BLOCK]):
                    return start + block
                found = piece.find(b"ustar", found + 1)
            start += length
            length = min(length * 4, _PIECE)
        return self.cursor.size

    # Headers that say something about the next member.

    def _about_next(self, header: Header, at: int) -> Position:
        start, end = at + BLOCK, at + BLOCK + header.size
        if header.size > _EXTENDED_BYTES:
            raise OverLimit(at, f"{header.size} bytes of names or pax records are too many")
        # Python takes names and records from whole blocks, whatever size the header says.
        self.cursor.read(start, header.size)
        body = self.cursor.peek(start, padded(header.size))
        if header.kind in (records.LONG_NAME, records.LONG_LINK):
            what = "path" if header.kind == records.LONG_NAME else "linkpath"
            said = {what: decoded(body.partition(b"\x00")[0])}
            yield from self._once_more(said, at, end)
            self.long.update(said)
        else:
            said, whole = records.pax_records(body, header.size)
            if not whole:
                detail = "not all of a pax header is records"
                yield from self.teller.say("tar-pax-damaged", at, end, detail)
                yield Gap(start=start, end=end, because=Because.MALFORMED, detail=detail)
            if header.kind == records.PAX_GLOBAL:
                self.everywhere.update(said)
            else:
                yield from self._once_more(said, at, end)
                self.pax.update(said)
        return (yield from self._padding(end))

    def _once_more(self, said: dict[str, str], at: int, end: int) -> Told:
        """Two headers about the same member that differ: Python believes the first, GNU tar the last."""
        for before in (self.long, self.pax):
            for key in ("path", "linkpath", "size"):
                if key in said and before.get(key, said[key]) != said[key]:
                    detail = f"two headers give a member the {key} {before[key]!r} and {said[key]!r}"
                    yield from self.teller.say("tar-headers-differ", at, end, detail)

    def _said(self) -> dict[str, str]:
        """What earlier headers say about the member at hand. pax outranks GNU's blocks; both are used up."""
        said = {**self.everywhere, **self.long, **self.pax}
        self.pax, self.long = {}, {}
        return said

    # Members.

    def _member(self, header: Header, at: int) -> Position:
        said = self._said()
        name = said.get("GNU.sparse.name", said.get("path", header.name))
        yield from self._named(name, header, at)
        yield from self._other_ways(name, header, said, at)
        if header.kind in records.LINK_KINDS:
            return (yield from self._link(header, name, said.get("linkpath", header.target), at))
        if header.folder:
            return (yield from self._without_data(header, name, at))
        start = at + BLOCK
        if header.kind == records.SPARSE:
            start = self._sparse_map(header, start)
        size = yield from self._size(header, name, said.get("size"), at)
        self.held = self.held or size > 0
        end = start + size
        span = Span(start, min(end, self.cursor.size))
        sparse = header.kind == records.SPARSE or any(key.startswith("GNU.sparse.") for key in said)
        if sparse or header.kind in (records.MULTI_VOLUME, records.VOLUME):
            if span.start < span.end or sparse:
                kind = "a sparse file" if sparse else "part of a volume"
                detail = f"{name!r} is {kind}: unpack the archive with GNU tar and scan the files that come out"
                yield Gap(start=min(start, span.end), end=span.end, because=Because.UNSUPPORTED, detail=detail)
        else:
            entry = Entry(name, span, size, Span(at, at + BLOCK))
            role: Role = self.role(entry) if size else "raw"
            yield Member(span=span, name=name, size_bytes=size, role=role)
        if end > self.cursor.size:
            detail = f"{name!r} ends at {end}, the file at {self.cursor.size}"
            yield Gap(start=self.cursor.size, end=self.cursor.size, because=Because.TRUNCATED, detail=detail)
            return self.cursor.size
        return (yield from self._padding(end))

    def _other_ways(self, name: str, header: Header, said: dict[str, str], at: int) -> Told:
        """What else readers may take the header for: another name, a folder that is a file, another size."""
        end = at + BLOCK
        if header.other_name and "path" not in said:
            detail = f"{name!r} is {header.other_name!r} to readers that know a prefix behind the magic of POSIX only"
            yield from self.teller.say("tar-headers-differ", at, end, detail)
            for kind, detail in oddities(header.other_name):
                yield from self.teller.say(kind, at, end, detail)
        if header.kind == records.OLD_REGULAR and header.folder != name.endswith("/"):
            detail = f"{name!r} is a file or a folder: its header and the name that it is given say differently"
            yield from self.teller.say("tar-headers-differ", at, end, detail)
            if header.size:
                data = Span(end, min(end + header.size, self.cursor.size))
                yield Member(span=data, name=name, size_bytes=header.size)
        if header.odd_size:
            detail = f"{name!r} has a size that is spelled as no archiver spells it: Python reads {header.size}"
            yield from self.teller.say("tar-sizes-differ", at, end, detail)

    def _size(self, header: Header, name: str, stated: str | None, at: int) -> Generator[Fact | Gap, None, int]:
        """The member's size. A pax record outranks the header, and may differ only where the header cannot say it."""
        if stated is None:
            return header.size
        if not stated.isdecimal() or len(stated) > 20:
            raise Malformed(at, "a number for the size in a pax record", repr(stated[:40]))
        size = int(stated)
        if size != header.size and not (size > _LARGEST_OCTAL and header.size in (0, size & _LARGEST_OCTAL)):
            detail = f"{name!r}: the header says {header.size} bytes, the pax record {size}"
            yield from self.teller.say("tar-sizes-differ", at, at + BLOCK, detail)
            other = Span(at + BLOCK, min(at + BLOCK + header.size, self.cursor.size))
            if header.size:
                yield Member(span=other, name=name, size_bytes=header.size)
        return size

    def _link(self, header: Header, name: str, target: str, at: int) -> Position:
        kind = cast(Literal["hardlink", "symlink", "device", "fifo"], records.LINK_KINDS[header.kind])
        yield Link(span=Span(at, at + BLOCK), name=name, target=target, kind=kind)
        return (yield from self._without_data(header, name, at))

    def _without_data(self, header: Header, name: str, at: int) -> Position:
        """Where to go on behind a member that has no data by its kind. If it states a size, readers differ."""
        start = at + BLOCK
        if not header.size:
            return start
        detail = f"{name!r} is a link or a folder and states {header.size} bytes of data"
        yield from self.teller.say("tar-link-with-data", at, at + BLOCK, detail)
        block = self.window.peek(start, BLOCK)
        if block == ZEROS or records.header(block) is not None:
            return start
        end = min(start + header.size, self.cursor.size)
        yield Member(span=Span(start, end), name=name, size_bytes=header.size)
        return (yield from self._padding(end))

    def _sparse_map(self, header: Header, at: int) -> int:
        """Where the data of a GNU sparse file begins: behind blocks of its map, each saying whether more follow."""
        more = header.extended
        while more:
            self.cursor.budget.check_time(at)
            block = self.cursor.read(at, BLOCK)
            more, at = block[504] != 0, at + BLOCK
        return at

    def _named(self, name: str, header: Header, at: int) -> Told:
        end = at + BLOCK
        if header.kind != records.DIRECTORY and not name.endswith("/"):
            small = folded(name)
            if name in self.names:
                detail = f"{name!r} is in the archive more than once"
                yield from self.teller.say("tar-duplicate-name", at, end, detail)
            elif small in self.folded:
                detail = f"{name!r} is another member's name where case does not count"
                yield from self.teller.say("archive-names-collide", at, end, detail)
            self.names.add(name)
            self.folded.add(small)
        for kind, detail in oddities(name):
            yield from self.teller.say(kind, at, end, detail)

    def _padding(self, start: int) -> Position:
        """The bytes that fill up the last block of a member: zeros, or they hide something."""
        end = min(padded(start), self.cursor.size)
        if start < end:
            if self.window.peek(start, end - start).strip(b"\x00"):
                detail = f"{counted(end - start, 'byte')} of padding that should be zero"
                yield from self.teller.say("archive-hidden-bytes", start, end, detail)
                yield Gap(start=start, end=end, because=Because.UNRECOGNISED, detail=detail)
            else:
                self.cursor.consumed(start, end)
        return end


_ABOUT_NEXT = (records.LONG_NAME, records.LONG_LINK, records.PAX, records.PAX_SOLARIS, records.PAX_GLOBAL)
