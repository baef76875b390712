"""Takes the tensors of a model that is loaded in the jail, piece by piece, while the jail lives.

What a newcomer would get wrong: the description comes from a process that the model owns. It is data of three kinds
(names, numbers, text), each of which is bounded and checked before it is used; bytes are copied out of the shared
memory before they are looked at, for they may change at any moment. Nothing is unpickled, and no array is made here.
"""

import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Annotated

import msgspec

from modelairlock.isolation.jail.channel import BrokeProtocol, say
from modelairlock.isolation.jail.decode import escaped
from modelairlock.isolation.jail.launcher import Launched
from modelairlock.isolation.jail.memory import Memory
from modelairlock.isolation.jail.watch import Watch
from modelairlock.records.disarm import (
    MOST_DIMENSIONS,
    MOST_NOTES,
    MOST_TENSORS,
    NOTE_CHARACTERS,
    PLAIN_BYTES,
    Note,
    Store,
    Tensor,
)
from modelairlock.records.jail import JailLayer, JailLimits, Outcome
from modelairlock.records.tensors import BITS, is_odd
from modelairlock.records.text import shown
from modelairlock.records.typed import json_decoder

#: bytes that go over at a time
WINDOW_BYTES = 16 * 1024 * 1024
_MESSAGE_BYTES = 8 * 1024
_TEXT_BYTES = 64 * 1024 * 1024
_WIDEST = 1 << 62
_ODD = "its name has control characters, is a path that leads out, is too long, or is not free"


class _Size(msgspec.Struct, frozen=True, tag="size", tag_field="kind", forbid_unknown_fields=True):
    """How long the description is."""

    bytes: Annotated[int, msgspec.Meta(ge=0, le=_TEXT_BYTES)]


class _Ready(msgspec.Struct, frozen=True, tag="ready", tag_field="kind", forbid_unknown_fields=True):
    """What was asked for is in the window."""


class _Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="kind", forbid_unknown_fields=True):
    """It could not be had."""

    error: str


class _Given(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One tensor. Those of one `storage` share bytes where they are; 0 is for what is not known."""

    key: str
    dtype: str
    shape: tuple[Annotated[int, msgspec.Meta(ge=0, lt=_WIDEST)], ...]
    storage: int


class _Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that the worker says of the model."""

    tensors: tuple[_Given, ...]
    plain: str
    dropped: tuple[Note, ...]
    lost: tuple[Note, ...]
    more_dropped: Annotated[int, msgspec.Meta(ge=0, lt=_WIDEST)]
    more_lost: Annotated[int, msgspec.Meta(ge=0, lt=_WIDEST)]


_Said = _Size | _Ready | _Failed
_decode: Callable[[bytes], _Said] = json_decoder(_Said)
_decode_described: Callable[[bytes], _Described] = json_decoder(_Described)


class CannotGive(Exception):
    """The worker lives, and says that it cannot; or there is no more of it."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to be had: stores count bytes of all tensors, one after another. `plain` is JSON, or empty."""

    tensors: tuple[Tensor, ...]
    stores: tuple[Store, ...]
    size: int
    shared: tuple[tuple[str, ...], ...]
    plain: bytes
    dropped: tuple[Note, ...]
    lost: tuple[Note, ...]
    more_dropped: int
    more_lost: int
    #: of every tensor that was described, also of those that are lost: its first byte, and its type
    starts: tuple[int, ...]
    dtypes: tuple[str, ...]


class Fetching:
    """The last phase of a load that is to be converted. `take` gets this once the model is there, and reads from it."""

    def __init__(self, take: Callable[["Fetching"], None], limits: JailLimits, file: int) -> None:
        self._take = take
        self._limits = limits
        #: the number of the file that the stores are said to be in
        self._file = file
        self._watch: _FetchWatch | None = None
        self._memory: Memory | None = None
        self._starts: tuple[int, ...] = ()
        self._dtypes: tuple[str, ...] = ()
        self._deadline = 0.0

    def watch(self, launched: Launched) -> Watch:
        """The loop that follows the worker."""
        self._watch = _FetchWatch(launched, self._limits)
        return self._watch

    def serve(self, watch: Watch, layers: tuple[JailLayer, ...]) -> tuple[Outcome, str] | None:
        """Have everything taken; None if the worker ended before. Raises Stopped, BrokeProtocol, what `take` raises."""
        del layers
        self._deadline = time.monotonic() + self._limits.wall_seconds
        with_memory = self._memory = Memory(WINDOW_BYTES)
        try:
            self._take(self)
        except _Gone:
            return None
        except CannotGive as problem:
            return Outcome.LOADER_ERROR, f"the worker says that its tensors cannot be had: {escaped(str(problem))}"
        finally:
            with_memory.close()
        return watch.completed()

    def described(self) -> Fetched:
        """What there is. Raises BrokeProtocol, CannotGive, Stopped."""
        assert self._memory is not None
        said = self._asked("size", fds=(self._memory.fd,))
        if not isinstance(said, _Size):
            raise BrokeProtocol("it did not say how much there is")
        text = bytearray()
        while len(text) < said.bytes:
            text += self._window("text", 0, len(text), min(WINDOW_BYTES, said.bytes - len(text)))
        fetched = described_in(bytes(text), self._file)
        self._starts, self._dtypes = fetched.starts, fetched.dtypes
        return fetched

    def read(self, start: int, count: int) -> bytes:
        """Bytes of one tensor, as places in its store count. Raises BrokeProtocol, CannotGive, Stopped."""
        tensor = bisect_right(self._starts, start) - 1
        data, at = bytearray(), start - self._starts[tensor]
        while len(data) < count:
            data += self._window("piece", tensor, at + len(data), min(WINDOW_BYTES, count - len(data)))
        if self._dtypes[tensor] == "BOOL" and data.strip(b"\0\1"):
            raise BrokeProtocol("truth values that are neither")
        return bytes(data)

    def _window(self, want: str, tensor: int, at: int, count: int) -> bytes:
        assert self._memory is not None
        if not isinstance(self._asked(want, tensor, at, count), _Ready):
            raise BrokeProtocol("it answered something else than it was asked")
        return self._memory.map[:count]

    def _asked(self, want: str, tensor: int = 0, at: int = 0, count: int = 0, fds: tuple[int, ...] = ()) -> _Said:
        assert self._watch is not None
        data = msgspec.json.encode({"want": want, "tensor": tensor, "at": at, "count": count})
        said = self._watch.ask(data, fds, self._deadline)
        if isinstance(said, _Failed):
            raise CannotGive(said.error)
        return said


class _Gone(Exception):
    """The worker is no more."""


class _FetchWatch(Watch):
    """Follows a worker that loads as any other, and then answers one question after another."""

    def __init__(self, launched: Launched, limits: JailLimits) -> None:
        super().__init__(launched, limits)
        self._asking = False
        self._answered: _Said | None = None

    def ask(self, question: bytes, fds: tuple[int, ...], deadline: float) -> _Said:
        """The answer to one question. Raises BrokeProtocol, Stopped, `_Gone`."""
        if not self._asking and self._messages:
            raise BrokeProtocol("it spoke before it was asked")
        self._asking, self._answered = True, None
        try:
            say(self.launched.control, question, fds)
        except OSError as problem:
            raise _Gone from problem
        while (answer := self._answer()) is None:
            if self.ended or self.closed:
                raise _Gone
            self.step(deadline)
        return answer

    def _answer(self) -> _Said | None:
        return self._answered

    def _hear(self) -> bool:
        if not self._asking:
            return super()._hear()
        if self.closed:
            return False
        while True:
            try:
                data = self.launched.control.recv(_MESSAGE_BYTES + 1)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                data = b""
            if not data:
                self.closed = True
                self._poll.unregister(self.launched.control.fileno())
                return False
            if self._answered is not None or len(data) > _MESSAGE_BYTES:
                raise BrokeProtocol("it spoke without being asked, or too much")
            try:
                self._answered = _decode(data)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                raise BrokeProtocol(f"not an answer: {escaped(str(error))}") from error


def described_in(text: bytes, file: int) -> Fetched:
    """What a description says, once it is checked; its stores are in `file`. Raises BrokeProtocol."""
    try:
        said = _decode_described(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BrokeProtocol(f"not a description of tensors: {escaped(str(error))}") from error
    if len(said.tensors) > MOST_TENSORS or max(len(said.dropped), len(said.lost)) > MOST_NOTES:
        raise BrokeProtocol("it describes too much")
    plain = said.plain.encode("utf-8", "backslashreplace")
    if len(plain) > PLAIN_BYTES:
        raise BrokeProtocol("it gives too much plain data")
    if len({one.key for one in said.tensors}) < len(said.tensors):
        raise BrokeProtocol("two tensors of one name")
    starts = tuple(accumulate(map(_bytes, said.tensors), initial=0))
    if starts[-1] > _WIDEST:
        raise BrokeProtocol("tensors that no machine can hold")
    tensors: list[Tensor] = []
    stores: list[Store] = []
    lost = list(map(_note, said.lost))
    groups: dict[int, list[str]] = {}
    for one, (start, end) in zip(said.tensors, pairwise(starts), strict=True):
        if is_odd(one.key) or one.key == "__metadata__":
            lost.append(_note(Note(one.key, "a tensor", _ODD)))
            continue
        tensors.append(Tensor(one.key, one.dtype, one.shape, _rows(one.shape), 0, len(stores)))
        stores.append(Store(start, end, file=file))
        if one.storage and end > start:
            groups.setdefault(one.storage, []).append(one.key)
    return Fetched(
        tensors=tuple(tensors), stores=tuple(stores), size=starts[-1], plain=plain,
        shared=tuple(tuple(group) for group in groups.values() if len(group) > 1),
        dropped=tuple(map(_note, said.dropped)), lost=tuple(lost[:MOST_NOTES]),
        more_dropped=said.more_dropped, more_lost=said.more_lost + max(0, len(lost) - MOST_NOTES),
        starts=starts[:-1], dtypes=tuple(one.dtype for one in said.tensors),
    )  # fmt: skip


def _note(note: Note) -> Note:
    return Note(*(shown(one, NOTE_CHARACTERS) for one in (note.where, note.what, note.why)))


def _rows(shape: tuple[int, ...]) -> tuple[int, ...]:
    steps, step = [], 1
    for length in shape[::-1]:
        steps.append(step)
        step = min(step * max(1, length), _WIDEST - 1)
    return tuple(steps[::-1])


def _bytes(one: _Given) -> int:
    """How many bytes a tensor takes. Raises BrokeProtocol for one that cannot be."""
    bits = BITS.get(one.dtype, 0)
    if bits < 8 or bits % 8 or len(one.shape) > MOST_DIMENSIONS:
        raise BrokeProtocol("a tensor of no known type, or of too many dimensions")
    size = bits // 8
    for length in one.shape:
        size *= length
        if size > _WIDEST:
            raise BrokeProtocol("a tensor that no machine can hold")
    return size
