"""One HDF5 file as a store of blocks: bounded reads at absolute positions, what was visited, and what did not fit.

Addresses in the file count from its base (behind a user block); everything here and above works with positions in the
artifact. What a newcomer would get wrong: any block may point at any other, so each index node, heap block and
collection is entered once only. That alone ends every loop and every tree that shares its branches.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from modelairlock.encodings.hdf5.checksum import lookup3
from modelairlock.encodings.teller import Teller
from modelairlock.encodings.window import Window
from modelairlock.reading import Cursor, Malformed, OverLimit, ReadProblem, Truncated
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Reference

Told = Iterator[Fact | Gap]
#: bytes whose checksums are compared; libhdf5 refuses what differs, so to read on without comparing hides nothing
_SUMMED = 1 << 20
#: the clock is looked at once in so many blocks
_CLOCK = 64
#: gaps of one file that are told one by one
_GAPS = 200
#: references of one kind that are told one by one
_REFERENCES = 200


class Fields:
    """Numbers and texts one after another out of one piece of the file."""

    __slots__ = ("at", "data", "start")

    def __init__(self, data: bytes, start: int) -> None:
        self.data, self.start, self.at = data, start, 0

    @property
    def position(self) -> int:
        """Where in the file the next field stands."""
        return self.start + self.at

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def raw(self, length: int) -> bytes:
        """The next `length` bytes."""
        end = self.at + length
        if length < 0 or end > len(self.data):
            raise Malformed(self.position, f"{length} more bytes in this block", f"{self.left}")
        found, self.at = self.data[self.at : end], end
        return found

    def number(self, length: int) -> int:
        """The next number, unsigned and little-endian."""
        return int.from_bytes(self.raw(length), "little")

    def skip(self, length: int) -> None:
        """Leave out reserved bytes."""
        self.raw(length)

    def text(self) -> bytes:
        """Up to a zero byte, which is left out."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise Malformed(self.position, "a text that ends in a zero byte", "none")
        found, self.at = self.data[self.at : end], end + 1
        return found

    def align(self, to: int, since: int) -> None:
        """Go on at the next multiple of `to` bytes counted from the offset `since`; short of it only at the end."""
        self.at = min(len(self.data), since + (self.at - since + to - 1) // to * to)


class Store:
    """The file behind one superblock."""

    __slots__ = (
        "base", "cursor", "end", "entered", "failed", "gaps", "lengths", "offsets", "referred", "summed", "teller",
        "visited", "window",
    )  # fmt: skip

    def __init__(self, cursor: Cursor, base: int) -> None:
        self.cursor, self.base = cursor, base
        #: widths in bytes of addresses and of lengths, as the superblock states them
        self.offsets = self.lengths = 8
        #: where the address space ends, as far as the file reaches
        self.end = cursor.size
        self.window = Window(cursor)
        self.teller = Teller(cursor.size)
        self.visited: set[int] = set()
        self.entered = self.gaps = 0
        self.summed = _SUMMED
        #: how many references there were of each kind, and the last of those that were not told
        self.referred: dict[str, tuple[int, Reference | None]] = {}
        #: whether something could not be read: then nobody knows what else is part of the file
        self.failed = False

    def peek(self, position: int, length: int) -> bytes:
        """Exactly `length` bytes, not counted as read."""
        data = self.window.peek(position, length) if position >= self.base else b""
        if len(data) < length:
            raise Truncated(min(max(position, 0), self.cursor.size), f"a block of {length} bytes ends beyond the file")
        return data

    def fields(self, position: int, length: int) -> Fields:
        """The fields of a block, counted as read."""
        data = self.peek(position, length)
        self.cursor.consumed(position, position + length)
        return Fields(data, position)

    def consumed(self, start: int, end: int) -> None:
        """Count as read what was peeked at."""
        self.cursor.consumed(start, end)

    def address(self, fields: Fields) -> int | None:
        """The position that the next field points at; None if it is undefined."""
        number = fields.number(self.offsets)
        return None if number == (1 << 8 * self.offsets) - 1 else self.base + number

    def length(self, fields: Fields) -> int:
        """The next length."""
        return fields.number(self.lengths)

    def count(self, position: int) -> None:
        """Count one block, message or chunk against the limits."""
        self.entered += 1
        if self.entered % _CLOCK == 0:
            self.cursor.budget.check_time(position)
        if self.entered > self.cursor.limits.entries:
            raise OverLimit(position, f"more than {self.cursor.limits.entries} blocks (limit: entries)")

    def enter(self, position: int, what: str) -> None:
        """Count a block that may be part of one structure only."""
        self.count(position)
        if position in self.visited:
            raise Malformed(position, f"a {what} that belongs to one place", "one that was read before")
        self.visited.add(position)

    def block(self, position: int, magic: bytes, length: int, *, version: int = 0) -> Fields:
        """Enter a block with a signature and a version, both behind us then."""
        self.enter(position, magic.decode("latin-1"))
        fields = self.fields(position, length)
        found = fields.raw(len(magic))
        if found != magic:
            raise Malformed(position, magic.decode("latin-1"), repr(found)[1:])
        number = fields.number(1)
        if number != version:
            raise Malformed(position + len(magic), f"version {version} of {magic.decode('latin-1')}", str(number))
        return fields

    def checked(self, start: int, end: int) -> Told:
        """Compare the checksum at `end` with the bytes ``start..end``."""
        stated = int.from_bytes(self.peek(end, 4), "little")
        self.consumed(end, end + 4)
        if end - start > self.summed:
            return
        self.summed -= end - start
        if lookup3(self.peek(start, end - start)) != stated:
            yield from self.teller.say("hdf5-checksum-differs", start, end + 4, f"the checksum of {self._name(start)}")

    def refer(self, reference: Reference) -> Iterator[Reference]:
        """Tell of another file, or another place, unless enough of the kind were told."""
        count, _ = self.referred.get(reference.kind, (0, None))
        told = count < _REFERENCES
        self.referred[reference.kind] = (count + 1, None if told else reference)
        if told:
            yield reference

    def other_references(self) -> Iterator[Reference]:
        """The last one of each kind that was not told, with how many there are."""
        for count, last in self.referred.values():
            if last is not None:
                yield replace(last, count=count - _REFERENCES)

    def _name(self, start: int) -> str:
        magic = self.peek(start, 4)
        return f"the block {magic.decode()} at byte {start}" if magic.isalpha() else f"the block at byte {start}"

    def problem(self, problem: ReadProblem, what: str) -> Iterator[Gap]:
        """The gap that `problem` leaves. What else could not be found because of it is left unread as well."""
        self.failed = True
        self.gaps += 1
        if self.gaps > _GAPS:
            raise OverLimit(problem.position, f"more than {_GAPS} blocks that could not be read")
        at = min(max(problem.position, 0), self.cursor.size)
        yield Gap(start=at, end=at, because=problem.because, detail=f"{what}: {problem.detail}")


def limited_size(number: int) -> int:
    """How many bytes libhdf5 takes to store numbers up to `number`."""
    return (max(number, 1).bit_length() - 1) // 8 + 1
