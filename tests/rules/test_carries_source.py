"""torch.package archives import the Python source that they carry."""

from modelairlock.records.facts import Member
from modelairlock.records.finding import Severity
from modelairlock.rules.carries_source import RULE as CHECK
from tests.build import pickle_builder as p
from tests.build.zip_builder import Entry, zip_file
from tests.rules.judging import SPAN, checked, finding_of, findings, judged

RULE = "carries-source"


def package(*extra: Entry) -> bytes:
    return zip_file(
        Entry("model/model.pkl", p.whole(p.push({"a": 1}))), Entry("model/.data/extern_modules", b"os\n"), *extra
    )


def test_hit() -> None:
    [finding] = findings(judged(package(Entry("model/own.py", b"x = 1\n")), "model.pt"), RULE)
    assert finding.severity is Severity.MEDIUM
    assert finding.message == "loading it imports the code it carries: 1 module (model/own.py)"


def test_miss() -> None:
    assert not findings(judged(package(), "model.pt"), RULE)
    assert not findings(judged(zip_file(Entry("own.py", b"x = 1\n")), "a.zip"), RULE)


def members(*names: str) -> list[Member]:
    return [Member(span=SPAN, name=name) for name in names]


def test_hit_by_hand() -> None:
    finding = finding_of(CHECK, *members("m/a.py", "m/model.pkl", "m/\x1b[2J.so"), formats=("torch_package",))
    assert finding.severity is Severity.MEDIUM
    assert finding.message.startswith("loading it imports the code it carries: 2 modules (m/a.py, m/")
    assert "\x1b" not in finding.message
    assert [fact.name for fact in finding.evidence] == ["m/a.py", "m/\x1b[2J.so"]
    assert (finding.cwe, finding.atlas) == (("CWE-94",), ("AML.T0011.000",))


def test_many_modules_are_counted() -> None:
    finding = finding_of(CHECK, *members(*(f"m/{number}.py" for number in range(40))), formats=("torch_package",))
    assert finding.message.endswith("40 modules (m/0.py, m/1.py, m/2.py and 37 more)")
    assert len(finding.evidence) == 8


def test_miss_by_hand() -> None:
    assert not checked(CHECK, *members("m/a.py"), formats=("zip",))
    assert not checked(CHECK, *members("m/model.pkl", "m/a.pyi"), formats=("torch_package",))
