"""A program with a model behind it: the model is read, the program is a gap, and never is one clear."""

import pytest

from modelairlock.formats import gguf, native_library
from modelairlock.formats import zip as archive
from modelairlock.formats.llamafile import FORMAT
from modelairlock.records.facts import Polyglot, Setting
from tests.build.gguf_builder import gguf as build_gguf
from tests.build.llamafile_builder import APE, ELF, llamafile
from tests.reading_help import change_everywhere, gaps_of, kinds_of, probe, tree

KNOWN = (FORMAT, archive.FORMAT, native_library.FORMAT, gguf.FORMAT)


def example() -> bytes:
    return llamafile()


@pytest.mark.parametrize("program", [APE, ELF, b"jartsr='\n" + bytes(400), b"APEDBG='\n" + bytes(400)])
def test_the_model_is_read_and_the_program_is_a_gap(program: bytes) -> None:
    reading = tree(llamafile(program), *KNOWN)
    assert reading.formats == ("llamafile",)
    assert not [fact for fact in reading.facts if isinstance(fact, Polyglot)]
    assert [member.formats for member in reading.members] == [("gguf",)]
    [gap] = gaps_of(reading)
    assert (gap.start, gap.end) == (0, len(program))
    assert kinds_of(reading) == ["executable-model"]
    [arguments] = [fact for fact in reading.facts if isinstance(fact, Setting)]
    assert arguments.value == '["-m", "model.gguf", "..."]'


def test_code_that_knows_zips_is_no_member() -> None:
    program = APE + b"PK\x03\x04" + bytes(26) + b"\x90" * 40
    assert kinds_of(tree(llamafile(program), *KNOWN)) == ["executable-model"]


def test_bytes_between_members_are_told() -> None:
    data = llamafile(APE, ("model.gguf", build_gguf()), (".args", b"\xff\xfe"), ("a.bin", b"x"))
    reading = tree(data, *KNOWN)
    assert [member.name for member in reading.members] == ["model.gguf", ".args", "a.bin"]


@pytest.mark.parametrize(
    "data", [llamafile(b""), llamafile(APE, ("a.txt", b"x")), APE, ELF, b"#!/bin/sh\n" + llamafile(b"")]
)
def test_other_things_are_not_claimed(data: bytes) -> None:
    assert not FORMAT.claims(probe(data, "a.llamafile"))


def test_damaged_and_changed() -> None:
    data = llamafile(APE[:140])
    change_everywhere(data, *KNOWN)
    for end in range(1, len(data)):
        assert gaps_of(tree(data[:end], *KNOWN[:3])) or kinds_of(tree(data[:end], *KNOWN[:3])) or end < 140
