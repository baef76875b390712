"""Attributes that PyTables takes for pickles: texts that end in a full stop, with or without a mark in front."""

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


def test_an_attribute_that_pytables_does_not_unpickle_is_no_gap() -> None:
    several = 0x0C, h.attribute("any", h.string(len(IMPORTS) + 2), h.shape(1), IMPORTS + b"?.")
    as_bytes = 0x0C, h.attribute("any", h.BYTE, h.shape(len(IMPORTS) + 2), IMPORTS + b"?.")
    honest = b"cell counts of\nthree samples\n, as told in the paper."
    for message in (several, as_bytes, h.text_attribute("any", IMPORTS + b"?"), h.text_attribute("any", honest)):
        assert gaps_of(tree(with_attribute(message), *KNOWN)) == []
