"""Whatever text a file smuggles into a record, every output copes, and shows nothing that a terminal would obey."""

import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelairlock.catalog import names
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Call, Import, Irregularity, Value
from modelairlock.records.output import View
from modelairlock.records.scan import Excluded, OperatorError, ScanRecord, Subject, Verdict
from modelairlock.records.span import Span
from tests.outputs.canonical import VIEW, call_finding, clear_subject, gap_subject, record, whole
from tests.outputs.hostile import hidden_in, rendered, without_colour

OUTPUTS = names("modelairlock.outputs")
TEXT = st.text(st.one_of(st.characters(), st.sampled_from("\n\x1b\u202e`|<>&\"'[](){}!@#\\\ud800")), max_size=60)


def a_record(a: str, b: str, c: str) -> ScanRecord:
    fact = Call(
        span=Span(0, 1),
        callable=Value("global", a, b),
        how="reduce",
        arguments=(Value("str", c), Value("tuple", parts=(Value("bytes", a), Value("unknown", b))), Value("call")),
    )
    irregular = Irregularity(span=Span(0, 1), kind="zip-names-differ", detail=c)
    imported = Import(span=Span(0, 1), module=a, qualname=b, opcode="GLOBAL")
    findings = tuple(call_finding(f"{a}!{b}@0..1", each, c) for each in (fact, irregular, imported))
    flagged = Subject(
        path=a, verdict=Verdict.FLAGGED, formats=(b,), sha256=None, size_bytes=9, findings=findings, coverage=whole(9),
        members=(gap_subject(f"{a}!{b}", Because.MALFORMED, c),),
    )  # fmt: skip
    return record(
        flagged,
        gap_subject(b, Because.UNVOUCHED, a),
        gap_subject(c, Because.OVER_LIMIT, b),
        clear_subject(a),
        excluded=(Excluded(path=a, reason=b),),
        errors=(OperatorError(path=b, message=c, hint=a),),
    )


@pytest.mark.parametrize("view", [VIEW, VIEW._replace(width=50, colour=True, verbose=True), View(folder="/x")])
@pytest.mark.parametrize("name", OUTPUTS)
@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_every_output_copes_with_every_text(name: str, view: View, a: str, b: str, c: str) -> None:
    text = rendered(name, a_record(a, b, c), view)
    assert not hidden_in(without_colour(text) if name == "text" else text)
    text.encode()
    if name in ("json", "sarif"):
        json.loads(text)
    if name == "junit":
        ET.fromstring(text)
    if name == "text":
        edge = [line.split(" ")[0] for line in without_colour(text).splitlines() if line and line[0] != " "]
        assert edge[:2] == ["FLAGGED", "FLAGGED"]
        assert set(edge[2:]) <= {"INCOMPLETE", "CLEAR", "4", "Readers", "were", "confined."}
