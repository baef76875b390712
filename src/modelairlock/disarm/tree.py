"""Walks what a pickle made: tensors get dotted names, plain data becomes JSON, and the rest is named and left behind.

``{"model": {"layers": [tensor]}}`` gives ``model.layers.0``. An object of a class is walked for what its state holds,
and a torch module in the way that its own ``state_dict()`` names things; the object itself is left behind.
JSON has fewer types than Python. What it lacks stands as an object with one key that begins with ``$``, and a key of
the file that begins so gets another one: see docs/guide/convert.md.
"""

from modelairlock.disarm.calls import Meaning
from modelairlock.disarm.harvest import ONLY, Harvest
from modelairlock.disarm.numbers import TORCH_DTYPES, item_bytes
from modelairlock.disarm.plain import is_text, plain_name, plain_value
from modelairlock.disarm.scalars import plain_number, plain_texts
from modelairlock.disarm.values import (
    Array,
    Blob,
    Box,
    Dtype,
    Lost,
    Named,
    Opaque,
    Scalar,
    Storage,
    View,
    states_of,
    tensors_in,
)  # fmt: skip
from modelairlock.reading import Budget, OverLimit, Source
from modelairlock.records.disarm import NOTE_CHARACTERS, PLAIN_BYTES
from modelairlock.records.text import shown

DEPTH = 64
#: the clock is looked at once in so many values
_CHECK = 64
#: of an array of texts
_TEXT_BYTES = 1024 * 1024
_SPELLED = {"latin1-of-escapes": "raw-unicode-escape"}
_NOTHING = object()
_INSIDE_ITSELF = "it is inside itself"


class Walk:
    """One walk from the root of what a pickle made.

    `own`: what classes begin with that need not be told one by one. `made`: those whose code makes their attributes.
    """

    def __init__(
        self, harvest: Harvest, source: Source, budget: Budget, *, own: str = "", made: frozenset[str] = frozenset()
    ) -> None:
        self.own, self.made = own, made
        self.harvest = harvest
        self.source = source
        self.budget = budget
        self.left = budget.limits.entries
        self.text_left = PLAIN_BYTES
        self.above: set[int] = set()
        #: names that were met as values, and so are told where they stood
        self.met: set[str] = set()

    def root(self, value: object, path: str = "") -> object:
        """The plain part of `value`, which stands at `path`; None if there is none."""
        plain = self.walk(value, path, 0)
        if self.text_left < 0:
            self.harvest.lose("", "what is no tensor", f"its texts are more than {PLAIN_BYTES} bytes")
            return None
        return None if plain is _NOTHING else plain

    def walk(self, value: object, path: str, depth: int) -> object:
        """The JSON that stands for `value`, or `_NOTHING`."""
        self.left -= 1
        if self.left < 0:
            raise OverLimit(0, "too many values, or the same ones in too many places (limit: entries)")
        if not self.left % _CHECK:
            self.budget.check_time(0)
        if value is None or isinstance(value, bool | int | float | str | bytes | Blob | Scalar):
            return self._scalar(value, path)
        if isinstance(value, View) and not value.attributes:
            self.harvest.view(path or ONLY, value)
        elif isinstance(value, Array):
            return self._array(value, path, depth)
        elif isinstance(value, Lost):
            self.harvest.lose(path, value.what, value.why)
        elif isinstance(value, Box | Opaque | View):
            return self._inside(value, path, depth)
        else:
            return self._other(value, path)
        return _NOTHING

    def _tensor(self, view: View, path: str, depth: int) -> object:
        """A tensor, and the attributes that Python code gave it."""
        self.harvest.view(path or ONLY, view)
        made: dict[str, object] = {}
        for state in view.attributes:
            for one in states_of(state):
                self._attributes(one, _join(path, "$attributes"), depth, made)
        return {"$attributes": made} if made else _NOTHING

    def _array(self, array: Array, path: str, depth: int) -> object:
        """A tensor, unless it holds objects or texts: those of one dimension are a list."""
        one = len(array.shape) == 1 and not array.why
        if one and array.objects is not None:
            return self._inside(array.objects, path, depth)
        texts = self._texts(array) if one and array.dtype and array.dtype.code[:1] in ("U", "S") else None
        if texts is not None:
            return [self._scalar(text, path) for text in texts]
        self.harvest.array(path or ONLY, array)
        return _NOTHING

    def _texts(self, array: Array) -> list[object] | None:
        dtype, data = array.dtype, array.data
        if dtype is None or dtype.why or data is None or item_bytes(dtype) * array.shape[0] > _TEXT_BYTES:
            return None
        if isinstance(data, Blob):
            if data.method != "stored":
                return None
            data = self.source.read(data.start, data.end - data.start)
        return plain_texts(dtype.code, dtype.order, data) if len(data) == item_bytes(dtype) * array.shape[0] else None

    def _inside(self, value: Box | Opaque | View, path: str, depth: int) -> object:
        if id(value) in self.above:
            self.harvest.drop(path, "a reference", _INSIDE_ITSELF)
            return _NOTHING
        if depth >= DEPTH:
            self.harvest.lose(path, "everything below", f"it is nested more than {DEPTH} deep")
            return _NOTHING
        self.above.add(id(value))
        try:
            if isinstance(value, Opaque):
                return self._object(value, path, depth)
            if isinstance(value, View):
                return self._tensor(value, path, depth)
            return self._dict(value, path, depth) if value.kind == "dict" else self._list(value, path, depth)
        finally:
            self.above.discard(id(value))

    def _list(self, box: Box, path: str, depth: int) -> object:
        parts = [self.walk(item, _join(path, str(at)), depth + 1) for at, item in enumerate(box.items)]
        if parts and all(part is _NOTHING for part in parts):
            return _NOTHING
        return [None if part is _NOTHING else part for part in parts]

    def _dict(self, box: Box, path: str, depth: int) -> object:
        last = self._last(box.items, path)
        made: dict[str, object] = {}
        for name, item in last.items():
            part = self.walk(item, _join(path, name), depth + 1)
            if part is not _NOTHING:
                made[plain_name(name)] = part
        for state in box.attributes:
            part = self.walk(state, _join(path, "$attributes"), depth + 1)
            if part is not _NOTHING:
                made["$attributes"] = part
        return _NOTHING if last and not made else made

    def _last(self, items: list[object], path: str) -> dict[str, object]:
        """The items under their names; as in a dict, what is set last counts."""
        # the same dict may be walked in a million places
        self.left -= len(items) // 2
        # Keys that are equal are one: to Python 1, 1.0 and True are the same, and the first of them stays.
        given: dict[object, object] = {}
        for key, item in zip(items[::2], items[1::2], strict=False):
            plain = plain_number(key) if isinstance(key, Scalar) else key
            if _key(plain) is None:
                self.harvest.lose(path, "an item", "its key is neither text nor a number")
            else:
                given[plain] = item
        kept: dict[str, object] = {}
        for key, item in given.items():
            name = _key(key) or ""
            if name in kept:
                self.harvest.lose(_join(path, name), "an item", "another key of another type is written the same way")
            else:
                kept[name] = item
        return kept

    def _object(self, value: Opaque, path: str, depth: int) -> object:
        """An object of a class: what its states and items hold, under the names that a torch module gives them."""
        self.met.add(value.what)
        if value.what in self.made:
            self.harvest.lose(path, value.what, "its own code (__setstate__) makes its attributes of what is kept")
            return _NOTHING
        if inside := len(tensors_in(value.arguments)):
            among = "1 tensor is" if inside == 1 else f"{inside} tensors are"
            why = f"{among} among its arguments, and what it makes of them is not known"
            self.harvest.lose(path, value.what, why)
        if not (self.own and value.what.startswith(self.own)):
            self.harvest.drop(path, value.what, "neither a tensor nor plain data")
        if value.called and not value.states and not value.items:
            self.harvest.unknown += 1
        made: dict[str, object] = {}
        for state in value.states:
            for one in states_of(state):
                self._attributes(one, path, depth, made)
        if value.items:
            kind = "dict" if len(value.items) % 2 == 0 and _keys(value.items) else "list"
            part = self.walk(Box(kind, value.items), path, depth + 1)
            if part is not _NOTHING:
                made["$items"] = part
        return {"$object": shown(value.what, NOTE_CHARACTERS), **made} if made else _NOTHING

    def _attributes(self, state: object, path: str, depth: int, made: dict[str, object]) -> None:
        """The attributes of an object; those of a torch module under the names that its state dict has for them."""
        if not isinstance(state, Box) or state.kind != "dict":
            part = self.walk(state, path, depth + 1)
            if part is not _NOTHING:
                made["$state"] = part
            return
        held = self._last(state.items, path)
        module = isinstance(held.get("_parameters"), Box) and isinstance(held.get("_modules"), Box)
        for name, item in held.items():
            saved = module and name in ("_parameters", "_modules", "_buffers")
            place = path if saved else _join(path, name)
            part = self.walk(_saved(name, item, held) if saved else item, place, depth + 1)
            if part is not _NOTHING:
                made[plain_name(name)] = part

    def _other(self, value: object, path: str) -> object:
        if isinstance(value, Named) and value.module == "torch" and value.name in TORCH_DTYPES:
            return value.path
        if isinstance(value, Dtype) and not value.why:
            return f"{value.order if value.order in '<>' else ''}{value.code}"
        if isinstance(value, Storage):
            self.harvest.lose(path, "a storage", "no tensor lies over it here")
        elif isinstance(value, Named):
            self.met.add(value.path)
            self.harvest.drop(path, value.path, "a class or function, by its name")
        else:
            self.harvest.drop(path, "a numpy dtype", "structured types are not plain data")
        return _NOTHING

    def _scalar(self, value: object, path: str) -> object:
        if isinstance(value, Blob):
            value = self._long(value)
        if isinstance(value, Scalar):
            value = plain_number(value)
            if value is None:
                self.harvest.lose(path, "a number of numpy", "its type is not a plain number")
                return _NOTHING
        if isinstance(value, str | bytes):
            self.text_left -= len(value)
            if self.text_left < 0:
                return _NOTHING  # as a whole, and told at the end
        return plain_value(value)

    def _long(self, blob: Blob) -> str | bytes:
        if blob.end - blob.start > self.text_left:
            self.text_left = -1
            return ""
        data = self.source.read(blob.start, blob.end - blob.start)
        text = data.decode(_SPELLED.get(blob.method, "utf-8"), "backslashreplace")
        if blob.text:
            return text
        return data if blob.method == "stored" else text.encode("latin-1", "backslashreplace")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _key(key: object) -> str | None:
    if isinstance(key, str):
        return key if is_text(key) else None
    if isinstance(key, bool | float):
        return str(key)
    return str(key) if isinstance(key, int) and abs(key) < 1 << 63 else None


def _keys(items: list[object]) -> bool:
    return all(isinstance(key, str) for key in items[::2])


def _saved(name: str, item: object, held: dict[str, object]) -> object:
    """What ``state_dict()`` would take of a module's `name`: no empty places, no buffers that it does not keep."""
    if not isinstance(item, Box) or item.kind != "dict" or name == "_modules":
        return item
    unsaved = held.get("_non_persistent_buffers_set")
    left_out = {one for one in unsaved.items if isinstance(one, str)} if isinstance(unsaved, Box) else set()
    kept: list[object] = []
    for key, value in zip(item.items[::2], item.items[1::2], strict=False):
        if value is not None and not (name == "_buffers" and isinstance(key, str) and key in left_out):
            kept += [key, value]
    return Box("dict", kept)


def tell_calls(walk: Walk, meaning: Meaning) -> None:
    """Name what was called on the way and left no trace: that loading would have done it is what matters most."""
    for note in meaning.notes:
        walk.harvest.drop(*note)
    for what, at in meaning.called.items():
        if what not in walk.met:
            walk.harvest.drop(f"byte {at}", what, "called while loading; what it gives is not kept")
    walk.harvest.more_dropped += meaning.more
