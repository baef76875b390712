"""The parent believes nothing of a worker that does not add up."""

from typing import get_args, get_type_hints

import msgspec
import pytest

from modelairlock.limits import Limits
from modelairlock.pipeline import answer
from modelairlock.pipeline.answer import HANDED_BACK, ProtocolBroken, answers, decode
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Build, Call, Fact, Import, PersistentId, SetItem, UnresolvedImport, Value
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


def imported(start: int, end: int) -> Import:
    return Import(span=Span(start, end), module="a", qualname="b", opcode="X")


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
    "a fact outside": reading(facts=(imported(3, 10),)),
    "a fact before the start": reading(facts=(imported(-1, 3),)),
    "a fact backwards": reading(facts=(imported(5, 4),)),
    "a fact outside of a member": reading(members=(reading("f!m", 3, facts=(imported(0, 4),)),)),
    "sums that fit by chance": reading(coverage=Coverage(size_bytes=9, read_bytes=9, gaps=(gap(0, 9),))),
    "the same gap counted twice": reading(coverage=Coverage(size_bytes=9, read_bytes=5, gaps=(gap(7, 9), gap(7, 9)))),
    "negative passed over": reading(coverage=Coverage(size_bytes=9, read_bytes=18, passed_over_bytes=-9)),
    "negative read": reading(coverage=Coverage(size_bytes=9, read_bytes=-9, passed_over_bytes=18)),
    "a gap before the start": reading(coverage=Coverage(size_bytes=9, read_bytes=9, gaps=(gap(-1, 0),))),
    "a judgement of a member": reading(
        members=(reading("f!m", coverage=Coverage(size_bytes=9, read_bytes=9, gaps=(gap(0, 0, Because.UNVOUCHED),))),)
    ),
    "an empty judgement": reading(coverage=Coverage(size_bytes=9, read_bytes=9, gaps=(gap(0, 0, Because.UNVOUCHED),))),
    "an empty member without a gap": reading(members=(reading("f!m", 0),)),
    "a member by its own name": reading(members=(reading("f"),)),
    "a member beside it": reading(members=(reading("fm!m"),)),
    "a member above it": reading(members=(reading("f!m", members=(reading("f!n"),)),)),
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


def test_answers_about_several_artifacts_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [b"one", HANDED_BACK, b"three"]
    assert answers(encode(parts), 3) == parts
    for lie in (b"", b"\xc1", encode(parts), encode([None, None]), b"\x92" * 100_000):
        with pytest.raises(ProtocolBroken):
            answers(lie, 2)
    monkeypatch.setattr(answer, "RESULT_BYTES", 3)
    with pytest.raises(ProtocolBroken, match="an answer of 9 bytes"):
        answers(b"123456789", 1)


def test_how_deep_artifacts_may_nest() -> None:
    assert decode(encode(nested(answer.NESTING)), 9, "f").path == "f"
    with pytest.raises(ProtocolBroken, match="deep"):
        decode(encode(nested(answer.NESTING + 1)), 9, "f")


def packed(depth: int) -> Value:
    value = Value(kind="global", module="os", text="system")
    for _ in range(depth):
        value = Value(kind="tuple", parts=(Value(kind="none"), value))
    return value


def with_value(value: Value) -> list[Fact]:
    span, none = Span(0, 1), Value(kind="none")
    return [
        Call(span=span, callable=value, how="reduce"),
        Call(span=span, callable=none, how="reduce", arguments=(none, value)),
        Build(span=span, target=value, state=none),
        Build(span=span, target=none, state=value),
        SetItem(span=span, target=value, opcode="SETITEM"),
        PersistentId(span=span, value=value),
        UnresolvedImport(span=span, module=value, qualname=none, opcode="STACK_GLOBAL"),
        UnresolvedImport(span=span, module=none, qualname=value, opcode="STACK_GLOBAL"),
    ]


def test_how_deep_values_may_nest() -> None:
    honest = reading(facts=tuple(with_value(packed(10))))
    assert decode(encode(honest), 9, "f") == honest
    for fact in with_value(packed(100)):
        with pytest.raises(ProtocolBroken, match="deep"):
            decode(encode(reading(facts=(fact,))), 9, "f")


def test_values_too_deep_to_decode_are_refused() -> None:
    shallow = encode(reading(facts=(PersistentId(span=Span(0, 1), value=Value(kind="tuple", parts=(packed(0),))),)))
    part = encode(packed(0))
    start = b"\x82" + encode("kind") + encode("tuple") + encode("parts") + b"\x91"
    assert decode(shallow, 9, "f")
    assert shallow.count(part) == 1
    for depth in (450, 1000, 100_000):
        with pytest.raises(ProtocolBroken):
            decode(shallow.replace(part, start * depth + part), 9, "f")


def test_what_the_schema_does_not_know_is_refused() -> None:
    honest = encode(reading(facts=(imported(0, 1),), coverage=Coverage(size_bytes=9, gaps=(gap(0, 9),))))
    assert decode(honest, 9, "f")
    for known, unknown in ((b"import", b"export"), (b"malformed", b"malformet"), (b"\xa4span", b"\xa4spam")):
        assert honest.count(known) == 1
        with pytest.raises(ProtocolBroken, match="does not decode"):
            decode(honest.replace(known, unknown), 9, "f")


def test_text_that_is_no_text_is_refused() -> None:
    with pytest.raises(ProtocolBroken):
        decode(encode(reading()).replace(b"\xa1f", b"\xa1\xff"), 9, "f")


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (reading(members=(reading("f!m", 3),) * 5), "6 artifacts where 5 were allowed"),
        (reading(facts=(imported(0, 1),) * 12), "12 facts where 9 were allowed"),
        (
            reading(members=(reading("f!m", 9, coverage=Coverage(size_bytes=9, gaps=(gap(0, 9),) * 14)),)),
            "14 gaps where 9 were allowed",
        ),
    ],
)
def test_more_than_the_limits_allow_is_no_answer(one: Reading, says: str) -> None:
    limits = Limits(artifacts=5, facts=9)
    assert decode(encode(one), 9, "f") == one
    with pytest.raises(ProtocolBroken, match=says):
        decode(encode(one), 9, "f", limits)


def test_the_wrong_question_has_no_answer() -> None:
    with pytest.raises(ProtocolBroken, match="another artifact"):
        decode(encode(reading()), 10, "f")
    with pytest.raises(ProtocolBroken, match="another artifact"):
        decode(encode(reading()), 9, "f!")


def test_the_values_of_every_kind_of_fact_are_looked_into() -> None:
    with_values = {
        kind for kind in get_args(Fact) if any("Value" in str(hint) for hint in get_type_hints(kind).values())
    }
    assert with_values == set(answer._VALUES)
