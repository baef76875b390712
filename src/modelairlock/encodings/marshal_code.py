"""Takes marshalled Python code apart without `marshal`, and says what it and the code inside it name.

What a newcomer would get wrong: nothing here becomes a code object, and nothing here tells what the code *does*. A name
that it looks up can be computed (``getattr(x, "sys" + "tem")``), so what is not named is not thereby out of reach.

The layout of a code object belongs to the Python that wrote it and is nowhere stated, so each known layout is tried
until one fits. `marshal.loads` reads one object and ignores what follows, and so does this.
"""

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from modelairlock.reading import Malformed, OverLimit

DEPTH = 48
"""Objects inside objects: functions in functions, tuples in tuples. CPython itself stops at 2000."""
OBJECTS = 200_000
"""Objects in all; a function of a thousand lines has a few thousand."""

_REF = 0x80
_INT = Struct("<i")
#: objects without content: None, True, False, StopIteration, Ellipsis
_EMPTY = frozenset(b"NTFS.")
_SEQUENCES = {ord("("): 4, ord(")"): 1, ord("["): 4, ord("<"): 4, ord(">"): 4}
#: texts and bytes: how many bytes their length takes, and how they are spelled
_TEXTS = {
    ord("u"): (4, "utf-8"), ord("t"): (4, "utf-8"), ord("a"): (4, "latin-1"), ord("A"): (4, "latin-1"),
    ord("z"): (1, "latin-1"), ord("Z"): (1, "latin-1"), ord("s"): (4, ""),
}  # fmt: skip
#: numbers whose size is fixed, and those spelled as text with their length before them (one or two of them)
_FIXED = {ord("i"): 4, ord("I"): 8, ord("g"): 8, ord("y"): 16}
_SPELLED = {ord("f"): 1, ord("x"): 2}


class _Layout(NamedTuple):
    """The fields of a code object: numbers, then objects, then the line, then more objects."""

    python: str
    numbers: int
    before: tuple[str, ...]
    after: int


_OLD = ("code", "consts", "names", "varnames", "freevars", "cellvars", "filename", "name")
_NEW = ("code", "consts", "names", "localsplusnames", "localspluskinds", "filename", "name", "qualname")
#: CPython's ``Python/marshal.c``, ``w_object`` of 3.6, 3.8 (positional-only arguments), 3.11 (exception table); 2.7 has
#: one number less and byte strings for names
_LAYOUTS = (
    _Layout("3.11 or later", 5, _NEW, 2),
    _Layout("3.8 to 3.10", 6, _OLD, 1),
    _Layout("3.6 or 3.7", 5, _OLD, 1),
    _Layout("2.7", 4, _OLD, 1),
)


class _Opcodes(NamedTuple):
    """What there is to know of a version to see which names it imports."""

    python: str
    resume: int
    import_name: int
    extended: int


#: by the opcode that functions begin with since 3.11; those of 3.14 are not known here, so its imports are not told
_SINCE_3_11 = (_Opcodes("3.11 or 3.12", 151, 108, 144), _Opcodes("3.13", 149, 75, 71))
_WORDCODE = _Opcodes("", 0, 108, 144)


class Taken(NamedTuple):
    """What a code object and all code in it name: `names` that it looks up, `imports` among them, text constants."""

    names: tuple[str, ...]
    imports: tuple[str, ...]
    strings: tuple[str, ...]
    python: str


def take_apart(data: bytes) -> Taken:
    """What the marshalled code in `data` names. Raises `Malformed` where no layout fits, `OverLimit` beyond limits."""
    problem: Malformed | None = None
    for layout in _LAYOUTS:
        reader = _Reader(data, layout)
        try:
            reader.document()
        except Malformed as wrong:
            problem = wrong if problem is None or wrong.position > problem.position else problem
        else:
            return reader.taken()
    assert problem is not None
    raise problem


class _Code(NamedTuple):
    code: bytes
    consts: tuple[object, ...]
    names: tuple[str, ...]


class _Reader:
    """One attempt with one layout. Objects are texts, bytes and tuples; whatever else there is becomes None."""

    __slots__ = ("codes", "data", "interned", "layout", "objects", "position", "refs")

    def __init__(self, data: bytes, layout: _Layout) -> None:
        self.data = data
        self.layout = layout
        self.position = 0
        self.objects = 0
        self.refs: list[object] = []
        self.interned: list[object] = []
        self.codes: list[_Code] = []

    def document(self) -> None:
        """The one object, which must be code."""
        if not self.data or self.data[0] & ~_REF != ord("c"):
            raise Malformed(0, "marshalled code", repr(self.data[:8])[1:] or "nothing")
        self.one(0)

    def taken(self) -> Taken:
        """What all code objects name, in the order in which they end: functions before what they stand in."""
        names: dict[str, None] = {}
        imports: dict[str, None] = {}
        strings: dict[str, None] = {}
        python = self.layout.python
        for code in self.codes:
            names.update(dict.fromkeys(code.names))
            strings.update(dict.fromkeys(_texts(code.consts)))
            opcodes = self._opcodes(code.code)
            if opcodes is not None:
                python = opcodes.python or python
                imports.update(dict.fromkeys(_imports(code, opcodes)))
        return Taken(tuple(names), tuple(imports), tuple(strings), python)

    def _opcodes(self, code: bytes) -> _Opcodes | None:
        if self.layout.python == "2.7":
            return None
        if self.layout.before is _OLD:
            return _WORDCODE
        beginning = code[:64:2]
        first = [(beginning.find(one.resume), one) for one in _SINCE_3_11 if one.resume in beginning]
        return min(first)[1] if first else None

    def one(self, depth: int) -> object:
        """The next object, whatever it is."""
        self.objects += 1
        if depth > DEPTH or self.objects > OBJECTS:
            raise OverLimit(self.position, f"marshalled code deeper than {DEPTH} or of more than {OBJECTS} objects")
        tag = self._bytes(1)[0]
        kind = tag & ~_REF
        place = self._reserve() if tag & _REF else None
        value = self._value(kind, depth)
        if place is not None:
            self.refs[place] = value
        return value

    def _reserve(self) -> int:
        self.refs.append(None)
        return len(self.refs) - 1

    def _value(self, kind: int, depth: int) -> object:
        if kind in _TEXTS:
            return self._text(kind)
        if kind in _SEQUENCES:
            return self._sequence(self._count(_SEQUENCES[kind]), depth)
        if kind == ord("c"):
            self._code(depth)
            return None
        if kind == ord("r"):
            return self._referred(self.refs)
        if kind == ord("R"):
            return self._referred(self.interned)
        if kind == ord("{"):
            return self._dictionary(depth)
        if kind == ord(":"):
            return self._sequence(3, depth)
        self._number(kind)
        return None

    def _number(self, kind: int) -> None:
        """Pass what is one value without a name in it."""
        if kind in _FIXED:
            self._bytes(_FIXED[kind])
        elif kind in _SPELLED:
            for _ in range(_SPELLED[kind]):
                self._bytes(self._bytes(1)[0])
        elif kind == ord("l"):
            self._bytes(2 * abs(self._int()))
        elif kind not in _EMPTY:
            raise Malformed(self.position - 1, "the type of a marshalled object", repr(bytes([kind]))[1:])

    def _text(self, kind: int) -> str | bytes:
        width, encoding = _TEXTS[kind]
        raw = self._bytes(self._count(width))
        text = raw.decode(encoding, "replace") if encoding else raw
        if kind == ord("t"):
            self.interned.append(text)
        return text

    def _sequence(self, count: int, depth: int) -> tuple[object, ...]:
        return tuple(self.one(depth + 1) for _ in range(count))

    def _dictionary(self, depth: int) -> tuple[object, ...]:
        found = []
        while self.data[self.position : self.position + 1] != b"0":
            found.append(self.one(depth + 1))
        self._bytes(1)
        return tuple(found)

    def _referred(self, table: list[object]) -> object:
        index = self._int()
        if not 0 <= index < len(table):
            raise Malformed(self.position - 4, f"one of {len(table)} earlier objects", str(index))
        return table[index]

    def _code(self, depth: int) -> None:
        start = self.position
        self._bytes(4 * self.layout.numbers)
        fields = {name: self.one(depth + 1) for name in self.layout.before}
        self._int()
        rest = [self.one(depth + 1) for _ in range(self.layout.after)]
        code, consts, names = fields["code"], fields["consts"], fields["names"]
        if not isinstance(code, bytes) or not isinstance(consts, tuple) or not isinstance(names, tuple):
            raise Malformed(start, f"a code object of Python {self.layout.python}", "fields of other types")
        if not all(isinstance(one, bytes) for one in rest):
            raise Malformed(start, f"a code object of Python {self.layout.python}", "no table of lines at its end")
        self.codes.append(_Code(code, consts, tuple(_name(one) for one in names)))

    def _count(self, width: int) -> int:
        """A length or number of items, each of which takes a byte at least."""
        count = self._bytes(1)[0] if width == 1 else self._int()
        if not 0 <= count <= len(self.data) - self.position:
            raise Malformed(self.position - width, f"at most {len(self.data) - self.position} items", str(count))
        return count

    def _int(self) -> int:
        value: int = _INT.unpack(self._bytes(4))[0]
        return value

    def _bytes(self, count: int) -> bytes:
        data = self.data[self.position : self.position + count]
        if len(data) < count:
            raise Malformed(self.position, f"{count} bytes", f"{len(data)} before the end")
        self.position += count
        return data


def _name(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else "?"


def _texts(values: tuple[object, ...]) -> Iterator[str]:
    """The texts in constants. Tuples may be shared by reference, so each is looked at once."""
    left: list[object] = list(reversed(values))
    seen: set[int] = set()
    while left:
        value = left.pop()
        if isinstance(value, tuple) and id(value) not in seen:
            seen.add(id(value))
            left.extend(reversed(value))
        elif isinstance(value, str):
            yield value
        elif isinstance(value, bytes):
            yield value.decode("latin-1")


def _imports(code: _Code, opcodes: _Opcodes) -> Iterator[str]:
    """The names that IMPORT_NAME takes. An inline cache is passed as if it were an instruction, which can only add."""
    argument = 0
    for at in range(0, len(code.code) - 1, 2):
        operation = code.code[at]
        argument = argument << 8 | code.code[at + 1]
        if operation == opcodes.extended:
            argument &= 0xFFFFFF
            continue
        if operation == opcodes.import_name and argument < len(code.names):
            yield code.names[argument]
        argument = 0
