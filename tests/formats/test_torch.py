"""PyTorch's zip checkpoints."""

import pytest

from modelairlock.encodings import zip_probe
from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.torch import FORMAT
from modelairlock.formats.zip import FORMAT as ZIP
from modelairlock.records.facts import Irregularity, Member, PersistentId
from tests.build import torch_builder as t
from tests.build.zip_builder import Entry, zip_file
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, probe, read, tree


def test_hit() -> None:
    data = t.checkpoint()
    assert FORMAT.claims(probe(data))
    facts, gaps, _ = read(FORMAT, data)
    assert gaps == []
    roles = {fact.name: fact.role for fact in facts if isinstance(fact, Member)}
    assert roles == {"archive/data.pkl": "", "archive/data/0": "raw"}
    assert not [fact for fact in facts if isinstance(fact, Irregularity)]
    reading = tree(data, FORMAT, PICKLE)
    assert gaps_of(reading) == []
    assert reading.formats == ("torch",)
    [pickled] = [member for member in reading.members if member.name == "archive/data.pkl"]
    assert any(isinstance(fact, PersistentId) for fact in pickled.facts)


def test_it_reads_instead_of_the_plain_zip() -> None:
    assert tree(t.checkpoint(), FORMAT, ZIP, PICKLE).formats == ("torch",)


def test_another_member_is_read_for_what_it_is() -> None:
    evil = b"cos\nsystem\n(S'id'\ntR."
    reading = tree(t.checkpoint(None, None, Entry("archive/extra", evil)), FORMAT, PICKLE)
    assert any(member.formats == ("pickle",) and member.name == "archive/extra" for member in reading.members)


def test_a_word_that_is_none_is_told() -> None:
    kinds = read(FORMAT, t.checkpoint(None, None, version=b"cos\nsystem\n")).kinds
    assert kinds == ["torch-record-odd"]


def test_only_what_torch_calls_a_storage_is_raw() -> None:
    names = ("data/1", "data/a-b_C", "data/evil.py", "data/sub/0", "data/", "DATA/2", "data.pkl/0")
    extra = [Entry(f"archive/{name}", b"16 bytes of data") for name in names]
    result = read(FORMAT, t.checkpoint(None, None, *extra))
    raw = [member.name for member in result.members if member.role == "raw"]
    assert raw == ["archive/data/0", "archive/data/1", "archive/data/a-b_C"]


def test_nothing_is_raw_when_the_names_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_probe, "_NAMES", 3)
    assert {member.role for member in read(FORMAT, t.checkpoint()).members} == {""}


def test_names_are_found_whatever_their_case() -> None:
    assert FORMAT.claims(probe(t.checkpoint().replace(b"data.pkl", b"DATA.PKL")))
    assert not FORMAT.claims(probe(t.torchscript().replace(b"constants.pkl", b"Constants.pkl")))


def test_miss() -> None:
    assert not FORMAT.claims(probe(zip_file(Entry("a.txt", b"hello"))))
    assert not FORMAT.claims(probe(t.torchscript()))
    assert not FORMAT.claims(probe(t.legacy()))
    assert not FORMAT.claims(probe(b"data.pkl"))


def test_damaged() -> None:
    cut_everywhere(t.checkpoint(), FORMAT, PICKLE)


@pytest.mark.slow
def test_changed() -> None:
    change_everywhere(t.checkpoint(), FORMAT, PICKLE)
