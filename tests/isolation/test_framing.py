"""The protocol parser that reads what a hostile child writes."""

import pytest

from modelairlock.isolation.framing import ANSWER, RAISED, RESULT, Answers, BrokeProtocol, plain

TWO = ANSWER.pack(0, RESULT, 5) + b"first" + ANSWER.pack(1, RAISED, 0)


@pytest.mark.parametrize("cut", range(len(TWO) + 1))
def test_answers_may_come_in_any_pieces(cut) -> None:
    answers = Answers(2, 100, 100)
    answers.feed(TWO[:cut])
    assert answers.complete == (cut == len(TWO))
    if cut < len(TWO):
        answers.feed(TWO[cut:])
    assert answers.answers == [(RESULT, b"first"), (RAISED, b"")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ANSWER.pack(1, RESULT, 0), "task 1 where task 0 was next"),
        (ANSWER.pack(0, 9, 0), "kind 9"),
        (ANSWER.pack(0, RESULT, 101), "answer of 101 bytes is over the limit of 100"),
        (ANSWER.pack(0, RESULT, 2**64 - 1), "over the limit of 100"),
        (TWO + b"x", "went on after its last answer"),
        (ANSWER.pack(0, RESULT, 100) + bytes(100) + ANSWER.pack(1, RESULT, 60), "together are over the limit"),
    ],
)
def test_what_no_honest_child_writes(data, message) -> None:
    with pytest.raises(BrokeProtocol, match=message):
        Answers(2, 100, 150).feed(data)
    piecewise = Answers(2, 100, 150)
    with pytest.raises(BrokeProtocol, match=message):
        [piecewise.feed(data[at : at + 1]) for at in range(len(data))]


def test_text_of_a_reader_is_shown_plain() -> None:
    assert plain("a\x1b[31m\nb\u202e é") == r"a\x1b[31m\nb\u202e é"
    assert plain("x" * 500) == "x" * 400 + "…"
