"""How numpy's arrays stand in pickles: a function that makes an empty one, a dtype, and a state with the bytes."""

from collections.abc import Callable

from modelairlock.disarm.numbers import NUMPY, shape_of
from modelairlock.disarm.values import Array, Blob, Box, Dtype, Named, Scalar

_STRUCTURED = "numpy's structured types have no place in safetensors"
_HAS_OBJECTS = 1
#: dtypes of ml_dtypes, which are pickled as classes
_CLASSES = {("ml_dtypes", name) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")}


def reconstruct(arguments: list[object]) -> object:
    """``_reconstruct(class, (0,), b"b")``: an array that BUILD fills. The class may be one of a library's own."""
    return Array() if len(arguments) == 3 and isinstance(arguments[0], Named) else None


def dtype(arguments: list[object]) -> object:
    """``dtype("f4", False, True)``, which BUILD completes.

    Without the last argument it is no copy but numpy's own, which BUILD does not change.
    """
    given = arguments[0] if arguments else None
    own = len(arguments) > 2 and arguments[2] in (True, 1)
    if isinstance(given, Named) and given in _CLASSES:
        return Dtype(given.name, own=own)
    return Dtype(given, own=own) if isinstance(given, str) and given.isascii() else None


def scalar(arguments: list[object]) -> object:
    """``scalar(dtype, bytes)``: one number."""
    if len(arguments) != 2 or not isinstance(arguments[0], Dtype):
        return None
    data = _bytes(arguments[1])
    return Scalar(arguments[0], data) if isinstance(data, bytes) else None


def from_buffer(arguments: list[object]) -> object:
    """``_frombuffer(bytes, dtype, shape, order)``, of protocol 5."""
    if len(arguments) != 4 or not isinstance(arguments[1], Dtype) or arguments[3] not in ("C", "F"):
        return None
    data, shape = _bytes(arguments[0]), shape_of(arguments[2])
    if data is None or shape is None:
        return None
    array = Array()
    array.dtype, array.shape, array.fortran, array.data = arguments[1], shape, arguments[3] == "F", data
    return array


def encoded(arguments: list[object]) -> object:
    """``_codecs.encode(text, "latin1")``: bytes, as protocols below 3 write them."""
    if not arguments or len(arguments) > 2 or (len(arguments) == 2 and arguments[1] not in ("latin1", "latin-1")):
        return None
    given = arguments[0]
    if isinstance(given, Blob):
        return given._replace(text=False)
    return _bytes(given)


def as_bytes(arguments: list[object]) -> object:
    """``bytes()``, which is how protocols below 3 write none, or ``bytearray`` of bytes."""
    return b"" if not arguments else encoded(arguments)


def build_dtype(target: Dtype, state: object) -> None:
    """``(version, order, subtype, names, fields, itemsize, alignment, flags)``."""
    target.built = True
    items = state.items if isinstance(state, Box) and state.kind == "tuple" else []
    if len(items) < 8 or not isinstance(items[1], str) or items[1] not in "<>|=":
        target.why = "its type is not described as numpy does"
        return
    flags, size = items[7], items[5]
    if any(item is not None for item in items[2:5]):
        target.why = _STRUCTURED
    elif type(flags) is not int or (flags & _HAS_OBJECTS and not target.code.startswith("O")):
        target.why = "its type says that it holds objects, and its name says that it does not"
    # numpy goes by the flags, whatever the name
    target.objects = target.objects or (type(flags) is int and bool(flags & _HAS_OBJECTS))
    target.size = size if type(size) is int and 0 < size < 1 << 31 else 0
    target.order = items[1]


def build_array(target: Array, state: object) -> None:
    """``(version, shape, dtype, is_fortran, bytes)``; a list in place of the bytes holds objects."""
    items = state.items if isinstance(state, Box) and state.kind == "tuple" else []
    if len(items) == 5:
        items = items[1:]
    if len(items) != 4 or not isinstance(items[1], Dtype):
        target.dtype, target.why = Dtype(""), "it is not described as numpy does"
        return
    # as C has it: any number but zero
    shape, target.dtype, target.fortran = shape_of(items[0]), items[1], bool(items[2])
    target.data = _bytes(items[3])
    if items[1].objects and isinstance(items[3], Box) and items[3].kind == "list":
        target.objects = items[3]
    elif shape is None or target.data is None or type(items[2]) not in (bool, int):
        target.why = "it is not described as numpy does"
    target.shape = shape or ()


def name_of(kind: Dtype) -> tuple[str, str]:
    """The name that safetensors has for a dtype, or ``""`` and why there is none."""
    if kind.why:
        return "", kind.why
    name = NUMPY.get(kind.code.lstrip("<>|="), "")
    return name, "" if name else f"numpy's type {kind.code[:40]!r} has no place in safetensors"


def _bytes(value: object) -> Blob | bytes | None:
    if isinstance(value, str):
        # numpy takes text for bytes here: Python 2 wrote it so
        return value.encode("latin-1", "ignore") if all(character < "\u0100" for character in value) else None
    return value if isinstance(value, Blob | bytes) else None


_CORES = ("numpy.core", "numpy._core")
CALLS: dict[tuple[str, str], Callable[[list[object]], object]] = {
    ("numpy", "dtype"): dtype,
    **{(f"{core}.multiarray", "_reconstruct"): reconstruct for core in _CORES},
    **{(f"{core}.multiarray", "scalar"): scalar for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): from_buffer for core in _CORES},
}
