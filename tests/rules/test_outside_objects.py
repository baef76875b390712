"""Persistent ids in torch's shape, and in any other."""

import pytest

from modelairlock.records.facts import Buffer, PersistentId, Value
from modelairlock.records.finding import Confidence, Severity
from modelairlock.rules.outside_objects import RULE as CHECK
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.rules.judging import SPAN, checked, finding_of, findings, gap_of, judged, named, text, unvouched

RULE = "outside-objects"


def test_hit() -> None:
    for pid in (("storage", "FloatStorage", "0", "cpu", 4), ("row", 7), "key", 3):
        [finding] = findings(judged(p.whole(p.Code(p.push(pid) + p.BINPERSID))), RULE)
        assert finding.severity is Severity.MEDIUM


def test_hit_text() -> None:
    assert findings(judged(p.whole(p.Code(p.NONE + p.POP + p.persid("key")), 2)), RULE)


def test_buffers_are_a_gap() -> None:
    [detail] = unvouched(judged(p.whole(p.Code(p.NEXT_BUFFER), 5)))
    assert "out-of-band" in detail


def test_miss() -> None:
    assert not findings(judged(p.whole(t.storage(), 2)), RULE)
    assert not findings(judged(p.whole(t.storage(view=True), 2)), RULE)
    module = ("module", p.global_("torch.nn.modules.linear", "Linear"), "/a.py", "class Linear: pass")
    assert not findings(judged(p.whole(p.Code(p.push(module) + p.BINPERSID), 2)), RULE)


def asks(*parts: Value, kind: str = "tuple", cut: bool = False) -> PersistentId:
    return PersistentId(span=SPAN, value=Value(kind=kind, parts=parts, cut=cut))


FLOAT = named("torch", "FloatStorage")
LINEAR = named("torch.nn.modules.linear", "Linear")
FOUR = Value(kind="int", text="4")
NOTHING = Value(kind="none")
STORAGE = (text("storage"), FLOAT, text("0"), text("cpu"), FOUR)
MODULE = (text("module"), LINEAR, text("/a.py"), text("class Linear: pass"))

OTHERS = {
    "a storage class nobody vouches for": asks(STORAGE[0], named("evil", "Storage"), *STORAGE[2:]),
    "another word": asks(text("storages"), *STORAGE[1:]),
    "a location that is no text": asks(*STORAGE[:3], FOUR, FOUR),
    "a computed count": asks(*STORAGE[:4], Value(kind="call", parts=(named("builtins", "int"),))),
    "a list": asks(*STORAGE, kind="list"),
    "a storage that is cut": asks(*STORAGE, cut=True),
    "seven parts": asks(*STORAGE, NOTHING, NOTHING),
    "a module with a computed source": asks(*MODULE[:3], Value(kind="call", parts=(FLOAT,))),
    "a module as a list": asks(*MODULE, kind="list"),
    "half a source": asks(*MODULE[:3], NOTHING),
}


@pytest.mark.parametrize("case", OTHERS)
def test_hit_any_other_shape(case: str) -> None:
    finding = finding_of(CHECK, OTHERS[case])
    assert (finding.severity, finding.confidence) == (Severity.MEDIUM, Confidence.MEDIUM)
    assert finding.message.startswith("it asks the loader for the object ")
    assert finding.message.endswith(", which is no torch storage")
    assert finding.cwe == ("CWE-502",)


def test_buffers_by_hand() -> None:
    assert gap_of(CHECK, Buffer(span=SPAN)) == "an out-of-band buffer: its bytes are not in this file"


def test_miss_both_shapes_of_torch() -> None:
    assert not checked(CHECK, asks(*STORAGE), asks(*STORAGE, NOTHING), asks(*MODULE))
    # torch saves no source where it finds none: torch/serialization.py, _legacy_save
    assert not checked(CHECK, asks(*MODULE[:2], NOTHING, NOTHING))
