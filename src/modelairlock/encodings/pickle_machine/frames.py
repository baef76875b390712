"""Frames (PEP 3154): a promise that no opcode crosses an edge. Unpicklers disagree on what to do when one does.

`_pickle.c` reading from a file drops what is left of the frame and reads the argument after it (CPython gh-154848),
``pickle.py`` stops, ``pickle.loads`` and ``pickletools`` read straight on. So a crossing is a fact, always. And so is a
frame that goes on behind STOP: who read it whole has left the file behind the frame, and the next load begins there.
"""

from typing import Literal

from modelairlock.records.facts import FrameTrick
from modelairlock.records.span import Span

#: broken promises that are told, and crossings that are kept; a file of gigabytes can break its promise everywhere
TRICKS = 64


class Frames:
    """The frame being read, and every broken promise so far."""

    __slots__ = ("crossings", "end", "missing", "start", "tricks")

    def __init__(self) -> None:
        self.start = -1
        self.end = -1
        #: bytes that the first frame which is cut short lacks
        self.missing = 0
        self.tricks: list[FrameTrick] = []
        #: (start, end) of the first frames that an opcode crosses
        self.crossings: list[tuple[int, int]] = []

    def begin(self, at: int, length: int, size: int) -> None:
        """FRAME at `at`, whose content is the `length` bytes after its own nine."""
        if self.end > at:
            self._trick("nested-frame", at, f"a frame begins {self.end - at} bytes before the last one ends")
        self.start, self.end = at + 9, at + 9 + length
        if self.end > size:
            # A download that broke off, as a rule; C stops here, and what pickle.py still runs is stated all the same.
            self.missing = self.missing or self.end - size
            self.end = -1

    def pass_edge(self, at: int) -> None:
        """The next opcode is at `at`: the frame must end exactly there, or not yet."""
        if 0 <= self.end <= at:
            if self.end < at:
                self._trick("opcode-crosses-frame", self.end, f"an opcode reaches {at - self.end} bytes past its frame")
                if len(self.crossings) < TRICKS:
                    self.crossings.append((self.start, self.end))
            self.end = -1

    def leave(self, at: int) -> None:
        """Raw bytes begin at `at`: the frame must have ended."""
        self.pass_edge(at)
        if self.end >= 0:
            self._trick("opcode-crosses-frame", at, "raw bytes begin inside a frame")
            self.end = -1

    def stop(self, at: int) -> None:
        """The pickle ends at `at`, behind its STOP: so must its frame."""
        if self.end > at:
            self._trick("frame-beyond-stop", at, f"a frame goes on {self.end - at} bytes behind the end of its pickle")
        self.end = -1

    def _trick(
        self, kind: Literal["opcode-crosses-frame", "nested-frame", "frame-beyond-stop"], at: int, detail: str
    ) -> None:
        if len(self.tricks) < TRICKS:
            self.tricks.append(FrameTrick(span=Span(at, at), kind=kind, detail=detail))
