"""Requests taken apart: what is asked, and each way in which it is none."""

import itertools
import json
import random
import struct
import tracemalloc

import pytest

numpy = pytest.importorskip("numpy")
pytest.importorskip("starlette")
from modelairlock.serving.problems import Bounds, Refusal  # noqa: E402 - it needs numpy
from modelairlock.serving.requests import Call, call_of  # noqa: E402

BOUNDS = Bounds(body=1 << 20, json=1 << 19, arrays=1 << 20, values=1 << 12)


def tensor(datatype: str = "FP64", data: object = (1, 2), shape: tuple = (2,), **more: object) -> dict:
    return {"name": "x", "shape": shape, "datatype": datatype, "data": data, **more}


def asked(*inputs: dict, **more: object) -> Call:
    return call_of(json.dumps({"inputs": inputs, **more}).encode(), None, "predict", BOUNDS)


def binary(tail: bytes, datatype: str, shape: tuple, size: object = None, **parameters: object) -> Call:
    size = len(tail) if size is None else size
    given = {"name": "x", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size, **parameters}}
    head = json.dumps({"inputs": [given]}).encode()
    return call_of(head + tail, str(len(head)), "predict", BOUNDS)


def said(call: object, *arguments: object, **more: object) -> str:
    """Why it was refused."""
    with pytest.raises(Refusal) as refused:
        call(*arguments, **more)
    assert refused.value.status in {400, 413}
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 1500
    return refused.value.message


def test_a_request_is_a_call() -> None:
    call = asked(
        tensor(),
        tensor("BYTES", [["a", "bc"]], (1, 2), name="y"),
        id="9",
        parameters={"method": "transform", "option.n": 3, "option.flag": True, "binary_data_output": True},
        outputs=[{"name": "output", "parameters": {"binary_data": False}}, {"name": "b"}],
    )
    assert (call.id, call.method, call.options) == ("9", "transform", {"n": 3, "flag": True})
    assert call.wanted == {"output": False, "b": True}
    x, y = call.arguments
    assert (x.dtype.str, x.tolist()) == ("<f8", [1.0, 2.0])
    assert (y.dtype.str, y.tolist()) == ("<U2", [["a", "bc"]])
    assert asked(tensor()).method == "predict"


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_data_is_flat_or_nested(data) -> None:
    for datatype in ("FP32", "UINT8", "INT64", "UINT64"):
        [array] = asked(tensor(datatype, data, (2, 3))).arguments
        assert array.tolist() == [[1, 2, 3], [4, 5, 6]]
    for shape, given in (((), [7]), ((0,), []), ((2, 0), [[], []]), ((2, 0), []), ((1, 1), [[7]])):
        assert asked(tensor("INT8", given, shape)).arguments[0].shape == shape


@pytest.mark.parametrize("text", ['"', "\\", '\\"', '"\\', "[", "],", '\\\\"', "\n", "é", "", '",', "\\u0022"])
def test_texts_of_every_kind_are_counted_right(text) -> None:
    for data in ([text] * 4, [[text, text], [text, text]]):
        for ascii_only in (True, False):
            body = json.dumps({"inputs": [tensor("BYTES", data, (2, 2))]}, ensure_ascii=ascii_only).encode()
            assert call_of(body, None, "predict", BOUNDS).arguments[0].tolist() == [[text, text], [text, text]]


def test_bytes_are_bit_for_bit() -> None:
    for datatype, dtype in (("FP16", "<f2"), ("FP64", "<f8"), ("UINT64", "<u8"), ("INT16", "<i2")):
        raw = random.Random(4).randbytes(24)
        [array] = binary(raw, datatype, (3, 8 // int(dtype[2]))).arguments
        assert (array.dtype.str, array.tobytes()) == (dtype, raw)
    tail = b"".join(struct.pack("<I", len(one)) + one for one in (b"", "é".encode(), b"xyz"))
    assert binary(tail, "BYTES", (3,)).arguments[0].tolist() == ["", "é", "xyz"]
    assert binary(tail, "BYTES", (3,), content="bytes").arguments[0].tolist() == [b"", "é".encode(), b"xyz"]
    assert binary(b"", "BYTES", (0,)).arguments[0].shape == (0,)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (tensor(shape=(3,)), "length"), (tensor(shape=(2, 2)), "FP64"), (tensor(shape=(-1,)), "shape"),
        (tensor(shape=(2.0,)), "shape"), (tensor(shape=(True, 2)), "shape"), (tensor(shape=("2",)), "shape"),
        (tensor(shape=(2**63,)), "shape"), (tensor(shape=(2**62, 2**62)), "takes more"),
        (tensor(shape=(2**40, 0)), "takes more"), (tensor(shape=(1,) * 17), "dimensions"),
        (tensor(shape=(1,) * 100), "dimensions"), (tensor(shape=None), "shape"),
        (tensor(shape=(5000,)), "values as JSON"),
        (tensor("BF16"), "BF16"), (tensor("fp64"), "not taken"), (tensor("object"), "not taken"),
        (tensor(""), "not taken"),
        (tensor(data="12"), "FP64"), (tensor(data={"0": 1}), "FP64"), (tensor(data=[1, None]), "FP64"),
        (tensor(data=[1, "2"]), "FP64"), (tensor(data=[1, [2]]), "FP64"), (tensor(data=[[1, 2]]), "FP64"),
        (tensor(data=[1, True]), "FP64"), (tensor(data=[[1], [2, 3]], shape=(2, 2)), "FP64"),
        (tensor("INT8", [1, 128]), "INT8"), (tensor("UINT8", [1, -1]), "UINT8"), (tensor("INT8", [1, 1.0]), "INT8"),
        (tensor("UINT64", [1, 2**64]), "UINT64"), (tensor("UINT64", [1, -1]), "UINT64"),
        (tensor("INT64", [1, 2**63]), "INT64"), (tensor("BOOL", [1, 0]), "BOOL"),
        (tensor("FP32", [1, 1e39]), "too large"),
        (tensor("FP16", [1, 65520]), "too large"), (tensor("BYTES", ["a", 1]), "BYTES"),
        (tensor("BYTES", ["a", "b\0"]), "zero byte"),
        (tensor("BYTES", ["x" * 100_000, *["y"] * 100], (101,)), "side by side"),
        (tensor(name=""), "name"), (tensor(name="a\x1b[31m"), "cannot be printed"), (tensor(name="x" * 200), "name"),
        (tensor(name="\u202e"), "cannot be printed"), (tensor(extra=1), "extra"), (tensor(parameters={"a": 1}), "'a'"),
        (tensor(parameters={"shared_memory_region": "a"}), "shared_memory_region"), (tensor(parameters=[]), "object"),
        (tensor(parameters={"content": "path"}), "content"), (tensor(parameters={"form": "pickle"}), "form"),
        (tensor(parameters={"form": "value"}), "form is value"),
        (tensor(parameters={"binary_data_size": 16}), "either"),
        (tensor("BYTES", ["a", "b"], parameters={"form": "list", "content": "bytes"}), "no text"),
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_inputs_that_are_none(given, why) -> None:
    assert why in said(asked, given)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"parameters": {"method": "__reduce__"}}, "method"), ({"parameters": {"method": "__init__"}}, "method"),
        ({"parameters": {"method": 1}}, "method"), ({"parameters": {"sequence_id": 1}}, "sequence_id"),
        ({"parameters": {"option.self": 1}}, "self"), ({"parameters": {"option.a b": 1}}, "cannot be the name"),
        ({"parameters": {"option.": 1}}, "cannot be the name"), ({"parameters": {"option.a": [1]}}, "parameters"),
        ({"parameters": {"option.a": None}}, "parameters"), ({"parameters": {"inputs_as": "pickle"}}, "inputs_as"),
        ({"parameters": {"inputs_as": "keywords", "option.x": 1}}, "same name"),
        ({"parameters": {"binary_data_output": 1}}, "true or false"), ({"parameters": {"a" * 200: 1}}, "parameters"),
        ({"parameters": {f"option.a{number}": 1 for number in range(2000)}}, "parameters"),
        ({"id": "\x1b"}, "id"), ({"id": "x" * 300}, "id"), ({"id": 3}, "id"),
        ({"model_path": "/etc/passwd"}, "model_path"),
        ({"outputs": [{"name": "a"}, {"name": "a"}]}, "same name"), ({"outputs": [{"name": "a", "x": 1}]}, "x"),
        ({"outputs": [{"name": "a", "parameters": {"classification": 3}}]}, "classification"),
        ({"outputs": [{"name": "a", "parameters": {"binary_data": "yes"}}]}, "true or false"),
        ({"outputs": [{"name": "a"}] * 300}, "outputs"),
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_requests_that_are_none(more, why) -> None:
    assert why in said(asked, tensor(), **more)


def test_inputs_are_some_and_not_too_many() -> None:
    assert "inputs" in said(asked)
    assert "inputs" in said(asked, *(tensor(name=f"n{number}") for number in range(65)))
    assert "same name" in said(asked, tensor(), tensor())
    wide = [tensor("BYTES", ["x" * 300, *["y"] * 299], (300,), name=f"n{number}") for number in range(4)]
    assert "together" in said(asked, *wide)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b"{}", b"\xff", b'{"inputs":' + b"[" * 200_000, b'{"inputs":' + b'{"a":' * 100_000,
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[NaN]}]}',
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1e999]}]}',
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":[' + b"9" * 100_000 + b"]}]}",
        b'{"inputs":[{"name":"x","shape":[NaN],"datatype":"FP64","data":[1]}]}',
        b'{"inputs":[{"name":"x","shape":[1e0],"datatype":"FP64","data":[1]}]}',
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["\\ud800"]}]}',
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["\xff"]}]}',
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1]}]} {}',
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_what_is_no_json(raw) -> None:
    said(call_of, raw, None, "predict", BOUNDS)


@pytest.mark.parametrize("header", ["", "-1", "1.0", "0x10", "99999999999999", "²", " 5", "1000000", "٣"])
def test_a_header_that_is_no_length(header) -> None:
    assert "Inference-Header-Content-Length" in said(call_of, b"{}", header, "predict", BOUNDS)


@pytest.mark.parametrize(
    ("tail", "datatype", "shape", "size", "why"),
    [
        (b"12345678", "FP64", (2,), None, "takes 16 bytes"), (b"123456789", "FP64", (1,), None, "takes 8 bytes"),
        (b"12345678", "FP64", (1,), 9, "are left"), (b"12345678", "FP64", (1,), -8, "binary_data_size"),
        (b"12345678", "FP64", (1,), 8.0, "binary_data_size"), (b"12345678", "FP64", (1,), True, "binary_data_size"),
        (b"12345678", "FP64", (1,), "8", "binary_data_size"), (b"12345678more", "FP64", (1,), 8, "belong to no input"),
        (b"\x00\x02", "BOOL", (2,), None, "0 or 1"), (b"\x05\0\0\0abc", "BYTES", (1,), None, "ends behind"),
        (b"\xff\xff\xff\xffabc", "BYTES", (1,), None, "ends behind"), (b"\0\0\0", "BYTES", (1,), None, "cannot hold"),
        (b"\x01\0\0\0ab", "BYTES", (1,), None, "left over"), (b"\0\0\0\0" * 5000, "BYTES", (5000,), None, "too many"),
        (b"\x02\0\0\0\xff\xfe", "BYTES", (1,), None, "not UTF-8"), (b"\x01\0\0\0\0", "BYTES", (1,), None, "zero byte"),
        (b"\x04\0\0\0abcd\0\0", "BYTES", (2,), None, "ends behind"), (b"", "FP64", (2**17 + 1,), None, "takes more"),
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_bytes_that_do_not_fit(tail, datatype, shape, size, why) -> None:
    assert why in said(binary, tail, datatype, shape, size)


def test_more_json_than_allowed_is_413() -> None:
    with pytest.raises(Refusal) as refused:
        call_of(b" " * ((1 << 19) + 1), None, "predict", BOUNDS)
    assert refused.value.status == 413


@pytest.mark.parametrize("raw", [b"[]," * 150_000, b"[[]],[[]]," * 50_000, b'"",' * 150_000, b"0," * 200_000])
def test_many_small_things_do_not_become_many_objects(raw) -> None:
    for shape in ("[2]", "[4096]", "[2,2048]", "[4096,1]"):
        for datatype in ("FP64", "BYTES", "BOOL"):
            head = f'{{"inputs":[{{"name":"x","shape":{shape},"datatype":"{datatype}","data":['
            body = head.encode() + raw + b"0]}]}"
            tracemalloc.start()
            said(call_of, body, None, "predict", BOUNDS)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 6 * len(body)


def test_changed_bytes_are_refused_or_a_call() -> None:
    """Whatever becomes of a request, it is a call or a refusal, and nothing else."""
    chosen = random.Random(8)
    head = json.dumps({"inputs": [tensor("BYTES", ["a", "b"]), tensor("INT8", [[1], [2]], (2, 1), name="y")]}).encode()
    calls, told = 0, []
    for _ in range(3000):
        changed = bytearray(head)
        for _ in range(chosen.randint(1, 2)):
            changed[chosen.randrange(len(changed))] = chosen.randrange(256)
        try:
            call_of(bytes(changed), chosen.choice([None] * 9 + [str(chosen.randrange(200))]), "predict", BOUNDS)
            calls += 1
        except Refusal as refused:
            told.append(refused.message)
    assert calls > 10
    assert len(told) > 1000
    assert all(map(str.isprintable, told))
