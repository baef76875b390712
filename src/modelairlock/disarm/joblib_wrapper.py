"""Arrays in the middle of joblib's pickles: the bytes that follow a ``NumpyArrayWrapper`` (joblib/numpy_pickle.py).

The wrapper's state is the author's: unless it is made of plain values, where the pickle goes on cannot be told, and
the file is not converted.
"""

from collections.abc import Callable

from modelairlock.disarm.numbers import WIDEST, count_of, item_bytes, shape_of
from modelairlock.disarm.tape import Tape
from modelairlock.disarm.values import Array, Blob, Box, Dtype, Opaque
from modelairlock.reading import Unsupported

#: the classes that stand for an array in a file that joblib wrote, on its own or as part of scikit-learn
WRAPPERS = frozenset(f"{home}joblib.numpy_pickle.NumpyArrayWrapper" for home in ("", "sklearn.externals."))


def wrapped_array(tape: Tape, wrapper: Opaque, objects: Callable[[], object]) -> object:
    """The array of the wrapper that was just built; `objects` reads the pickle that an array of objects is."""
    fields = _fields(tape, wrapper)
    dtype, shape = fields.get("dtype"), shape_of(fields.get("shape"))
    if not isinstance(dtype, Dtype) or shape is None:
        raise Unsupported(tape.at, "an array of joblib whose type or shape is not made of plain values")
    if dtype.objects:
        return objects()
    size = item_bytes(dtype) or (dtype.size if dtype.code.startswith("V") else 0)
    if not size:
        raise Unsupported(tape.at, f"an array of joblib whose type has an unknown width: {dtype.code:.20}")
    # of texts numpy believes the size that BUILD says, whatever it is
    if dtype.size != size and (dtype.size or (dtype.built and dtype.code[:1] in ("S", "U"))):
        raise Unsupported(tape.at, f"an array of joblib whose type says two widths: {dtype.code:.20} and {dtype.size}")
    if fields.get("numpy_array_alignment_bytes") is not None:
        tape.skip(tape.number(1))
    count = count_of(shape)
    if count * size > WIDEST:
        raise Unsupported(tape.at, "an array of joblib of more than 2**62 bytes")
    array = Array()
    array.dtype, array.shape, array.fortran = dtype, shape, fields.get("order") == "F"
    array.data = Blob(*tape.skip(count * size))
    return array


def _fields(tape: Tape, wrapper: Opaque) -> dict[str, object]:
    [*earlier, state] = wrapper.states
    if earlier or not isinstance(state, Box) or state.kind != "dict":
        raise Unsupported(tape.at, "an array of joblib whose state is no plain dict")
    items = state.items
    return {key: value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, str)}
