"""PyTorch's stream of five pickles and raw storages."""

from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.torch_legacy import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Import, PickleStream
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, probe, read, tree


def test_hit() -> None:
    data = t.legacy()
    assert FORMAT.claims(probe(data))
    facts, gaps, cursor = read(FORMAT, data)
    assert gaps == []
    assert len([fact for fact in facts if isinstance(fact, PickleStream)]) == 5
    assert cursor.passed.total() >= 16


def test_it_reads_instead_of_the_plain_pickle() -> None:
    assert tree(t.legacy(), FORMAT, PICKLE).formats == ("torch_legacy",)


def test_the_fourth_pickle_is_read() -> None:
    facts, _, _ = read(FORMAT, t.legacy(p.whole(p.call(p.global_("os", "system"), "id"), 2)))
    assert any(isinstance(fact, Import) and fact.qualname == "system" for fact in facts)


def test_what_follows_the_storages_is_a_gap() -> None:
    _, gaps, _ = read(FORMAT, t.legacy() + b"trailing")
    assert [gap.because for gap in gaps] == [Because.UNRECOGNISED]


def test_miss() -> None:
    assert not FORMAT.claims(probe(p.whole(p.push(1))))
    assert not FORMAT.claims(probe(t.checkpoint()))
    assert not FORMAT.claims(probe(b""))


def test_damaged() -> None:
    cut_everywhere(t.legacy(), FORMAT)
    assert gaps_of(tree(t.legacy()[:-1], FORMAT))


def test_changed() -> None:
    change_everywhere(t.legacy(), FORMAT)
