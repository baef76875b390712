"""Operators of a PyTorch program that reach files."""

import pytest

from modelairlock.records.facts import Operator
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.script_reaches_out import RULE as CHECK
from tests.build import torch_builder as t
from tests.rules.judging import SPAN, checked, finding_of, findings, judged

RULE = "script-reaches-out"


def test_hit() -> None:
    code = t.SCRIPT.replace("return x", 'ops.aten.save(x, "/etc/x")\n    return x')
    subject = judged(t.torchscript(code), "model.torchscript")
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "using it runs aten::save with '/etc/x' (in __torch__.Canary.forward),"
        " which writes a file at a path of its choice"
    )
    assert subject.verdict is Verdict.FLAGGED


def test_miss() -> None:
    code = t.SCRIPT.replace("return x", "return torch.relu(x)")
    assert not findings(judged(t.torchscript(code), "model.torchscript"), RULE)


@pytest.mark.parametrize(
    ("domain", "name", "severity"),
    [
        ("aten", "save", Severity.HIGH),
        ("aten", "from_file", Severity.MEDIUM),
        ("image", "write_file", Severity.HIGH),
        ("prim", "rpc_async", Severity.MEDIUM),
        ("c10d", "send", Severity.MEDIUM),
        ("prim", "Print", Severity.INFO),
        ("method", "save", Severity.HIGH),
    ],
)
def test_hit_by_hand(domain: str, name: str, severity: Severity) -> None:
    finding = finding_of(CHECK, Operator(span=SPAN, name=name, domain=domain))
    assert finding.severity is severity
    assert finding.confidence is (Confidence.MEDIUM if domain == "method" else Confidence.HIGH)


def test_what_loading_runs_is_worse() -> None:
    finding = finding_of(CHECK, Operator(span=SPAN, name="from_file", domain="aten", where="__torch__.A.__setstate__"))
    assert finding.severity is Severity.HIGH
    assert finding.message.startswith("loading it runs aten::from_file")


def test_names_are_escaped() -> None:
    assert "\x1b" not in finding_of(CHECK, Operator(span=SPAN, name="\x1b[2J", domain="c10d")).message


def test_miss_by_hand() -> None:
    known = [Operator(span=SPAN, name=name, domain="aten") for name in ("relu", "saved", "warn")]
    assert not checked(CHECK, *known, Operator(span=SPAN, name="save", domain="aten", dialect="onnx"))
