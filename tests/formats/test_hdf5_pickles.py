"""Attributes that PyTables takes for pickles: texts that end in a full stop, with or without a mark in front."""

import pickle
from struct import pack

import pytest

from modelairlock.records.coverage import Because
from tests.build import hdf5_builder as h
from tests.build.hdf5_builder import File
from tests.build.sample import evil
from tests.formats.test_hdf5 import KNOWN, acting, with_attribute
from tests.reading_help import gaps_of, tree


@pytest.mark.parametrize("first", [b"\x88", b"\x89", b"\x8c" + b" " * 33, b"N", b"I1\n", b"]"])
def test_a_pickle_may_begin_with_any_opcode_and_have_no_mark(first: bytes) -> None:
    assert acting(with_attribute(h.text_attribute("any", first + b"0" + evil(protocol=0)))) == ["/@any"]


#: imports a module, and comes to what is no opcode
IMPORTS = b"cthis\nd\n0V" + b"a" * 40 + b"\n"


def test_an_attribute_that_only_imports_is_held() -> None:
    for value in (IMPORTS + b"\0.", IMPORTS + b"?.", IMPORTS + b"?." + bytes(9), b"\x88" + IMPORTS + b"?."):
        [gap] = gaps_of(tree(with_attribute(h.text_attribute("any", value)), *KNOWN))
        assert gap.because is Because.MALFORMED
        assert "/@any: PyTables takes it for a pickle and imports this.d before" in gap.detail
    for value in (IMPORTS + b"?.", IMPORTS + b"?.\0 more"):
        file = File()
        assert len(gaps_of(tree(file.whole(file.folder(file.variable_attribute("any", value))), *KNOWN))) == 1


def rows(payload: bytes, base: bytes, *messages: tuple[int, bytes]) -> bytes:
    """One row of a PyTables array."""
    file = File()
    size = int.from_bytes(base[4:8], "little")
    reference = pack("<IQI", len(payload) // size, file.heap(payload), 1)
    dataset = file.dataset(reference, h.variable(base, text=False), h.shape(1), *messages)
    return file.whole(file.folder(h.link("rows", dataset)))


MARK = h.text_attribute("PSEUDOATOM", b"object")
#: a pickle of sixteen bytes
HARMLESS = pickle.dumps("abcdef", 2)


@pytest.mark.parametrize(
    "base",
    [
        h.integer(2), h.integer(4, big=True), h.FLOAT, h.integer(1, bits=7), h.integer(1, first_bit=1, bits=7),
        h.integer(8),
    ],
)  # fmt: skip
def test_rows_of_objects_that_are_no_bytes_are_held(base: bytes) -> None:
    """PyTables 3.11 unpickles what it has in memory, whatever the file calls it."""
    gaps = gaps_of(tree(rows(HARMLESS, base, MARK), *KNOWN))
    detail = "/rows: rows that PyTables takes for pickles, and that are no bytes as they stand"
    assert [gap.detail for gap in gaps] == [detail]
    assert gaps_of(tree(rows(HARMLESS, base), *KNOWN)) == []
    assert gaps_of(tree(rows(HARMLESS, h.BYTE, MARK), *KNOWN)) == []


@pytest.mark.parametrize(
    ("messages", "held"),
    [
        ((MARK,), True),
        ((MARK, h.text_attribute("PSEUDOATOM", b"vlstring")), True),
        ((h.text_attribute("PSEUDOATOM", b"Vobject\n."),), True),
        ((h.text_attribute("FLAVOR", b"Object\0\0"),), True),
        ((h.text_attribute("FLAVOR", b"VObject\n."),), True),
        ((h.text_attribute("FLAVOR", b"numpy"),), False),
        ((h.text_attribute("PSEUDOATOM", b"vlunicode"), h.text_attribute("FLAVOR", b"python")), False),
        ((), False),
    ],
)
def test_what_marks_rows_as_pickles(messages: tuple[tuple[int, bytes], ...], held: bool) -> None:
    reading = tree(rows(IMPORTS + b"?", h.BYTE, *messages), *KNOWN)
    told = [gap for gap in gaps_of(reading) if gap.because is not Because.MALFORMED or "twice" not in gap.detail]
    assert bool(told) is held


def test_a_mark_of_variable_length() -> None:
    file = File()
    mark = file.variable_attribute("PSEUDOATOM", b"object")
    reference = pack("<IQI", len(IMPORTS) + 1, file.heap(IMPORTS + b"?"), 1)
    dataset = file.dataset(reference, h.variable(text=False), h.shape(1), mark)
    assert gaps_of(tree(file.whole(file.folder(h.link("rows", dataset))), *KNOWN))


def test_compressed_rows_that_only_import_are_held() -> None:
    """What they are compressed to says where in the heap they are; they stand there as they are."""
    for mark, expected in (([MARK], ["imports this.d before it breaks off"]), ([], [])):
        file = File()
        file.heap(IMPORTS + b"?.", b"nothing of that kind")
        chunk = h.filters(1)
        dataset = file.dataset(bytes(16), h.variable(text=False), h.shape(1), chunk, *mark)
        gaps = gaps_of(tree(file.whole(file.folder(h.link("rows", dataset))), *KNOWN))
        assert ["imports this.d before it breaks off" for gap in gaps if "imports this.d" in gap.detail] == expected


def test_settings_of_old_files_are_rewritten_before_they_are_unpickled() -> None:
    value = b"(itables.Leaf\nFilters\np0\n."
    assert "FILTERS" in gaps_of(tree(with_attribute(h.text_attribute("FILTERS", value)), *KNOWN))[0].detail
    assert gaps_of(tree(with_attribute(h.text_attribute("FILTERS", b"I0\n.")), *KNOWN)) == []


def test_an_attribute_that_pytables_does_not_unpickle_is_no_gap() -> None:
    several = 0x0C, h.attribute("any", h.string(len(IMPORTS) + 2), h.shape(1), IMPORTS + b"?.")
    as_bytes = 0x0C, h.attribute("any", h.BYTE, h.shape(len(IMPORTS) + 2), IMPORTS + b"?.")
    honest = b"cell counts of\nthree samples\n, as told in the paper."
    for message in (several, as_bytes, h.text_attribute("any", IMPORTS + b"?"), h.text_attribute("any", honest)):
        assert gaps_of(tree(with_attribute(message), *KNOWN)) == []
