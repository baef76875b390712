"""What a pickle would do, in the order it would do it, each distinct effect once with a count.

A pickle of a million dates calls one thing a million times. The ledger keeps one entry for each *shape* of a call (the
callable, how it is called, and the kinds of its arguments), the first few calls of each callable word for word, and
for callables whose meaning hangs on a constant argument every constant.
"""

from array import array
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.boxes import CONSTANTS, TUPLE_DEPTH
from modelairlock.encodings.pickle_machine.descriptions import WHOLE, Descriptions
from modelairlock.encodings.pickle_machine.window import Window
from modelairlock.limits import Limits
from modelairlock.reading import OverLimit
from modelairlock.records.facts import (
    ASKED,
    LOOKED_UP,
    Buffer,
    Build,
    Call,
    CallHow,
    ExtensionImport,
    Fact,
    Import,
    Irregularity,
    Key,
    PersistentId,
    SetItem,
    UnresolvedImport,
    Value,
)
from modelairlock.records.span import Span

#: callables whose meaning hangs on constant arguments, and on which: each distinct constant makes a shape of its own.
#: Every vouch with a constraint on constants (``profiles/arguments.py``) must stand here; a test sees to it.
CONSTANTS_MATTER: dict[tuple[str, str], tuple[int, ...]] = {
    ("_codecs", "encode"): (1,),
    ("numpy", "dtype"): (0, 2),
    **{(f"numpy.{core}", "_ufunc_reconstruct"): (0, 1) for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "_reconstruct"): (1,) for core in ("core", "_core")},
    ("numpy.ma.core", "_mareconstruct"): (1, 2, 3),
    **{("numpy.random._pickle", f"__{made}_ctor"): (0,) for made in ("bit_generator", "generator", "randomstate")},
    ("numpy.random", "__RandomState_ctor"): (0,),
    **{
        (module, kind): (1,)
        for module in ("builtins", "__builtin__")
        for kind in ("str", "bytes", "unicode", "bytearray")
    },
    **dict.fromkeys(
        (
            ("pandas.core.indexes.base", "_new_Index"),
            ("pandas.core.indexes.datetimes", "_new_DatetimeIndex"),
            ("pandas.core.indexes.period", "_new_PeriodIndex"),
            ("pandas.indexes.base", "_new_Index"),
            ("pandas.core.index", "_new_Index"),
        ),
        (1,),
    ),
    ("builtins", "getattr"): (1,),
    ("__builtin__", "getattr"): (1,),
}
#: calls of one shape that are kept word for word, before only the shape is
WORD_FOR_WORD = 16
#: callables that load what they are given: each distinct byte string makes a shape of its own, and is read in turn
LOADERS = frozenset(
    {
        ("pickle", "loads"),
        ("_pickle", "loads"),
        ("cPickle", "loads"),
        ("pickle", "_loads"),
        ("dill", "loads"),
        ("dill._dill", "loads"),
        ("cloudpickle", "loads"),
        ("cloudpickle.cloudpickle", "loads"),
        ("torch.storage", "_load_from_bytes"),
        ("io", "BytesIO"),
        ("_io", "BytesIO"),
        ("StringIO", "StringIO"),
        ("marshal", "loads"),
    }
)
#: arguments of a call, and parts of a persistent id, that are kept; what an unknown one more stands for is not told
ARGUMENTS = 16
#: functions that are looked for among the values; with more than any honest pickle calls, all count as kept
SEARCHED = 256
_FUNCTIONS = frozenset(("reduce", "obj", "inst"))
_PIECE = 1 << 16
#: strings that are known to be ordinary attribute names
ORDINARY = 1 << 16
#: see `Irregularity`; judged by the rule ``unvouched-code``
UNMAPPED = "pickle-name-unmapped"
#: see `Irregularity`; judged by the rule ``hidden-instructions``
FORGED = "joblib-wrapper-forged"
#: characters of all names that one pickle imports; honest ones have thousands, of a few dozen characters each
NAMES = 4_000_000
#: see `Irregularity`; judged by the rule ``special-attribute``
FILLED_LATE = "pickle-filled-late"
#: how much of a constant that matters is part of the shape
CONSTANT_CHARACTERS = 100


class _Shape:
    """One shape of call: which call and fact stand for it, and how often its words were looked at."""

    __slots__ = ("fact", "looks", "number")

    def __init__(self, number: int, fact: int) -> None:
        self.number = number
        self.fact = fact
        self.looks = 0


class Ledger(Descriptions):
    """Distinct effects in order of their first occurrence. Indices into its tables are what values carry."""

    __slots__ = (
        "asked",
        "counts",
        "facts",
        "garbled",
        "letters",
        "names",
        "ordinary",
        "pids",
        "seen",
        "shapes",
        "used",
        "used_count",
        "words",
    )

    def __init__(self, window: Window, limits: Limits) -> None:
        super().__init__(window, limits)
        #: facts without counts; ``counts[i]`` is how often ``facts[i]`` happened
        self.facts: list[Fact] = []
        self.counts: list[int] = []
        self.seen: dict[object, int] = {}
        self.names: dict[tuple[str, str], int] = {}
        #: characters of them
        self.letters = 0
        self.shapes: dict[object, _Shape] = {}
        self.words: dict[object, tuple[int, int]] = {}
        self.pids: dict[Value, int] = {}
        #: by name, where in `tuples` it stands as an argument of a call; elsewhere it is kept as a value
        self.used: dict[int, set[int]] = {}
        self.used_count = 0
        #: whether these are the effects of a file that is read otherwise than it was meant: then a dict of attributes
        #: may well have keys that are none, and honestly so
        self.garbled = False
        #: strings that are fit to name an attribute of a state
        self.ordinary: set[int] = set()
        #: strings that name one of `ASKED`
        self.asked: dict[int, str] = {}

    def twin(self, window: Window, limits: Limits) -> "Ledger":
        """A ledger that knows every value of this one, as long as this one rests, and has no facts yet."""
        twin = Ledger(window, limits)
        twin.globals, twin.described, twin.names = self.globals[:], self.described[:], dict(self.names)
        twin.calls, twin.persistent = self.calls[:], self.persistent[:]
        twin.tuples = self.tuples[:]
        twin.boxes = self.boxes.branch(twin.tuples)
        return twin

    def add(self, key: object, fact: Fact) -> int:
        """Enter a fact that was not there; returns its index."""
        index = self.seen[key] = len(self.facts)
        if index >= self.limits.facts:
            raise OverLimit(fact.span.start, f"more than {self.limits.facts} distinct effects (limit: facts)")
        self.facts.append(fact)
        self.counts.append(1)
        return index

    def add_once(self, key: object, fact: Fact) -> None:
        """Enter a fact, or count it again."""
        if not self.again(key):
            self.add(key, fact)

    def again(self, key: object) -> bool:
        """Count one more of the fact under `key`, if it is there."""
        index = self.seen.get(key)
        if index is None:
            return False
        self.counts[index] += 1
        return True

    def stated(self) -> Iterator[Fact]:
        """Every fact, in order, with its count."""
        kept = {self.globals[value >> 4] for value in self._kept()}
        for fact, count in zip(self.facts, self.counts, strict=True):
            if isinstance(fact, Import) and (fact.module, fact.qualname) in kept:
                fact = replace(fact, kept=True)
            yield fact if count == 1 or not hasattr(fact, "count") else replace(fact, count=count)

    def _kept(self) -> set[int]:
        """Names that are called, and stand somewhere as a value too."""
        called = {function for function, how, _ in self.calls if how in _FUNCTIONS and function & v.KIND == v.GLOBAL}
        if len(called) > SEARCHED:
            return called
        kept = called & self.boxes.kept_globals
        for start in range(0, len(self.tuples), _PIECE):
            piece = self.tuples[start : start + _PIECE].tobytes()
            kept.update(value for value in called - kept if self._stands_in(piece, start, value))
        return kept

    def _stands_in(self, piece: bytes, start: int, value: int) -> bool:
        """Whether `value` stands in a piece of `tuples` as anything but an argument."""
        used = self.used.get(value, ())
        sought = array("q", (value,)).tobytes()
        at = piece.find(sought)
        while at >= 0:
            if at % len(sought) == 0 and start + at // len(sought) not in used:
                return True
            at = piece.find(sought, at + 1)
        return False

    # -- effects ---------------------------------------------------------------------------------------------

    def import_(self, span: tuple[int, int], module: str, qualname: str, opcode: str) -> int:
        """GLOBAL, INST, or STACK_GLOBAL with constant names; returns the value of what is imported."""
        name = (module, qualname)
        index = self.names.get(name)
        if index is None:
            self.letters += len(module) + len(qualname)
            if self.letters > NAMES:
                raise OverLimit(span[0], f"names of more than {NAMES:,} characters are imported")
            index = self.names[name] = len(self.globals)
            self.globals.append(name)
            self.described.append(Value("global", qualname, module=module))
        key = ("import", index, opcode)
        if not self.again(key):
            self.add(key, Import(span=Span(*span), module=module, qualname=qualname, opcode=opcode))
        return index << 4 | v.GLOBAL

    def import_of_long_name(self, span: tuple[int, int], module: str, qualname: str, opcode: str) -> int:
        """An import whose name is longer than any, and is told in part."""
        if not self.again(("long", opcode)):
            most = self.limits.text_characters
            named = [Value("str", text[:most], cut=len(text) > most) for text in (module, qualname)]
            fact = UnresolvedImport(span=Span(*span), module=named[0], qualname=named[1], opcode=opcode)
            self.add(("long", opcode), fact)
        return v.UNRESOLVED

    def unmapped(self, span: tuple[int, int], module: str, qualname: str, protocol: int) -> None:
        """A name of Python 2 where no unpickler maps it: a module of that name is imported, if there is one."""
        key = ("unmapped", module, qualname)
        if not self.again(key):
            detail = f"{module}.{qualname} at protocol {protocol}"
            self.add(key, Irregularity(span=Span(*span), kind=UNMAPPED, detail=detail))

    def forged(self, span: tuple[int, int], detail: str) -> None:
        """A stand-in for an array is used as joblib never does."""
        if not self.again(("forged", detail)):
            self.add(("forged", detail), Irregularity(span=Span(*span), kind=FORGED, detail=detail))

    def another(self, made: int) -> int:
        """A value that is told like `made`, the result of a call, and is not the same."""
        self.calls.append(self.calls[made >> 4])
        return len(self.calls) - 1 << 4 | v.CALL

    def filled_late(self, span: tuple[int, int]) -> None:
        """Something goes into a list or dict after a call or a state was given it."""
        if not self.again("late"):
            detail = "a list or dict is filled after a call or a state was given it"
            self.add("late", Irregularity(span=Span(*span), kind=FILLED_LATE, detail=detail))

    def unresolved(self, span: tuple[int, int], module: int, qualname: int) -> int:
        """STACK_GLOBAL whose operands are not constant strings."""
        key = ("unresolved", module & v.KIND, qualname & v.KIND)
        if not self.again(key):
            fact = UnresolvedImport(
                span=Span(*span), module=self.value(module), qualname=self.value(qualname), opcode="STACK_GLOBAL"
            )
            self.add(key, fact)
        return v.UNRESOLVED

    def extension(self, span: tuple[int, int], code: int) -> int:
        """EXT1, EXT2, EXT4."""
        key = ("extension", code)
        if not self.again(key):
            self.add(key, ExtensionImport(span=Span(*span), code=code))
        return v.EXTENSION

    def call(self, span: tuple[int, int], function: int, how: CallHow, arguments: tuple[int, ...]) -> int:
        """A call of any kind; returns the value of its result."""
        for argument in arguments:
            if argument & v.KIND in (v.BOX, v.TUPLE):
                self.boxes.give(argument)
        number = self._called(span, function, how, _few(arguments))
        return self._bytes_of_text(function, arguments) or number << 4 | v.CALL

    def _bytes_of_text(self, function: int, arguments: tuple[int, ...]) -> int:
        """Below protocol 3 bytes are spelled ``_codecs.encode('…', 'latin1')``: that constant, else 0."""
        if function & v.KIND != v.GLOBAL or self.globals[function >> 4] != ("_codecs", "encode"):
            return 0
        if len(arguments) != 2 or arguments[0] & v.KIND != v.STR or self.text(arguments[1]) != "latin1":
            return 0
        return arguments[0] >> 4 << 4 | v.BYTES

    def used_as_arguments(self, packed: int, arguments: tuple[int, ...]) -> None:
        """The tuple `packed` is handed to a call."""
        for place, argument in enumerate(arguments, (packed >> 4) + 1):
            if argument & v.KIND == v.GLOBAL and packed & v.KIND == v.TUPLE:
                places = self.used.setdefault(argument, set())
                self.used_count += 8 * (place not in places)
                places.add(place)

    def keys(self, span: tuple[int, int], keys: list[int]) -> None:
        """Something is hashed, and compared with what hashes alike: a dict's keys, the items of a set."""
        if set(map(v.kind_of, keys)) <= CONSTANTS:
            return
        for key in keys:
            for item in self._hashed(key, 0):
                if not self.again(("key", item)):
                    self.add(("key", item), Key(span=Span(*span), value=self.value(item)))

    def _hashed(self, key: int, depth: int) -> Iterator[int]:
        """The parts of a key whose own code hashes them."""
        kind = key & v.KIND
        if kind == v.TUPLE and depth < TUPLE_DEPTH:
            for item in self.boxes.uncommon(key):
                yield from self._hashed(item, depth + 1)
        elif kind not in CONSTANTS and kind != v.GLOBAL:
            yield key if kind != v.TUPLE else v.UNKNOWN

    def _called(self, span: tuple[int, int], function: int, how: CallHow, arguments: tuple[int, ...]) -> int:
        """Enter a call; returns the number of the call that stands for it."""
        key = (function, how, self._kinds(function, arguments))
        shape = self.shapes.get(key)
        if shape is not None and shape.looks >= WORD_FOR_WORD:
            self.counts[shape.fact] += 1
            return shape.number
        described = tuple([self.value(argument) for argument in arguments])
        words = (key, described)
        number, fact = self.words.get(words, (-1, -1))
        if number >= 0:
            self.counts[fact] += 1
        else:
            number = len(self.calls)
            self.calls.append((function, how, arguments))
            fact = self.add(words, Call(span=Span(*span), callable=self.value(function), how=how, arguments=described))
            self.words[words] = (number, fact)
        if shape is None:
            shape = self.shapes[key] = _Shape(number, fact)
        shape.looks += 1
        return number

    def _kinds(self, function: int, arguments: tuple[int, ...]) -> tuple[object, ...]:
        kinds: list[object] = [
            argument & v.KIND if argument & v.KIND in _FOLDED else self._content(argument) for argument in arguments
        ]
        if function & v.KIND == v.CALL:
            # A method that was looked up: what its constants mean, nobody can list here.
            return tuple([self._constant(argument) for argument in arguments])
        if function & v.KIND == v.GLOBAL:
            if self.globals[function >> 4] in LOADERS:
                kinds = list(arguments)
            for index in CONSTANTS_MATTER.get(self.globals[function >> 4], ()):
                if index < len(kinds):
                    kinds[index] = self._constant(arguments[index])
        return tuple(kinds)

    def _constant(self, value: int) -> object:
        if value & v.KIND == v.STR:
            return v.decode_text(self.window, value >> 4, CONSTANT_CHARACTERS)
        return _few(self.items(value) or ()) if value & v.KIND == v.TUPLE else value

    def build(self, span: tuple[int, int], target: int, state: int) -> None:
        """BUILD."""
        if state & v.KIND == v.GLOBAL:
            self.boxes.kept_globals.add(state)
        odd, asked = self._odd_attributes(state)
        if state & v.KIND == v.TUPLE:
            self.boxes.give(state)
        elif state & v.KIND == v.BOX:
            self.boxes.given.add(state >> 8)  # it may become the object's own dict; what it holds may be a cycle
        if self._is_dtype(target):
            # Whether a data type tells the truth hangs on all of its state, so none of it is folded or cut.
            told = self.value(state, 0, WHOLE)
            key: object = ("build", target, told)
            if not self.again(key):
                self.add(key, Build(span=Span(*span), target=self.value(target), state=told, odd=odd, asked=asked))
            return
        items = self.items(state) or ()
        key = ("build", target, odd, asked, len(items), self._content(state, makers=True))
        if not self.again(key):
            told = self.value(state, 1)
            self.add(key, Build(span=Span(*span), target=self.value(target), state=told, odd=odd, asked=asked))

    def _odd_attributes(self, state: int) -> tuple[tuple[str, ...], tuple[tuple[str, Value], ...]]:
        """Keys of a state that are no ordinary attribute names: special ones, and what is not a constant string.

        And the attributes that classes ask for something, where they are no constants. BUILD takes a dict, or a pair of
        one for ``__dict__`` and one for slots, or what the class wants.
        """
        items = self.items(state)
        dicts = (state,) if items is None else items
        odd: dict[str, None] = {}
        asked: dict[tuple[str, Value], None] = {}
        for value in dicts:
            if value & v.KIND == v.BOX and value >> 4 & 15 == v.DICT >> 4:
                box = self.boxes.find(value)
                keys = [v.UNKNOWN] if box is None or box.items is None else box.items[::2]
                unknown = set(keys) - self.ordinary
                odd.update(dict.fromkeys(filter(None, map(self._odd, unknown))))
                if box is not None and box.items is not None and not unknown.isdisjoint(self.asked):
                    asked.update(dict.fromkeys(self._asked_of(box.items)))
        return tuple(odd)[:ARGUMENTS], tuple(asked)[:ARGUMENTS]

    def _asked_of(self, items: Sequence[int]) -> Iterator[tuple[str, Value]]:
        """The attributes of `ASKED` among keys and values, unless a constant or, to look names up in, a plain dict."""
        for key, value in zip(items[::2], items[1::2], strict=False):
            name = self.asked.get(key, "")
            plain_dict = value & v.KIND == v.BOX and value >> 4 & 15 == v.DICT >> 4
            if name and value & v.KIND not in CONSTANTS and not (plain_dict and name in LOOKED_UP):
                yield name, self.value(value, self.limits.value_depth)

    def _odd(self, key: int) -> str:
        text = self.text(key)
        if text is None:
            return "" if self.garbled and self._is_no_text(key) else "?"
        if text.startswith("__"):
            return text[:CONSTANT_CHARACTERS]
        if text in ASKED:
            if len(self.asked) < ORDINARY:
                self.asked[key] = text
                return ""
            return "?"
        if len(self.ordinary) < ORDINARY:
            self.ordinary.add(key)
        return ""

    def _is_no_text(self, key: int) -> bool:
        return key & v.KIND in _NO_TEXT or self._is_dtype(key)

    def _is_dtype(self, target: int) -> bool:
        if target & v.KIND != v.CALL:
            return False
        function = self.calls[target >> 4][0]
        return function & v.KIND == v.GLOBAL and self.globals[function >> 4] == ("numpy", "dtype")

    def set_item(self, span: tuple[int, int], target: int, opcode: str) -> None:
        """SETITEM(S), APPEND(S) or ADDITEMS on something that the pickle did not make as a plain container."""
        key = ("items", target if target & v.KIND in _EXACT else target & v.KIND, opcode)
        if not self.again(key):
            self.add(key, SetItem(span=Span(*span), target=self.value(target), opcode=opcode))

    def persist(self, span: tuple[int, int], pid: int) -> int:
        """PERSID or BINPERSID; returns the value of the object looked up."""
        described = self.value(pid)
        key = ("persistent", described)
        if not self.again(key):
            self.pids[described] = len(self.persistent)
            self.persistent.append(_few(self.items(pid) or (pid,)))
            self.add(key, PersistentId(span=Span(*span), value=described))
        return self._module_class(pid) or self.pids[described] << 4 | v.PERSISTENT

    def _module_class(self, pid: int) -> int:
        """torch's stream format wraps a module's class as ``('module', class, file, source)``: that class, else 0."""
        items = self.items(pid)
        if items is None or len(items) != 4 or items[1] & v.KIND != v.GLOBAL or self.text(items[0]) != "module":
            return 0
        return items[1]

    def buffer(self, span: tuple[int, int]) -> None:
        """NEXT_BUFFER."""
        if not self.again("buffer"):
            self.add("buffer", Buffer(span=Span(*span)))


#: kinds of values that cannot be the name of an attribute
_NO_TEXT = frozenset((v.INT, v.BYTES, v.CONSTANT, v.NUMBER, v.GLOBAL, v.TUPLE, v.BOX))
#: kinds of arguments that make no shape of their own
_FOLDED = CONSTANTS - {v.CONSTANT}


def _few(values: tuple[int, ...]) -> tuple[int, ...]:
    return values if len(values) <= ARGUMENTS else (*values[:ARGUMENTS], v.UNKNOWN)


#: kinds whose very value is part of a call's shape: which callable, which class, which constant
_EXACT = frozenset({v.GLOBAL, v.CALL, v.CONSTANT, v.BOX, v.OTHER})
