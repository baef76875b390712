"""Reads a TFLite model: its operators, the tensors and buffers they share, and what lies behind the flatbuffer.

What a newcomer would get wrong: a buffer may lie in the flatbuffer, behind it (models of more than 2 GiB) or in another
file; an operator's number has two fields, of which the greater counts; and what is glued on behind is a legal zip with
labels and texts. Indices are numbers from the file, and loaders have used them without a look.
"""

from array import array
from collections.abc import Iterator

from modelairlock.encodings.flatbuffers import SMALL, Flat, Table, Vector, behind
from modelairlock.encodings.flexbuffer import flex_kernels
from modelairlock.encodings.tflite_graph import Calls, zeros
from modelairlock.encodings.tflite_schema import CUSTOM, OPERATORS, PLACEHOLDER, TABLES, TYPES, UNIONS
from modelairlock.encodings.zip_records import end_records
from modelairlock.reading import Cursor, OverLimit, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Member, Operator, Reference
from modelairlock.records.span import Span
from modelairlock.records.text import shown

#: different operators and other files that are kept apart
DISTINCT = 10_000
#: indices of tensors that are looked at; an honest model has some for each of its operators
_INDICES = 20_000_000
_PIECE = 4096
_FLEX = "Flex"
#: places of 0 and 1 say that a buffer is not outside
_OUTSIDE = 2
_PADDING = 1 << 16
_HUGE = 2**63
#: what MediaPipe's writers put behind models without files
_EMPTY_ZIP_BYTES = 22
_EMPTY_ZIP = b"PK\5\6".ljust(16, b"\0")


class _Seen:
    """An operator or a file, where it was first met, and how often."""

    __slots__ = ("count", "span", "where")

    def __init__(self, span: Span, where: str) -> None:
        self.span, self.where, self.count = span, where, 0


class Model:
    """The reading of one model. `read` reads; `stated` tells, also after reading had to stop."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.flat = Flat(cursor, TABLES, UNIONS)
        self.calls = Calls(self.flat)
        self.operators: dict[tuple[str, str, str], _Seen] = {}
        self.files: dict[str, _Seen] = {}
        self.codes: list[tuple[str, str, Span]] = []
        self.used = bytearray()
        #: where each buffer lies and how long it is; -1 for one that is empty, -2 for one that is told
        self.starts, self.sizes = array("Q"), array("q")
        self.named: dict[int, str] = {}
        self.wanted = bytearray()
        self.outside: list[tuple[int, int]] = []
        self.members: list[Member] = []
        self.gaps: list[Gap] = []
        self.tensors = self.indices = self.external = 0
        self.graph = ""

    def read(self) -> None:
        """The flatbuffer. Raises `ReadProblem`."""
        flat = self.flat
        model = flat.root("Model")
        for table in flat.walk(model, "metadata"):
            if len(self.named) < DISTINCT:
                self.named[table.number("buffer")] = table.text("name")
        for table in flat.walk(model, "operator_codes"):
            self._code(table)
        for table in flat.walk(model, "buffers"):
            self._buffer(table)
        self.used = bytearray(len(self.codes))
        self.wanted = bytearray(len(self.sizes))
        vector = model.vector("external_buffers")
        self.external = vector.length if vector else 0
        vector = model.vector("subgraphs")
        self.calls.count = vector.length if vector else 0
        for table in flat.walk(model, "subgraphs"):
            self._in_graph(table)
        for field in ("signature_defs", "external_buffers"):
            for _ in flat.walk(model, field):
                pass
        for table in flat.walk(model, "external_buffer_groups"):
            self._file(table)
        self.calls.circles()
        self._unused()
        self._place_buffers()

    def stated(self) -> Iterator[Fact | Gap]:
        """All that was read so far."""
        for (dialect, name, domain), seen in self.operators.items():
            yield Operator(
                span=seen.span, name=name, dialect="tensorflow" if dialect == "tensorflow" else "tflite",
                domain=domain, where=seen.where, count=seen.count,
            )  # fmt: skip
        for target, seen in self.files.items():
            yield Reference(span=seen.span, kind="external-data", target=target, where=seen.where, count=seen.count)
        yield from self.flat.stated()
        yield from self.members
        yield from self.gaps

    # --- operators --------------------------------------------------------------------------------------------------

    def _code(self, table: Table) -> None:
        old, new = table.number("deprecated_builtin_code"), table.number("builtin_code")
        number = max(old, new)
        if new and old not in (0, min(new, PLACEHOLDER)):
            names = f"{_builtin(old)} to loaders before 2.4 and {_builtin(number)} to others"
            self.flat.say("tflite-operator-ambiguous", *table.span, f"an operator is {names}")
        if number == CUSTOM:
            self.codes.append((table.text("custom_code"), "custom", table.span))
        else:
            self.codes.append((_builtin(number), "", table.span))
        if len(self.codes) > DISTINCT:
            raise OverLimit(table.span.start, f"more than {DISTINCT} different operators")

    def _operator(self, table: Table) -> None:
        index = table.number("opcode_index")
        where = f"{self.graph}/{table.index}"
        if index >= len(self.codes):
            detail = f"the operator {shown(where, 80)} is number {index} of {len(self.codes)}"
            self.flat.say("tflite-index-beyond", *table.span, detail)
            return
        self.used[index] = 1
        name, domain, _ = self.codes[index]
        self._met("tflite", name, domain, Span(*table.span), where)
        for field, kind in (("inputs", 1), ("outputs", 0), ("intermediates", 1)):
            self._indices(table.vector(field), f"{field} of {shown(where, 80)}", optional=bool(kind))
        if self._both_ways(table):
            detail = f"the operator {shown(where, 80)} writes a tensor that it reads"
            self.flat.say("tflite-tensor-in-and-out", *table.span, detail)
        spans = self._options(table)
        if not domain or not name.startswith(_FLEX):
            return
        for span in spans:
            self._flex(name, span, where)
        if not spans:
            self._met("tensorflow", name.removeprefix(_FLEX), "", Span(*table.span), where)

    def _both_ways(self, table: Table) -> bool:
        """Whether a tensor is an input and an output; of lists that are long, only the beginning is compared."""
        read, written = (set(self.flat.numbers(table.vector(field), "i32")) for field in ("inputs", "outputs"))
        return not read.isdisjoint(written - {-1})

    def _met(self, dialect: str, name: str, domain: str, span: Span, where: str) -> None:
        key = (dialect, name[:200], domain)
        if key not in self.operators:
            if len(self.operators) >= 3 * DISTINCT:
                raise OverLimit(span.start, f"more than {DISTINCT} different operators")
            self.operators[key] = _Seen(span, shown(where, 120))
        self.operators[key].count += 1

    def _options(self, table: Table) -> list[Span]:
        """Where the options of a custom operator lie: in the flatbuffer, or behind it."""
        spans = []
        vector = table.vector("custom_options")
        if vector and vector.length:
            spans.append(self._bytes(vector, "custom options"))
        start, size = table.number("large_custom_options_offset"), table.number("large_custom_options_size")
        if start >= _OUTSIDE and size:
            span = Span(start, start + size)
            if span.end > self.cursor.size:
                detail = f"options of {shown(self.graph, 80)} reach to byte {span.end} of {self.cursor.size}"
                self.flat.say("tflite-buffer-beyond-file", *table.span, detail)
                return spans
            self.outside.append(span)
            if len(self.outside) > self.cursor.limits.entries:
                raise OverLimit(table.span.start, "too many options behind the flatbuffer (limit: entries)")
            self._member(span, "custom options")
            spans.append(span)
        return spans

    def _flex(self, name: str, span: Span, where: str) -> None:
        kernels = flex_kernels(self.cursor, span) if span.end - span.start <= _PADDING else None
        if kernels is None:
            detail = f"the options of {shown(name, 80)} are nothing that names a kernel of TensorFlow"
            self.gaps.append(Gap(start=span.start, end=span.end, because=Because.MALFORMED, detail=detail))
            if len(self.gaps) > DISTINCT:
                raise OverLimit(span.start, f"more than {DISTINCT} options that are not understood")
            kernels = (name.removeprefix(_FLEX),)
        for kernel in kernels:
            self._met("tensorflow", kernel, "", span, where)
        if kernels != (name.removeprefix(_FLEX),):
            names = " and ".join(shown(kernel, 60) for kernel in kernels)
            detail = f"{shown(where, 80)} calls itself {shown(name, 60)}, and runs {names}"
            self.flat.say("tflite-flex-name-differs", *span, detail)

    # --- graphs -----------------------------------------------------------------------------------------------------

    def _in_graph(self, table: Table) -> None:
        match table.kind:
            case "SubGraph":
                vector = table.vector("tensors")
                self.tensors = vector.length if vector else 0
                self.graph = table.text("name") or f"subgraph {table.index}"
                self.calls.graph = table.index
                self._indices(table.vector("inputs"), f"inputs of {shown(self.graph, 80)}")
                self._indices(table.vector("outputs"), f"outputs of {shown(self.graph, 80)}")
            case "Tensor":
                self._tensor(table)
            case "Operator":
                self._operator(table)
            case _:
                if table.parent is not None and table.parent.kind == "Operator":
                    self.calls.options(table)
                    zeros(self.flat, table)
                self._plain_bytes(table)

    def _plain_bytes(self, table: Table) -> None:
        for field in TABLES[table.kind]:
            if field.kind == "[u8]" and (vector := table.vector(field.name)):
                if table.kind == "Uint8Vector":
                    self.cursor.pass_over(vector.start, vector.end)
                else:
                    self._bytes(vector, f"{table.kind}.{field.name}")

    def _bytes(self, vector: Vector, name: str) -> Span:
        """Settings of an operator: few bytes are read, many may be a file of their own."""
        span = Span(vector.start, vector.end)
        if vector.length <= SMALL:
            self.flat.window.peek(vector.start, vector.length)
        else:
            self._member(span, name)
        return span

    def _member(self, span: Span, name: str) -> None:
        if len(self.members) < DISTINCT:
            self.members.append(Member(span=span, name=name, size_bytes=span.end - span.start, role="raw"))
        else:
            raise OverLimit(span.start, f"more than {DISTINCT} pieces of bytes in one model")

    def _indices(self, vector: Vector | None, what: str, *, optional: bool = False) -> None:
        """Tensors by number; -1 is none, where that is allowed."""
        if vector is None:
            return
        least = -1 if optional else 0
        for first in range(0, vector.length, _PIECE):
            part = Vector(vector.start + 4 * first, min(_PIECE, vector.length - first), 4)
            self.indices += part.length
            if self.indices > _INDICES:
                raise OverLimit(vector.start, f"more than {_INDICES} indices of tensors")
            self.cursor.budget.check_time(part.start)
            numbers = self.flat.numbers(part, "i32", _PIECE)
            if numbers and (min(numbers) < least or max(numbers) >= self.tensors):
                wrong = min(numbers) if min(numbers) < least else max(numbers)
                detail = f"{what} name tensor {wrong}, and there are {self.tensors}"
                self.flat.say("tflite-index-beyond", part.start, part.end, detail)

    def _tensor(self, table: Table) -> None:
        index, name = table.number("buffer"), shown(repr(table.text("name")), 80)
        if index >= len(self.sizes) and index:
            detail = f"{name} lies in buffer {index}, and there are {len(self.sizes)}"
            self.flat.say("tflite-index-beyond", *table.span, detail)
            return
        if index < len(self.wanted):
            self.wanted[index] = 1
        kind, shape = table.number("type"), table.vector("shape")
        if not 0 <= kind < len(TYPES):
            detail = f"{name} has the element type {kind}, which LiteRT 2.3 has not"
            self.gaps.append(
                Gap(start=table.span.start, end=table.span.end, because=Because.UNSUPPORTED, detail=detail)
            )
            if len(self.gaps) > DISTINCT:
                raise OverLimit(table.span.start, f"more than {DISTINCT} tensors of unknown types")
            return
        size = self.sizes[index] if index < len(self.sizes) else -1
        self._fits(table, name, shape, size)

    def _fits(self, table: Table, name: str, shape: Vector | None, size: int) -> None:
        """Whether the buffer is as long as type and shape say."""
        kind, bits = TYPES[table.number("type")]
        dims = self.flat.numbers(shape, "i32")
        count = 1
        for length in dims:
            count *= max(length, 0) if size < 0 else length
        odd = shape is not None and shape.length > len(dims)
        if odd or count >= _HUGE or (dims and min(dims) < (-1 if size < 0 else 0)):
            detail = f"{name} has the shape {shown(str(list(dims)), 80)}"
            self.flat.say("tflite-shape-odd", *table.span, detail)
        elif size >= 0 and bits and "sparsity" not in [field for field, _, _ in table.inner]:
            needs = -(-count * bits // 8)
            if needs != size:
                detail = f"{name}: {kind} of shape {shown(str(list(dims)), 80)} takes {needs} bytes and is given {size}"
                self.flat.say("tflite-tensor-size", *table.span, detail)

    # --- buffers ----------------------------------------------------------------------------------------------------

    def _buffer(self, table: Table) -> None:
        vector = table.vector("data")
        start, size = table.number("offset"), table.number("size")
        outside = start >= _OUTSIDE and size > 0
        if vector and vector.length and outside:
            detail = f"buffer {table.index} lies in two places"
            self.flat.say("tflite-buffer-ambiguous", *table.span, detail)
        if outside and start + size > self.cursor.size:
            detail = f"buffer {table.index} reaches to byte {start + size}, and the file ends at {self.cursor.size}"
            self.flat.say("tflite-buffer-beyond-file", *table.span, detail)
            outside = False
        if outside:
            self.outside.append((start, start + size))
        if vector and vector.length:
            self.starts.append(vector.start)
            self.sizes.append(vector.length)
        else:
            self.starts.append(start if outside else 0)
            self.sizes.append(size if outside else -1)

    def _unused(self) -> None:
        """Operators that no graph has, which loaders look up all the same."""
        for used, (name, domain, span) in zip(self.used, self.codes, strict=True):
            if not used:
                self._met("tflite", name, domain, span, "no graph")

    def _place_buffers(self) -> None:
        """Numbers of tensors are passed over; what is none may be a file of its own."""
        for index, (start, size) in enumerate(zip(self.starts, self.sizes, strict=True)):
            if size <= 0:
                continue
            if index in self.named:
                self._member(Span(start, start + size), f"metadata {shown(self.named[index], 80)}")
            elif self.wanted[index]:
                self.cursor.pass_over(start, start + size)
            else:
                self._member(Span(start, start + size), f"buffer {index}")

    def _file(self, table: Table) -> None:
        target = table.text("name")
        if len(self.files) >= DISTINCT:
            raise OverLimit(table.span.start, f"more than {DISTINCT} other files")
        seen = self.files.setdefault(target, _Seen(table.span, "external_buffer_groups"))
        seen.count += 1

    # --- behind the flatbuffer --------------------------------------------------------------------------------------

    def rest(self) -> Iterator[Fact | Gap]:
        """Buffers behind the flatbuffer, then the zip with metadata; settles the account of everything before."""
        reached = self.flat.settle()
        for start, end in sorted(self.outside):
            if start < reached:
                detail = f"the buffer at {start} begins before byte {reached}, where the one before it ends"
                self.flat.say("flatbuffer-overlap", start, min(reached, end), detail)
            elif start - reached <= _PADDING and not self.cursor.peek(reached, start - reached).strip(b"\0"):
                self.cursor.consumed(reached, start)
            reached = max(reached, end)
        yield from self.tail(reached)

    def tail(self, start: int) -> Iterator[Fact | Gap]:
        """What follows: a zip is read anew, whatever stands before it."""
        if start + _EMPTY_ZIP_BYTES == self.cursor.size and _is_empty_zip(self.cursor.peek(start, _EMPTY_ZIP_BYTES)):
            self.cursor.consumed(start, self.cursor.size)
        elif start < self.cursor.size and end_records(self.cursor.peek, self.cursor.size):
            size = self.cursor.size - start
            yield Member(span=Span(start, self.cursor.size), name="metadata.zip", size_bytes=size)
        else:
            yield from behind(self.flat, start, "the model")


def read_model(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The whole file; what was found before damage is told all the same, and so is the zip behind it."""
    model = Model(cursor)
    try:
        model.read()
        rest = list(model.rest())
    except ReadProblem as problem:
        broken = model.flat.broken_off(problem)
        yield from model.stated()
        if end_records(cursor.peek, cursor.size):
            # Behind the mark, so that this is not a model again.
            yield Member(span=Span(8, cursor.size), name="metadata.zip", size_bytes=cursor.size - 8)
        yield broken
        return
    yield from model.stated()
    yield from rest


def _is_empty_zip(data: bytes) -> bool:
    """An end record of no members; where its directory would be does not matter."""
    return data.startswith(_EMPTY_ZIP) and not any(data[20:])


def _builtin(number: int) -> str:
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else f"BUILTIN_{number}"
