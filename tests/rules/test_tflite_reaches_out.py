"""Paths to external buffers that leave the model's folder are findings."""

import pytest

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.rules.tflite_reaches_out import RULE
from tests.build.flat_builder import tflite
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def file(target: str) -> Reference:
    return Reference(span=SPAN, kind="external-data", target=target)


@pytest.mark.parametrize("target", ["/etc/passwd", "..\\a", "a/../../b", "..", "~/x", "C:\\x", "http://x/y", "a\n"])
def test_hit(target: str) -> None:
    assert finding_of(RULE, file(target), formats=("tflite",)).severity is Severity.HIGH


@pytest.mark.parametrize("target", ["weights.bin", "a/b.bin", "a..b", ""])
def test_paths_that_stay(target: str) -> None:
    assert not checked(RULE, file(target), formats=("tflite",))


def test_miss() -> None:
    assert not checked(RULE, file("../x"), formats=("onnx",))
    other = Reference(span=SPAN, kind="vocabulary", target="../x")
    assert not checked(RULE, other, formats=("tflite",))


def test_from_bytes() -> None:
    [finding] = findings(judged(tflite(external_buffer_groups=[{"name": "../w"}]), "a.tflite"), RULE.name)
    assert "'../w'" in finding.message
