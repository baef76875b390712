"""Each kind is one finding, as bad as what a loader does; honest files are quiet."""

import pytest

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Confidence, Severity
from modelairlock.rules.gguf_misdescribed import _KINDS, RULE
from tests.build.gguf_builder import ARCHITECTURE, gguf, tensor
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def irregular(kind: str) -> Irregularity:
    return Irregularity(span=SPAN, kind=kind, detail="it is so")


@pytest.mark.parametrize("kind", _KINDS)
def test_hit(kind: str) -> None:
    finding = finding_of(RULE, irregular(kind))
    assert finding.severity is _KINDS[kind][0]
    assert finding.message == f"it is so: {_KINDS[kind][1]}"
    sure = Confidence.MEDIUM if kind == "gguf-tensor-beyond-file" else Confidence.HIGH
    assert finding.confidence is sure


def test_many_are_one_finding() -> None:
    finding = finding_of(RULE, *[irregular("gguf-key-repeated")] * 3)
    assert finding.message.startswith("it is so (and 2 more): ")


def test_from_bytes() -> None:
    [finding] = findings(judged(gguf(None, [tensor("w", (2**40, 2**40, 0))], b""), "a.gguf"), RULE.name)[:1]
    assert finding.severity is Severity.HIGH
    assert "'w' of shape" in finding.message
    assert "CVE-2026-27940" in finding.message


def test_miss() -> None:
    assert not checked(RULE, irregular("zeros-after-tensors"), irregular("key-repeated"))
    assert not judged(gguf([ARCHITECTURE]), "a.gguf").findings
