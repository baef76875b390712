"""What goes through the wall and what comes back."""

from typing import NamedTuple

import msgspec


class Task(NamedTuple):
    """One call of the function: an open file, or -1, and bytes that mean something to the function only.

    The file must be a regular one, opened for reading alone. Its read position is shared with the child, so the
    function and the caller should both read by position (``os.pread``).
    """

    fd: int
    payload: bytes


class Outcome(msgspec.Struct, frozen=True):
    """Either a result, or a failure in one plain sentence; never both.

    A result is what the child claims. If any outcome of a run has a failure, the child that gave the others died or
    broke protocol later on, and the careful caller runs each task again alone.
    """

    result: bytes | None
    failure: str = ""

    @property
    def ok(self) -> bool:
        """Whether the function answered."""
        return not self.failure
