"""A moving window over a pickle: payloads that reach beyond it are never fetched.

After a jump the window is small, because a pickle full of arrays needs a few hundred bytes between two of them; while
it is read on without jumps it doubles, because a pickle of a million small objects needs all of them.
"""

from modelairlock.reading import Cursor, Truncated

SMALLEST = 4096
#: the longest argument of fixed size is eight bytes, and no spelling of `SETSTATE` is longer than 48 with its opcode's
#: nine; this many bytes are always at hand unless the source ends
MARGIN = 64
#: an object whose attributes hold this name is asked for it by its next BUILD; the spellings numpy scalars can hide
SETSTATE = "__setstate__"
_SPELLINGS = tuple(SETSTATE.encode(codec) for codec in ("ascii", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"))
LINE_CHUNK = 64 * 1024


class Window:
    """Bytes ``base..base+len(data)`` of the source, and the account of what the machine walked over."""

    __slots__ = ("base", "cursor", "data", "setstate", "size", "walked", "width")

    def __init__(self, cursor: Cursor, start: int) -> None:
        self.cursor = cursor
        self.size = cursor.size
        self.width = SMALLEST
        self.base = start
        self.data = b""
        self.walked = start
        #: where a spelling of `SETSTATE` was seen first, or -1
        self.setstate = -1

    @property
    def end(self) -> int:
        """Where the window ends in the source."""
        return self.base + len(self.data)

    def move(self, to: int) -> None:
        """Begin the window at `to`, where the next opcode is; account for what lies before it."""
        self.settle(to)
        if to > self.size:
            raise Truncated(self.size, f"a value reaches {to - self.size} bytes past the end")
        jumped = to > self.end
        self.width = SMALLEST if jumped else min(self.width * 2, self.cursor.limits.window_bytes)
        self.base = to
        self.data = self.cursor.peek(to, self.width)
        if self.setstate < 0:
            found = [self.data.find(spelling) for spelling in _SPELLINGS]
            if max(found) >= 0:
                self.setstate = to + min(at for at in found if at >= 0)

    def settle(self, to: int) -> None:
        """Count the bytes up to `to` as read where they were fetched, as passed over where they were jumped."""
        fetched = min(to, self.end)
        if fetched > self.walked:
            self.cursor.consumed(self.walked, fetched)
            self.walked = fetched
        if to > self.walked:
            self.cursor.pass_over(self.walked, to)
            self.walked = min(to, self.size)

    def skip(self, to: int) -> None:
        """What lies before `to` was accounted for by somebody else."""
        self.walked = to

    def bytes(self, start: int, length: int) -> bytes:
        """Up to `length` bytes at `start`, from the window or past it, without moving it."""
        low = start - self.base
        if low >= 0 and low + length <= len(self.data):
            return self.data[low : low + length]
        return self.cursor.peek(start, length)

    def line_end(self, start: int) -> int:
        """The position of the newline at or after `start`. Raises `Truncated` when there is none."""
        low = start - self.base
        if low >= 0:
            found = self.data.find(b"\n", low)
            if found >= 0:
                return self.base + found
        at = start
        while at < self.size:
            self.cursor.budget.check_time(at)
            chunk = self.cursor.peek(at, LINE_CHUNK)
            found = chunk.find(b"\n")
            if found >= 0:
                return at + found
            if not chunk:
                break
            at += len(chunk)
        raise Truncated(start, "a text argument without an end of line")
