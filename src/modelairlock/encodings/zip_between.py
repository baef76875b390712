"""What no directory of a zip mentions: bytes between its members, and local headers among them.

Readers that go from front to back take such members; an archive cut short has no others. All-zero bytes hide nothing,
so they count as padding.
"""

from collections.abc import Generator

from modelairlock.encodings import zip_records as records
from modelairlock.encodings.archive_names import decoded
from modelairlock.encodings.compression import METHODS, inflate
from modelairlock.encodings.zip_members import PIECE, Entry, Members, Told
from modelairlock.encodings.zip_records import DESCRIPTOR, Local
from modelairlock.reading import OverLimit
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.span import Extents, Span
from modelairlock.records.text import counted

#: unclaimed bytes are searched for local headers up to here; beyond it they are a gap like any other
_SEARCH_BYTES = 256 * 1024 * 1024


class Between:
    """Looks through the unclaimed bytes of one archive; `hidden` if it has a directory that could have named them."""

    __slots__ = ("count", "cursor", "hidden", "members", "window")

    def __init__(self, members: Members, *, hidden: bool) -> None:
        self.members, self.hidden = members, hidden
        self.cursor, self.window = members.cursor, members.window
        self.count = 0

    def unclaimed(self, claimed: Extents) -> Told:
        """Every run of bytes that is not `claimed`."""
        size = self.cursor.size
        for start, end in Extents([(0, size)]).minus(claimed):
            if self._padding(start, end):
                continue
            if self.hidden:
                kind = "archive-prefix" if start == 0 else "archive-trailing" if end == size else "archive-hidden-bytes"
                detail = f"{counted(end - start, 'byte')} that belong to no member"
                yield from self.members.teller.say(kind, start, end, detail)
            yield from self._search(start, end)

    def _padding(self, start: int, end: int) -> bool:
        """Whether nothing but zeros, or the mark of an archive that was to be split, stands here; then it was read."""
        if start == 0 and end == 4 and self.window.peek(0, 4) in (records.DESCRIPTOR_MAGIC, b"PK00"):
            self.cursor.consumed(0, 4)
            return True
        for at in range(start, end, PIECE):
            self.cursor.budget.check_time(at)
            if self.cursor.peek(at, min(PIECE, end - at)).strip(b"\x00"):
                return False
        self.cursor.consumed(start, end)
        return True

    def _search(self, start: int, end: int) -> Told:
        """Local headers among unclaimed bytes: readers that go from front to back meet them."""
        at, last = start, min(end, start + _SEARCH_BYTES)
        while at < last:
            piece = self.cursor.peek(at, min(PIECE, last - at) + 3)
            base, at = at, at + PIECE
            found = piece.find(records.LOCAL_MAGIC)
            while found >= 0:
                self._count(base + found)
                local = records.local_header(self.window, base + found)
                after = base + found + 4
                if local is not None and local.data <= end:
                    after = yield from self._streamed(local, end)
                at = max(at, after)
                found = piece.find(records.LOCAL_MAGIC, after - base)

    def _count(self, position: int) -> None:
        """Count what may be a local header: each costs a look, and a hostile file has millions."""
        self.cursor.budget.check_time(position)
        self.count += 1
        if self.count > self.cursor.limits.entries:
            raise OverLimit(position, f"more than {self.cursor.limits.entries} members (limit: entries)")

    def _streamed(self, local: Local, stop: int) -> Generator[Fact | Gap, None, int]:
        """A member known by its local header only; returns where to look for the next."""
        name = decoded(local.raw)
        if self.hidden:
            yield from self.members.teller.say(
                "zip-hidden-local-header", local.at, local.data, f"{name!r} is in no directory"
            )
        yield from self.members.odd(name, local.at, local.data)
        self.cursor.consumed(local.at, local.data)
        method = records.METHODS.get(local.method) or f"zip method {local.method}"
        end = min(local.data + local.packed, self.cursor.size)
        if local.flags & DESCRIPTOR and not local.packed:
            end = self._end(local.data, stop, method)
        header = Span(local.at, local.data)
        yield from self.members.member(
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
            piece = self.cursor.peek(at, min(PIECE, last - at) + 24)
            found = piece.find(records.DESCRIPTOR_MAGIC)
            while 0 <= found < PIECE:
                if records.descriptor_at(piece[found : found + 24], at + found - start):
                    return at + found
                found = piece.find(records.DESCRIPTOR_MAGIC, found + 4)
            at += PIECE
        return stop
