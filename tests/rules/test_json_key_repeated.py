"""Keys that stand twice in one object."""

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.rules.json_key_repeated import RULE
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def test_hit() -> None:
    fact = Irregularity(span=SPAN, kind="json-key-repeated", detail="'a' stands twice in one object")
    assert finding_of(RULE, fact).severity is Severity.LOW
    assert finding_of(RULE, fact, fact).message == "'a' stands twice in one object (and 1 more)"
    assert findings(judged(b'{"a": 1, "a": 2}', "a.json"), "json-key-repeated")


def test_miss() -> None:
    assert checked(RULE, Irregularity(span=SPAN, kind="key-repeated", detail="")) == []
    assert not findings(judged(b'{"a": 1, "b": {"a": 2}}', "a.json"), "json-key-repeated")
