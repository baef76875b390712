"""Other files are told with who follows them; links within a file are worth a word; other formats are quiet."""

import pytest

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.rules.hdf5_reaches_out import RULE
from tests.build import hdf5_builder as h
from tests.build.hdf5_builder import File
from tests.rules.judging import SPAN, checked, finding_of, findings, judged

HDF5 = ("hdf5",)


def reference(kind: str, target: str = "/etc/passwd", count: int = 1) -> Reference:
    return Reference(span=SPAN, kind=kind, target=target, where="/model_weights/kernel", count=count)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (
            "external-storage",
            "/model_weights/kernel takes its bytes from the file /etc/passwd: h5py always does, Keras",
        ),
        ("external-link", "/model_weights/kernel leads into another file, /etc/passwd: h5py always does, Keras"),
        ("virtual-dataset", "/model_weights/kernel shows elements of another file, /etc/passwd: h5py always does"),
    ],
)
def test_hit(kind: str, says: str) -> None:
    finding = finding_of(RULE, reference(kind), formats=HDF5)
    assert finding.severity is Severity.MEDIUM
    assert finding.message.startswith(says)


def test_links_within_the_file_are_low() -> None:
    assert finding_of(RULE, reference("soft-link"), formats=HDF5).severity is Severity.LOW


def test_many_are_one_finding() -> None:
    facts = [reference("external-link") for _ in range(3)] + [reference("external-link", count=10)]
    assert ", and 12 more like it: " in finding_of(RULE, *facts, formats=HDF5).message


def test_miss() -> None:
    assert not checked(RULE, reference("external-link"), formats=("onnx",))
    assert not checked(RULE, reference("external-data"), formats=HDF5)


def test_from_a_file() -> None:
    file = File()
    data = file.whole(file.folder(h.external("model_weights", "../../secret.h5", "/model_weights")))
    [finding] = findings(judged(data, "model.h5"), RULE.name)
    assert finding.message.startswith("/model_weights leads into another file, ../../secret.h5:/model_weights: ")
    assert not findings(judged(h.small(), "model.h5"), RULE.name)
