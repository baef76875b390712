"""torch.export packages: recognised, and every member read for what it is."""

import pytest

from modelairlock.formats.json_text import FORMAT as JSON
from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.torch import FORMAT as TORCH
from modelairlock.formats.torch_export import FORMAT
from modelairlock.formats.zip import FORMAT as ZIP
from modelairlock.records.coverage import Because
from modelairlock.records.scan import Verdict
from tests.build import torch_builder as t
from tests.build.zip_builder import DESCRIPTOR, Entry, descriptor, zip_file
from tests.reading_help import change_everywhere, gaps_of, probe, tree
from tests.rules.judging import judged

LEFT_OUT = {"crc": 0, "size": 0, "packed_size": 0}


def member(name: str, data: bytes) -> Entry:
    """As torch's writer leaves it: sizes behind the data."""
    return Entry(name, data, flags=DESCRIPTOR, local=LEFT_OUT, trailer=descriptor(data))


def package(*more: Entry, inputs: bytes | None = None) -> bytes:
    """The layout of torch 2.13."""
    return zip_file(
        member("m/data/weights/model_weights_config.json", b'{"config": {}}'),
        member("m/models/model.json", b'{"graph_module": {}}'),
        member("m/data/sample_inputs/model.pt", t.checkpoint() if inputs is None else inputs),
        member("m/archive_format", b"pt2"),
        member("m/archive_version", b"0"),
        member("m/byteorder", b"little"),
        *more,
    )


def test_hit() -> None:
    data = package(inputs=b"cos\nsystem\n(S'id'\ntR.")
    assert FORMAT.claims(probe(data))
    reading = tree(data, FORMAT, TORCH, ZIP, PICKLE, JSON)
    assert reading.formats == ("torch_export",)
    assert {member.formats for member in reading.members} == {("pickle",), ("json_text",)}


def test_an_archive_in_the_archive_does_not_make_it_a_checkpoint() -> None:
    assert not TORCH.claims(probe(package()))
    assert not judged(package(), "model.pt2").findings
    assert judged(package(), "model.pt2").verdict is Verdict.INCOMPLETE


def test_one_that_is_a_checkpoint_as_well_passes_nothing_over() -> None:
    reading = tree(package(*t.members(t.state(), root="m")[:3]), FORMAT, TORCH, ZIP, PICKLE, JSON)
    assert reading.formats == ("torch_export",)
    assert reading.coverage.passed_over_bytes == 0 or all(one.role == "" for one in reading.members)


def test_its_graphs_are_always_a_gap() -> None:
    gaps = gaps_of(tree(package(), FORMAT, TORCH, ZIP, PICKLE, JSON))
    assert {gap.because for gap in gaps} == {Because.UNSUPPORTED}
    assert "evaluate" in gaps[0].detail


@pytest.mark.frameworks
def test_what_torch_writes_is_not_flagged(tmp_path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(torch.nn.Linear(3, 2), (torch.ones(1, 3),)), path)
    subject = judged(path.read_bytes(), path.name)
    assert subject.formats == ("torch_export",)
    assert subject.verdict is Verdict.INCOMPLETE


def test_miss() -> None:
    assert not FORMAT.claims(probe(t.checkpoint()))
    assert not FORMAT.claims(probe(zip_file(Entry("a.txt", b"pt2"))))


def test_damaged() -> None:
    data = package()
    for length in range(1, len(data)):
        if FORMAT.claims(probe(data[:length])):
            assert gaps_of(tree(data[:length], FORMAT, PICKLE, JSON))


def test_changed() -> None:
    change_everywhere(package(inputs=b"N.")[-500:], FORMAT, PICKLE)
