"""Walks one ONNX message by its table: known fields are handed out, unknown ones become gaps, texts are read.

What a newcomer would get wrong: protobuf merges. A field that may stand once and stands twice counts as its last (a
text) or as both together (a graph), so a reader that stops at the first sees another model than the loader does. Both
are read here, and the file is said to be odd, because nothing that saves models writes such a thing.
"""

import codecs
from collections.abc import Iterator

from modelairlock.encodings.onnx_schema import MESSAGES, Entry
from modelairlock.encodings.protobuf import LEN, VARINT, Field, Window, fields
from modelairlock.reading import Cursor, Truncated
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Irregularity
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

#: facts of one kind, and gaps; what comes after them is counted, or drawn together
TOLD = 8
#: bytes of a text that are kept; a path of Linux has no more
TEXT_BYTES = 4096
_PIECE = 1 << 18
#: bytes of a message that is taken apart in memory, and of a read after a jump
_SMALL = 4096
_CONTROL = regex(rb"[\x00-\x08\x0e-\x1f\x7f]")


class _Growing(Window):
    """A window that is small after a jump and grows where reading goes on: most jumps are over a tensor."""

    __slots__ = ("_width",)

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(cursor)
        self._width = _SMALL

    def at(self, position: int, length: int) -> bytes:
        """See `Window`."""
        low = position - self._base
        if low < 0 or low + length > len(self._data):
            goes_on = 0 <= low <= len(self._data)
            self._width = min(4 * self._width, 16 * _SMALL) if goes_on else _SMALL
            self._base, low = position, 0
            self._data = self.cursor.peek(position, max(length, self._width))
        return self._data[low : low + length]


class Walk:
    """The walk over one model, and what it has to tell so far apart from operators and references."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.window: Window = _Growing(cursor)
        self.odd: list[Irregularity] = []
        self.gaps: list[Gap] = []
        self._told: dict[str, int] = {}
        #: the end of the last small message, all of which counts as read
        self._read = 0

    def known(self, kind: str, start: int, end: int) -> Iterator[tuple[Entry, Field]]:
        """The fields of a message of this kind that its table knows. Raises `ReadProblem`."""
        return self._quick(kind, start, end) if end - start <= _SMALL else self._slow(kind, start, end, 0)

    def _slow(self, kind: str, start: int, end: int, seen: int) -> Iterator[tuple[Entry, Field]]:
        table = MESSAGES[kind]
        for field in fields(self.window, start, end):
            entry = table.get(field.number)
            if entry is None or not entry.fits(field.wire):
                self._unknown(kind, field)
                continue
            if not entry.many:
                if seen >> field.number & 1:
                    self._repeated(kind, entry, field)
                seen |= 1 << field.number
            yield entry, field

    def _quick(self, kind: str, start: int, end: int) -> Iterator[tuple[Entry, Field]]:  # noqa: C901
        """Like `_slow`, for a small message in memory and what nearly all fields look like; the rest is left to it.

        A model has hundreds of thousands of these, so this is the one loop here that is written for speed.
        """
        data = self.window.at(start, end - start)
        size = end - start
        if len(data) < size:
            raise Truncated(start, f"expected {size} bytes, got {len(data)} before the end")
        if end > self._read:
            self.cursor.consumed(start, end)
            self._read = end
        table = MESSAGES[kind]
        seen = at = 0
        while at < size:
            begin = at + 1
            tag = data[at]
            value = 0
            if tag >= 0x80 or tag < 8 or begin >= size:
                break
            if tag & 7 in (VARINT, LEN):
                value = data[begin]
                begin += 1
                if value >= 0x80:
                    if begin >= size or data[begin] >= 0x80:
                        break
                    value += (data[begin] << 7) - 0x80
                    begin += 1
                stop = begin + value if tag & 7 == LEN else begin
            else:
                break
            entry = table.get(tag >> 3)
            if stop > size or entry is None or not entry.fits(tag & 7) or (seen >> (tag >> 3) & 1 and not entry.many):
                break
            seen |= 1 << (tag >> 3)
            if tag & 7 == LEN:
                yield entry, Field(tag >> 3, LEN, start + begin, start + stop)
            else:
                yield entry, Field(tag >> 3, VARINT, start + at + 1, start + stop, value)
            at = stop
        if at < size:
            yield from self._slow(kind, start + at, end, seen)

    def _repeated(self, kind: str, entry: Entry, field: Field) -> None:
        detail = f"{entry.name} stands twice in one {kind}: parsers take the last, or both together"
        self.tell("onnx-field-repeated", field.start, field.end, detail)

    def _unknown(self, kind: str, field: Field) -> None:
        detail = f"{kind} has a field {field.number} of wire type {field.wire}, which ONNX (IR version 14) has not"
        self.gap(field.start, field.end, Because.UNSUPPORTED, detail)

    def gap(self, start: int, end: int, because: Because, detail: str) -> None:
        """A gap; from the ninth on they are drawn together into one."""
        if len(self.gaps) > TOLD:
            last = self.gaps.pop()
            start, end = min(start, last.start), max(end, last.end)
        # a field that is cut off reaches beyond the end of the file
        size = self.window.cursor.size
        self.gaps.append(Gap(start=min(start, size), end=min(end, size), because=because, detail=detail))

    def tell(self, kind: str, start: int, end: int, detail: str) -> None:
        """An irregularity, unless there were many of its kind."""
        count = self._told[kind] = self._told.get(kind, 0) + 1
        if count <= TOLD:
            size = self.window.cursor.size
            span = Span(min(start, size), min(end, size))
            self.odd.append(Irregularity(span=span, kind=kind, detail=detail))

    def text(self, field: Field, most: int = TEXT_BYTES) -> str:
        """The first `most` bytes of a text. What is no UTF-8 is a gap: parsers differ on it."""
        if field.length > TEXT_BYTES:
            return self._long(field, most)
        data = self.window.at(field.start, field.length) if field.end <= self._read else self.window.content(field)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return self._no_text(field, data)

    def _no_text(self, field: Field, data: bytes) -> str:
        self.gap(field.start, field.end, Because.MALFORMED, f"a text that is not UTF-8: {data[:40]!r}")
        return data[:TEXT_BYTES].decode("latin-1")

    def _long(self, field: Field, most: int) -> str:
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        begins = self.cursor.peek(field.start, min(field.length, most))
        try:
            for piece in self.pieces(field):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return self._no_text(field, begins)
        return begins.decode("utf-8", "ignore")

    def pieces(self, field: Field) -> Iterator[bytes]:
        """The content of a field, piece by piece, counted as read."""
        for at in range(field.start, field.end, _PIECE):
            self.cursor.budget.check_time(at)
            yield self.cursor.read(at, min(_PIECE, field.end - at))

    def is_text(self, field: Field) -> bool:
        """Whether bytes are text without control characters. They are counted as read if so, and only then."""
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        for at in range(field.start, field.end, _PIECE):
            self.cursor.budget.check_time(at)
            length = min(_PIECE, field.end - at)
            piece = self.window.at(at, length) if field.length <= TEXT_BYTES else self.cursor.peek(at, length)
            try:
                decoder.decode(piece, final=at + length == field.end)
            except UnicodeDecodeError:
                return False
            if _CONTROL.search(piece):
                return False
        self.cursor.consumed(field.start, field.end)
        return True

    def count(self, field: Field, width: int) -> int:
        """How many numbers of `width` bytes a field holds, or of any width when `width` is 0. They are passed over."""
        if field.wire != LEN:
            return 1
        self.cursor.pass_over(field.start, field.end)
        if width:
            return field.length // width if field.length % width == 0 else -1
        return sum(len(piece.translate(None, _MORE)) for piece in self.pieces(field))


#: bytes of a varint that are not its last
_MORE = bytes(range(128, 256))
