"""torch.export packages: recognised, and every member read for what it is."""

import pytest

from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.torch import FORMAT as TORCH
from modelairlock.formats.torch_export import FORMAT
from modelairlock.formats.torch_export_graph import FORMAT as GRAPH
from modelairlock.formats.zip import FORMAT as ZIP
from modelairlock.records.scan import Verdict
from tests.build import torch_builder as t
from tests.build.zip_builder import DESCRIPTOR, Entry, descriptor, zip_file
from tests.reading_help import change_everywhere, gaps_of, probe, tree
from tests.rules.judging import gaps, judged

LEFT_OUT = {"crc": 0, "size": 0, "packed_size": 0}


def member(name: str, data: bytes) -> Entry:
    """As torch's writer leaves it: sizes behind the data."""
    return Entry(name, data, flags=DESCRIPTOR, local=LEFT_OUT, trailer=descriptor(data))


def package(*more: Entry, inputs: bytes | None = None, graph: bytes = b'{"graph_module": {}}') -> bytes:
    """The layout of torch 2.13."""
    return zip_file(
        member("m/data/weights/model_weights_config.json", b'{"config": {}}'),
        member("m/models/model.json", graph),
        member("m/data/sample_inputs/model.pt", t.checkpoint() if inputs is None else inputs),
        member("m/archive_format", b"pt2"),
        member("m/archive_version", b"0"),
        member("m/byteorder", b"little"),
        *more,
    )


def test_hit() -> None:
    data = package(inputs=b"cos\nsystem\n(S'id'\ntR.")
    assert FORMAT.claims(probe(data))
    reading = tree(data, FORMAT, TORCH, ZIP, PICKLE, GRAPH)
    assert reading.formats == ("torch_export",)
    assert {member.formats for member in reading.members} == {("pickle",), ("torch_export_graph",)}


def test_an_archive_in_the_archive_does_not_make_it_a_checkpoint() -> None:
    assert not TORCH.claims(probe(package()))
    assert not judged(package(), "model.pt2").findings
    assert judged(package(), "model.pt2").verdict is Verdict.CLEAR


def test_one_that_is_a_checkpoint_as_well_passes_nothing_over() -> None:
    reading = tree(package(*t.members(t.state(), root="m")[:3]), FORMAT, TORCH, ZIP, PICKLE, GRAPH)
    assert reading.formats == ("torch_export",)
    assert reading.coverage.passed_over_bytes == 0 or all(one.role == "" for one in reading.members)


def test_pickles_among_weights_and_inputs_are_read() -> None:
    evil = b"cos\nsystem\n(S'id'\ntR."
    assert judged(package(inputs=evil), "m.pt2").verdict is Verdict.FLAGGED
    assert judged(package(member("m/data/weights/weight_0", evil)), "m.pt2").verdict is Verdict.FLAGGED
    assert judged(package(member("m/data/constants/custom_obj_0", evil)), "m.pt2").verdict is Verdict.FLAGGED


@pytest.mark.frameworks
def test_what_torch_writes_is_clear(tmp_path) -> None:
    torch = pytest.importorskip("torch")

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 2)
            self.constant = torch.ones(2)

        def forward(self, x, y):
            both = torch.relu(self.layer(x)) + self.constant
            chosen = torch.cond(x.sum() > 0, lambda a: a.sin(), lambda a: a.cos(), (both,))
            return {"h": chosen, "v": (both.view(x.shape[0], -1), y)}

    batch = {0: torch.export.Dim("batch", min=2)}
    inputs = (torch.ones(4, 3), torch.ones(4, 2))
    path = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(Model(), inputs, dynamic_shapes={"x": batch, "y": batch}), path)
    subject = judged(path.read_bytes(), path.name)
    assert subject.formats == ("torch_export",)
    assert subject.verdict is Verdict.CLEAR, list(gaps(subject))


def test_miss() -> None:
    assert not FORMAT.claims(probe(t.checkpoint()))
    assert not FORMAT.claims(probe(zip_file(Entry("a.txt", b"pt2"))))


def test_damaged() -> None:
    data = package()
    for length in range(1, len(data)):
        if FORMAT.claims(probe(data[:length])):
            assert gaps_of(tree(data[:length], FORMAT, PICKLE, GRAPH))


def test_changed() -> None:
    change_everywhere(package(inputs=b"N.")[-500:], FORMAT, PICKLE)
