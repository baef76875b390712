"""Numbers, strings and arrays of them, read from front to back through one window.

What is taken counts as read once `settle` was called, so a reader calls it however it ends. Nothing here believes a
length: it is compared with what is left before a byte is fetched, and strings are walked over without being kept.
"""

import re
from struct import Struct

from modelairlock.reading import Cursor, OverLimit, Truncated


class Feed:
    """The place in the artifact, and the window around it. `wide` lengths have eight bytes, others four."""

    __slots__ = ("at", "base", "counted", "cursor", "data", "length", "u32", "u64", "width", "window")

    def __init__(self, cursor: Cursor, start: int, *, big: bool = False, wide: bool = True) -> None:
        self.cursor = cursor
        self.window = cursor.limits.window_bytes
        self.base, self.data, self.at = start, b"", 0
        #: up to here everything taken was counted as read
        self.counted = start
        order = ">" if big else "<"
        self.u32, self.u64 = Struct(f"{order}I"), Struct(f"{order}Q")
        self.length = self.u64 if wide else self.u32
        self.width = self.length.size

    @property
    def position(self) -> int:
        """Where the next byte comes from."""
        return self.base + self.at

    @property
    def left(self) -> int:
        """How many bytes are left in the artifact."""
        return max(0, self.cursor.size - self.position)

    def settle(self) -> None:
        """Count what was taken as read."""
        self.cursor.consumed(self.counted, self.position)
        self.counted = self.position

    def take(self, count: int) -> bytes:
        """The next `count` bytes, which are to be kept."""
        self._have(count)
        start = self.at
        self.at += count
        return self.data[start : self.at]

    def number(self, kind: Struct) -> int:
        """The next number."""
        self._have(kind.size)
        value: int = kind.unpack_from(self.data, self.at)[0]
        self.at += kind.size
        return value

    def size(self) -> int:
        """The next length or count."""
        return self.number(self.length)

    def pass_over(self, count: int) -> None:
        """Leave the next `count` bytes: numbers by design. Few of them are read all the same, which costs less."""
        if count <= self.window:
            self.skip(count)
        else:
            self.leave(count)

    def leave(self, count: int) -> None:
        """Leave the next `count` bytes, however few."""
        self._enough(count)
        self.settle()
        start = self.position
        self.cursor.pass_over(start, start + count)
        held = self.at + count <= len(self.data)
        self.data, self.at = (self.data, self.at + count) if held else (b"", 0)
        self.base = self.base if held else start + count
        self.counted = start + count

    def skip(self, count: int) -> None:
        """Read the next `count` bytes without keeping them."""
        self._enough(count)
        while count > 0:
            some = min(count, self.window)
            self._have(some)
            self.at += some
            count -= some
            self.cursor.budget.check_time(self.position)

    def strings(self, count: int, look: re.Pattern[bytes] | None = None) -> int | None:
        """Read `count` strings; where the first of them stands that `look` matches with its length before it."""
        found: int | None = None
        while count > 0:
            self._have(self.width)
            start = self.at
            count = self._whole(count)
            if look and found is None and (match := look.search(self.data, start, self.at)):
                found = self.base + match.start()
            if count and len(self.data) - self.at >= self.width:
                (length,) = self.length.unpack_from(self.data, self.at)
                if length > self.window:
                    self.at += self.width
                    self.skip(length)
                    count -= 1
                else:
                    self._have(self.width + length)
            self.cursor.budget.check_time(self.position)
        return found

    def _whole(self, count: int) -> int:
        """Step over the strings that lie in the window as a whole, `count` at most; how many are left."""
        unpack, data, at, width = self.length.unpack_from, self.data, self.at, self.width
        last = len(data) - width
        while count and at <= last:
            after = at + width + unpack(data, at)[0]
            if after > last + width:
                break
            at = after
            count -= 1
        self.at = at
        return count

    def _enough(self, count: int) -> None:
        if count > self.left:
            position = self.position
            raise Truncated(position, f"expected {count} bytes, got {self.left} before the end")

    def _have(self, count: int) -> None:
        """Make the window hold the next `count` bytes."""
        if self.at + count <= len(self.data):
            return
        self._enough(count)
        if count > self.cursor.limits.header_bytes:
            raise OverLimit(self.position, f"{count} bytes in one piece are too many (limit: header_bytes)")
        self.settle()
        self.base, self.at = self.position, 0
        self.data = self.cursor.peek(self.base, max(count, self.window))
        if len(self.data) < count:
            raise Truncated(self.base, f"expected {count} bytes, got {len(self.data)} before the end")
