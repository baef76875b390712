"""Bytes that one loader takes for data and another for instructions."""

import pytest

from modelairlock.records.coverage import Because
from modelairlock.records.facts import FrameTrick, HiddenCode, Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.hidden_instructions import RULE as CHECK
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.rules.judging import SPAN, checked, finding_of, findings, gaps, imported, judged

RULE = "hidden-instructions"


def crossing() -> bytes:
    """The frame ends inside a byte string: C reads its bytes after the frame, and opcodes where others see data."""
    hidden = p.call(p.global_("os", "system"), "id") + p.STOP
    body = p.binbytes(b"", 4 + len(hidden))
    return p.proto() + p.frame(body + b"AAAA", len(body) + 4) + b"B" * (4 + len(hidden) - 4) + hidden


def test_hit_a_crossed_frame() -> None:
    found = findings(judged(crossing()), RULE)
    assert any("a frame is broken" in finding.message for finding in found)
    assert any(finding.severity is Severity.CRITICAL for finding in found)


def test_hit_opcodes_in_a_raw_array() -> None:
    evil = p.call(p.global_("os", "system"), "id") + p.STOP
    data = j.stream(j.array(evil + bytes(-len(evil) % 8), pad=None, shape=((len(evil) + 7) // 8,), alignment=None))
    found = findings(judged(data, "model.joblib"), RULE)
    assert [finding.severity for finding in found] == [Severity.CRITICAL]
    assert "os.system" in found[0].message


def test_a_broken_download_is_no_trick() -> None:
    whole = p.proto() + p.frame(p.push({"a": "b" * 50}) + p.STOP)
    subject = judged(whole[:40])
    assert subject.verdict is Verdict.INCOMPLETE
    assert not findings(subject, RULE)
    assert {gap.because for gap in gaps(subject)} == {Because.TRUNCATED}


def test_miss() -> None:
    assert not findings(judged(p.proto() + p.frame(p.push({"a": 1}) + p.STOP)), RULE)
    assert not findings(judged(j.stream(j.array()), "model.joblib"), RULE)


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("frame", "a loader that follows CPython's C unpickler would skip part of a frame, and then "),
        (
            "array-tail",
            "joblib before 1.2, which knows no alignment, would take an array's last bytes for opcodes, and then ",
        ),
        ("raw-array", "pickle.load would take an array's bytes for opcodes, and then "),
        (
            "object-array",
            "pickle.load would read an array's objects with the memo of the pickle around them, and then ",
        ),
    ],
)
def test_hit_by_hand(kind: str, begins: str) -> None:
    for calls, severity, does in ((True, Severity.CRITICAL, "import and call"), (False, Severity.HIGH, "import")):
        fact = HiddenCode(span=SPAN, kind=kind, names=("os.system", "\x1b[2J"), calls=calls)
        finding = finding_of(CHECK, fact)
        assert finding.severity is severity
        assert finding.message.startswith(f"{begins}{does} os.system, ")
        assert "\x1b" not in finding.message
        assert (finding.cwe, finding.atlas) == (("CWE-436", "CWE-502"), ("AML.T0011.000",))


def test_hit_a_frame_that_goes_on_behind_its_pickle() -> None:
    found = findings(judged(p.proto() + p.frame(p.push({"a": 1}) + p.STOP + b"\0")), RULE)
    assert [finding.message for finding in found] == [
        "a frame is broken, so that loaders disagree: a frame goes on 1 bytes behind the end of its pickle"
    ]


def test_hit_a_frame_by_hand() -> None:
    finding = finding_of(CHECK, FrameTrick(span=SPAN, kind="nested-frame", detail="a frame in a frame"))
    assert finding.severity is Severity.CRITICAL
    assert finding.message == "a frame is broken, so that loaders disagree: a frame in a frame"


def test_miss_by_hand() -> None:
    assert not checked(CHECK, imported("os", "system"), Irregularity(span=SPAN, kind="archive-prefix", detail=""))
