"""BUILD and SETITEM aimed at what the pickle did not make."""

import pytest

from modelairlock.records.facts import Build, SetItem, Value
from modelairlock.records.finding import Severity
from modelairlock.rules.patches_shared_code import RULE as CHECK
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.rules.judging import SPAN, checked, finding_of, findings, judged, made, named, text

RULE = "patches-shared-code"
CLASS = p.global_("collections", "OrderedDict")

HOSTILE = {
    "build": p.build(CLASS, {"x": 1}),
    "slots": p.build(CLASS, (None, {"__reduce__": CLASS})),
    "setitem": p.Code(CLASS + p.push("a") + p.push(1) + p.SETITEM),
    "append": p.Code(CLASS + p.push("a") + p.APPEND),
    "storage": p.build(t.storage(), {"x": 1}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hit(case: str) -> None:
    found = findings(judged(p.whole(HOSTILE[case])), RULE)
    assert [finding.severity for finding in found] == [Severity.HIGH]


def test_miss() -> None:
    assert not findings(judged(p.whole(p.build(p.call(p.global_("argparse", "Namespace")), {"x": 1}))), RULE)


@pytest.mark.parametrize("kind", ["global", "unresolved", "extension", "persistent"])
def test_hit_by_hand(kind: str) -> None:
    target = Value(kind=kind, module="torch.nn", text="Module")
    for fact, does in (
        (Build(span=SPAN, target=target, state=text("x")), "set attributes of"),
        (SetItem(span=SPAN, target=target, opcode="APPENDS"), "put items into"),
    ):
        finding = finding_of(CHECK, fact)
        assert finding.severity is Severity.HIGH
        assert finding.message.startswith(f"loading it would {does} ")
        assert finding.message.endswith(" for the whole process")
        assert kind != "global" or "torch.nn.Module" in finding.message
        assert (finding.cwe, finding.atlas) == (("CWE-915", "CWE-502"), ("AML.T0011.000",))


def test_miss_what_the_pickle_made() -> None:
    for target in (made(named("a", "B")), Value(kind="dict"), Value(kind="list")):
        assert not checked(
            CHECK,
            Build(span=SPAN, target=target, state=text("x")),
            SetItem(span=SPAN, target=target, opcode="SETITEM"),
        )
