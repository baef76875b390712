"""Small records of one artifact through a buffer that grows while neighbouring ones are asked for.

A directory of 20,000 small members costs a few dozen reads this way; a few members of a gigabyte cost 512 bytes each.
"""

from modelairlock.reading import Cursor

_LEAST, _MOST, _NEAR = 512, 65536, 4096


class Window:
    """Peeks at a cursor. Nothing here counts as read; the reader says what it understood."""

    __slots__ = ("ahead", "cursor", "data", "start")

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.start = 0
        self.data = b""
        self.ahead = _LEAST

    def peek(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`."""
        offset = start - self.start
        if not 0 <= offset <= len(self.data) - length:
            near = 0 <= offset < len(self.data) + _NEAR
            self.ahead = min(self.ahead * 2, _MOST) if near else _LEAST
            self.data = self.cursor.peek(start, max(length, self.ahead))
            self.start, offset = start, 0
        return self.data[offset : offset + length]
