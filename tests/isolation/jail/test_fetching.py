"""What a jailed worker says of its tensors: honest descriptions are taken, and those that lie are not."""

import json

import msgspec
import pytest

from modelairlock.isolation.jail.channel import BrokeProtocol
from modelairlock.isolation.jail.fetching import described_in
from modelairlock.pipeline.answer import ProtocolBroken
from modelairlock.pipeline.convert_answer import decode_plain, decode_plan
from modelairlock.records.disarm import Plan

_FINE = {"tensors": [], "plain": "", "dropped": [], "lost": [], "more_dropped": 0, "more_lost": 0}
W = ["w", "F32", [2], 0]


def tensors(*described: object, **other: object) -> dict:
    return {**_FINE, "tensors": list(described), **other}


def encoded(said: object) -> bytes:
    return said if isinstance(said, bytes) else json.dumps(said).encode()


BROKEN = {
    "no JSON": b"\x80\x04N.",
    "not text": b'"\xff"',
    "deep": b"[" * 100_000,
    "NaN in a shape": json.dumps(tensors(["w", "F32", [float("nan")], 0])).encode(),
    "a fraction": tensors(["w", "F32", [1.5], 0]),
    "less than nothing": tensors(["w", "F32", [-1], 0]),
    "truth for a number": tensors(["w", "F32", [True], 0]),
    "no machine": tensors(["w", "F32", [2**61, 2**61], 0]),
    "a number that is none": tensors(["w", "F32", [2**70], 0]),
    "a type of objects": tensors(["w", "O", [1], 0]),
    "half a byte": tensors(["w", "F4", [1], 0]),
    "too many dimensions": tensors(["w", "F32", [1] * 33, 0]),
    "one name twice": tensors(W, W),
    "a field more": {**_FINE, "pickle": "gASVAAAAAAAAAIwFcG9zaXg="},
    "a field less": {"tensors": []},
    "too many": tensors(*(["w" + str(at), "U8", [0], 0] for at in range(100_001))),
    "too many notes": tensors(W, lost=[["a", "b", "c"]] * 1001),
    "plain data that is none": tensors(W, plain="{"),
    "NaN in plain data": tensors(W, plain='{"a": NaN}'),
    "deep plain data": tensors(W, plain="[" * 300 + "]" * 300),
    "too much plain data": tensors(W, plain='"' + "x" * (17 * 1024 * 1024) + '"'),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_description_that_lies_is_refused(case: str) -> None:
    with pytest.raises((BrokeProtocol, ProtocolBroken)):
        decode_plain(described_in(encoded(BROKEN[case]), 1).plain)


def test_an_honest_one_makes_a_plan_that_is_taken() -> None:
    said = tensors(
        W, ["none", "I64", [0, 3], 5], ["../../etc/x", "U8", [7], 0], ["a\x1b[2J", "U8", [1], 0],
        ["one", "BF16", [], 9], ["same", "F64", [2, 2], 9], plain='{"a": 1}', lost=[["\x1b", "b", "c"]],
    )  # fmt: skip
    made = described_in(encoded(said), 1)
    assert [one.key for one in made.tensors] == ["w", "none", "one", "same"]
    assert (made.starts, made.size) == ((0, 8, 8, 15, 16, 18), 50)
    assert made.shared == (("one", "same"),)
    assert len(made.lost) == 3
    assert all(part.isprintable() for one in made.lost for part in (one.where, one.what, one.why))
    plan = Plan(tensors=made.tensors, stores=made.stores)
    assert decode_plan(msgspec.msgpack.encode(plan), 10, made.size) == plan
    with pytest.raises(ProtocolBroken, match="outside its bytes"):
        decode_plan(msgspec.msgpack.encode(plan), 10, made.size - 1)
    with pytest.raises(ProtocolBroken, match="in no file"):
        decode_plan(msgspec.msgpack.encode(plan), 10)
