"""Tensors as plain bytes behind a JSON header that says where each one lies.

What a newcomer would get wrong: the format has nothing that runs, so all there is to find is a header that two
readers take differently: tensors that share bytes, bytes that belong to no tensor, a name that stands twice (the
reference keeps one and does not say which), a size that is not what type and shape need. Most of these the reference
reader refuses; readers in other languages often do not look. Types smaller than a byte (F4, F6) are counted in bits.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeGuard

from modelairlock.encodings.strict_json import Kind, Pairs, Piece, pairs, place, text, walk
from modelairlock.reading import Cursor, Format, Malformed, OverLimit, Probe, Truncated
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity
from modelairlock.records.regex import regex
from modelairlock.records.span import Extents, Span
from modelairlock.records.tensors import BITS, NAME_CHARACTERS, is_odd
from modelairlock.records.text import counted

PREFIX = 8
HEADER_BYTES = 100_000_000
"""The largest header that the reference reader takes."""
#: facts of one kind; a header full of the same fault is told about once in a while and then counted
_TOLD = 8
_SCAN_BYTES = 1 << 20
#: ranges between holes that are passed over one by one; from there on a file full of holes is one gap
_RANGES = 1000

_BEGINS = regex(rb"[ \t\r\n]*+\{[ \t\r\n]*+[\"}]")


class _Tensor(NamedTuple):
    """Where a tensor's bytes lie in the file, and whether that agrees with its type and shape."""

    start: int
    end: int
    agrees: bool


def claims(probe: Probe) -> bool:
    """A length that is no text, and then JSON that begins with an object."""
    length = int.from_bytes(probe.head[:PREFIX], "little")
    return 2 <= length < 2**40 and _BEGINS.match(probe.head, PREFIX) is not None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The header piece by piece, then the account of the buffer. The tensors themselves are passed over."""
    length = int.from_bytes(cursor.read(0, PREFIX), "little")
    limit = min(HEADER_BYTES, cursor.limits.header_bytes)
    if length > limit:
        raise OverLimit(0, f"a header of {length} bytes; {limit} are read at most (limit: header_bytes)")
    buffer = PREFIX + length
    if buffer > cursor.size:
        raise Truncated(PREFIX, f"expected a header of {length} bytes, got {cursor.size - PREFIX} before the end")
    header = _Header(cursor, buffer)
    yield from header.read()
    yield from _account(cursor, buffer, header.tensors)


class _Header:
    """Reads the header's entries and remembers where each tensor lies."""

    def __init__(self, cursor: Cursor, buffer: int) -> None:
        self.cursor = cursor
        self.buffer = buffer
        self.pieces = walk(cursor, PREFIX, buffer)
        self.tensors: list[_Tensor] = []
        self.told: dict[str, int] = {}

    def read(self) -> Iterator[Fact | Gap]:
        """Everything the entries say that is not in order."""
        yield from self._begin()
        yield from self._entries()

    def _begin(self) -> Iterator[Fact | Gap]:
        first = next(self.pieces)
        if first.kind is not Kind.OPEN_OBJECT:
            raise Malformed(first.position, "a JSON object", repr(first.raw[:20])[1:])
        if first.position != PREFIX:
            detail = "the header begins with blanks, where the specification wants '{'"
            yield from self.tell("header-begins-late", first, detail)
            yield Gap(start=PREFIX, end=first.position, because=Because.MALFORMED, detail=detail)

    def _entries(self) -> Iterator[Fact | Gap]:
        name = ""
        for piece in self.pieces:
            if piece.kind is Kind.KEY:
                name = text(piece.raw)
            elif piece.kind is Kind.MEMBERS:
                for key, value in pairs(piece):
                    yield from self._entry(key, value, piece)
            elif piece.kind is Kind.FLAT:
                yield from self._entry(name, pairs(piece), piece)
            elif piece.kind is Kind.REPEATED:
                yield from self.tell("key-repeated", piece, f"{_short(text(piece.raw))} stands twice in the header")
            elif piece.kind is Kind.OPEN_OBJECT and name == "__metadata__":
                yield from self._long_metadata()
            elif piece.kind is not Kind.CLOSE_OBJECT:
                raise Malformed(piece.position, "an object that describes a tensor", repr(piece.raw[:20])[1:])

    def _entry(self, name: str, value: Any, piece: Piece) -> Iterator[Fact | Gap]:
        if name == "__metadata__":
            if value is not None:
                yield from self._metadata(value, piece)
        elif isinstance(value, tuple):
            yield from self._tensor(name, value, piece)
        else:
            raise Malformed(place(piece, name).start, "an object that describes a tensor", _short(str(value)))

    def tell(self, kind: str, piece: Piece, detail: str, name: str | None = None) -> Iterator[Irregularity]:
        """The fact, at `name` or at the whole piece, unless there have been many of its kind."""
        self.told[kind] = self.told.get(kind, 0) + 1
        if self.told[kind] <= _TOLD:
            span = Span(piece.position, piece.position + len(piece.raw)) if name is None else place(piece, name)
            yield Irregularity(span=span, kind=kind, detail=detail)

    def _metadata(self, value: Any, piece: Piece) -> Iterator[Fact]:
        """A map of strings to strings; what the strings mean is for their readers."""
        if not isinstance(value, tuple) or not all(isinstance(said, str) for _, said in value):
            at = place(piece, "__metadata__").start
            raise Malformed(at, "an object of strings as __metadata__", _short(str(value)))
        if len(dict(value)) < len(value):
            yield from self.tell("key-repeated", piece, "a key stands twice in __metadata__", "__metadata__")

    def _long_metadata(self) -> Iterator[Fact]:
        for piece in self.pieces:
            if piece.kind is Kind.CLOSE_OBJECT:
                return
            if piece.kind is Kind.REPEATED:
                yield from self.tell("key-repeated", piece, f"{_short(text(piece.raw))} stands twice in __metadata__")
            elif piece.kind is Kind.MEMBERS:
                yield from self._metadata(tuple(dict(pairs(piece)).items()), piece)
            elif piece.kind is not Kind.KEY and not piece.raw.startswith(b'"'):
                raise Malformed(piece.position, "a string in __metadata__", repr(piece.raw[:20])[1:])

    def _tensor(self, name: str, members: Pairs, piece: Piece) -> Iterator[Fact | Gap]:
        entry = dict(members)
        if len(entry) < len(members):
            yield from self.tell("key-repeated", piece, f"a key stands twice in {_short(name)}", name)
        if is_odd(name):
            detail = f"a tensor named {_short(name)}: control characters, a path, or more than {NAME_CHARACTERS} long"
            yield from self.tell("name-odd", piece, detail, name)
        dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if not isinstance(dtype, str) or not _unsigned(shape) or not _unsigned(offsets):
            at = place(piece, name).start
            raise Malformed(at, "dtype, shape and data_offsets of a tensor", _short(str(entry)))
        if len(offsets) != 2 or offsets[0] > offsets[1]:
            at = place(piece, name).start
            raise Malformed(at, "data_offsets of a begin and an end", _short(str(offsets[:4])))
        start, end = self.buffer + offsets[0], self.buffer + offsets[1]
        yield from self._placed(name, piece, (dtype, shape), (start, end))

    def _placed(
        self, name: str, opening: Piece, kind: tuple[str, list[int]], place: tuple[int, int]
    ) -> Iterator[Fact | Gap]:
        (dtype, shape), (start, end) = kind, place
        if dtype not in BITS:
            yield from self._unknown(name, dtype, start, end)
            self._add(_Tensor(start, end, agrees=False), opening)
            return
        needs = _bytes(BITS[dtype], shape)
        if needs != end - start:
            need = "no whole 64-bit number of bytes" if needs is None else f"{needs} bytes"
            detail = f"{_short(name)}: {dtype} of shape {_short(str(shape))} takes {need} and is given {end - start}"
            yield from self.tell("tensor-size-differs", opening, detail, name)
        self._add(_Tensor(start, end, agrees=needs == end - start), opening)

    def _unknown(self, name: str, dtype: str, start: int, end: int) -> Iterator[Gap]:
        """A gap of its own for the first few; the bytes of the others stay unaccounted for."""
        self.told["dtype"] = self.told.get("dtype", 0) + 1
        if self.told["dtype"] <= _TOLD:
            detail = f"{_short(name)} has an element type this reader does not know: {_short(dtype)}"
            start, end = min(start, self.cursor.size), min(end, self.cursor.size)
            yield Gap(start=start, end=end, because=Because.UNSUPPORTED, detail=detail)

    def _add(self, tensor: _Tensor, opening: Piece) -> None:
        if len(self.tensors) >= self.cursor.limits.entries:
            raise OverLimit(opening.position, f"more than {self.cursor.limits.entries} tensors (limit: entries)")
        self.tensors.append(tensor)


def _unsigned(values: Any) -> TypeGuard[list[int]]:
    """Whether this is a list of unsigned 64-bit numbers."""
    # `type`, because True is an int as well.
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**64 for value in values)


def _bytes(bits: int, shape: list[int]) -> int | None:
    """How many bytes the elements take, by the reference's arithmetic: no step may pass 64 bits, no byte be split."""
    count = 1
    for length in shape:
        count *= length
        if count >= 2**64:
            return None
    total = count * bits
    return total // 8 if total < 2**64 and total % 8 == 0 else None


def _account(cursor: Cursor, buffer: int, tensors: list[_Tensor]) -> Iterator[Fact | Gap]:
    """What well-described tensors cover is passed over; overlaps, holes and what comes after the last one are told."""
    tensors.sort()
    covered = Extents()
    reached, told = buffer, 0
    for tensor in tensors:
        if tensor.agrees:
            covered.add(tensor.start, tensor.end)
        if tensor.start != reached and told < _TOLD:
            told += 1
            yield _misplaced(tensor, reached, cursor.size)
        reached = max(reached, tensor.end)
    for start, end in islice(covered, _RANGES):
        cursor.pass_over(start, end)
    if reached > cursor.size:
        raise Truncated(cursor.size, f"the tensors reach to byte {reached}, and the file ends at {cursor.size}")
    if reached < cursor.size:
        yield from _rest(cursor, reached)


def _misplaced(tensor: _Tensor, reached: int, size: int) -> Irregularity:
    if tensor.start < reached:
        start, end = min(tensor.start, size), min(tensor.end, reached, size)
        detail = f"the tensor at {tensor.start}..{tensor.end} begins before the one before it ends at {reached}"
        return Irregularity(span=Span(start, max(start, end)), kind="tensors-overlap", detail=detail)
    detail = f"{tensor.start - reached} bytes belong to no tensor"
    span = Span(min(reached, size), min(tensor.start, size))
    return Irregularity(span=span, kind="hole-between-tensors", detail=detail)


def _rest(cursor: Cursor, start: int) -> Iterator[Fact | Gap]:
    rest = cursor.peek(start, min(_SCAN_BYTES, cursor.size - start))
    kind = "bytes-after-tensors" if rest.strip(b"\0") else "zeros-after-tensors"
    detail = f"{counted(cursor.size - start, 'byte')} after the last tensor"
    yield Irregularity(span=Span(start, cursor.size), kind=kind, detail=detail)
    yield Gap(start=start, end=cursor.size, because=Because.UNRECOGNISED, detail=detail)


def _short(value: str) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


FORMAT = Format(
    name="safetensors",
    summary="safetensors",
    claims=claims,
    read=read,
    extensions=(".safetensors",),
    loaders=("safetensors.safe_open", "safetensors.torch.load_file", "transformers from_pretrained"),
    passes_over="the tensors' bytes, which loaders copy or map as numbers",
    blind_spots=(
        "what the numbers do: a model that behaves badly on purpose looks like any other",
        "the strings of __metadata__, which some programs read as settings of their own",
    ),
    references=(
        "https://github.com/huggingface/safetensors#format",
        "https://huggingface.co/docs/safetensors/metadata_parsing",
    ),
)
