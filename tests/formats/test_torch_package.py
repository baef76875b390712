"""torch.package archives: recognised, and every member read for what it is."""

from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.torch import FORMAT as TORCH
from modelairlock.formats.torch_package import FORMAT
from modelairlock.formats.zip import FORMAT as ZIP
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.build.corpus_carried import SAMPLES
from tests.build.zip_builder import Entry, zip_file
from tests.reading_help import change_everywhere, cut_everywhere, probe, tree

PACKAGE = zip_file(
    Entry("m/model.pkl", p.whole(p.push({"a": 1}))),
    Entry("m/.data/extern_modules", b"os\n"),
    Entry("m/.data/version", b"6\n"),
)


def test_hit() -> None:
    assert FORMAT.claims(probe(PACKAGE))
    reading = tree(PACKAGE, FORMAT, ZIP, PICKLE)
    assert reading.formats == ("torch_package",)
    assert ("pickle",) in [member.formats for member in reading.members]


def test_its_mark_counts_wherever_it_stands() -> None:
    """In the middle of a long directory, beside a checkpoint whose storages are its modules."""
    [sample] = [sample for sample in SAMPLES if sample.name == "carried-package"]
    reading = tree(sample.build(), FORMAT, TORCH, ZIP, PICKLE)
    assert reading.formats == ("torch_package",)
    assert "m/data/evil.py" in [member.name for member in reading.members if member.role == ""]
    assert FORMAT.claims(probe(PACKAGE.replace(b".data/extern", b".Data/Extern")))


def test_miss() -> None:
    assert not FORMAT.claims(probe(t.checkpoint()))
    assert not FORMAT.claims(probe(zip_file(Entry("extern_modules", b"os\n"))))


def test_damaged() -> None:
    cut_everywhere(PACKAGE, FORMAT, PICKLE)


def test_changed() -> None:
    change_everywhere(PACKAGE, FORMAT, PICKLE)
