"""Where the tensors of a ggml file lie, and the account of the bytes under, between and behind them.

What a newcomer would get wrong: positions are sums and products of numbers out of the file, so they are compared as
Python's unbounded integers with what a loader's 64 bits can hold. What lies between two tensors is padding only if it
is shorter than the alignment and all zeros.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.encodings.teller import Teller
from modelairlock.reading import Cursor, OverLimit, Truncated
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Member
from modelairlock.records.span import Span
from modelairlock.records.text import counted

#: bytes of one hole that are looked at to tell zeros from something
_LOOKED_AT = 1 << 20
#: holes of one file that are told; an honest one has none
_HOLES = 1000


class Tensor(NamedTuple):
    """`sizes` are how long it may be, the likeliest first; none if nobody knows."""

    start: int
    sizes: tuple[int, ...]
    name: str


def account(cursor: Cursor, begin: int, alignment: int, tensors: list[Tensor], teller: Teller) -> Iterator[Fact | Gap]:
    """Everything from `begin` on, where the description of the tensors ends."""
    tensors.sort()
    yield from _Account(cursor, begin, max(1, alignment), teller).all(tensors)


class _Account:
    def __init__(self, cursor: Cursor, begin: int, alignment: int, teller: Teller) -> None:
        self.cursor, self.alignment, self.teller = cursor, alignment, teller
        self.reached = begin
        self.last = ""
        self.holes = 0
        #: nobody knows where the last tensor ends, so what follows it may be its own
        self.open = False

    def all(self, tensors: list[Tensor]) -> Iterator[Fact | Gap]:
        for at, tensor in enumerate(tensors):
            if not at & 1023:
                self.cursor.budget.check_time(min(tensor.start, self.cursor.size))
            following = tensors[at + 1].start if at + 1 < len(tensors) else self.cursor.size
            yield from self._before(tensor)
            yield from self._tensor(tensor, following)
        if self.reached > self.cursor.size:
            detail = f"{self.last} reaches to byte {self.reached}, and the file ends at {self.cursor.size}"
            yield from self.teller.say("gguf-tensor-beyond-file", self.cursor.size, self.cursor.size, detail)
            raise Truncated(self.cursor.size, detail)
        yield from self._after()

    def _before(self, tensor: Tensor) -> Iterator[Fact | Gap]:
        """What lies between the tensor before and this one."""
        start = min(tensor.start, self.cursor.size)
        if tensor.start < self.reached:
            if any(tensor.sizes):
                detail = (
                    f"{tensor.name} begins at {tensor.start}, and {self.last or 'the header'} ends at {self.reached}"
                )
                yield from self.teller.say("gguf-tensors-overlap", start, min(self.reached, self.cursor.size), detail)
        elif start > self.reached:
            if self.open:
                detail = f"{self.last} has an element type of unknown size"
                yield Gap(start=self.reached, end=start, because=Because.UNSUPPORTED, detail=detail)
            else:
                yield from self._hole(self.reached, start, f"before {tensor.name}")
        self.open = False

    def _hole(self, start: int, end: int, where: str) -> Iterator[Fact | Gap]:
        if self._zeros(start, end) and end - start < self.alignment:
            self.cursor.consumed(start, end)
            return
        self.holes += 1
        if self.holes > _HOLES:
            raise OverLimit(start, f"more than {_HOLES} holes between tensors are not told")
        detail = f"{end - start} bytes {where} belong to no tensor"
        if end - start < self.alignment:
            yield from self.teller.say("gguf-padding-filled", start, end, f"padding {where} holds something")
        else:
            yield from self.teller.say("gguf-hole-between-tensors", start, end, detail)
        yield Gap(start=start, end=end, because=Because.UNRECOGNISED, detail=detail)

    def _zeros(self, start: int, end: int) -> bool:
        return end - start <= _LOOKED_AT and not self.cursor.peek(start, end - start).strip(b"\0")

    def _tensor(self, tensor: Tensor, following: int) -> Iterator[Fact | Gap]:
        if not tensor.sizes:
            self.open, self.last = True, tensor.name
            self.reached = max(self.reached, min(tensor.start, self.cursor.size))
            return
        size = tensor.sizes[0]
        for other in tensor.sizes[1:]:
            # The next one tells which: it begins where this one ends, with padding.
            if not self._fits(tensor.start + size, following) and self._fits(tensor.start + other, following):
                size = other
        end = tensor.start + size
        self.cursor.pass_over(min(tensor.start, self.cursor.size), end)
        if end > self.reached:
            self.reached, self.last = end, tensor.name
        yield from ()

    def _fits(self, end: int, following: int) -> bool:
        return 0 <= following - end < self.alignment

    def _after(self) -> Iterator[Fact | Gap]:
        """Behind the last tensor: padding, or something that no loader of tensors looks at."""
        start, end = self.reached, self.cursor.size
        if start == end:
            return
        if self.open:
            detail = f"{self.last} has an element type of unknown size"
            yield Gap(start=start, end=end, because=Because.UNSUPPORTED, detail=detail)
            return
        head = self.cursor.peek(start, min(_LOOKED_AT, end - start))
        if not head.strip(b"\0"):
            if end - start < self.alignment:
                self.cursor.consumed(start, end)
                return
            detail = f"{counted(end - start, 'byte')} after the last tensor, zeros as far as they were looked at"
            yield from self.teller.say("zeros-after-tensors", start, end, detail)
            yield Gap(start=start, end=end, because=Because.UNRECOGNISED, detail=detail)
            return
        yield from self.teller.say(
            "gguf-bytes-after", start, end, f"{counted(end - start, 'byte')} after the last tensor"
        )
        yield Member(span=Span(start, end), name=f"bytes at {start}", size_bytes=end - start, role="dormant")
