"""What loading a torch.export package would evaluate."""

import json

from modelairlock.records.facts import Configured, Value
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.torch_export_evaluates import RULE
from tests.formats.test_torch_export import package
from tests.rules.judging import SPAN, checked, finding_of, findings, gap_of, judged


def fact(kind: str, text: str, scheme: str = "torch-export") -> Configured:
    arguments = (Value(kind="str", text=text),)
    return Configured(span=SPAN, scheme=scheme, kind=kind, module="", qualname="", arguments=arguments)


def test_hit() -> None:
    sizes = [{"as_expr": {"expr_str": "__import__('os').system('id')", "hint": None}}]
    graph = {"graph_module": {"graph": {"tensor_values": {"x": {"sizes": sizes}}}}}
    subject = judged(package(graph=json.dumps(graph).encode()), "m.pt2")
    [finding] = findings(subject, RULE.name)
    assert finding.severity is Severity.CRITICAL
    assert "__import__('os').system('id')" in finding.message
    assert subject.verdict is Verdict.FLAGGED


def test_hit_by_hand() -> None:
    assert "would evaluate" in finding_of(RULE, fact("expression", "a.b")).message
    assert gap_of(RULE, fact("enum", "os:x")) == "an enum whose module torch.export.load imports: os:x"
    assert gap_of(RULE, fact("guard", "a.b")) == "a guard, which is Python: a.b"


def test_miss() -> None:
    assert not checked(RULE, fact("other", "a"), fact("expression", "a.b", "keras"))
