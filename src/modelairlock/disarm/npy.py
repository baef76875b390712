"""Numpy's own files: ``.npy``, one array behind a header in Python's notation, and ``.npz``, a zip of them."""

from modelairlock.disarm.archive import members_of
from modelairlock.disarm.harvest import ONLY, Harvest
from modelairlock.disarm.numbers import WIDEST, count_of, item_bytes
from modelairlock.disarm.values import Array, Blob, Dtype
from modelairlock.encodings.compression import METHODS, inflate
from modelairlock.encodings.python_literal import Literal, parse
from modelairlock.reading import Budget, Malformed, Source, SubSource, Unsupported
from modelairlock.records.disarm import MOST_DIMENSIONS, Plan, Stream
from modelairlock.records.facts import Member

MAGIC = b"\x93NUMPY"
_HEADER_BYTES = 65536
_WIDTHS = {(1, 0): 2, (2, 0): 4, (3, 0): 4}


def plan_npy(source: Source, _budget: Budget, stream: int = -1) -> Plan:
    """The plan for one array. Raises `ReadProblem`."""
    harvest = Harvest("np", stream=stream)
    array, end = read_array(source)
    if end != source.size:
        raise Unsupported(end, "not yet converted: several arrays in one .npy file, or bytes behind the array")
    harvest.array(ONLY, array)
    return harvest.plan("npy", None)


def plan_npz(source: Source, budget: Budget) -> Plan:
    """The plan for a zip of arrays. Raises `ReadProblem`."""
    harvest = Harvest("np")
    for name, member in members_of(source, budget).items():
        key = name.removesuffix(".npy")
        inner = _inner(source, member, budget)
        if isinstance(inner, str):
            harvest.lose(key, "a member of the archive", inner)
            continue
        if inner.read(0, len(MAGIC)) != MAGIC:
            harvest.drop(key, "a member of the archive", "it is no array")
            continue
        array, end = read_array(inner)
        if end != inner.size:
            harvest.lose(key, "an array", "it does not end where its member does")
            continue
        _at_home(harvest, member, array)
        harvest.array(key, array)
        harvest.stream = -1
    return harvest.plan("npz", None)


def _inner(source: Source, member: Member, budget: Budget) -> Source | str:
    """What a member holds, or why that cannot be had."""
    if member.method == "stored":
        return SubSource(source, *member.span)
    if member.method not in METHODS:
        return f"it is packed by {member.method:.40}"
    inflated = inflate(source, member.span, member.method, budget, member.size_bytes)
    return f"it is damaged: {inflated.damage}" if inflated.damage else inflated


def _at_home(harvest: Harvest, member: Member, array: Array) -> None:
    """Say where in the file the array's bytes are, which were found inside a member."""
    if not isinstance(array.data, Blob):
        return
    if member.method == "stored":
        start = member.span.start
        array.data = Blob(start + array.data.start, start + array.data.end)
        return
    harvest.streams.append(Stream(*member.span, member.method, array.data.end))
    harvest.stream = len(harvest.streams) - 1


def read_array(source: Source) -> tuple[Array, int]:
    """The array that begins the source, and where it ends. Raises `Malformed`, `Unsupported`."""
    preamble = source.read(0, 12)
    version = (preamble[6], preamble[7]) if len(preamble) == 12 and preamble.startswith(MAGIC) else (0, 0)
    if version not in _WIDTHS:
        raise Malformed(0, "an array of numpy", repr(preamble))
    width = _WIDTHS[version]
    length = int.from_bytes(preamble[8 : 8 + width], "little")
    if length > _HEADER_BYTES:
        raise Unsupported(8, f"a header of {length} bytes")
    start = 8 + width + length
    header = parse(source.read(8 + width, length), 8 + width)
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise Malformed(8 + width, "descr, fortran_order and shape", ascii(header)[:80])
    array = Array()
    array.shape, array.fortran = _shape(header["shape"]), header["fortran_order"] is True
    array.dtype = _dtype(header["descr"])
    return _placed(array, start, source.size)


def _placed(array: Array, start: int, size: int) -> tuple[Array, int]:
    assert array.dtype is not None
    width = item_bytes(array.dtype)
    if not width:
        array.why = array.dtype.why or "its type has no place in safetensors"
        return array, size
    count = count_of(array.shape)
    end = start + count * width
    if end > size:
        raise Malformed(start, f"{count * width} bytes of numbers", f"{size - start}")
    array.data = Blob(start, end)
    return array, end


def _shape(value: Literal) -> tuple[int, ...]:
    lengths = value if isinstance(value, tuple) and len(value) <= MOST_DIMENSIONS else (None,)
    made = tuple(one for one in lengths if type(one) is int and 0 <= one < WIDEST)
    if len(made) != len(lengths):
        raise Malformed(0, "a shape of plain lengths", ascii(value)[:80])
    return made


def _dtype(descr: Literal) -> Dtype:
    if not isinstance(descr, str):
        made = Dtype("")
        made.why = "numpy's structured types have no place in safetensors"
        return made
    made = Dtype(descr.lstrip("<>|="))
    made.order = descr[0] if descr[:1] in "<>" and descr else "|"
    return made
