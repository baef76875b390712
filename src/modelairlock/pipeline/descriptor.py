"""How the worker reaches bytes: through a descriptor that it was handed, and in no other way."""

import os

from modelairlock.reading import Unreadable


class Descriptor:
    """A source over a part of an open descriptor; the worker has no other way to reach bytes."""

    __slots__ = ("fd", "size", "start")

    def __init__(self, fd: int, start: int, size: int) -> None:
        self.fd = fd
        self.start = start
        self.size = size

    def read(self, start: int, length: int) -> bytes:
        """See `reading.Source`."""
        if not 0 <= start < self.size:
            return b""
        length = min(length, self.size - start)
        start += self.start
        try:
            data = os.pread(self.fd, length, start)
            while len(data) < length:
                more = os.pread(self.fd, length - len(data), start + len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise Unreadable(start - self.start, f"the operating system says: {error.strerror}") from None
        return data
