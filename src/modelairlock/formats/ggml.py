"""GGML's files from before GGUF: ggml, ggmf and ggjt models, ggla adapters; whisper.cpp writes them to this day.

What a newcomer would get wrong: the file does not say what it is. A magic, some numbers whose meaning only the program
for that model knows, words, then tensors until the file ends. So the few layouts that were in wide use are tried, and
the one whose words end where a tensor begins is read; any other is a gap. Sizes depend on the version: until ggjt 3
the scales of blocks were floats of four bytes.
"""

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from modelairlock.encodings.feed import Feed
from modelairlock.encodings.ggml_types import MOST, OLD_SIZES, TYPES, elements
from modelairlock.encodings.teller import Teller
from modelairlock.reading import (
    Cursor,
    Format,
    Malformed,
    OverLimit,
    Probe,
    ReadProblem,
    Truncated,
    Unsupported,
    first_bytes,
)
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

_GGML, _GGMF, _GGJT, _GGLA = b"lmgg", b"fmgg", b"tjgg", b"algg"
_VERSIONS = {_GGMF: (1, 100, 101), _GGJT: (1, 2, 3), _GGLA: (1,)}
_TENSORS, _WORDS = 250_000, 1_000_000
_CHECK_EVERY = 1024
_WORD_BYTES, _NAME_BYTES, _DIMS = 65536, 1024, 4
_F32 = 4


class _Layout(NamedTuple):
    """What stands between the magic and the first tensor.

    `numbers` of four bytes; which of them counts the words (-1: there are none) and which is the type; whether mel
    filters come first, whether the words are counted once more, and whether each has a score.
    """

    name: str
    numbers: int
    words: int
    type: int
    filters: bool = False
    counted: bool = False
    scored: bool = False
    align: int = 1


_LAYOUTS: dict[bytes, tuple[_Layout, ...]] = {
    _GGML: (
        _Layout("LLaMA", 7, 0, 6),
        _Layout("whisper", 11, 0, 10, filters=True, counted=True),
        _Layout("GPT-J", 7, 0, 6, counted=True),
        _Layout("GPT-2", 6, 0, 5, counted=True),
    ),
    _GGMF: (_Layout("LLaMA", 7, 0, 6, scored=True),),
    _GGJT: (_Layout("LLaMA", 7, 0, 6, scored=True, align=32),),
    _GGLA: (_Layout("LoRA", 2, -1, -1, align=32),),
}
_RWKV = _Layout("RWKV", 4, -1, 3)
#: rwkv.cpp had numbers of its own for the types (rwkv_file_format.inc); its Q4_1_O is nobody else's
_RWKV_TYPES = {0: 0, 1: 1, 2: 2, 3: 3, 5: 4, 6: 5, 7: 6, 8: 7, 9: 8}


def claims(probe: Probe) -> bool:
    """The magic, and a version or a count that is no text."""
    head = probe.head[:8]
    if len(head) < 8 or head[:4] not in _LAYOUTS:
        return False
    number = int.from_bytes(head[4:], "little")
    return 0 < number < 2**24 if head[:4] == _GGML else number in _VERSIONS[head[:4]]


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Numbers, words and the table of tensors, which lies among them. The tensors are passed over."""
    magic = cursor.peek(0, 4)
    if magic not in _LAYOUTS:
        raise Malformed(0, "a magic of ggml", repr(magic))
    version = 0 if magic == _GGML else int.from_bytes(cursor.peek(4, 4), "little")
    layout = _RWKV if version in (100, 101) else _layout(cursor, magic)
    feed = Feed(cursor, 0, wide=False)
    try:
        feed.take(4 if magic == _GGML else 8)
        kind = _preamble(feed, layout)
        # The thousands of the type say which blocks were in use; ggjt says it by its version.
        old = version < 3 if magic == _GGJT else kind // 1000 < 2 and version != 101
        yield from _Tensors(cursor, feed, layout, old).read()
    finally:
        feed.settle()


def _layout(cursor: Cursor, magic: bytes) -> _Layout:
    """The layout whose preamble ends where the file does, or where a tensor begins. Reads ahead, counts nothing."""
    layouts = _LAYOUTS[magic]
    for layout in layouts if len(layouts) > 1 else ():
        ahead = Feed(cursor, 4 if magic == _GGML else 8, wide=False)
        try:
            _preamble(ahead, layout)
            dims, name, kind = (ahead.number(ahead.u32) for _ in range(3))
        except ReadProblem:
            continue
        if 0 < dims <= _DIMS and 0 < name <= _NAME_BYTES and kind in TYPES:
            return layout
    if len(layouts) > 1:
        raise Unsupported(4, "the numbers and words of a model that is none of LLaMA, whisper, GPT-2 and GPT-J")
    return layouts[0]


def _preamble(feed: Feed, layout: _Layout) -> int:
    """Read up to the first tensor; the number that says the type. Raises `ReadProblem`."""
    numbers = [feed.number(feed.u32) for _ in range(layout.numbers)]
    if layout.filters:
        mels, bins = feed.number(feed.u32), feed.number(feed.u32)
        feed.skip(mels * bins * _F32)
    words = numbers[layout.words] if layout.words >= 0 else 0
    if layout.counted:
        words = feed.number(feed.u32)
    if words > _WORDS:
        raise OverLimit(feed.position, f"{words} words; {_WORDS} are read at most")
    for _ in range(words):
        length = feed.number(feed.u32)
        if length > _WORD_BYTES:
            raise Malformed(feed.position - 4, f"a word of at most {_WORD_BYTES} bytes", str(length))
        feed.skip(length + _F32 if layout.scored else length)
    return numbers[layout.type] if layout.type >= 0 else 0


class _Tensors:
    """The tensors, each behind its own description, until the file ends."""

    def __init__(self, cursor: Cursor, feed: Feed, layout: _Layout, old: bool) -> None:
        self.cursor, self.feed, self.layout, self.old = cursor, feed, layout, old
        self.teller = Teller(cursor.size)
        self.i32 = Struct("<i")
        self.names: set[int] = set()

    def read(self) -> Iterator[Fact | Gap]:
        count = 0
        while self.feed.left:
            count += 1
            if count > _TENSORS:
                raise OverLimit(self.feed.position, f"more than {_TENSORS} tensors are not read")
            if count % _CHECK_EVERY == 0:
                self.cursor.budget.check_time(self.feed.position)
            yield from self._tensor()
        if not count:
            raise Truncated(self.feed.position, "expected a tensor, got the end of the file")
        yield from self.teller.untold()

    def _tensor(self) -> Iterator[Fact | Gap]:
        start = self.feed.position
        dims, length, kind = (self.feed.number(self.feed.u32) for _ in range(3))
        if dims > _DIMS:
            detail = f"a tensor has {dims} dimensions"
            yield from self.teller.say("gguf-dimensions-too-many", start, start + 12, detail)
            raise Malformed(start, f"at most {_DIMS} dimensions", str(dims))
        if length > _NAME_BYTES:
            raise Malformed(start + 4, f"a name of at most {_NAME_BYTES} bytes", str(length))
        shape = tuple(self.feed.number(self.i32) for _ in range(dims))
        raw = self.feed.take(length)
        name = ascii(raw.decode("utf-8", "replace")[:80])
        if hash(raw) in self.names:
            yield from self.teller.say("gguf-tensor-repeated", start, self.feed.position, f"{name} is there twice")
        self.names.add(hash(raw))
        if self.layout is _RWKV:
            kind = _RWKV_TYPES.get(kind, -1)
        if kind not in TYPES:
            detail = f"{name} has the element type {kind}"
            yield from self.teller.say("gguf-element-type-unknown", start, self.feed.position, detail)
            raise Unsupported(self.feed.position, detail)
        yield from self._data(name, kind, shape, start)

    def _data(self, name: str, kind: int, shape: tuple[int, ...], start: int) -> Iterator[Fact | Gap]:
        block, size = OLD_SIZES.get(kind, TYPES[kind].sizes[0]) if self.old else TYPES[kind].sizes[0]
        count = elements(shape) if all(one >= 0 for one in shape) else None
        needs = MOST + 1 if count is None else -(-count // block) * size
        if needs > MOST:
            detail = f"{name} of shape {shape} has more bytes than 63 bits can count"
            yield from self.teller.say("gguf-tensor-overflows", start, self.feed.position, detail)
            raise Malformed(start, "a tensor that fits an address", detail)
        if shape and shape[0] % block:
            detail = f"{name} has rows of {shape[0]} elements, and {TYPES[kind].name} comes in blocks of {block}"
            yield from self.teller.say("gguf-rows-split-blocks", start, self.feed.position, detail)
        yield from self._padding(name)
        if needs > self.feed.left:
            end = self.cursor.size
            detail = f"{name} reaches to byte {self.feed.position + needs}, and the file ends at {end}"
            yield from self.teller.say("gguf-tensor-beyond-file", start, self.feed.position, detail)
            self.cursor.pass_over(self.feed.position, end)
            raise Truncated(end, detail)
        self.feed.leave(needs)

    def _padding(self, name: str) -> Iterator[Fact]:
        padding = self.feed.take(-self.feed.position % self.layout.align)
        if padding.strip(b"\0"):
            end = self.feed.position
            detail = f"padding before {name} holds something"
            yield from self.teller.say("gguf-padding-filled", end - len(padding), end, detail)


FORMAT = Format(
    name="ggml",
    summary="GGML, GGMF and GGJT models and GGLA adapters, which came before GGUF",
    claims=claims,
    begins=first_bytes(*_LAYOUTS),
    read=read,
    extensions=(".ggml", ".ggmlv3"),
    loaders=(
        "llama.cpp before August 2023, ctransformers, koboldcpp",
        "whisper.cpp",
        "rwkv.cpp before 2024",
    ),
    passes_over="the tensors' bytes, which loaders take as numbers",
    blind_spots=(
        "models of other programs than LLaMA, whisper, GPT-2, GPT-J and RWKV: nobody here knows their layout",
        "the loaders themselves: most are no longer maintained, and check little of what they read",
        "weights and words that were made to misbehave",
    ),
    references=(
        "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#historical-state-of-affairs",
        "https://github.com/ggml-org/whisper.cpp/blob/master/models/convert-pt-to-ggml.py",
    ),
)
