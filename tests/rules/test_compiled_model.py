"""Machine code in torch.export packages."""

from modelairlock.records.facts import Member
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.compiled_model import RULE
from tests.formats.test_torch_export import member, package
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def test_hit() -> None:
    library = member("m/data/aotinductor/model/a.so", b"\x7fELF\x02\x01\x01" + bytes(57))
    subject = judged(package(library), "m.pt2")
    [finding] = findings(subject, RULE.name)
    assert finding.severity is Severity.HIGH
    assert "1 file (m/data/aotinductor/model/a.so)" in finding.message
    assert subject.verdict is Verdict.FLAGGED


def test_hit_by_hand() -> None:
    finding_of(RULE, Member(span=SPAN, name="m/a.CPP"), formats=("torch_export",))


def test_miss() -> None:
    assert not checked(RULE, Member(span=SPAN, name="m/a.so"), formats=("zip",))
    assert not checked(RULE, Member(span=SPAN, name="m/a.json"), formats=("torch_export",))
