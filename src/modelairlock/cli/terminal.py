"""What the terminal is like, and the few things that are said beside the report, all of them on stderr."""

import os
import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO

from modelairlock.records.text import shown

_PATIENCE_SECONDS = 1.0
_REDRAW_SECONDS = 0.1


def say(message: str, hint: str = "") -> None:
    """One line on stderr, and a second one that says what to do."""
    if sys.stderr is None:
        return
    lines = [f"airlock: {shown(message, 1000)}", *([f"  hint: {shown(hint, 1000)}"] if hint else [])]
    try:
        print(*lines, sep="\n", file=sys.stderr, flush=True)
    except (OSError, ValueError):  # stderr is closed: there is nobody to tell
        return


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees `stream` on a terminal that understands escape sequences."""
    try:
        # Python has None where a stream was closed before it started.
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False


def wants_colour(stream: TextIO | None) -> bool:
    """Whether to colour what goes to `stream`: only on a terminal, and not with NO_COLOR (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def width_of(stream: TextIO | None) -> int:
    """Columns of the terminal behind `stream`; 0 if there is none."""
    if not is_terminal(stream):
        return 0
    from shutil import get_terminal_size

    return get_terminal_size((100, 24)).columns


class Counts(Protocol):
    """How far the work is; see ``pipeline.scan.Progress``."""

    @property
    def files(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def found_files(self) -> int: ...
    @property
    def found_bytes(self) -> int: ...
    @property
    def walking(self) -> bool: ...


class Meter:
    """One line on stderr that says how far the work is, once it takes longer than a second."""

    def __init__(
        self, stream: TextIO, words: Callable[[Counts], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stream = stream
        self.words = words
        self.clock = clock
        self.next = clock() + _PATIENCE_SECONDS
        self.drawn = False

    def __call__(self, counts: Counts) -> None:
        """Draw, at most ten times a second."""
        now = self.clock()
        if now < self.next:
            return
        self.next = now + _REDRAW_SECONDS
        self.drawn = True
        self._write(f"\r\x1b[K{self.words(counts)[: max(20, width_of(self.stream) - 1)]}")

    def close(self) -> None:
        """Leave no trace."""
        if self.drawn:
            self.drawn = False
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            self.next = float("inf")
