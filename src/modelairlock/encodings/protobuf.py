"""The wire format of protocol buffers, walked in place: fields with their positions, nothing built, nothing believed.

What a newcomer would get wrong: a message has no length, no magic and no end of its own, so whoever walks one says
where it ends; a field may come in any order and any number of times, and unknown ones are legal, so a reader accounts
for *every* field it is given; and lengths are the file's, so each is checked against the message around it. Long fields
are not fetched: a value of a gigabyte costs its header.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource, Cursor, Malformed, OverLimit, Truncated

VARINT, I64, LEN, GROUP, END_GROUP, I32 = range(6)
#: bytes of a varint; the tenth may only hold the 64th bit
_VARINT_BYTES = 10
_FIELDS = 2**29
_CHECK_EVERY = 4096
#: what protobuf's own parsers allow
_NESTED_GROUPS = 100


class Field(NamedTuple):
    """One field: its number, its wire type, and where its value lies. For a VARINT, `value` is the number itself."""

    number: int
    wire: int
    start: int
    end: int
    value: int = 0

    @property
    def length(self) -> int:
        """Bytes of the value."""
        return self.end - self.start


class Window:
    """Bytes of the artifact around the place that is walked, so that small fields cost no read of their own.

    `cursor` counts what is *walked over* as read: tags, lengths and numbers here, contents when `content` fetches them.
    """

    __slots__ = ("_base", "_data", "cursor")

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self._base = 0
        self._data = b""

    def at(self, position: int, length: int) -> bytes:
        """Up to `length` bytes at `position`, not yet counted as read."""
        low = position - self._base
        if low < 0 or low + length > len(self._data):
            width = max(length, min(self.cursor.limits.window_bytes, 64 * 1024))
            self._base, low = position, 0
            self._data = self.cursor.peek(position, width)
        return self._data[low : low + length]

    def hold(self, position: int, length: int) -> tuple[bytes, int]:
        """Bytes around ``position..position + length``, and where in them it begins; fewer only at the end.

        For walks that are too long to slice; not yet counted as read.
        """
        low = position - self._base
        if low < 0 or low + length > len(self._data):
            self.at(position, length)
            low = 0
        return self._data, low

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """The number at `at`, and the position after it. Raises `Malformed`, `Truncated`."""
        data = self.at(at, min(_VARINT_BYTES, end - at))
        value = 0
        for index, byte in enumerate(data):
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                if value >> 64:
                    raise Malformed(at, "a number of 64 bits", "a longer one")
                return value, at + index + 1
        if len(data) >= _VARINT_BYTES:
            raise Malformed(at, f"a number of at most {_VARINT_BYTES} bytes", "a longer one")
        raise Truncated(at, "the message ends inside a number")

    def content(self, field: Field) -> bytes:
        """The bytes of a field, counted as read. Raises `OverLimit` when they are too many for one piece."""
        data = self.at(field.start, field.length)
        if len(data) < field.length:
            raise Truncated(field.start, f"expected {field.length} bytes, got {len(data)} before the end")
        self.cursor.consumed(field.start, field.end)
        return data


def fields(window: Window, start: int, end: int, *, torn: bool = False) -> Iterator[Field]:
    """The fields of the message in ``start..end``, one after another; their headers, and numbers, count as read.

    A group (deprecated since proto2) is one field up to its end. Raises `Malformed` and `Truncated` where the bytes
    stop being a message; what was yielded before stands. With `torn`, a field that reaches past the end of the artifact
    is yielded as far as it goes before that is raised, so that what is there of it can be read.
    """
    at = start
    count = 0
    while at < end:
        count += 1
        if count % _CHECK_EVERY == 0:
            window.cursor.budget.check_time(at)
        field = _field(window, at, end, torn=torn and end == window.cursor.size)
        if field.end > end:
            window.cursor.consumed(at, field.start)
            yield field._replace(end=end)
            raise Truncated(at, f"field {field.number} of {field.length} bytes in {end - field.start}")
        plain = field.wire in (VARINT, I64, I32)
        window.cursor.consumed(at, field.end if plain else field.start)
        yield field
        at = _after(window, field, end)


def fields_in(message: bytes) -> Iterator[Field]:
    """The fields of a message in memory, which is a part of what was counted as read. Raises as `fields` does."""
    return fields(Window(Cursor(BytesSource(message), "", Budget(DEFAULT_LIMITS))), 0, len(message))


def _field(window: Window, at: int, end: int, *, torn: bool = False) -> Field:
    tag, after = window.varint(at, end)
    number, wire = tag >> 3, tag & 7
    if not 0 < number < _FIELDS:
        raise Malformed(at, f"a field number from 1 to {_FIELDS - 1}", str(number))
    if wire == VARINT:
        value, stop = window.varint(after, end)
        return Field(number, wire, after, stop, value)
    if wire in (I64, I32):
        width = 8 if wire == I64 else 4
        data = window.at(after, width)
        if after + width > end or len(data) < width:
            raise Truncated(at, "the message ends inside a number")
        return Field(number, wire, after, after + width, int.from_bytes(data, "little"))
    if wire == LEN:
        length, begin = window.varint(after, end)
        if length > end - begin and not torn:
            raise Truncated(at, f"field {number} of {length} bytes in {end - begin}")
        return Field(number, wire, begin, begin + length)
    if wire == GROUP:
        return Field(number, wire, after, _group_end(window, number, after, end))
    raise Malformed(at, "a wire type of 0, 1, 2, 3 or 5", str(wire))


def _after(window: Window, field: Field, end: int) -> int:
    if field.wire != GROUP:
        return field.end
    _, after = window.varint(field.end, end)  # the tag that ends the group
    window.cursor.consumed(field.end, after)
    return after


def _group_end(window: Window, number: int, at: int, end: int) -> int:
    """Where the group's contents end. Groups in it are followed without recursion."""
    open_groups = [number]
    steps = 0
    while True:
        steps += 1
        if steps % _CHECK_EVERY == 0:
            window.cursor.budget.check_time(at)
        tag, after = window.varint(at, end)
        inner, wire = tag >> 3, tag & 7
        if wire == END_GROUP:
            if inner != open_groups.pop():
                raise Malformed(at, "the end of the group that was opened last", f"that of group {inner}")
            if not open_groups:
                return at
            at = after
        elif wire == GROUP:
            if len(open_groups) >= _NESTED_GROUPS:
                raise OverLimit(at, f"groups nested more than {_NESTED_GROUPS} deep")
            open_groups.append(inner)
            at = after
        else:
            at = _field(window, at, end).end
