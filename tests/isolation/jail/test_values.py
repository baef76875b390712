"""What may cross the wall crosses unchanged; a description that lies is refused before a byte is read."""

import json
import math
import sys
from collections import OrderedDict
from collections.abc import Iterator

import msgspec
import pytest

from modelairlock.isolation.jail.channel import BrokeProtocol
from modelairlock.isolation.jail.memory import Memory
from modelairlock.isolation.jail.serving import _SENDABLE, Giving, NotSent
from modelairlock.isolation.jail.values import Packed, Taking, Value, sendable
from modelairlock.records.errors import AirlockError

numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sealed memory is Linux's")

SHAPED = numpy.arange(24.0).reshape(2, 3, 4)
HONEST = {
    "none": None,
    "truth": True,
    "number": -(2**63),
    "text": "é\0",
    "nan": math.nan,
    "minus zero": -0.0,
    "infinite": [math.inf, -math.inf],
    "nested": {"a": [1, (2.5, None)], "b": {"c": "d"}},
    "array": SHAPED,
    "Fortran": numpy.asfortranarray(SHAPED),
    "transposed": SHAPED.T,
    "strided": SHAPED[::-1, ::2],
    "empty": numpy.empty((0, 5), "f4"),
    "no dimensions": numpy.array(3.5),
    "scalar": numpy.float32(1.5),
    "text scalar": numpy.str_("abc"),
    "other end": numpy.arange(5, dtype=">i4"),
    "texts": numpy.array(["é", "", "abc"]),
    "bytes": numpy.array([b"ab", b""]),
    "truths": numpy.array([[True], [False]]),
    "complex": numpy.array([1 + 2j, complex(math.nan, -0.0)]),
    "several": [numpy.ones(3), numpy.zeros((2, 2), "u1"), numpy.array([1], "f2")],
}


@pytest.fixture
def memory() -> Iterator[Memory]:
    made = Memory(1 << 20)
    yield made
    made.close()


def same(one: object, other: object) -> None:
    assert type(one) is type(other)
    if isinstance(one, numpy.ndarray | numpy.generic):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes("A") == other.tobytes("A")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            same(first, second)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    else:
        assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)


def sent(described: object) -> Value:
    return msgspec.json.decode(msgspec.json.encode(described), type=Value)


@pytest.mark.parametrize("name", HONEST)
def test_what_we_send_is_what_is_there(name: str, memory: Memory) -> None:
    packed = Packed(numpy, (HONEST[name],), {})
    packed.write(memory)
    same(Taking(numpy, memory, 1 << 20).value(sent(packed.arguments[0])), HONEST[name])


@pytest.mark.parametrize("name", HONEST)
def test_what_the_worker_sends_is_what_is_there(name: str, memory: Memory) -> None:
    giving = Giving(numpy, None)
    described = json.loads(json.dumps(giving.value(HONEST[name], 0)))
    for array, at, order in giving.placed:
        numpy.ndarray(array.shape, array.dtype, memory.map, at, None, order)[...] = array
    same(Taking(numpy, memory, 1 << 20).value(sent(described)), HONEST[name])


def test_the_order_of_memory_is_kept(memory: Memory) -> None:
    packed = Packed(numpy, (SHAPED.T,), {})
    packed.write(memory)
    taken = Taking(numpy, memory, 1 << 20).value(packed.arguments[0])
    assert taken.flags.f_contiguous
    assert not taken.flags.c_contiguous


def deep(levels: int) -> object:
    made: object = 1
    for _ in range(levels):
        made = [made]
    return made


UNSENT = {
    "objects": numpy.array([1, "a"], object),
    "fields": numpy.zeros(2, [("a", "i4")]),
    "dates": numpy.zeros(2, "M8[s]"),
    "long double": numpy.zeros(2, numpy.longdouble),
    "masked": numpy.ma.masked_array([1, 2], [0, 1]),
    "bytes of Python": b"abc",
    "set": {1},
    "object": object(),
    "big number": 2**63,
    "deep": deep(9),
    "many": [0] * 5000,
    "many arrays": [numpy.zeros(1)] * 300,
    "key": {1: 2},
    "long key": {"k" * 200: 1},
    "half a character": "a\udc80",
    "half a key": {"a\udc80": 1},
    "control key": {"a\x1b[31m": 1},
}


@pytest.mark.parametrize("name", UNSENT)
def test_what_cannot_be_sent_is_told_with_a_hint(name: str) -> None:
    with pytest.raises(AirlockError) as raised:
        Packed(numpy, (UNSENT[name],), {})
    assert raised.value.hint
    with pytest.raises(NotSent):
        Giving(numpy, None).value(UNSENT[name], 0)


def test_names_of_arguments_are_looked_at_too() -> None:
    with pytest.raises(AirlockError, match="a name"):
        Packed(numpy, (), {"a\x1b": 1})


def test_the_worker_sends_kinds_of_dicts_and_tuples_as_what_they_are() -> None:
    described = Giving(numpy, None).value(OrderedDict(a=(1,)), 0)
    assert described == {"is": "dict", "keys": ["a"], "items": [{"is": "tuple", "items": [1]}]}


def test_both_sides_know_the_same_dtypes() -> None:
    kinds = "?bBhHiIlLqQefdgFDGOSUVMm"
    names = {numpy.dtype(kind).newbyteorder(order).str for kind in kinds for order in "<>"}
    names |= {
        "<U5",
        ">U5",
        "|S7",
        "|b2",
        "<b1",
        "<i3",
        "|i4",
        "|U4",
        "|O",
        "<f16",
        "U5",
        "<U0",
        "<U99999999",
        "|V4",
        "",
    }
    for name in names:
        assert sendable(name) == bool(_SENDABLE.fullmatch(name)), name
    assert {name for name in names if sendable(name)} >= {"<f2", ">f8", "<c16", "|b1", "|u1", "<U5", "|S7"}


def an(**fields: object) -> dict:
    return {"is": "array", "dtype": "<f8", "shape": [2], "at": 0, "order": "C", "scalar": False, **fields}


def lists(levels: int) -> object:
    return {"is": "list", "items": [lists(levels - 1)] if levels > 1 else []}


LIES = {
    "objects": an(dtype="|O"),
    "fields": an(dtype="|V8"),
    "dtype of numpy's parser": an(dtype="f8,f8"),
    "dtype with a name": an(dtype="float64"),
    "no dtype": an(dtype=""),
    "endless text": an(dtype="<U99999999999"),
    "negative": an(shape=[-1]),
    "negative twice": an(shape=[-1, -2]),
    "not whole": an(shape=[1.5]),
    "no number": an(shape=[None]),
    "NaN": an(shape=["NaN"]),
    "truth": an(shape=[True]),
    "text": an(shape="2"),
    "32 bits over": an(shape=[2**32, 2**32]),
    "64 bits over": an(shape=[2**63, 2]),
    "64 bits round to nothing": an(shape=[2**61, 8, 1]),
    "larger than any integer": an(shape=[10**100]),
    "empty and huge": an(shape=[0, 2**62]),
    "dimensions": an(shape=[1] * 33),
    "before": an(at=-8),
    "behind": an(at=(1 << 20) - 8),
    "far behind": an(at=2**64 - 8),
    "scalar with a shape": an(scalar=True),
    "order": an(order="K"),
    "more fields": an(strides=[0]),
    "the same bytes again and again": {"is": "list", "items": [an(shape=[1 << 16])] * 3},
    "more arrays": {"is": "list", "items": [an(shape=[])] * 257},
    "more values": {"is": "list", "items": [0] * 4097},
    "deep": lists(10),
    "keys and values": {"is": "dict", "keys": ["a"], "items": []},
    "a key twice": {"is": "dict", "keys": ["a", "a"], "items": [1, 2]},
    "a long key": {"is": "dict", "keys": ["a" * 129], "items": [1]},
    "a key that steers": {"is": "dict", "keys": ["\x1b[31m"], "items": [1]},
    "a key that is none": {"is": "dict", "keys": [1], "items": [1]},
    "unknown": {"is": "pickle", "data": "gASVAAAAAAAAAIwFcG9zaXg="},
    "no kind": {"keys": []},
    "bare list": [1, 2],
    "bare float": 1.5,
    "bits": {"is": "float", "bits": "zz"},
    "more bits": {"is": "float", "bits": "0" * 17},
    "big": 2**63,
    "bigger": 10**400,
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_lies_are_refused(name: str, memory: Memory) -> None:
    taking = Taking(numpy, memory, 1 << 20)
    with pytest.raises((BrokeProtocol, msgspec.ValidationError, msgspec.DecodeError)):
        taking.value(msgspec.json.decode(json.dumps(LIES[name]), type=Value))
    with pytest.raises((BrokeProtocol, msgspec.ValidationError, msgspec.DecodeError)):
        Taking(numpy, None, 1 << 20).value(msgspec.json.decode(json.dumps(LIES[name]), type=Value))


def test_what_is_in_memory_is_looked_at_in_a_copy(memory: Memory) -> None:
    memory.map[:8] = b"\x02" * 8
    with pytest.raises(BrokeProtocol, match="truth"):
        Taking(numpy, memory, 1 << 20).value(sent(an(dtype="|b1", shape=[8])))
    memory.map[:8] = b"\xff" * 8
    for order in "<>":
        with pytest.raises(BrokeProtocol, match="characters"):
            Taking(numpy, memory, 1 << 20).value(sent(an(dtype=f"{order}U2", shape=[1])))
    taken = Taking(numpy, memory, 1 << 20).value(sent(an(dtype="|u1", shape=[8])))
    memory.map[:8] = bytes(8)
    assert taken.tolist() == [255] * 8
    assert taken.flags.writeable


def test_deep_json_is_no_crash() -> None:
    text = '{"is":"list","items":[' * 100_000
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        msgspec.json.decode(text, type=Value)
