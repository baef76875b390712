"""Where the raw bytes of a joblib array lie in the middle of a pickle (joblib 1.x, ``numpy_pickle.py``).

joblib pickles a wrapper and writes the array's bytes straight after its BUILD. The wrapper's state is the author's
data: unless shape, dtype and alignment are plain constants, the rest of the stream is not understood. Never guess.
"""

from typing import NamedTuple

from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.boxes import CONSTANTS
from modelairlock.encodings.pickle_machine.state import State
from modelairlock.reading import Truncated, Unsupported
from modelairlock.records.numpy_types import WIDTHS
from modelairlock.records.regex import regex

#: a numpy dtype's short name, as `pickle` writes it: a kind, and a size in bytes (for ``U``: in characters)
_DTYPE = regex(r"([biufcmMOSUV])([1-9]\d{0,8})\Z")
#: how numpy writes the type of its own strings, which joblib pickles as objects
_TEXT_TYPE = ("numpy._core._internal", "_convert_to_stringdtype_kwargs")
_HASOBJECT = 0x01
#: what joblib calls on a wrapper: an attribute of such a name would stand in for it
_METHODS = frozenset(("read", "read_array", "read_mmap", "safe_get_numpy_array_alignment_bytes", "write_array"))
#: what joblib sets, and nothing else: any other attribute could stand in for a method that it calls
_ALWAYS = frozenset(("subclass", "shape", "order", "dtype", "allow_mmap"))
_ALIGNMENT = "numpy_array_alignment_bytes"
#: the classes of arrays that joblib writes like this, under their old names and their new
_CLASSES = frozenset(
    {
        ("numpy", "ndarray"), ("numpy", "memmap"), ("numpy", "matrix"), ("numpy.core.memmap", "memmap"),
        ("numpy.matrixlib.defmatrix", "matrix"), ("numpy.core.defmatrix", "matrix"),
    }
)  # fmt: skip
_RECONSTRUCT = frozenset((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core"))
_FIELDS = _ALWAYS | {_ALIGNMENT}


class Forged(Unsupported):
    """The wrapper says what joblib never writes, and readers would disagree on what follows."""


class ArrayBytes(NamedTuple):
    """What follows the wrapper: raw bytes ``start..end``, or (`objects`) another pickle at `start`."""

    start: int
    end: int
    objects: bool
    #: bytes of alignment before `start`, of which joblib before 1.2 knows nothing
    padded: int
    #: the value of the array's class, if it is a global
    subclass: int


def array_bytes(state: State, *, aligned: bool = True) -> ArrayBytes:
    """What follows the array wrapper that `state` has just built. Raises `Unsupported` unless it is all constants.

    joblib before 1.2 knows nothing of arrays that are `aligned`.
    """
    at = state.position
    fields = _fields(state, at)
    item_bytes, objects = _item(state, fields.get("dtype"), at)
    subclass = fields.get("subclass", v.UNKNOWN)
    if objects:
        # With mmap_mode, joblib would map these bytes as numbers and read on behind them.
        if fields.get("allow_mmap") != v.FALSE:
            raise Forged(at, "an array of objects that may be memory-mapped, which joblib never writes")
        return ArrayBytes(at, at, True, 0, subclass)
    count = 1
    for extent in _shape(state, fields.get("shape"), at):
        count *= extent
    start = at + (_padding(state, fields.get(_ALIGNMENT), at) if aligned else 0)
    end = start + count * item_bytes
    if end > state.window.size:
        raise Truncated(at, f"an array of {count * item_bytes} bytes, got {max(0, state.window.size - start)}")
    return ArrayBytes(start, end, False, start - at, subclass)


def is_unreadable(state: State) -> bool:
    """Whether joblib must fail to read the array of the wrapper that `state` has just built: its type is none.

    Asked where a file is read otherwise than it was meant. Memory maps take a type's name for a type, too.
    """
    value = state.array_state
    box = state.boxes.find(value) if value is not None and value & v.KIND == v.BOX else None
    if box is None or box.items is None:
        return False
    fields = {state.ledger.text(key): item for key, item in zip(box.items[::2], box.items[1::2], strict=False)}
    dtype = fields.get("dtype", v.UNKNOWN)
    return fields.get("allow_mmap") == v.FALSE and (dtype & v.KIND in CONSTANTS or dtype & v.KIND in (v.TUPLE, v.BOX))


def is_class_of_arrays(state: State, value: int) -> bool:
    """Whether `value` is a class whose arrays joblib writes as raw bytes."""
    return value & v.KIND == v.GLOBAL and state.ledger.globals[value >> 4] in _CLASSES


def is_array(state: State, value: int) -> bool:
    """Whether `value` is an array, as numpy makes one for the pickle of an array of objects."""
    if value & v.KIND != v.CALL:
        return False
    function, _, arguments = state.ledger.calls[value >> 4]
    made = function & v.KIND == v.GLOBAL and state.ledger.globals[function >> 4] in _RECONSTRUCT
    return made and bool(arguments) and is_class_of_arrays(state, arguments[0])


def _fields(state: State, at: int) -> dict[str, int]:
    """The wrapper's attributes, from the dict that BUILD was given."""
    value = state.array_state
    box = state.boxes.find(value) if value is not None and value & v.KIND == v.BOX else None
    kept = box.items if box else None
    if kept is None or len(kept) % 2:
        raise Forged(at, "an array wrapper whose state is no plain dict: what follows cannot be told apart")
    fields: dict[str, int] = {}
    for key, item in zip(kept[::2], kept[1::2], strict=True):
        name = state.ledger.text(key)
        if name not in _FIELDS:
            kind = Forged if name is None or name in _METHODS or name.startswith("__") else Unsupported
            raise kind(at, f"an array wrapper with an attribute that joblib does not know: {name!r:.40}")
        fields[name] = item
    # What one state leaves out, an earlier one of the same wrapper may have set.
    if not fields.keys() >= _ALWAYS:
        raise Forged(at, f"an array wrapper without {', '.join(sorted(_ALWAYS - fields.keys()))}")
    if state.aligned and _ALIGNMENT not in fields:
        raise Forged(at, "an array wrapper without an alignment, behind one that has it")
    state.aligned = _ALIGNMENT in fields
    return fields


def _shape(state: State, value: int | None, at: int) -> list[int]:
    items = state.ledger.items(value) if value is not None else None
    if items is None or len(items) > 64:
        raise Forged(at, "an array wrapper whose shape is no plain tuple")
    shape = []
    for item in items:
        extent = v.whole_number(state.window, item)
        if extent is None or not 0 <= extent < 1 << 62:
            raise Forged(at, "an array wrapper whose shape is not made of plain numbers")
        shape.append(extent)
    return shape


def _item(state: State, value: int | None, at: int) -> tuple[int, bool]:
    """Bytes per item, and whether the items are pickled objects."""
    if value is None or value & v.KIND != v.CALL:
        raise Forged(at, "an array wrapper whose dtype is not made by numpy.dtype")
    function, _, arguments = state.ledger.calls[value >> 4]
    name = state.ledger.globals[function >> 4] if function & v.KIND == v.GLOBAL else ("", "")
    if name == _TEXT_TYPE:
        return 0, True
    if name != ("numpy", "dtype") or not arguments:
        raise Unsupported(at, "an array wrapper whose dtype is not made by numpy.dtype")
    found = _DTYPE.match(state.ledger.text(arguments[0]) or "")
    if not found:
        raise Forged(at, "an array wrapper whose dtype has no plain name")
    kind, digits = found.groups()
    size = int(digits)
    if kind != "O" and size not in WIDTHS.get(kind, (size,)):  # objects are pickled, however wide a pointer was
        raise Forged(at, f"an array wrapper whose dtype numpy does not know: {kind}{digits}")
    flags, stated = _built(state, value, at)
    if kind == "O" or flags & _HASOBJECT:
        return 0, True
    if kind == "U":
        size *= 4
    return stated if kind in "SUV" and stated > 0 else size, False


def _built(state: State, dtype: int, at: int) -> tuple[int, int]:
    """The flags and item size that BUILD gave the dtype; two different answers for look-alikes are no answer."""
    answers = set()
    for built in state.built.get(dtype, ()):
        items = state.ledger.items(built) or ()
        flags = v.whole_number(state.window, items[7]) if len(items) > 7 else 0
        size = v.whole_number(state.window, items[5]) if len(items) > 5 else -1
        if flags is None or size is None:
            raise Forged(at, "a dtype whose state is not made of plain numbers")
        answers.add((flags, size))
    if len(answers) > 1:
        raise Forged(at, "dtypes of one name with different layouts: which one the array has cannot be told")
    return answers.pop() if answers else (0, -1)


def _padding(state: State, value: int | None, at: int) -> int:
    """joblib since 1.1 aligns arrays: one byte with the length of the padding, and the padding, whatever it holds.

    joblib looks no further than whether the alignment is None.
    """
    if value is None or value == v.NONE:
        return 0
    # Below protocol 2 numbers are text.
    number = v.whole_number(state.window, value) if value & v.KIND in (v.INT, v.NUMBER) else None
    if number is None or number >= 1 << 16:
        raise Forged(at, "an array wrapper whose alignment is no number")
    length = state.window.cursor.read(at, 1)[0]
    padding = state.window.cursor.peek(at + 1, length)
    if not padding.strip(b"\xff"):
        state.window.cursor.consumed(at + 1, at + 1 + length)
    return 1 + length
