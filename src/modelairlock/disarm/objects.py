"""Reads a pickle into inert values: a small unpickler that imports nothing and calls nothing.

What a newcomer would get wrong: it need not agree with every unpickler on every hostile stream. What comes out is data
wherever it came from; where a pickle does what honest picklers never write, it is refused instead of guessed at.
Long strings and arrays stay in the file as `Blob`s, so memory goes by the number of values, not by their size.
"""

import codecs
from collections.abc import Callable
from functools import partial
from struct import Struct

from modelairlock.disarm.calls import Meaning
from modelairlock.disarm.joblib_wrapper import WRAPPERS, wrapped_array
from modelairlock.disarm.tape import Tape
from modelairlock.disarm.values import Blob, Box, Named, Opaque
from modelairlock.encodings.pickle_machine.opcodes import COUNTED, NAMES
from modelairlock.reading import OverLimit, Unsupported

#: strings and byte strings up to this length are kept, longer ones stay where they are
SHORT = 1024
_NUMBER_BYTES = 1024
_LINE_BYTES = 1024 * 1024
_CHECK = 4096
_DOUBLE = Struct(">d")
_TEXTS = frozenset(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"))
#: Python 2 strings: text to who reads them today, bytes to who wrote them
_OLD_TEXTS = frozenset(("BINSTRING", "SHORT_BINSTRING"))
_PLAIN_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_PUTS = {"BINPUT": 1, "LONG_BINPUT": 4}
_GETS = {"BINGET": 1, "LONG_BINGET": 4}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_EMPTY = {"EMPTY_LIST": "list", "EMPTY_DICT": "dict", "EMPTY_SET": "set"}
_FROM_MARK = {"TUPLE": "tuple", "LIST": "list", "DICT": "dict", "FROZENSET": "set"}
_FIXED_NUMBERS = {"BININT1": 1, "BININT2": 2}


class Objects:
    """One pickle, read from `tape`. `joblib` says whether raw arrays may stand between its opcodes."""

    def __init__(self, tape: Tape, meaning: Meaning, *, joblib: bool = False, depth: int = 0) -> None:
        self.tape = tape
        self.meaning = meaning
        self.joblib = joblib
        self.depth = depth
        self.stack: list[object] = []
        self.outer: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.cells = 0
        self.steps = _steps(self)

    def read(self) -> object:
        """The value of the pickle; `tape` stands behind its STOP then. Raises `ReadProblem`."""
        tape, steps, count = self.tape, self.steps, 0
        while True:
            count += 1
            if not count % _CHECK:
                tape.budget.check_time(tape.at)
                self._enough()
            opcode = tape.take(1)[0]
            if opcode == 0x2E:
                return self.pop()
            step = steps.get(opcode)
            if step is None:
                raise tape.wrong("an opcode of pickle", f"{opcode:#04x}")
            step()

    def pop(self) -> object:
        """The top of the stack."""
        if not self.stack:
            raise self.tape.wrong("a value on the stack", "none")
        return self.stack.pop()

    def push(self, value: object) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def since_mark(self) -> list[object]:
        """All values since the last mark."""
        if not self.outer:
            raise self.tape.wrong("a mark", "none")
        items, self.stack = self.stack, self.outer.pop()
        self.cells += len(items)
        return items

    def _enough(self) -> None:
        limits = self.tape.budget.limits
        if len(self.memo) + self.cells > limits.memo_cells or len(self.stack) > limits.stack_cells:
            raise OverLimit(self.tape.at, "the pickle makes too many values (limits: memo_cells, stack_cells)")
        if len(self.outer) > _MARKS:
            raise OverLimit(self.tape.at, f"more than {_MARKS} marks at a time")

    # Numbers and strings.

    def counted(self, name: str, width: int) -> None:
        """A payload with its length before it."""
        tape = self.tape
        count = tape.number(width)
        if name in ("LONG1", "LONG4"):
            if count > _NUMBER_BYTES:
                raise OverLimit(tape.at, f"a number of {count} bytes")
            self.push(int.from_bytes(tape.take(count), "little", signed=True))
        elif count > SHORT:
            self.push(_blob(name, *tape.skip(count)))
        elif name in _TEXTS:
            self.push(self._text(tape.take(count)))
        elif name in _OLD_TEXTS:
            self.push(_old_text(tape.take(count)))
        else:
            self.push(tape.take(count))

    def _text(self, data: bytes) -> str:
        try:
            return str(data, "utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise self.tape.wrong("text in UTF-8", repr(data[:20])) from None

    def number_line(self, name: str) -> None:
        """A number in digits."""
        text = self.tape.line()
        if name == "INT" and text in (b"00", b"01"):
            self.push(text == b"01")
            return
        try:
            self.push(float(text) if name == "FLOAT" else int(text.rstrip(b"L")))
        except ValueError:
            raise self.tape.wrong("a number", repr(text[:40])) from None

    def string_line(self, name: str) -> None:
        """A string in the notation of Python 2."""
        start, end = self.tape.line_span()
        if end - start > SHORT and name == "UNICODE":
            self.push(Blob(start, end, "latin1-of-escapes", text=True))
            return
        if end - start > _LINE_BYTES:
            raise OverLimit(start, f"a string of {end - start} bytes in the notation of Python 2")
        text = self.tape.source.read(start, end - start)
        try:
            if name == "UNICODE":
                self.push(str(text, "raw-unicode-escape"))
            elif len(text) >= 2 and text[:1] == text[-1:] and text[:1] in (b'"', b"'"):
                self.push(_old_text(codecs.escape_decode(text[1:-1])[0]))
            else:
                raise self.tape.wrong("a string in quotes", repr(text[:40]))
        except ValueError:
            raise self.tape.wrong("a string", repr(text[:40])) from None

    def fixed(self, width: int) -> None:
        """A number of so many bytes."""
        self.push(self.tape.number(width))

    # Containers.

    def empty(self, kind: str) -> None:
        """An empty container."""
        self.push(Box(kind, []))

    def gather(self, kind: str) -> None:
        """A container of all since the mark."""
        items = self.since_mark()
        if kind == "dict" and len(items) % 2:
            raise self.tape.wrong("keys and values", "an odd number of them")
        self.push(Box(kind, items))

    def tuple_of(self, count: int) -> None:
        """A tuple of the last few values."""
        self.cells += count
        items = [self.pop() for _ in range(count)]
        self.push(Box("tuple", items[::-1]))

    def extend(self, kind: str, items: list[object]) -> None:
        """Put `items` into the container on top of the stack."""
        if not self.stack:
            raise self.tape.wrong("a container on the stack", "none")
        self.cells += len(items)
        self.meaning.extend(self.stack[-1], kind, items, self.tape.at)

    # Names and calls.

    def name(self) -> None:
        """GLOBAL: a name in two lines."""
        module, name = self.tape.line(), self.tape.line()
        self.push(Named(module.decode("utf-8", "backslashreplace"), name.decode("utf-8", "backslashreplace")))

    def stack_name(self) -> None:
        """STACK_GLOBAL: a name from the stack."""
        name, module = self.pop(), self.pop()
        if isinstance(name, str) and isinstance(module, str):
            self.push(Named(module, name))
        else:
            self.push(Opaque("a name that is computed"))

    def reduce(self) -> None:
        """REDUCE: what the name on the stack would make of its arguments."""
        arguments, function = self.pop(), self.pop()
        self.push(self.meaning.call(function, arguments, self.tape.at))

    def new(self, keywords: bool) -> None:
        """NEWOBJ and NEWOBJ_EX: an object of a class."""
        more = self.pop() if keywords else None
        arguments, made = self.pop(), self.pop()
        value = self.meaning.new(made, arguments, self.tape.at)
        if isinstance(value, Opaque) and isinstance(more, Box) and more.items:
            value.states.append(more)
        self.push(value)

    def old_instance(self) -> None:
        """INST: a class by its name, and arguments since the mark."""
        self.name()
        made = self.pop()
        self.push(self.meaning.call(made, Box("tuple", self.since_mark()), self.tape.at))

    def old_object(self) -> None:
        """OBJ: a class and arguments since the mark."""
        items = self.since_mark()
        if not items:
            raise self.tape.wrong("a class", "nothing")
        self.push(self.meaning.call(items[0], Box("tuple", items[1:]), self.tape.at))

    def build(self) -> None:
        """BUILD: a state for what is on the stack; in joblib's files an array may follow."""
        state = self.pop()
        if not self.stack:
            raise self.tape.wrong("an object on the stack", "none")
        target = self.stack[-1]
        self.meaning.build(target, state, self.tape.at)
        if self.joblib and isinstance(target, Opaque) and target.what in WRAPPERS:
            self.stack[-1] = wrapped_array(self.tape, target, self._objects)

    def _objects(self) -> object:
        """A pickle within the pickle: joblib's array of objects."""
        if self.depth:
            raise Unsupported(self.tape.at, "an array of objects inside an array of objects")
        return Objects(self.tape, self.meaning, depth=self.depth + 1).read()

    def extension(self, width: int) -> None:
        """EXT1 and its like: a name from a registry that is not in the file."""
        self.push(Opaque(f"entry {self.tape.number(width)} of the extension registry"))

    # Memo and stack.

    def get(self, index: int) -> None:
        """Push what the memo has."""
        if index not in self.memo:
            raise self.tape.wrong("an entry of the memo", f"{index}, which is not there")
        self.push(self.memo[index])

    def put(self, index: int) -> None:
        """Remember the top of the stack."""
        if not self.stack:
            raise self.tape.wrong("a value to remember", "none")
        self.memo[index] = self.stack[-1]

    def get_at(self, width: int) -> None:
        """BINGET and its like."""
        self.get(self.tape.number(width))

    def put_at(self, width: int) -> None:
        """BINPUT and its like."""
        self.put(self.tape.number(width))

    def index_line(self) -> int:
        """The number of a memo entry, in digits."""
        text = self.tape.line()
        if not text.isdigit() or len(text) > 18:
            raise self.tape.wrong("the number of a memo entry", repr(text[:40]))
        return int(text)

    def mark(self) -> None:
        """MARK."""
        self.outer.append(self.stack)
        self.stack = []

    def drop(self) -> None:
        """POP: a value, or a mark if there is none above it."""
        if self.stack:
            self.stack.pop()
        else:
            self.since_mark()

    def twice(self) -> None:
        """DUP."""
        value = self.pop()
        self.push(value)
        self.push(value)

    def buffer(self) -> None:
        """NEXT_BUFFER: bytes that are not in the file."""
        self.push(Opaque("a buffer outside the file"))


_MARKS = 100_000


def _blob(name: str, start: int, end: int) -> Blob:
    if name in _TEXTS:
        return Blob(start, end, "latin1-of-utf8", text=True)
    return Blob(start, end, text=name in _OLD_TEXTS)


def _old_text(data: bytes) -> str | bytes:
    return data.decode("ascii") if data.isascii() else data


def _steps(machine: Objects) -> dict[int, Callable[[], object]]:
    """What to do for each opcode but STOP."""
    by_name = _scalars(machine) | _containers(machine) | _others(machine)
    return {code: by_name[name] for code, name in NAMES.items() if name in by_name}


def _scalars(m: Objects) -> dict[str, Callable[[], object]]:
    tape, push = m.tape, m.push
    steps: dict[str, Callable[[], object]] = {
        "BININT": lambda: push(int.from_bytes(tape.take(4), "little", signed=True)),
        "BINFLOAT": lambda: push(_DOUBLE.unpack(tape.take(8))[0]),
        "PROTO": lambda: tape.take(1),
        "FRAME": lambda: tape.take(8),
    }
    for name, value in _PLAIN_CONSTANTS.items():
        steps[name] = partial(push, value)
    for name, width in _FIXED_NUMBERS.items():
        steps[name] = partial(m.fixed, width)
    for code, (width, _) in COUNTED.items():
        steps[NAMES[code]] = partial(m.counted, NAMES[code], width)
    for name in ("INT", "LONG", "FLOAT"):
        steps[name] = partial(m.number_line, name)
    for name in ("STRING", "UNICODE"):
        steps[name] = partial(m.string_line, name)
    return steps


def _containers(m: Objects) -> dict[str, Callable[[], object]]:
    steps: dict[str, Callable[[], object]] = {
        "APPEND": lambda: m.extend("list", [m.pop()]),
        "APPENDS": lambda: m.extend("list", m.since_mark()),
        "ADDITEMS": lambda: m.extend("set", m.since_mark()),
        "SETITEM": lambda: m.extend("dict", [m.pop(), m.pop()][::-1]),
        "SETITEMS": lambda: m.extend("dict", m.since_mark()),
    }
    for name, kind in _EMPTY.items():
        steps[name] = partial(m.empty, kind)
    for name, kind in _FROM_MARK.items():
        steps[name] = partial(m.gather, kind)
    for name, count in _TUPLES.items():
        steps[name] = partial(m.tuple_of, count)
    return steps


def _others(m: Objects) -> dict[str, Callable[[], object]]:
    tape = m.tape
    steps: dict[str, Callable[[], object]] = {
        "MARK": m.mark, "POP": m.drop, "POP_MARK": m.since_mark, "DUP": m.twice,
        "GLOBAL": m.name, "STACK_GLOBAL": m.stack_name, "REDUCE": m.reduce, "INST": m.old_instance,
        "OBJ": m.old_object, "BUILD": m.build, "NEWOBJ": partial(m.new, False), "NEWOBJ_EX": partial(m.new, True),
        "PERSID": lambda: m.push(m.meaning.persistent(tape.line(), tape.at)),
        "BINPERSID": lambda: m.push(m.meaning.persistent(m.pop(), tape.at)),
        "MEMOIZE": lambda: m.put(len(m.memo)),
        "PUT": lambda: m.put(m.index_line()), "GET": lambda: m.get(m.index_line()),
        "NEXT_BUFFER": m.buffer, "READONLY_BUFFER": lambda: None,
        "EXT1": partial(m.extension, 1), "EXT2": partial(m.extension, 2), "EXT4": partial(m.extension, 4),
    }  # fmt: skip
    for name, width in _PUTS.items():
        steps[name] = partial(m.put_at, width)
    for name, width in _GETS.items():
        steps[name] = partial(m.get_at, width)
    return steps
