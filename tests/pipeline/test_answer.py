"""The parent believes nothing of a worker that does not add up."""

import msgspec
import pytest

from modelairlock.pipeline import answer
from modelairlock.pipeline.answer import ProtocolBroken, decode
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Import
from modelairlock.records.reading import Reading
from modelairlock.records.span import Span

encode = msgspec.msgpack.encode


def reading(path: str = "f", size: int = 9, **changes: object) -> Reading:
    fields = {"path": path, "name": path, "coverage": Coverage(size_bytes=size, read_bytes=size), **changes}
    return Reading(**fields)  # every change is of a field's own type


def gap(start: int, end: int, because: Because = Because.MALFORMED) -> Gap:
    return Gap(start=start, end=end, because=because)


def test_an_honest_answer_comes_through() -> None:
    honest = reading(
        members=(reading("f!m", 3),), facts=(Import(span=Span(0, 9), module="a", qualname="b", opcode="X"),)
    )
    assert decode(encode(honest), 9, "f") == honest
    partly = reading(coverage=Coverage(size_bytes=9, read_bytes=4, passed_over_bytes=2, gaps=(gap(6, 9), gap(7, 8))))
    assert decode(encode(partly), 9, "f") == partly


def nested(depth: int) -> Reading:
    path = "f" + "!m" * depth
    one = reading(path)
    for _ in range(depth):
        path = path.removesuffix("!m")
        one = reading(path, members=(one,))
    return one


LIES = {
    "another path": reading("g"),
    "another size": reading(size=8),
    "too much read": reading(coverage=Coverage(size_bytes=9, read_bytes=10)),
    "too little": reading(coverage=Coverage(size_bytes=9, read_bytes=8)),
    "negative": reading(coverage=Coverage(size_bytes=9, read_bytes=10, passed_over_bytes=-1)),
    "a gap outside": reading(coverage=Coverage(size_bytes=9, read_bytes=8, gaps=(gap(8, 10),))),
    "a gap backwards": reading(coverage=Coverage(size_bytes=9, read_bytes=9, gaps=(gap(5, 4),))),
    "a judgement": reading(coverage=Coverage(size_bytes=9, read_bytes=8, gaps=(gap(8, 9, Because.UNVOUCHED),))),
    "a fact outside": reading(facts=(Import(span=Span(3, 10), module="a", qualname="b", opcode="X"),)),
    "a member elsewhere": reading(members=(reading("g!m"),)),
    "a lying member": reading(members=(reading("f!m", coverage=Coverage(size_bytes=9)),)),
    "too deep": nested(40),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_refused(lie: str) -> None:
    with pytest.raises(ProtocolBroken):
        decode(encode(LIES[lie]), 9, "f")


def test_an_empty_file_needs_a_gap() -> None:
    with pytest.raises(ProtocolBroken):
        decode(encode(reading(size=0)), 0, "f")


@pytest.mark.parametrize(
    "junk", [b"", b"\xc1", b"\x80", b"null", encode({"path": "f"}), encode([1] * 100), b"\x91" * 100_000]
)
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(ProtocolBroken):
        decode(junk, 9, "f")


def test_a_huge_answer_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "RESULT_BYTES", 10)
    with pytest.raises(ProtocolBroken, match="bytes"):
        decode(encode(reading()), 9, "f")
