"""Words of a PyTorch file that are none."""

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.rules.checkpoint_odd import RULE
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.build.sample import evil
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def test_hit() -> None:
    for kind in ("torch-record-odd", "torch-protocol-odd"):
        assert finding_of(RULE, Irregularity(span=SPAN, kind=kind, detail="odd")).severity is Severity.LOW
    assert findings(judged(t.legacy(protocol=p.whole(p.binint2(1002), 2)), "a.pth"), "checkpoint-odd")


def test_what_stands_in_place_of_a_word_is_judged_as_what_it_is() -> None:
    subject = judged(t.checkpoint(version=evil(protocol=None)), "a.pt")
    assert findings(subject, "checkpoint-odd")
    assert findings(subject, "runs-harmful-code")


def test_miss() -> None:
    assert checked(RULE, Irregularity(span=SPAN, kind="zip-names-differ", detail="")) == []
    assert not findings(judged(t.checkpoint(), "a.pt"), "checkpoint-odd")
