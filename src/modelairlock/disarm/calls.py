"""What the few names mean that pickles of tensors are made with. Every other name makes an opaque box.

The list is short, and each entry makes data of data: nothing is imported, and no name of a file is ever called.
"""

from collections.abc import Callable

from modelairlock.disarm import numpy_calls, torch_calls
from modelairlock.disarm.joblib_wrapper import WRAPPERS
from modelairlock.disarm.values import Array, Blob, Box, Dtype, Named, Opaque, Storage, View, tensors_in
from modelairlock.reading import Unsupported
from modelairlock.records.disarm import MOST_NOTES

#: what a call may make, given its arguments; None where they are not what honest picklers write
Made = Callable[["Meaning", list[object]], object]

#: the storage that a checkpoint of nothing else holds, or None
Embedded = Callable[[Blob | bytes], Storage | None]

_OBJECT_MAKERS = frozenset((("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"), ("copyreg", "__newobj__")))
_GIVEN = "a call that it is given to may change it"
_CHANGED = "the pickle changes it after it was made"


class Meaning:
    """What is known while one file's pickles are read."""

    def __init__(self, embedded: Embedded | None = None) -> None:
        #: what reads a checkpoint that stands as bytes in the pickle
        self.embedded = embedded
        #: torch's storages by key: the first that is said of one counts
        self.storages: dict[str, Storage] = {}
        #: names that were called and mean nothing here, and where they were first
        self.called: dict[str, int] = {}
        #: what happened on the way and leaves no trace in the result
        self.notes: list[tuple[str, str, str]] = []
        #: how many notes and names there were beyond those that are kept
        self.more = 0

    def note(self, at: int, what: str, why: str) -> None:
        """Remember something that is not carried over: where, what and why."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append((f"byte {at}", what, why))
        else:
            self.more += 1

    def call(self, function: object, arguments: object, at: int) -> object:
        """What calling `function` with `arguments` stands for."""
        if isinstance(function, Named):
            if function in _OBJECT_MAKERS:
                return self._object(arguments, at)
            made = _CALLS.get(function)
            if made and isinstance(arguments, Box) and arguments.kind == "tuple":
                value = made(self, arguments.items)
                if value is not None:
                    return value
            return self._opaque(function.path, arguments, at, called=True)
        return self._opaque("something computed", arguments, at, called=True)

    def new(self, made: object, arguments: object, at: int) -> object:
        """An object of a class, which is only a box unless the class is one of the list."""
        if isinstance(made, Named) and made in _PLAIN_CLASSES:
            return self.call(made, arguments, at)
        return self._opaque(made.path if isinstance(made, Named) else "something computed", arguments, at)

    def _object(self, arguments: object, at: int) -> object:
        items = arguments.items if isinstance(arguments, Box) else []
        made = items[0] if items else None
        return self._opaque(made.path if isinstance(made, Named) else "something computed", arguments, at)

    def _opaque(self, what: str, arguments: object, at: int, *, called: bool = False) -> Opaque:
        if what not in WRAPPERS and what not in self.called:
            if len(self.called) < MOST_NOTES:
                self.called[what] = at
            else:
                self.more += 1
        for one in tensors_in(arguments) if called else ():
            one.why = one.why or _GIVEN
            if isinstance(one, View):
                one.storage.why = one.storage.why or _GIVEN
        return Opaque(what, arguments, called=called)

    def persistent(self, pid: object, _at: int) -> object:
        """What a persistent id stands for: a storage of torch, or nothing we know."""
        return torch_calls.storage(self.storages, pid) or Opaque("a persistent id")

    def extend(self, target: object, kind: str, items: list[object], at: int) -> None:
        """Append to, add to or set items of `target`. Raises `Unsupported` where no unpickler would."""
        if isinstance(target, Box) and target.kind == kind:
            if kind == "dict" and len(items) % 2:
                raise Unsupported(at, "a dict is given a key without a value")
            target.items.extend(items)
        elif isinstance(target, Opaque):
            target.items.extend(items)
        elif not self._spoil(target, at):
            raise Unsupported(at, "the pickle changes something that cannot be changed")

    def build(self, target: object, state: object, at: int) -> None:
        """Give `target` a state."""
        if isinstance(target, Opaque):
            target.states.append(state)
        elif isinstance(target, Array) and target.dtype is None:
            numpy_calls.build_array(target, state)
        elif isinstance(target, Dtype) and target.own and not target.built:
            numpy_calls.build_dtype(target, state)
        elif isinstance(target, Box) and target.kind in ("dict", "list", "set"):
            target.attributes.append(state)
        elif not self._spoil(target, at):
            raise Unsupported(at, "the pickle gives a state to something that has none")

    def _spoil(self, target: object, at: int) -> bool:
        """What is changed after it was made is not carried over: only running the pickle would say what it becomes."""
        if isinstance(target, Named):
            self.note(at, target.path, "the pickle would change it for the whole program")
            return True
        if isinstance(target, View):
            target.why = target.storage.why = _CHANGED
            return True
        if isinstance(target, Storage | Array | Dtype):
            target.why = _CHANGED
            return True
        return False


def _ordered(_: Meaning, arguments: list[object]) -> object:
    """A dict: empty, or of pairs."""
    if not arguments:
        return Box("dict", [])
    pairs = arguments[0]
    if isinstance(pairs, Box) and pairs.kind == "dict":
        return Box("dict", list(pairs.items))
    if not isinstance(pairs, Box) or pairs.kind not in ("list", "tuple"):
        return None
    flat: list[object] = []
    for pair in pairs.items:
        if not isinstance(pair, Box) or len(pair.items) != 2:
            return None
        flat.extend(pair.items)
    return Box("dict", flat)


def _default(_: Meaning, arguments: list[object]) -> object:
    """A `defaultdict` is a dict once it is data."""
    return Box("dict", []) if len(arguments) <= 1 else None


def _embedded(meaning: Meaning, arguments: list[object]) -> object:
    """``torch.storage._load_from_bytes``: a storage as plain `pickle` writes it, a whole checkpoint in a string."""
    given = arguments[0] if len(arguments) == 1 else None
    return meaning.embedded(given) if meaning.embedded and isinstance(given, Blob | bytes) else None


def _box(kind: str) -> Made:
    def made(_: Meaning, arguments: list[object]) -> object:
        if not arguments:
            return Box(kind, [])
        given = arguments[0]
        plain = isinstance(given, Box) and given.kind in ("list", "tuple", "set") and len(arguments) == 1
        return Box(kind, list(given.items)) if plain and isinstance(given, Box) else None

    return made


def _torch(function: Callable[..., object]) -> Made:
    return lambda meaning, arguments: function(meaning.call, arguments)


def _plain(function: Callable[[list[object]], object]) -> Made:
    return lambda _, arguments: function(arguments)


_BUILTINS = ("builtins", "__builtin__")
_PLAIN_CLASSES = frozenset(
    [("collections", "OrderedDict"), ("collections", "defaultdict"), ("torch", "Size")]
    + [(module, kind) for module in _BUILTINS for kind in ("dict", "list", "set", "frozenset", "tuple")]
)
_CALLS: dict[tuple[str, str], Made] = {
    ("collections", "OrderedDict"): _ordered,
    ("collections", "defaultdict"): _default,
    ("torch", "Size"): _box("tuple"),
    ("torch.storage", "_load_from_bytes"): _embedded,
    ("_codecs", "encode"): _plain(numpy_calls.encoded),
}
for _module in _BUILTINS:
    _CALLS |= {(_module, kind): _box(kind) for kind in ("list", "tuple", "set")}
    _CALLS |= {(_module, "frozenset"): _box("set"), (_module, "dict"): _ordered}
    _CALLS |= {(_module, kind): _plain(numpy_calls.as_bytes) for kind in ("bytes", "bytearray")}
_CALLS |= {name: _plain(function) for name, function in numpy_calls.CALLS.items()}
_CALLS |= {name: _torch(function) for name, function in torch_calls.CALLS.items()}
