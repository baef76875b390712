"""Several claims on one artifact are a finding; one claim, or a format that builds on another, is none."""

from typing import Any, cast

from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.coverage import Coverage
from modelairlock.records.facts import Polyglot
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context
from modelairlock.records.span import Span
from modelairlock.rules.polyglot import RULE
from tests.build.npy_builder import npy, npz
from tests.build.safetensors_builder import safetensors

NOBODY = Context(profiles=cast(Any, None))


def judged(data: bytes, name: str) -> list[Finding]:
    reading = read_tree(BytesSource(data), name, name, DEFAULT_LIMITS, strict=True)
    return [found for found in RULE.check(reading, NOBODY) if isinstance(found, Finding)]


def test_hit() -> None:
    fact = Polyglot(span=Span(0, 9), formats=("pickle", "text", "zip"))
    reading = Reading(path="a", name="a", coverage=Coverage(size_bytes=9), facts=(fact,))
    (finding,) = RULE.check(reading, NOBODY)
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.HIGH
    assert finding.message == "the same bytes are pickle, text and zip: each loader chooses for itself"
    assert finding.where == "a@0..9"


def test_a_zip_behind_a_safetensors_file() -> None:
    (finding,) = judged(safetensors(suffix=npz(("data.pkl", b"N."))), "model.safetensors")
    assert finding.evidence == (Polyglot(span=finding.evidence[0].span, formats=("safetensors", "zip")),)


def test_a_text_that_is_a_pickle() -> None:
    (finding,) = judged(b"cos\nsystem\n(S'id'\ntR.", "notes.txt")
    assert "pickle and text" in finding.message


def test_miss() -> None:
    for data, name in [
        (safetensors(), "a.safetensors"), (npy(), "a.npy"), (npz(("a.npy", npy())), "a.npz"), (b"hello\n", "a.txt"),
        (b'{"a": 1}', "a.json"), (b"#!/bin/sh\n", "a.sh"), (b"\x80\x04N.", "a.pkl"), (b"I1\n.", "a.pkl"),
        (b"a: 1\n", "a.yaml"),
    ]:  # fmt: skip
        assert not judged(data, name), name
