"""A harmful name that is only imported waits for somebody to call it."""

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import pickle_builder as p
from tests.rules.judging import findings, judged

RULE = "names-harmful-code"


def test_hit() -> None:
    subject = judged(p.whole(p.push({"activation": p.global_("os", "system")})))
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.HIGH
    assert finding.message == "it names os.system, which runs a command or another program, and keeps it for later"
    assert subject.verdict is Verdict.FLAGGED


def test_a_called_name_is_told_by_the_other_rule() -> None:
    subject = judged(p.whole(p.call(p.global_("os", "system"), "id")))
    assert not findings(subject, RULE)
    assert findings(subject, "runs-harmful-code")


def test_miss() -> None:
    assert not findings(judged(p.whole(p.push([p.global_("collections", "OrderedDict")]))), RULE)
