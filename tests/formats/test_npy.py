"""numpy is the oracle: what it writes is read, and nothing it would unpickle is passed over."""

import io
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelairlock.formats.npy import FORMAT, HEADER_BYTES
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Member
from modelairlock.records.span import Span
from tests.build.npy_builder import header_text, npy, object_npy
from tests.formats.everyday_help import because, claims, complete, cuts, read


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def members(data: bytes) -> list[Member]:
    return [fact for fact in read(data, FORMAT).facts if isinstance(fact, Member)]


PLAIN = ["?", "b1", "<i1", "<i2", "<i4", "<i8", ">u2", "<u8", "<f2", ">f4", "<f8", "<c8", "<c16", "S5", "<U3", "V7",
         "<M8[ns]", "<m8[25s]", "<M8", np.longdouble, "S0", "V0"]  # fmt: skip


@pytest.mark.parametrize("dtype", PLAIN)
def test_reads_what_numpy_writes(dtype: Any) -> None:
    for shape in [(), (3,), (2, 0), (2, 3, 4)]:
        data = saved(np.zeros(shape, dtype))
        reading = read(data, FORMAT)
        assert complete(reading), reading.coverage.gaps
        assert reading.coverage.passed_over_bytes == np.zeros(shape, dtype).nbytes


STRUCTURED = [
    [("a", "<f8"), ("b", "<i2", (2, 3))],
    [(("title", "a"), "<f8"), ("b", [("c", "<u1"), ("d", "S3", 4)])],
    np.dtype({"names": ["a", "b"], "formats": ["i1", "f8"]}, align=True),
    np.dtype({"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [4, 16], "itemsize": 40}),
]


@pytest.mark.parametrize("dtype", STRUCTURED)
def test_reads_structured_types(dtype: Any) -> None:
    array = np.zeros(5, dtype)
    reading = read(saved(array), FORMAT)
    assert complete(reading)
    assert reading.coverage.passed_over_bytes == array.nbytes


def test_utf8_names_need_version_3() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = saved(np.zeros(2, [("Größe…", "<f8")]))
    assert data[6] == 3
    assert complete(read(data, FORMAT))


OBJECTS: list[Any] = [
    np.array([1, "a", None], dtype=object),
    np.zeros(2, [("a", "<f8"), ("b", "O")]),
    np.zeros(2, [("a", [("b", [("c", "O", (2,))])])]),
]


@pytest.mark.parametrize("array", OBJECTS)
def test_an_object_anywhere_makes_the_rest_a_pickle(array: Any) -> None:
    data = saved(array)
    (member,) = members(data)
    assert member.name == "objects.pkl"
    assert member.role == ""
    assert member.span.end == len(data)
    pickle.loads(data[member.span.start :])


DISGUISES = ["'|O'", "'O8'", "'object'", "'i4,O'", "'(2,)O'", "['aO']", "[['a', 'O']]", r"'\x7cO'", "[('a', 'i4,O')]",
             "('|O', (1,))", "[('', '|O')]", "{'aO': 1}", "[(('t', 'n'), '|O')]", "u'|O'"]  # fmt: skip


@pytest.mark.parametrize("descr", DISGUISES)
def test_a_disguised_object_is_never_passed_over(descr: str) -> None:
    payload = pickle.dumps([1])
    data = npy(payload, header_text(descr, shape="(1,)"))
    reading = read(data, FORMAT)
    assert reading.coverage.passed_over_bytes in (0, len(payload))
    assert [member.name for member in reading.members] == ["objects.pkl"]
    assert reading.members[0].coverage.size_bytes == len(payload)


@given(st.text("Oobjectif48<>|,()[]'\" aV:Sx2", min_size=1, max_size=12))
@settings(max_examples=300)
def test_what_numpy_takes_for_objects_is_a_member_and_what_is_passed_over_has_its_size(descr: str) -> None:
    data = npy(bytes(8), header_text(repr(descr), shape="(1,)"))
    reading = read(data, FORMAT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dtype = np.lib.format.descr_to_dtype(descr)
    except Exception:
        return
    if dtype.hasobject:
        assert [member.name for member in reading.members] == ["objects.pkl"]
    elif complete(reading):
        assert dtype.itemsize == 8


scalar_types = st.sampled_from(["<i4", ">f8", "|u1", "<c8", "S3", "<U2", "|V5", "<M8[s]", "?"])
fields = st.lists(st.tuples(scalar_types, st.lists(st.integers(0, 3), max_size=2).map(tuple)), min_size=1, max_size=4)
structured = fields.map(lambda types: [(f"f{i}", kind, shape) for i, (kind, shape) in enumerate(types)])


@given(scalar_types | structured, st.lists(st.integers(0, 4), max_size=3), st.booleans())
@settings(max_examples=150)
def test_the_size_equation_is_numpys(dtype: Any, shape: list[int], fortran: bool) -> None:
    array = np.zeros(shape, dtype, order="F" if fortran else "C")
    data = saved(array)
    reading = read(data, FORMAT)
    assert complete(reading)
    assert reading.coverage.passed_over_bytes == array.nbytes
    if array.nbytes:
        assert because(read(data[:-1], FORMAT)) == {Because.TRUNCATED}
    assert because(read(data + b"x", FORMAT)) == {Because.UNRECOGNISED}


def test_arrays_saved_one_after_another() -> None:
    data = saved(np.zeros(3)) + saved(np.ones((2, 2), "<i2"))
    assert complete(read(data, FORMAT))
    (member,) = members(saved(np.zeros(3)) + object_npy(b"N."))
    assert member.size_bytes == 2


@pytest.mark.parametrize("data", [npy(), npy(version=(3, 0)), object_npy(b"N."), npy() + npy()])
def test_cut_anywhere_is_never_complete(data: bytes) -> None:
    whole = len(npy())
    for cut in cuts(data):
        assert not complete(read(cut, FORMAT)) or len(cut) == whole


DAMAGED = {
    "version": npy(version=(4, 0)),
    "not a dictionary": npy(header="[1]"),
    "a key too many": npy(header="{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}"),
    "a key missing": npy(header="{'descr': '<f4', 'shape': (2,)}"),
    "a key twice": npy(header="{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (2,)}"),
    "code": npy(header="__import__('os').system('id')"),
    "order": npy(header=header_text(order="1")),
    "list as shape": npy(header=header_text(shape="[2]")),
    "negative": npy(header=header_text(shape="(-1,)")),
    "true": npy(header=header_text(shape="(True, 2)")),
    "wraps to zero": npy(header=header_text(shape="(4294967296, 4294967296)")),
    "bytes wrap": npy(header=header_text(shape="(4611686018427387904,)")),
    "header length": npy(length=60000),
    "huge header": npy(version=(2, 0), length=2**32 - 1),
    "not UTF-8": npy(header=b"{'descr': '\xff'}", version=(3, 0)),
    "deep": npy(header="[" * 1000),
    "unknown type": npy(header=header_text("'<q9'")),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_a_gap(data: bytes) -> None:
    assert not complete(read(data, FORMAT))


def test_limits_and_messages() -> None:
    reading = read(npy(version=(2, 0), length=HEADER_BYTES + 1), FORMAT)
    assert because(reading) == {Because.OVER_LIMIT}
    reading = read(npy(header=header_text("'bfloat16'")), FORMAT)
    assert reading.coverage.gaps[0].because is Because.UNSUPPORTED
    assert reading.coverage.gaps[0].detail == "an element type this reader does not know: 'bfloat16'"


def test_claims_by_content_alone() -> None:
    assert claims(FORMAT, npy(), "notes.txt")
    assert not claims(FORMAT, b"\x93NUMP", "a.npy")
    assert not claims(FORMAT, b"", "a.npy")


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 255))
def test_any_bytes_end_well(tail: bytes, at: int, value: int) -> None:
    read(b"\x93NUMPY" + tail, FORMAT)
    spoiled = bytearray(npy())
    spoiled[at % len(spoiled)] = value
    read(bytes(spoiled), FORMAT)


def test_a_member_lies_where_the_data_begins() -> None:
    data = object_npy(b"N.")
    (member,) = members(data)
    assert member.span == Span(len(data) - 2, len(data))
