"""Operators of a TorchScript program that reach files."""

import pytest

from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.script_reaches_out import RULE as CHECK
from tests.build import torch_builder as t
from tests.rules.judging import SPAN, checked, finding_of, findings, judged

RULE = "script-reaches-out"


def test_hit() -> None:
    code = t.SCRIPT.replace("return x", 'ops.aten.save(x, "a")\n    return x')
    subject = judged(t.torchscript(code), "model.torchscript")
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.HIGH
    assert finding.message == "its program names ops.aten.save, which writes a file"
    assert subject.verdict is Verdict.FLAGGED


def test_miss() -> None:
    code = t.SCRIPT.replace("return x", "return torch.relu(x)")
    assert not findings(judged(t.torchscript(code), "model.torchscript"), RULE)


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("ops.aten.save", "writes a file"),
        ("torch.save", "writes a file"),
        ("torch.from_file", "maps a file into memory"),
        ("torch.load", "loads a file"),
        ("save", "writes a file"),
    ],
)
def test_hit_by_hand(name: str, effect: str) -> None:
    finding = finding_of(CHECK, Operator(span=SPAN, name=name))
    assert finding.severity is Severity.HIGH
    assert finding.message == f"its program names {name}, which {effect}"
    assert (finding.cwe, finding.atlas) == (("CWE-73", "CWE-494"), ("AML.T0011.000",))


def test_names_are_escaped() -> None:
    assert "\x1b" not in finding_of(CHECK, Operator(span=SPAN, name="\x1b[2J.save")).message


def test_miss_by_hand() -> None:
    assert not checked(CHECK, *(Operator(span=SPAN, name=name) for name in ("torch.relu", "ops.saved", "save.relu")))
