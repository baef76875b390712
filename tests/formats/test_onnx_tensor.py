"""One ONNX tensor in a file: hit, miss, damaged, changed; and what a claim without a mark must not take."""

import random
import time
from pathlib import Path

import pytest

from modelairlock.formats import graph_def, onnx, onnx_tensor
from modelairlock.formats.onnx_tensor import FORMAT
from modelairlock.records.facts import Reference
from tests.build import onnx_builder as o
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, probe, read, tree

ROOT = Path(__file__).resolve().parent.parent.parent


def example() -> bytes:
    return o.tensor(dims=(3, 4), raw=bytes(range(48)))


def listed(number: int, data: bytes, element: int, dims: tuple[int, ...] = (2,), name: str = "n") -> bytes:
    """A tensor as `onnx.helper.make_tensor` writes it: its numbers in a list."""
    return o.fields(1, *dims) + o.field(2, element) + o.field(number, data) + o.field(8, name)


HONEST = {
    "example": example(),
    "without a name": o.fields(1, 2, 2) + o.field(2, o.FLOAT) + o.field(9, bytes(16)),
    "one number": o.field(2, o.FLOAT) + o.field(9, bytes(4)),
    "no numbers": o.field(1, 0) + o.field(2, o.FLOAT) + o.field(9, b""),
    "packed dimensions": o.field(1, o.varint(2) + o.varint(300)) + o.field(2, o.FLOAT16) + o.field(9, bytes(1200)),
    "large": o.field(1, 100_000) + o.field(2, o.FLOAT) + o.field(9, bytes(400_000)),
    "floats": listed(4, bytes(8), o.FLOAT),
    "varints": listed(7, o.varint(300) + o.varint(-1), o.INT64),
    "many varints": listed(7, b"\x01" * 90_000, o.INT64, (90_000,)),
    "numbers one by one": o.field(1, 2) + o.field(2, o.INT64) + o.fields(7, 5, 6) + o.field(8, "n"),
    "floats of six bits": listed(5, o.varint(63) * 5, 27, (5,)),
    "strings": o.field(1, 2) + o.field(2, o.STRING) + o.fields(6, "a", b"\xff"),
    "many strings": o.field(1, 6000) + o.field(2, o.STRING) + o.fields(6, *["a"] * 6000),
    "described": example() + o.field(12, "what it is") + o.field(16, o.pair("a", "b")),
    "elsewhere": o.external("w.data", ("offset", "4096"), ("length", "16")),
    "in another order": o.field(9, bytes(16)) + o.field(2, o.FLOAT) + o.fields(1, 2, 2),
}


@pytest.mark.parametrize("data", HONEST.values(), ids=HONEST)
def test_hit(data: bytes) -> None:
    assert FORMAT.claims(probe(data))
    reading = tree(data, FORMAT, onnx.FORMAT, graph_def.FORMAT, name="input_0.pb")
    assert reading.formats == ("onnx_tensor",)
    assert gaps_of(reading) == []
    assert [fact for fact in reading.facts if not isinstance(fact, Reference)] == []


def test_numbers_are_passed_over_and_nothing_else_is() -> None:
    # a file of fewer bytes than are fetched at once counts as read
    assert tree(HONEST["large"], FORMAT).coverage.passed_over_bytes == 400_000


@pytest.mark.parametrize(
    "data",
    [
        o.external("../x"),
        o.external("../x", ("offset", "8")) + o.field(99, b"unknown"),
        o.field(99, 1) + o.external("../x"),
        o.field(12, "text") + o.external("../x") + o.field(9, bytes(3)),
        o.external("../x")[:-2],
        o.external("../x", ("checksum", "a" * 300))[:-200],
    ],
    ids=["plain", "unknown field", "unknown field in front", "and numbers", "not marked", "cut"],
)
def test_a_path_is_told_whatever_else_is_wrong(data: bytes) -> None:
    assert FORMAT.claims(probe(data))
    [fact] = [one for one in read(FORMAT, data).facts if isinstance(one, Reference)]
    assert (fact.kind, fact.target, fact.where) == ("external-data", "../x", "w")


#: a node of TensorFlow whose bytes are dimensions, and one of them is nought
_NODE = o.field(1, "a") + o.field(2, "ReadFile") + o.field(9, 0)
OTHERS = {
    "nothing": b"",
    "text": b"a plain line of text\n",
    "text of a list": b"* a\n" * 20,
    "JSON": b'{"a": 1}',
    "shifted": example()[1:],
    "ONNX model": o.everything(),
    "ONNX graph": o.graph(),
    "ONNX function": o.function("f"),
    "ONNX sequence": o.field(1, "s") + o.field(2, 1) + o.fields(3, example(), example()),
    "ONNX optional": o.field(1, "s") + o.field(2, 1) + o.field(3, example()),
    "graph of TensorFlow": o.field(1, o.field(1, "x") + o.field(2, "Placeholder")) + o.field(4, o.field(1, 22)),
    "tensor of TensorFlow": o.field(1, 1) + o.field(2, o.field(2, o.field(1, 2))) + o.field(4, bytes(8)),
    "SentencePiece": o.fields(1, *(o.field(1, "▁the") + o.field(2, -1.5) for _ in range(50))),
    "number, kind and text": o.field(1, 5) + o.field(2, 6) + o.field(5, "hello"),
    "kind and four letters": o.field(2, 1) + o.field(4, "name"),
    "number, kind and bytes": o.field(1, 7) + o.field(2, 1) + o.field(9, bytes(20)),
    "too few": o.tensor(raw=bytes(15)),
    "twice": o.tensor() + o.field(9, bytes(16)),
    "in two places": o.tensor() + o.field(4, bytes(16)),
    "no type": o.field(1, 4) + o.field(9, bytes(16)),
    "a type that is none": o.tensor(element=99),
    "an unknown field": o.tensor() + o.field(17, 1),
    "something behind": o.tensor() + b"\0" * 9,
    "a pickle behind": o.tensor() + b"\x80\x04]\x94.",
    "a part of one": o.tensor() + o.field(3, o.field(1, 0)),
    "graph of TensorFlow as dimensions": o.field(2, 1) + o.field(1, _NODE) + o.field(9, b""),
    "and with numbers elsewhere": o.field(2, 1) + o.field(1, _NODE) + o.external("w.data", dims=()),
    "and with none as a dimension apart": o.fields(1, 0, b"\x0a\x01a\x12\x04Save") + o.field(2, 1) + o.field(9, b""),
    "and behind more than is looked at": o.fields(1, 0)
    + o.field(2, 1)
    + o.field(9, b"")
    + o.fields(16, *[o.pair("a", "")] * 5000)
    + o.field(1, _NODE),
    "long text": o.field(1, 7) + o.field(2, 6) + o.field(5, "a" * 70_000) + o.field(8, "n"),
    "and cut short": o.field(2, 1) + o.field(1, b"\x0a\x01a\x12\x03Abs")[:-1],
    "dimensions that end early": o.field(1, b"\x80") + o.field(2, 1) + o.field(9, bytes(4)),
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_miss(data: bytes) -> None:
    assert not FORMAT.claims(probe(data, "input_0.pb"))


def test_files_of_tensorflow_are_not_claimed() -> None:
    files = [path for path in (ROOT / "tests/data/tensorflow").rglob("*") if path.is_file()]
    assert [path for path in files if FORMAT.claims(probe(path.read_bytes(), path.name))] == []
    assert len(files) > 20


def test_weights_are_not_claimed_and_cost_next_to_nothing() -> None:
    assert not FORMAT.claims(probe(example(), role="raw"))
    chance = random.Random(1)
    started = time.process_time()
    for _ in range(3000):
        data = b"\x08\x02\x10\x01" * chance.randint(0, 1) + chance.randbytes(300)
        assert not FORMAT.claims(probe(data))
    assert time.process_time() - started < 3


def test_damaged() -> None:
    cut_everywhere(example(), FORMAT)


def test_changed() -> None:
    change_everywhere(example(), FORMAT)


def test_a_cut_that_is_not_claimed_is_never_whole_to_the_reader() -> None:
    for data in (example(), o.external("w.data", ("offset", "0"))):
        for length in range(1, len(data)):
            result = read(FORMAT, data[:length])
            assert result.gaps or result.kinds, length


@pytest.mark.frameworks
def test_tensors_made_by_onnx_are_whole() -> None:
    real = pytest.importorskip("onnx")
    numpy = pytest.importorskip("numpy")
    made = list(Path(real.__file__).parent.glob("backend/test/data/*/*/test_data_set_0/*.pb"))
    files = [path.read_bytes() for path in made]
    for kind in ("f2", "f4", "f8", "i1", "i4", "i8", "u2", "?", "c8", "O"):
        for shape in ((1,), (2, 3), (0,), ()):
            array = numpy.full(shape, "é", "O") if kind == "O" else numpy.ones(shape, kind)
            if kind != "O" or array.size:
                files.append(real.numpy_helper.from_array(array, "n").SerializeToString())
    for name, number in real.TensorProto.DataType.items():
        if name != "UNDEFINED":
            values = ["a"] * 5 if name == "STRING" else [1] * 5
            files.append(real.helper.make_tensor("n", number, (5,), values).SerializeToString())
    assert len(files) > 300
    for data in files:
        reading = tree(data, *(one.FORMAT for one in (onnx_tensor, onnx, graph_def)), name="input_0.pb")
        assert reading.formats == ("onnx_tensor",), data[:60]
        assert (gaps_of(reading), reading.facts) == ([], ()), data[:60]
