"""A dotted name reaches any module by way of any other."""

from modelairlock.records.finding import Severity
from tests.build import pickle_builder as p
from tests.rules.judging import findings, judged

RULE = "attribute-path"


def test_hit() -> None:
    subject = judged(p.whole(p.call(p.stack_global("pathlib", "os.system"), "id")))
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.HIGH
    assert finding.message == "it reaches os.system by way of pathlib"
    assert findings(subject, "runs-harmful-code")


def test_a_nested_class_of_a_library_is_told_quietly() -> None:
    [finding] = findings(judged(p.whole(p.push([p.stack_global("somelib.nn", "Model.Config")]))), RULE)
    assert finding.severity is Severity.LOW


def test_miss() -> None:
    assert not findings(judged(p.whole(p.push([p.stack_global("collections", "OrderedDict")]))), RULE)
