"""The bytes of a pickle, taken one after another through a window; long payloads are stepped over unread."""

from modelairlock.reading import Budget, Malformed, OverLimit, Source, Truncated

_WINDOW = 256 * 1024
_LINE_BYTES = 64 * 1024


class Tape:
    """Where we are in the source. `at` is a position in it."""

    __slots__ = ("_base", "_data", "at", "budget", "size", "source")

    def __init__(self, source: Source, at: int, budget: Budget) -> None:
        self.source = source
        self.size = source.size
        self.budget = budget
        self.at = at
        self._base = at
        self._data = b""

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        start = self.at - self._base
        data = self._data[start : start + count]
        if len(data) < count:
            self._base, start = self.at, 0
            self._data = self.source.read(self.at, max(count, min(_WINDOW, self.size - self.at)))
            data = self._data[:count]
            if len(data) < count:
                raise Truncated(self.at, f"expected {count} bytes, got {len(data)} before the end")
        self.at += count
        return data

    def number(self, count: int) -> int:
        """An unsigned little-endian number of `count` bytes."""
        return int.from_bytes(self.take(count), "little")

    def line(self) -> bytes:
        """What stands before the next line feed, which is taken as well."""
        start = self.at - self._base
        end = self._data.find(b"\n", start)
        if end < 0:
            self._base, start = self.at, 0
            self._data = self.source.read(self.at, max(0, min(_WINDOW, self.size - self.at)))
            end = self._data.find(b"\n")
        if end < 0:
            raise Truncated(self.at, "expected the end of a line")
        if end - start > _LINE_BYTES:
            raise OverLimit(self.at, f"a line of {end - start} bytes in a pickle")
        self.at = self._base + end + 1
        return self._data[start:end]

    def line_span(self) -> tuple[int, int]:
        """Where the rest of the line lies, however long it is; the line feed is taken as well."""
        start = at = self.at
        while at < self.size:
            data = self.source.read(at, min(_WINDOW, self.size - at))
            end = data.find(b"\n")
            if end >= 0:
                self.at = at + end + 1
                return start, at + end
            at += len(data)
            self.budget.check_time(at)
        raise Truncated(start, "expected the end of a line")

    def skip(self, count: int) -> tuple[int, int]:
        """Leave `count` bytes unread; where they lie."""
        start, end = self.at, self.at + count
        if end > self.size:
            raise Truncated(start, f"expected {count} bytes, got {max(0, self.size - start)} before the end")
        self.at = end
        return start, end

    def wrong(self, expected: str, got: str) -> Malformed:
        """What to raise where the pickle is none."""
        return Malformed(self.at, expected, got)
