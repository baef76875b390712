"""Object headers, versions 1 and 2: the messages that an object is made of, in the order in which they stand.

What a newcomer would get wrong: a header goes on in other blocks wherever a message says so, a message may stand for
one that another object has, and what was deleted stays behind in messages of kind 0.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed, OverLimit, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

NIL, DATASPACE, LINK_INFO, DATATYPE, OLD_FILL, FILL, LINK, EXTERNAL, LAYOUT = range(9)
GROUP_INFO, FILTERS, ATTRIBUTE, COMMENT, OLD_TIME, SHARED_TABLE, CONTINUATION, SYMBOLS = range(0x0A, 0x12)
TIME, TREE_SIZES, DRIVER, ATTRIBUTE_INFO, REFERENCES, FREE_SPACE, CACHE_IMAGE = range(0x12, 0x19)

SHARED = 2
#: messages of one object; libhdf5 counts them in 16 bits
_MESSAGES = 65536


class Message(NamedTuple):
    """One message: its kind and flags, and where its body lies."""

    kind: int
    flags: int
    start: int
    end: int


class Chunk(NamedTuple):
    """A stretch of messages, without what stands before and after them."""

    start: int
    end: int


Found = Generator[Fact | Gap, None, list[Message]]


class _Header:
    """What was gathered of one object so far: messages, and the stretches in which there are more."""

    __slots__ = ("chunks", "messages", "starts", "store")

    def __init__(self, store: Store, first: Chunk) -> None:
        self.store = store
        self.chunks = [first]
        self.starts = {first.start}
        self.messages: list[Message] = []

    def add(self, found: Iterator[Message]) -> None:
        """Keep what was found in a chunk; where the header goes on, another chunk."""
        for message in found:
            self.store.count(message.start)
            if message.kind == CONTINUATION:
                self._go_on(message)
            elif message.kind != NIL:
                self.messages.append(message)
            if len(self.messages) + len(self.chunks) > _MESSAGES:
                raise OverLimit(message.start, f"more than {_MESSAGES} messages in one object")

    def _go_on(self, message: Message) -> None:
        fields = self.store.fields(message.start, message.end - message.start)
        start, length = self.store.address(fields), self.store.length(fields)
        if start is None or start in self.starts:
            raise Malformed(message.start, "the address of another part of the header", "none that is new")
        self.starts.add(start)
        self.chunks.append(Chunk(start, start + length))


def read_header(store: Store, position: int) -> Found:
    """All messages of the object at `position`; their bodies are not counted as read yet."""
    if store.peek(position, 4) == b"OHDR":
        return (yield from _version_2(store, position))
    fields = store.fields(position, 16)
    version = fields.number(1)
    if version != 1:
        raise Malformed(position, "an object header of version 1 or 2", str(version))
    fields.skip(7)
    header = _Header(store, Chunk(position + 16, position + 16 + fields.number(4)))
    for chunk in header.chunks:
        header.add(_old_messages(store, chunk))
    return header.messages


def _old_messages(store: Store, chunk: Chunk) -> Iterator[Message]:
    at = chunk.start
    while at + 8 <= chunk.end:
        head = store.peek(at, 8)
        kind, size, flags = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little"), head[4]
        end = at + 8 + size
        if end > chunk.end:
            raise Malformed(at, f"a message of at most {chunk.end - at - 8} bytes", str(size))
        store.consumed(at, at + 8)
        yield Message(kind, flags, at + 8, end)
        at = end


def _version_2(store: Store, position: int) -> Found:
    fields = store.fields(position, 6)
    fields.skip(4)
    version, flags = fields.number(1), fields.number(1)
    if version != 2:
        raise Malformed(position + 4, "version 2 of an object header", str(version))
    width = 1 << (flags & 3)
    more = (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    fields = store.fields(position + 6, more + width)
    fields.skip(more)
    start = fields.position + width
    head = 6 if flags & 4 else 4
    first = Chunk(start, start + fields.number(width))
    yield from store.checked(position, first.end)
    header = _Header(store, first)
    header.add(_new_messages(store, first, head))
    for chunk in header.chunks:
        if chunk is first:
            continue
        store.fields(chunk.start, 4)
        if store.peek(chunk.start, 4) != b"OCHK" or chunk.end - chunk.start < 8:
            raise Malformed(chunk.start, "a continuation that begins with OCHK", "something else")
        yield from store.checked(chunk.start, chunk.end - 4)
        header.add(_new_messages(store, Chunk(chunk.start + 4, chunk.end - 4), head))
    return header.messages


def _new_messages(store: Store, chunk: Chunk, head: int) -> Iterator[Message]:
    at = chunk.start
    while at + head <= chunk.end:
        fields = Fields(store.peek(at, head), at)
        kind, size, flags = fields.number(1), fields.number(2), fields.number(1)
        end = at + head + size
        if end > chunk.end:
            raise Malformed(at, f"a message of at most {chunk.end - at - head} bytes", str(size))
        store.consumed(at, at + head)
        yield Message(kind, flags, at + head, end)
        at = end


def shared_with(store: Store, fields: Fields) -> int:
    """The object whose message stands for this one. Raises `Unsupported` for the heap of shared messages."""
    version, kind = fields.number(1), fields.number(1)
    if version == 1:
        fields.skip(6)
        fields.skip(store.lengths)
    elif version not in (2, 3):
        raise Malformed(fields.position - 2, "a shared message of version 1 to 3", str(version))
    if version == 3 and kind != 2:
        raise Unsupported(fields.position, "a message in the heap of shared messages")
    address = store.address(fields)
    if address is None:
        raise Malformed(fields.position, "the address of a shared message", "none")
    return address
