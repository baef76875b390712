"""A planner that was taken over says what it likes: the parent takes nothing that could do more than copy bytes."""

import msgspec
import pytest

from modelairlock.pipeline.answer import ProtocolBroken
from modelairlock.pipeline.convert_answer import decode_plain, decode_plan, decode_texts
from modelairlock.records.disarm import (
    INLINE_BYTES,
    MOST_NOTES,
    MOST_TENSORS,
    PLAIN_BYTES,
    Note,
    Part,
    Plan,
    Store,
    Stream,
    Sum,
    Tensor,
    Text,
    Texts,
    Tile,
)

SIZE = 1000
STORE = Store(0, 16)
TENSOR = Tensor("w", "F32", (2, 2), (2, 1), 0, 0)


def taken(plan: object) -> Plan:
    return decode_plan(msgspec.msgpack.encode(plan), SIZE)


def tensor(**change: object) -> Plan:
    return Plan(tensors=(msgspec.structs.replace(TENSOR, **change),), stores=(STORE,))


def test_an_honest_plan_is_taken() -> None:
    plan = Plan(
        tensors=(TENSOR,), stores=(STORE, Store(4, 8, 0), Store(0, 2, -1, b"ab")), streams=(Stream(0, 9, "zlib", 99),)
    )
    assert taken(plan) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"key": "a\nb"}, {"key": "\x1b[0m"}, {"key": "../x"}, {"key": "/x"}, {"key": "__metadata__"}, {"key": "k" *
        5000}, {"dtype": "F128"}, {"dtype": ""}, {"store": 1}, {"store": -1}, {"offset": -1}, {"offset": 1},
        {"offset": 2**63}, {"shape": (2, 3)}, {"shape": (-2, 2)}, {"shape": (2,)}, {"shape": (2**62, 2)}, {"shape":
        (2**40, 2**40)}, {"strides": (2, -1)}, {"strides": (2**62, 1)}, {"strides": (3, 1)}, {"shape": (1,) * 40,
        "strides": (1,) * 40}, {"dtype": "F64"}, {"dtype": "F4", "shape": (3,), "strides": (1,)}, {"dtype": "F4",
        "strides": (1, 2)}, {"dtype": "F4", "shape": (64,), "strides": (1,)}, {"shape": (2**61, 2**61), "strides":
        (0, 0)},
    ],
    ids=repr,
)  # fmt: skip
def test_a_tensor_that_must_not_be(change: dict[str, object]) -> None:
    with pytest.raises(ProtocolBroken):
        taken(tensor(**change))


@pytest.mark.parametrize(
    "plan",
    [
        Plan(stores=(Store(0, SIZE + 1),)),
        Plan(stores=(Store(-1, 5),)),
        Plan(stores=(Store(6, 5),)),
        Plan(stores=(Store(0, 5, 0),)),
        Plan(stores=(Store(0, 5, -2),)),
        Plan(stores=(Store(0, 5, 0),), streams=(Stream(0, 9, "zlib", 4),)),
        Plan(stores=(Store(0, 3, 0, b"abc"),), streams=(Stream(0, 9, "zlib", 4),)),
        Plan(stores=(Store(0, 4, -1, b"abc"),)),
        Plan(stores=(Store(0, 1, -1, bytes(INLINE_BYTES + 1)),)),
        Plan(streams=(Stream(0, SIZE + 1, "zlib", 4),)),
        Plan(streams=(Stream(5, 4, "zlib", 4),)),
        Plan(streams=(Stream(0, 9, "evil", 4),)),
        Plan(streams=(Stream(0, 9, "zlib", -1),)),
        Plan(streams=(Stream(0, 9, "zlib", 2**62),)),
        Plan(tensors=(TENSOR, TENSOR), stores=(STORE,)),
        Plan(tensors=(TENSOR,) * (MOST_TENSORS + 1), stores=(STORE,)),
        Plan(dropped=(Note("", "", ""),) * (MOST_NOTES + 1)),
        Plan(more_lost=-1),
    ],
    ids=range(18),
)
def test_a_plan_that_must_not_be(plan: Plan) -> None:
    with pytest.raises(ProtocolBroken):
        taken(plan)


CORNERS = ((0, 0), (0, 2), (2, 0), (2, 2))
TILES = tuple(Tile(corner, 0) for corner in CORNERS)
TILED = Tensor("w", "F32", (3, 4), (0, 0), 0, -1, tiles=TILES, tile=(2, 2))


def test_honest_tiles_are_taken() -> None:
    plan = Plan(tensors=(TILED,), stores=(STORE,))
    assert taken(plan) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"tiles": TILES[:3]}, {"tiles": (*TILES, TILES[0])}, {"tiles": (*TILES[:3], TILES[0])},
        {"tiles": (*TILES[:3], Tile((1, 2), 0))}, {"tiles": (*TILES[:3], Tile((4, 2), 0))},
        {"tiles": (*TILES[:3], Tile((-2, 2), 0))}, {"tiles": (*TILES[:3], Tile((2, 2, 0), 0))},
        {"tiles": (*TILES[:3], Tile((2, 2), 1))}, {"tiles": (*TILES[:3], Tile((2, 2), -1))}, {"tile": (2,)},
        {"tile": (0, 2)}, {"tile": (4, 1)}, {"tile": (2, 3)}, {"tile": (2**40, 2**40)}, {"dtype": "F64"},
        {"dtype": "F4"}, {"shape": (), "strides": (), "tile": ()}, {"shape": (2**62, 4)}, {"shape": (0, 4)},
    ],
    ids=repr,
)  # fmt: skip
def test_tiles_that_must_not_be(change: dict[str, object]) -> None:
    with pytest.raises(ProtocolBroken):
        taken(Plan(tensors=(msgspec.structs.replace(TILED, **change),), stores=(STORE,)))


@pytest.mark.parametrize("data", [b"", b"\xc1", b"[]", msgspec.msgpack.encode({"tensors": "x"}), b"\x91" * 100_000])
def test_what_is_no_plan(data: bytes) -> None:
    with pytest.raises(ProtocolBroken):
        decode_plan(data, SIZE)


@pytest.mark.parametrize("data", [b"{", b"[" * 100_000, b"[" * 300 + b"]" * 300, b" " * (PLAIN_BYTES + 1), b"\xff"])
def test_what_is_no_plain_data(data: bytes) -> None:
    with pytest.raises(ProtocolBroken):
        decode_plain(data)


def test_plain_data_is_plain() -> None:
    assert decode_plain(b"") is None
    assert decode_plain(b'{"a": [1, null]}') == {"a": [1, None]}


FAR = Store(0, 8, file=1)
PARTS = Part((0, 0), (1, 2), 0), Part((1, 0), (1, 2), 0)
PUT_TOGETHER = Tensor("w", "F32", (2, 2), (0, 0), 0, -1, parts=PARTS)
SPREAD = Plan(tensors=(PUT_TOGETHER,), stores=(FAR,), sums=(Sum(0, 0xFFFFFFFF),))


def spread(plan: Plan) -> Plan:
    return decode_plan(msgspec.msgpack.encode(plan), SIZE, 8, 20)


def test_an_honest_plan_over_several_files_is_taken() -> None:
    plan = msgspec.structs.replace(SPREAD, texts=(Text("s", (2**50,), 3, 20, 2, 7),))
    assert spread(plan) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"stores": (Store(0, 9, file=1),)}, {"stores": (Store(0, 8, file=3),)}, {"stores": (Store(0, 8, file=-1),)},
        {"stores": (Store(0, 8, -1, bytes(8), 1),)}, {"stores": (Store(0, 8, 0, b"", 1),)},
        {"sums": (Sum(1, 0),)}, {"sums": (Sum(-1, 0),)}, {"sums": (Sum(0, 2**32),)}, {"sums": (Sum(0, -1),)},
        {"sums": (Sum(0, 1),) * 2}, {"texts": (Text("s", (), 3, 21, 2, 7),)}, {"texts": (Text("s", (), 3, 4, 3, 7),)},
        {"texts": (Text("s", (), 3, 4, -1, 7),)}, {"texts": (Text("s", (), 4, 3, 2, 7),)},
        {"texts": (Text("../s", (), 3, 4, 2, 7),)}, {"texts": (Text("s", (), 3, 4, 2, 7),) * 2},
        {"texts": tuple(Text(f"s{at}", (), 3, 4, 2, 7) for at in range(10_001))},
        {"texts": (Text("s", (), 3, 4, 2, 7),), "plain": b"[1]"},
        {"segments": (FAR,), "tensors": ()},
    ],
    ids=range(19),
)  # fmt: skip
def test_a_plan_over_several_files_that_must_not_be(change: dict[str, object]) -> None:
    plan = msgspec.structs.replace(SPREAD, **{"texts": (), **change})
    if "stores" in change and change["stores"][0].stream == 0:
        plan = msgspec.structs.replace(plan, streams=(Stream(0, 9, "zlib", 8),))
    with pytest.raises(ProtocolBroken):
        spread(plan)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": PARTS[:1]}, {"parts": (PARTS[0], PARTS[0])}, {"parts": (*PARTS, PARTS[0])},
        {"parts": (PARTS[0], Part((1, 0), (1, 2), 1))}, {"parts": (PARTS[0], Part((1, 0), (1, 2), -1))},
        {"parts": (PARTS[0], Part((1, 1), (1, 1), 0))}, {"parts": (PARTS[0], Part((1, 0), (2, 2), 0))},
        {"parts": (PARTS[0], Part((-1, 0), (1, 2), 0))}, {"parts": (PARTS[0], Part((1,), (1,), 0))},
        {"parts": (PARTS[0], Part((1, 0), (2**63, 2), 0))}, {"dtype": "F64"}, {"dtype": "F4"}, {"shape": (2,)},
        {"shape": (3, 2)}, {"shape": (), "strides": ()}, {"parts": (Part((0, 0), (2, 2), 0),)},
        {"parts": (Part((0, 0), (0, 2), 0), *PARTS)},
    ],
    ids=repr,
)  # fmt: skip
def test_parts_that_must_not_be(change: dict[str, object]) -> None:
    with pytest.raises(ProtocolBroken):
        spread(Plan(tensors=(msgspec.structs.replace(PUT_TOGETHER, **change),), stores=(FAR,)))


@pytest.mark.parametrize("data", [b"", b"\xc1", b"[]", b"\x91" * 100_000])
def test_strings_that_are_none(data: bytes) -> None:
    with pytest.raises(ProtocolBroken):
        decode_texts(data, 1)


@pytest.mark.parametrize("plain", [b"[]", b"{", b'"x"', b"[" * 300 + b"]" * 300])
def test_strings_are_an_object(plain: bytes) -> None:
    with pytest.raises(ProtocolBroken):
        decode_texts(msgspec.msgpack.encode(Texts(plain=plain)), 1)
    with pytest.raises(ProtocolBroken):
        decode_texts(msgspec.msgpack.encode(Texts(lost=(Note("", "", ""),) * (MOST_NOTES + 2))), MOST_NOTES)
    assert decode_texts(msgspec.msgpack.encode(Texts(plain=b'{"a": ["b"]}')), 1) == ({"a": ["b"]}, (), 12)
