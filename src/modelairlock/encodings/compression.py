"""Compressed bytes as a `Source`: decoded within limits, readable at any position, honest about where it broke off.

What was decoded before the damage is kept, because a loader that reads piece by piece would have run it. Frames that
follow one another are one stream, as loaders read them; bytes after the last frame are left to the caller
(`Inflated.consumed`). Nothing here raises over what the compressed bytes hold; `Inflated.read` raises `OverLimit` when
decoding them again costs more than the budget has left.
"""

from modelairlock.encodings.decoders import METHODS, Codec, Decoder, codec
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Cursor, OverLimit, ReadProblem, Source
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Member
from modelairlock.records.span import Span

__all__ = ["METHODS", "Inflated", "decodes", "inflate", "whole_stream"]

_PIECE = 64 * 1024
_ROOM = 256 * 1024
#: after damage the last piece is decoded again in steps this small, to keep what came out before it
_FINE_ROOM = 256
_WINDOW = 1024 * 1024
_TAIL = 66 * 1024
#: kept of a large stream: when a bomb has spent the budget, what stands at its beginning must still be readable
_HEAD = 4 * 1024 * 1024


class _Stream:
    """The frames of one span, decoded forward once. Every decoded byte is spent from the budget."""

    __slots__ = (
        "because", "budget", "codec", "damage", "decoder", "done", "emitted", "end", "fine_from", "frame_end",
        "frames", "pending", "piece_start", "position", "skip", "source", "start",
    )  # fmt: skip

    def __init__(self, source: Source, span: Span, how: Codec, budget: Budget) -> None:
        self.source, self.codec, self.budget = source, how, budget
        self.start, self.end = span.start, min(span.end, source.size)
        self.emitted = self.skip = 0
        self.fine_from = self.end + 1
        self.damage = ""
        self.because = Because.MALFORMED
        self._restart()

    def _restart(self) -> None:
        self.position = self.piece_start = self.frame_end = self.start
        self.pending = b""
        self.decoder: Decoder | None = None
        self.frames = 0
        self.done = False

    @property
    def consumed(self) -> int:
        """Encoded bytes used so far, whole frames and what the current one took."""
        at = self.frame_end if self.done and not self.damage else self.position - len(self.pending)
        return at - self.start

    def more(self) -> bytes:
        """The next decoded bytes; nothing at the end or at the damage. Raises `ReadProblem` of source and budget."""
        while not self.done:
            self.budget.check_time(self.position)
            # Spent already: not even the first piece of the next of a thousand bombs.
            self.budget.expand(0, self.position)
            if self.decoder is None and not self._next_frame():
                self.done = True
                break
            out = self._step()
            if len(out) > self.skip:
                out, self.skip = out[self.skip :], 0
                self.emitted += len(out)
                return out
            self.skip -= len(out)
        return b""

    def _step(self) -> bytes:
        decoder = self.decoder
        assert decoder is not None
        fine = 0 <= self.position - len(self.pending) - self.fine_from < 2 * _PIECE
        data = b""
        if decoder.needs_input:
            data = self._piece(fine)
            if not data:
                self._ended()
                return b""
        try:
            out = decoder.decompress(data, _FINE_ROOM if fine else _ROOM)
        except self.codec.failures as error:
            self._failed(str(error), len(data))
            return b""
        except MemoryError:
            self.stop("decoding it needs more memory than there is", Because.OVER_LIMIT)
            return b""
        if decoder.eof:
            self.pending = decoder.unused_data + self.pending
            self.frame_end = self.position - len(self.pending)
            self.decoder = None
        self.budget.expand(len(out), self.position)
        return out

    def _piece(self, fine: bool) -> bytes:
        """The next encoded bytes to put in: one at a time where the damage is being closed in on."""
        if not self.pending:
            self._fetch(_FINE_ROOM if fine else _PIECE)
        before = self.fine_from - (self.position - len(self.pending))
        take = 1 if fine else before if before > 0 else _PIECE
        data, self.pending = self.pending[:take], self.pending[take:]
        self.piece_start = self.position - len(self.pending) - len(data)
        return data

    def _fetch(self, length: int) -> bool:
        length = min(length, self.end - self.position)
        data = self.source.read(self.position, length) if length > 0 else b""
        self.position += len(data)
        self.pending += data
        return bool(data)

    def _next_frame(self) -> bool:
        """Begin the next frame, if there is one; what follows a frame may be padding, a frame or anything."""
        if self.frames:
            while self._pad() and self._fetch(_PIECE):
                self.budget.check_time(self.position)
            if len(self.pending) < 16:
                self._fetch(_PIECE)
            if not self.pending:
                # Padding to the end belongs to the stream; without any, this is where the frame ended anyway.
                self.frame_end = self.position
            if not self.codec.follows(self.pending[:16]):
                return False
        self.frames += 1
        self.decoder = self.codec.new()
        return True

    def _pad(self) -> bool:
        """Leave out padding; whether there may be more of it."""
        if self.codec.padding:
            zeros = len(self.pending) - len(self.pending.lstrip(b"\x00"))
            self.pending = self.pending[zeros - zeros % self.codec.padding :]
        return not self.pending

    def _ended(self) -> None:
        if self.codec.open_ended and self.position > self.start:
            self.done, self.frame_end = True, self.end
        else:
            self.stop("the compressed stream is cut short", Because.TRUNCATED)

    def _failed(self, error: str, fed: int) -> None:
        if "emory" in error:
            self.stop(f"decoding it needs more memory than is given: {error}", Because.OVER_LIMIT)
        elif self.fine_from > self.end:
            # A codec that fails gives nothing of the piece it failed in. Do that piece again in small steps.
            self.fine_from, self.skip = self.piece_start, self.emitted
            self._restart()
        else:
            self.position -= fed
            self.stop(f"the compressed stream is corrupt: {error}", Because.MALFORMED)

    def stop(self, damage: str, because: Because) -> None:
        """Give nothing more, and say why."""
        self.damage, self.because, self.done = f"{damage} (after {self.emitted} decoded bytes)", because, True


class Inflated:
    """The decoded content of a span, as a `Source`. Small ones are kept, larger ones are decoded again as needed.

    `consumed` is how many encoded bytes were used, from the start of the span; the rest is the caller's gap. `damage`
    is ``""`` or a sentence that says why decoding stopped, `because` the gap it makes; the content before it is kept.
    """

    __slots__ = (
        "_args", "_head", "_recent", "_recent_start", "_stream", "_tail", "because", "consumed", "damage", "size",
    )  # fmt: skip

    def __init__(self, source: Source, span: Span, how: Codec, budget: Budget) -> None:
        self._args = (source, span, how, budget)
        self._stream: _Stream | None = None
        self._recent = bytearray()
        self._recent_start = 0
        self._head = bytearray()
        self._tail = bytearray()
        self.size = 0
        stream = _Stream(*self._args)
        try:
            while chunk := stream.more():
                self._keep(chunk, budget.limits)
                if _too_much(self.size, stream.consumed, budget.limits):
                    raise OverLimit(
                        stream.position, f"{stream.consumed} bytes expand without end (limit: expansion_ratio)"
                    )
        except ReadProblem as problem:
            stream.stop(problem.detail, problem.because)
        self.consumed, self.damage, self.because = stream.consumed, stream.damage, stream.because

    def _keep(self, chunk: bytes, limits: Limits) -> None:
        whole = self.size == len(self._head)
        self.size += len(chunk)
        if whole and self.size <= limits.inflate_in_memory_bytes:
            self._head += chunk
            return
        if whole:
            self._tail = self._head[-_TAIL:]
            del self._head[_HEAD:]
        self._tail += chunk
        if len(self._tail) > 2 * _WINDOW:
            del self._tail[:-_TAIL]

    def read(self, start: int, length: int) -> bytes:
        """See `Source`. Raises `OverLimit` when decoding again is more than the budget has left."""
        end = min(start + max(length, 0), self.size)
        if start < 0 or start >= end:
            return b""
        if end <= len(self._head):
            return bytes(self._head[start:end])
        tail_start = self.size - len(self._tail)
        if start >= tail_start and self._tail:
            return bytes(self._tail[start - tail_start : end - tail_start])
        try:
            return self._decode_to(start, end)
        except ReadProblem as problem:
            # Its position is one of the compressed bytes; the reader must hear of the one it asked for.
            again = ReadProblem(start, problem.detail)
            again.because = problem.because
            raise again from problem

    def _decode_to(self, start: int, end: int) -> bytes:
        if self._stream is None or start < self._recent_start:
            self._stream, self._recent, self._recent_start = _Stream(*self._args), bytearray(), 0
        while self._recent_start + len(self._recent) < end:
            chunk = self._stream.more()
            if not chunk:
                break
            self._recent += chunk
            # What lies before both the window and the wanted bytes is let go, in large steps.
            spare = min(len(self._recent) - _WINDOW, start - self._recent_start)
            if spare > _WINDOW:
                del self._recent[:spare]
                self._recent_start += spare
        return bytes(self._recent[start - self._recent_start : end - self._recent_start])


def _too_much(size: int, consumed: int, limits: Limits) -> bool:
    return size > limits.expansion_floor_bytes and size > limits.expansion_ratio * consumed


def inflate(source: Source, span: Span, method: str, budget: Budget, expected: int | None = None) -> Inflated:
    """Decode `span` of `source`, which is compressed by `method` (one of `METHODS`; `KeyError` for any other).

    `expected` is the decoded size that the container declares. Only zip's LZMA needs it: its stream may have no end.
    """
    return Inflated(source, span, codec(method, expected), budget)


def decodes(head: bytes, method: str) -> bool:
    """Whether `head` begins a stream of `method` that yields at least one byte, or ends in order without any."""
    how = codec(method, None)
    decoder = how.new()
    try:
        # A stream may hold back what it has for longer than a head: that it took all of it without an error counts.
        return bool(decoder.decompress(head, _FINE_ROOM)) or decoder.eof or len(head) >= _PIECE
    except how.failures:
        return False
    except MemoryError:
        return False


def whole_stream(cursor: Cursor, method: str, extensions: tuple[str, ...]) -> Member:
    """The one member of a file that is nothing but a compressed stream, named as the tools name it."""
    name = cursor.name.rpartition("/")[2]
    for extension in extensions:
        if name.lower().endswith(extension) and len(name) > len(extension):
            name = name[: -len(extension)] + (".tar" if extension.startswith(".t") else "")
            break
    return Member(span=Span(0, cursor.size), name=name, method=method)
