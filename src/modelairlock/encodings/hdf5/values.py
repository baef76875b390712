"""Values that are bytes or texts: which of them are plain text, and which the tree shall look at.

What a newcomer would get wrong: HDF5 runs nothing, yet programs on top of it do. Keras takes two attributes for the
configuration of a model. PyTables unpickles *every* text attribute that ends in a full stop, and each row of an array
of objects. So whatever is no plain text, or ends like a pickle, is a member, and is passed over only if no format
claims it.
"""

from collections.abc import Iterator

from modelairlock.encodings.hdf5.attributes import Attribute
from modelairlock.encodings.hdf5.datatypes import STRING, VARIABLE, Datatype, Variable
from modelairlock.encodings.hdf5.heaps import GlobalHeap
from modelairlock.encodings.hdf5.store import Fields, Store, Told
from modelairlock.encodings.pickle_stream import STARTS, imported_before_breaking_off
from modelairlock.reading import Malformed, OverLimit, ReadProblem, SubSource
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Member, Role
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

#: attributes whose text Keras deserializes
KERAS = frozenset(("model_config", "training_config"))
_CONTROL = regex(rb"[\x00-\x08\x0e-\x1f\x7f]")
#: elements of one value that are looked at one by one
_SINGLE = 10_000
_PIECE = 1 << 16
_NESTED = 4
_NAME_CHARACTERS = 200
#: members of one file that hold the bytes of elements, attributes or heaps: each costs a look at its beginning
_OFFERED = 150_000


def is_plain(data: bytes) -> bool:
    """Whether nobody would take `data` for anything but text."""
    if _CONTROL.search(data):
        return False
    return not (len(data) > 2 and data.endswith(b".") and data[0] in STARTS)


class Values:
    """Turns values into members, or counts them as read."""

    __slots__ = ("heap", "hidden", "offered", "store")

    def __init__(self, store: Store, heap: GlobalHeap) -> None:
        self.store, self.heap = store, heap
        self.offered = 0
        #: whether rows of PyTables objects are somewhere in heaps, and only compressed elements say where
        self.hidden = False

    def attribute(self, where: str, attribute: Attribute) -> Told:
        """The value of an attribute of the object called `where`."""
        kind, (start, end) = attribute.kind, attribute.value
        if attribute.name == "FILTERS" and b"tables.Leaf" in self.store.peek(start, min(_PIECE, end - start)):
            # For old files PyTables puts another name there before it unpickles what it has then.
            detail = f"{where}@FILTERS: what PyTables makes of settings of its version 1 is read by nobody here"
            yield Gap(start=start, end=end, because=Because.UNSUPPORTED, detail=detail)
        text = kind.kind == STRING or (kind.kind == VARIABLE and kind.variables[0].text)
        for told in self._attribute(where, attribute):
            yield told
            if text and attribute.space.shape == () and isinstance(told, Member) and told.role == "raw":
                yield from self._imported(told)

    def row(self, member: Member) -> Iterator[Gap]:
        """What PyTables imports for a row that breaks off."""
        start, end = member.span
        if names := imported_before_breaking_off(SubSource(self.store.cursor.source, start, end)):
            detail = f"{member.name}: for an array of objects PyTables imports {', '.join(names)[:120]}"
            yield Gap(start=start, end=end, because=Because.MALFORMED, detail=f"{detail} before it breaks off")

    def _imported(self, member: Member) -> Iterator[Gap]:
        """What PyTables imports while it tries a text as a pickle; one that gets further is read as what it is."""
        store, start = self.store, member.span.start
        # Of a text of fixed size it sees what is behind a zero as well, of another nothing; both are tried.
        for end in sorted({_before_zero(store, start, member.span.end), member.span.end}):
            if end > start and store.peek(end - 1, 1) == b".":
                names = imported_before_breaking_off(SubSource(store.cursor.source, start, end))
                if names:
                    detail = f"{member.name}: PyTables takes it for a pickle and imports {', '.join(names)[:120]}"
                    yield Gap(start=start, end=end, because=Because.MALFORMED, detail=f"{detail} before it breaks off")
                    return

    def _attribute(self, where: str, attribute: Attribute) -> Told:
        kind, (start, end) = attribute.kind, attribute.value
        role: Role = "keras-config" if attribute.name in KERAS else "raw"
        name = f"{where}@{attribute.name[:_NAME_CHARACTERS]}"
        if kind.variables:
            self.store.peek(start, min(_PIECE, end - start))
            yield from self.elements(name, kind, Span(start, end), role)
        elif kind.kind == STRING and kind.size:
            yield from self._strings(name, kind.size, Span(start, end), role)
        elif kind.bytes_like:
            yield from self.bytes(name, start, end, role)
        else:
            self.store.cursor.pass_over(start, end)

    def _strings(self, name: str, size: int, span: Span, role: Role) -> Told:
        if (span.end - span.start) // size > _SINGLE:
            yield from self.bytes(name, span.start, span.end, "raw")
            return
        for at in range(span.start, span.end, size):
            # Readers take off the zeros that fill up a text; what stands between zeros is theirs.
            used = len(self.store.cursor.peek(at, size).rstrip(b"\0"))
            self.store.consumed(at + used, at + size)
            yield from self.bytes(name, at, at + used, role)

    def bytes(self, name: str, start: int, end: int, role: Role = "raw") -> Told:
        """Some bytes: read if they are plain text, and for the tree to look at otherwise."""
        if start == end:
            return
        if role == "raw" and end - start <= _PIECE:
            data = self.store.peek(start, end - start)
            if is_plain(data) or end - start <= 2:
                self.store.consumed(start, end)
                return
        self.offered += 1
        if self.offered > _OFFERED:
            raise OverLimit(start, f"more than {_OFFERED} values that may be something else")
        self.store.peek(start, 1)
        yield Member(span=Span(start, end), name=name, role=role)

    def elements(self, name: str, kind: Datatype, span: Span, role: Role = "raw", depth: int = 0) -> Told:
        """Elements with references into the heap, one after another, and what they refer to."""
        store = self.store
        reach = max(one.offset for one in kind.variables) + 8 + store.offsets
        if kind.size < reach:
            raise Malformed(span.start, f"elements of at least {reach} bytes, with a reference", str(kind.size))
        step = max(1, _PIECE // kind.size) * kind.size
        for first in range(span.start, span.end, step):
            store.cursor.budget.check_time(first)
            fields = store.fields(first, min(step, span.end - first))
            for at in range(0, len(fields.data) - kind.size + 1, kind.size):
                for variable in kind.variables:
                    yield from self._referred(name, fields, at, variable, role, depth)

    def _referred(self, name: str, fields: Fields, at: int, variable: Variable, role: Role, depth: int) -> Told:
        store = self.store
        reference = Fields(fields.data[at + variable.offset :], fields.start + at + variable.offset)
        length = reference.number(4)
        heap = store.address(reference)
        index = reference.number(4)
        if heap is None or heap == store.base or not length:
            return
        try:
            found = self.heap.find(heap, index)
        except OverLimit:
            raise
        except ReadProblem as problem:
            yield from store.problem(problem, name)
            return
        start, end = found.start, min(found.end, found.start + length * max(variable.base.size, 1))
        padding = self.heap.padding(found)
        store.fields(padding.start, padding.end - padding.start)
        if variable.base.variables:
            if depth >= _NESTED:
                raise Malformed(start, f"references at most {_NESTED} deep", "more")
            yield from self.elements(name, variable.base, Span(start, end), role, depth + 1)
        elif not variable.base.bytes_like and not variable.text:
            store.cursor.pass_over(start, end)
        elif variable.text:
            yield from self._text(name, start, end, role)
        else:
            yield from self.bytes(name, start, end, role)

    def _text(self, name: str, start: int, end: int, role: Role) -> Told:
        """A text of variable length: programs written in C, and h5py, see what stands before the first zero."""
        store = self.store
        shown = _before_zero(store, start, end)
        rest = store.cursor.peek(shown, min(_PIECE, end - shown)).strip(b"\0")
        if not rest and end - shown <= _PIECE:
            store.consumed(shown, end)
            end = shown
        else:
            detail = f"{end - shown} bytes behind the end of {name}"
            yield from store.teller.say("hdf5-text-after-zero", shown, end, detail)
            if role != "raw":
                yield from self.bytes(name, start, shown, role)
                start, role = shown, "raw"
        yield from self.bytes(name, start, end, role)


def _before_zero(store: Store, start: int, end: int) -> int:
    for at in range(start, end, _PIECE):
        found = store.peek(at, min(_PIECE, end - at)).find(b"\0")
        if found >= 0:
            return at + found
    return end


def is_rows(kind: Datatype) -> bool:
    """Whether elements are sequences of bytes, as PyTables keeps pickles."""
    return kind.kind == VARIABLE and not kind.variables[0].text and kind.variables[0].base.whole_byte


def as_bytes(kind: Datatype) -> Datatype:
    """The same for who takes whatever the heap holds as it stands."""
    bases = (one._replace(base=one.base._replace(bytes_like=True)) for one in kind.variables)
    return kind._replace(variables=tuple(bases))


def marks_objects(name: str, kind: Datatype, value: bytes) -> bool:
    """Whether PyTables may take the rows of an array for pickles if it has this attribute.

    The value may be a pickle itself, of the word that counts. Files of PyTables 1.x have another name for it.
    """
    text = value.rstrip(b"\0")
    if name == "PSEUDOATOM":
        return kind.kind != STRING or text not in (b"vlstring", b"vlunicode")
    return name == "FLAVOR" and (kind.kind != STRING or text == b"Object" or text.endswith(b"."))
