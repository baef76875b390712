"""torch.export packages: recognised, and every member read for what it is."""

from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.torch_export import FORMAT
from modelairlock.formats.zip import FORMAT as ZIP
from tests.build import torch_builder as t
from tests.build.zip_builder import Entry, zip_file
from tests.reading_help import change_everywhere, cut_everywhere, probe, tree

PACKAGE = zip_file(
    Entry("m/archive_format", b"pt2"),
    Entry("m/archive_version", b"0"),
    Entry("m/data/sample_inputs/model.pt", b"cos\nsystem\n(S'id'\ntR."),
)


def test_hit() -> None:
    assert FORMAT.claims(probe(PACKAGE))
    reading = tree(PACKAGE, FORMAT, ZIP, PICKLE)
    assert reading.formats == ("torch_export",)
    assert [member.formats for member in reading.members] == [("pickle",)]


def test_miss() -> None:
    assert not FORMAT.claims(probe(t.checkpoint()))
    assert not FORMAT.claims(probe(zip_file(Entry("a.txt", b"pt2"))))


def test_damaged() -> None:
    cut_everywhere(PACKAGE, FORMAT, PICKLE)


def test_changed() -> None:
    change_everywhere(PACKAGE, FORMAT, PICKLE)
