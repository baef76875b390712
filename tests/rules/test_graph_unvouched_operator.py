"""Operators of TensorFlow that are on no list."""

from modelairlock.records.facts import Operator
from modelairlock.records.scan import Verdict
from modelairlock.rules.graph_unvouched_operator import RULE as CHECK
from tests.build import tensorflow_builder as t
from tests.rules.judging import SPAN, checked, gap_of, judged, unvouched


def operator(name: str, count: int = 1) -> Operator:
    return Operator(span=SPAN, name=name, dialect="tensorflow", where="f", count=count)


def test_hit() -> None:
    subject = judged(t.plain(t.node("s", "SentencepieceOp"), t.node("x", "XlaCallModule", module=t.text("…"))))
    assert subject.verdict is Verdict.INCOMPLETE
    assert unvouched(subject) == ["the operator SentencepieceOp (in s)", "the operator XlaCallModule (in x)"]


def test_miss() -> None:
    assert judged(t.honest()).verdict is Verdict.CLEAR


def test_by_hand() -> None:
    assert gap_of(CHECK, operator("\x1bFoo", 3)) == "the operator \\x1bFoo (in f, 3 times)"
    assert gap_of(CHECK, operator("")) == "the operator without a name (in f)"
    assert len(checked(CHECK, *(operator(f"Foo{at}") for at in range(80)))) == 51
    assert not checked(
        CHECK, operator("MatMul"), operator("WriteFile"), Operator(span=SPAN, name="Foo", dialect="onnx")
    )
