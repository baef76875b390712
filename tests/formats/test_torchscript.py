"""TorchScript archives: read, and never clear while their programs are not judged."""

from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.torch import FORMAT as TORCH
from modelairlock.formats.torchscript import FORMAT
from modelairlock.formats.zip import FORMAT as ZIP
from modelairlock.records.coverage import Because
from tests.build import torch_builder as t
from tests.build.zip_builder import Entry, zip_file
from tests.reading_help import change_everywhere, gaps_of, probe, read, tree


def test_hit() -> None:
    data = t.torchscript()
    assert FORMAT.claims(probe(data))
    result = read(FORMAT, data)
    assert [gap.because for gap in result.gaps] == [Because.UNSUPPORTED]
    assert {member.name for member in result.members} >= {"archive/constants.pkl", "archive/code/__torch__.py"}
    assert tree(data, FORMAT, TORCH, ZIP, PICKLE).formats == ("torchscript",)


def test_an_archive_without_code_is_not_clear_either() -> None:
    data = zip_file(Entry("a/constants.pkl", b"\x80\x02)."), Entry("a/data.pkl", b"\x80\x02}."))
    assert gaps_of(tree(data, FORMAT, PICKLE))


def test_miss() -> None:
    assert not FORMAT.claims(probe(t.checkpoint()))
    assert not FORMAT.claims(probe(zip_file(Entry("code.txt", b"x"))))


def test_damaged() -> None:
    data = t.torchscript()
    for length in range(1, len(data), 3):
        if FORMAT.claims(probe(data[:length])):
            assert gaps_of(tree(data[:length], FORMAT, PICKLE))


def test_changed() -> None:
    change_everywhere(t.torchscript(), FORMAT, PICKLE)
