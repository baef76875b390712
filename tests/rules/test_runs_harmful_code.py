"""Calls of functions known to do harm, however the pickle calls them and whatever becomes of the result."""

import pytest

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import pickle_builder as p
from tests.rules.judging import findings, judged

RULE = "runs-harmful-code"
SYSTEM = p.global_("os", "system")

WAYS = {
    "reduce": p.call(SYSTEM, "id"),
    "obj": p.call_obj(SYSTEM, "id"),
    "inst": p.Code(p.call_inst("os", "system", "id")),
    "newobj": p.call_newobj(SYSTEM, "id"),
    "newobj_ex": p.call_newobj_ex(SYSTEM, "id"),
    "thrown-away": p.Code(p.call(SYSTEM, "id") + p.POP + p.NONE),
    "in-a-mark": p.Code(p.MARK + p.call(SYSTEM, "id") + p.POP_MARK + p.NONE),
}


@pytest.mark.parametrize("way", WAYS)
def test_hit(way: str) -> None:
    subject = judged(p.whole(WAYS[way]))
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.CRITICAL
    arguments = "'id', {}" if way == "newobj_ex" else "'id'"
    assert finding.message == f"loading it would call os.system({arguments}), which runs a command or another program"
    assert finding.where.startswith("model.pkl@")
    assert "CWE-78" in finding.cwe
    assert finding.evidence
    assert subject.verdict is Verdict.FLAGGED


def test_a_payload_before_the_damage_counts() -> None:
    assert findings(judged(p.proto() + p.call(SYSTEM, "id") + b"\xff\xff\xff"), RULE)


def test_arguments_are_escaped_and_cut() -> None:
    [finding] = findings(judged(p.whole(p.call(SYSTEM, "\x1b[2J" + "a" * 5000))), RULE)
    assert "\x1b" not in finding.message
    assert len(finding.message) < 600


def test_python_2_names_count() -> None:
    assert findings(judged(p.whole(p.call(p.global_("__builtin__", "eval"), "1"), 2)), RULE)


def test_bytes_that_nothing_loads_say_so() -> None:
    inner = p.whole(p.call(SYSTEM, "id"))
    [finding] = findings(judged(p.whole(p.push({"a": inner}))), RULE)
    assert finding.message.startswith("if something loaded these bytes, it would call os.system")


def test_many_calls_are_told_up_to_fifty_times() -> None:
    calls = b"".join(p.call(SYSTEM, f"id {number}") + p.POP for number in range(200))
    assert 10 <= len(findings(judged(p.whole(p.Code(calls + p.NONE))), RULE)) <= 50


def test_miss() -> None:
    honest = p.push({"a": [1, 2.5, "os.system", b"posix", None]})
    subject = judged(p.whole(honest))
    assert subject.verdict is Verdict.CLEAR
    assert not findings(subject, RULE)
