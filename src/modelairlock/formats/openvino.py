"""OpenVINO IR: an XML file of layers that says where in a ``.bin`` beside it the numbers of each constant lie.

What a newcomer would get wrong: OpenVINO reads XML with pugixml, which knows no entities, takes what others refuse and
never complains of a repeated attribute. Here expat reads, and refuses document types before anything in one is looked
at; what it cannot read is a gap. The numbers lie in the other file, which no name in this one chooses: it is the one of
the same name. Whether it is long enough can only be said by who has both.
"""

import codecs
import re
from collections.abc import Iterator
from xml.parsers import expat

from modelairlock.reading import (
    BLANKS,
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
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Operator, Reference
from modelairlock.records.regex import regex
from modelairlock.records.span import Span
from modelairlock.records.text import shown

_PIECE = 1 << 18
#: bytes of one tag; expat keeps it in memory until it ends
_TAG_BYTES = 4 << 20
_DEPTH = 256
_TOLD = 8
_DISTINCT = 10_000
_STRINGS = 8
_DIMENSIONS = 64
_STRING = 200
_INT64 = 2**63
_FREE = frozenset(("rt_info", "meta_data", "cli_parameters", "statistics", "pre_process"))
_ELEMENTS = _FREE | frozenset(
    (
        "net", "layers", "layer", "data", "input", "output", "port", "dim", "edges", "edge", "body", "port_map",
        "back_edges", "attribute", "blobs", "weights", "biases", "custom", "then_body", "else_body", "then_port_map",
        "else_port_map", "metadata", "names", "name",
    )
)  # fmt: skip
#: bits an element; types that are packed in a way of their own are not here
_BITS = {
    "boolean": 8, "bf16": 16, "f16": 16, "f32": 32, "f64": 64, "i4": 4, "i8": 8, "i16": 16, "i32": 32, "i64": 64,
    "u1": 1, "u2": 2, "u4": 4, "u8": 8, "u16": 16, "u32": 32, "u64": 64, "nf4": 4, "f8e4m3": 8, "f8e5m2": 8,
    "f4e2m1": 4, "f8e8m0": 8,
}  # fmt: skip
_NET = regex(r"<net[\s/>]")
_LAYERS = regex(r"<layers[\s/>]")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"<\0", b"\0<")


def claims(probe: Probe) -> bool:
    """XML whose first element is ``net``, with ``layers`` in it."""
    head = probe.head
    if probe.role == "raw" or not head.startswith((b"<", b"\xef\xbb\xbf", b" ", b"\t", b"\n", b"\r", *_UTF16)):
        return False
    if head.startswith(_UTF16):
        text = head.decode("utf-16-be" if head[0] in (0, 0xFE) else "utf-16-le", "ignore").lstrip("\ufeff")
    else:
        text = head.decode("utf-8", "ignore").lstrip("\ufeff")
    return _LAYERS.search(text) is not None and _begins(text)


def _begins(text: str) -> bool:
    """Whether the first element is ``net``; what may stand before it is passed by, once."""
    at = 0
    while True:
        rest = text[at : at + 4096].lstrip()
        at = len(text) if not rest else text.index(rest[0], at)
        if text.startswith("<?", at):
            at = text.find("?>", at) + 2
        elif text.startswith("<!--", at):
            at = text.find("-->", at) + 3
        elif text.startswith("<!", at):
            return _NET.search(text, at) is not None
        else:
            return _NET.match(text, at) is not None
        if at < 4:  # nothing of the kind is that short, so its end was not found
            return False


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The whole document; what was found before damage is told all the same."""
    document = _Document(cursor)
    try:
        document.read()
    except ReadProblem:
        yield from document.stated()
        raise
    yield from document.stated()


class _Layer:
    """A layer that is open."""

    __slots__ = ("domain", "kind", "name", "span", "strings")

    def __init__(self, kind: str, domain: str, name: str, span: Span) -> None:
        self.kind, self.domain, self.name, self.span = kind, domain, name, span
        self.strings: list[str] = []


class _Document:
    """Reads the elements as expat meets them; keeps nothing that grows with the file."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.operators: dict[tuple[str, str, tuple[str, ...]], tuple[_Layer, int]] = {}
        self.odd: list[Irregularity] = []
        self.gaps: list[Gap] = []
        self.reaches = 0
        self.constants = 0
        self.first = Span(0, 0)
        self._told: dict[str, int] = {}
        self._open: list[str] = []
        self._layers: list[_Layer] = []
        self._free = 0
        head = cursor.peek(0, 4)
        # The encoding is stated here, so that a document cannot name one of Python's own.
        self._parser = expat.ParserCreate("utf-16" if head.startswith(_UTF16) else "utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._doctype
        self._parser.buffer_text = False

    def read(self) -> None:
        """The whole file. Raises `ReadProblem`."""
        at = 0
        while at < self.cursor.size:
            self.cursor.budget.check_time(at)
            piece = self.cursor.read(at, min(_PIECE, self.cursor.size - at))
            at += len(piece)
            self._parse(piece, at, final=at == self.cursor.size)
            if at - max(self._parser.CurrentByteIndex, 0) > _TAG_BYTES:
                raise OverLimit(self._here(), f"one tag of more than {_TAG_BYTES} bytes")
        if "net" not in self._told:
            raise Malformed(0, "an element net", "none")

    def _parse(self, piece: bytes, at: int, *, final: bool) -> None:
        try:
            self._parser.Parse(piece, final)
        except expat.ExpatError as error:
            position = min(max(self._parser.ErrorByteIndex, 0), self.cursor.size)
            if final and error.code in _CUT:
                raise Truncated(self.cursor.size, "the document ends before its last element does") from None
            said = expat.ErrorString(error.code)
            raise Malformed(min(position, at), "XML that is well-formed", shown(said, 80)) from None

    def _here(self) -> int:
        return min(max(self._parser.CurrentByteIndex, 0), self.cursor.size)

    def _span(self, name: str) -> Span:
        start = self._here()
        return Span(start, min(start + len(name) + 1, self.cursor.size))

    def stated(self) -> Iterator[Fact | Gap]:
        """All that was read so far."""
        for layer, count in self.operators.values():
            yield Operator(
                span=layer.span, name=layer.kind, dialect="openvino", domain=layer.domain,
                where=shown(layer.name, 120), strings=tuple(layer.strings), count=count,
            )  # fmt: skip
        if self.constants:
            base = self.cursor.name.replace("\\", "/").rpartition("/")[2]
            target = f"{base.rpartition('.')[0] or base}.bin"
            yield Reference(
                span=self.first, kind="external-data", target=target, start=0, length=self.reaches,
                count=self.constants,
            )  # fmt: skip
        yield from self.odd
        yield from self.gaps

    def _doctype(self, *_: object) -> None:
        detail = "a document type, in which entities can be defined"
        self._tell("openvino-doctype", self._span("!DOCTYPE"), detail)
        raise Unsupported(self._here(), "a document type is not read: no exporter writes one")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEPTH:
            raise OverLimit(self._here(), f"elements nested more than {_DEPTH} deep")
        outer = self._open[-1] if self._open else ""
        self._open.append(name)
        if not outer:
            self._told[name] = 1
        if name.replace("-", "_") in _FREE:
            self._free += 1
        if self._free:
            self._noted(name, attributes)
        elif name not in _ELEMENTS:
            self._gap(
                self._span(name), Because.UNSUPPORTED, f"an element {shown(repr(name), 60)} in {outer or 'front'}"
            )
        elif name == "layer":
            self._layer(attributes)
        elif name == "data" and self._layers:
            self._data(attributes)
        elif name in ("weights", "biases", "custom"):
            self._range(attributes.get("offset", ""), attributes.get("size", ""), name)

    def _noted(self, name: str, attributes: dict[str, str]) -> None:
        """What stands where exporters note what they like, and yet is used: see PR 37261 and 33838."""
        if name == "attribute" and "original_size" in attributes:
            self._range(attributes.get("bin_offset", "0"), attributes["original_size"], name)
        elif name == "mean" and "offset" in attributes:
            self._range(attributes["offset"], attributes.get("size", ""), name)

    def _end(self, name: str) -> None:
        self._open.pop()
        if name.replace("-", "_") in _FREE:
            self._free -= 1
        if name == "layer" and not self._free and self._layers:
            self._count(self._layers.pop())

    def _layer(self, attributes: dict[str, str]) -> None:
        kind, version = attributes.get("type", "")[:_STRING], attributes.get("version", "")[:_STRING]
        self._layers.append(_Layer(kind, version, attributes.get("name", ""), self._span("layer")))

    def _count(self, layer: _Layer) -> None:
        if layer.domain.startswith("opset"):
            layer.strings.clear()
        key = (layer.domain, layer.kind, tuple(layer.strings))
        if key not in self.operators and len(self.operators) >= _DISTINCT:
            self._gap(layer.span, Because.OVER_LIMIT, f"more than {_DISTINCT} different layers")
            return
        first, count = self.operators.get(key, (layer, 0))
        self.operators[key] = (first, count + 1)

    def _data(self, attributes: dict[str, str]) -> None:
        layer = self._layers[-1]
        constant = layer.kind.lower() in ("const", "constant")
        if constant or ("offset" in attributes and "size" in attributes):
            size = self._range(attributes.get("offset", ""), attributes.get("size", ""), layer.name)
            if constant and size is not None:
                self._constant(layer, attributes.get("element_type", ""), attributes.get("shape", ""), size)
        else:
            texts = [f"{key}={value}"[:_STRING] for key, value in attributes.items() if not _plain(value)]
            layer.strings.extend(texts[: max(0, _STRINGS - len(layer.strings))])

    def _constant(self, layer: _Layer, element: str, shape: str, size: int) -> None:
        """Whether a constant has as many bytes as its type and shape take."""
        what = f"{shown(repr(layer.name), 80)}: {shown(element, 20)} of shape {shown(repr(shape), 60)}"
        parts = [part.strip() for part in shape.split(",") if part.strip()]
        lengths = [number for part in parts if (number := _number(part)) is not None]
        if len(lengths) < len(parts) or len(parts) > _DIMENSIONS:
            self._tell("openvino-const-odd", layer.span, what)
            return
        bits = _BITS.get(element)
        if bits is None:
            return
        for length in lengths:
            bits *= length
        needs = -(-bits // 8)
        if size != (needs or min(size, 1)):  # one without elements is written as one byte
            self._tell("openvino-const-size", layer.span, f"{what} takes {needs} bytes and is given {size}")

    def _range(self, offset: str, size: str, name: str) -> int | None:
        """A part of the other file; how long it is, if that can be."""
        start, length = _number(offset), _number(size)
        if start is None or length is None or start + length >= _INT64:
            detail = f"{shown(repr(name), 80)} lies at {shown(repr(offset), 40)}, {shown(repr(size), 40)} bytes long"
            self._tell("openvino-const-odd", self._span("data"), detail)
            return None
        if not self.constants:
            self.first = self._span("data")
        self.constants += 1
        self.reaches = max(self.reaches, start + length)
        return length

    def _tell(self, kind: str, span: Span, detail: str) -> None:
        count = self._told[kind] = self._told.get(kind, 0) + 1
        if count <= _TOLD:
            self.odd.append(Irregularity(span=span, kind=kind, detail=detail))

    def _gap(self, span: Span, because: Because, detail: str) -> None:
        if len(self.gaps) <= _TOLD:
            self.gaps.append(Gap(start=span.start, end=span.end, because=because, detail=detail))


#: errors of expat that the end of a document causes: no element, an unclosed token, an unfinished character
_CUT = frozenset((2, 3, 5, 6))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _plain(value: str) -> bool:
    """Whether a value is a number, a few of them, or a truth."""
    return not value or value in ("true", "false") or re.fullmatch(r"[-+\d., ?e]*", value[:_STRING]) is not None


FORMAT = Format(
    name="openvino",
    summary="OpenVINO IR: the layers of a model as XML",
    claims=claims,
    begins=first_bytes(b"<", b"\xef", *BLANKS, *_UTF16),
    read=read,
    loaders=("openvino.Core.read_model and compile_model (2022.1 to 2026.4), without add_extension",),
    blind_spots=(
        "the .bin beside it, which has no mark of its own: one that is scanned with the document is told as its data,"
        " and is unrecognised without it; whether it is missing, or a link, is not looked at",
        "what is in rt_info: notes of the exporter, which programs may read as settings of their own",
        "documents that pugixml takes and expat does not (a repeated attribute, a stray character) are a gap",
        "how much memory and time compiling the model takes",
    ),
    builds_on=("other_text", "text"),
    native=True,
    references=(
        "https://docs.openvino.ai/2026/documentation/openvino-ir-format.html",
        "https://github.com/openvinotoolkit/openvino/pull/37261 (offsets past the end of the .bin)",
        "https://github.com/openvinotoolkit/openvino/pull/33945 (offset and size that wrap around)",
    ),
)
