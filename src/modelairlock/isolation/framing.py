"""The three little protocols across the wall, as pure functions over bytes.

Caller to template: fixed headers that carry descriptors. Caller to child: per task a header and the payload. Child to
caller: per task a header and the answer. The last one is read from a process that may have been taken over.
"""

import struct
from collections.abc import Callable, Iterator

#: descriptors in one message; the kernel's limit is 253
FDS_PER_MESSAGE = 250
#: tasks in one run; each may hold a descriptor in the template, whose limit this must stay below
MAX_TASKS = 1000

#: magic, inputs of the whole job, descriptors in this message, seconds of processor time
JOB = struct.Struct("<4sIII")
JOB_MAGIC, MORE_MAGIC = b"JOB1", b"MORE"
#: for each task to the child: bytes of payload, and whether the next input belongs to it
TASK = struct.Struct("<Q?")
#: for each answer: index of the task, kind, bytes that follow
ANSWER = struct.Struct("<IIQ")
RESULT, RAISED = 0, 1
#: how a child ended: kind, and a wait status or an errno
ENDED = struct.Struct("<ci")
EXIT, NO_FORK = b"X", b"E"
#: characters kept of an error a reader raised
ERROR_CHARACTERS = 400


class BrokeProtocol(Exception):
    """The child wrote what no honest child writes."""


def plain(text: str, limit: int = ERROR_CHARACTERS) -> str:
    """`text` on one line, without control characters, cut to `limit` characters."""
    cut = text[:limit]
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in cut)
    return shown + ("…" if len(text) > limit else "")


class Answers:
    """Takes the bytes of one child as they come and keeps the answers, in order.

    Memory is bounded by `each_bytes` for one answer and `all_bytes` for all together, whatever the headers say:
    nothing is reserved before it has arrived. With `take`, each result goes there at once and is not kept, so all
    together may be of any size.
    """

    def __init__(
        self, count: int, each_bytes: int, all_bytes: int, take: Callable[[bytes], None] | None = None
    ) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self._count = count
        self._each_bytes = each_bytes
        self._left_bytes = all_bytes
        self._take = take
        self._buffer = bytearray()

    @property
    def complete(self) -> bool:
        """Whether every task has its answer and nothing follows."""
        return len(self.answers) == self._count and not self._buffer

    def feed(self, data: bytes) -> None:
        """Take more bytes. Raises BrokeProtocol."""
        if len(self.answers) == self._count:
            raise BrokeProtocol("it went on after its last answer")
        self._buffer += data
        at = 0
        for end in self._frames():
            at = end
        del self._buffer[:at]
        if self._buffer and len(self.answers) == self._count:
            raise BrokeProtocol("it went on after its last answer")

    def _frames(self) -> Iterator[int]:
        """Keep each whole frame in the buffer and give the position after it."""
        at = 0
        while len(self.answers) < self._count and len(self._buffer) - at >= ANSWER.size:
            index, kind, size = ANSWER.unpack_from(self._buffer, at)
            self._judge(index, kind, size)
            start, end = at + ANSWER.size, at + ANSWER.size + size
            if len(self._buffer) < end:
                return
            self._keep(kind, bytes(memoryview(self._buffer)[start:end]))
            at = end
            yield at

    def _keep(self, kind: int, body: bytes) -> None:
        if self._take and kind == RESULT:
            self._take(body)
            body = b""
        self._left_bytes -= len(body)
        self.answers.append((kind, body))

    def _judge(self, index: int, kind: int, size: int) -> None:
        if index != len(self.answers):
            raise BrokeProtocol(f"it answered task {index} where task {len(self.answers)} was next")
        if kind not in {RESULT, RAISED}:
            raise BrokeProtocol(f"it sent an answer of kind {kind}, which there is not")
        if size > self._each_bytes:
            raise BrokeProtocol(f"its answer of {size} bytes is over the limit of {self._each_bytes}")
        if size > self._left_bytes:
            raise BrokeProtocol("its answers together are over the limit of one run")
