"""ONNX models: what is in them is told wherever it stands, and nothing of a broken one is called whole."""

import random
import time

import pytest

from modelairlock.encodings import onnx_schema
from modelairlock.encodings.onnx_model import DEPTH, EVALUATED_BYTES
from modelairlock.formats.onnx import FORMAT
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import Probe
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator, Reference, Setting
from tests.build import onnx_builder as o
from tests.build.safetensors_builder import safetensors
from tests.reading_help import Result, change_everywhere, cut_everywhere, gaps_of, probe, read, tree
from tests.real_models import real_models


def example() -> bytes:
    return o.everything()


def operators(result: Result) -> dict[str, int]:
    found: dict[str, int] = {}
    for fact in result.facts:
        if isinstance(fact, Operator):
            found[f"{fact.domain}::{fact.name}"] = found.get(f"{fact.domain}::{fact.name}", 0) + fact.count
    return found


def references(result: Result) -> list[Reference]:
    return [fact for fact in result.facts if isinstance(fact, Reference)]


def with_tensor(tensor: bytes) -> bytes:
    return o.model(o.graph(initializers=(tensor,)))


# --- identification -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.onnx", "model.bin", "model.txt", "model"])
def test_a_model_is_found_under_any_name(name: str) -> None:
    assert FORMAT.claims(probe(example(), name))


def test_the_order_of_fields_does_not_matter_nor_do_unknown_ones() -> None:
    shuffled = o.field(99, b"x") + o.field(8, o.opset()) + o.field(7, o.graph()) + o.field(1, 8)
    assert FORMAT.claims(probe(shuffled))
    assert [gap.because for gap in gaps_of(tree(shuffled, FORMAT))] == [Because.UNSUPPORTED]
    last = o.field(14, o.pair("a", "b" * 200_000)) + o.field(7, o.graph()) + o.field(1, 8) + o.field(8, o.opset())
    assert FORMAT.claims(probe(last))
    assert not gaps_of(tree(last, FORMAT))
    only_numbers = o.field(1, 8) + o.field(7, o.graph((), (o.tensor(),)))
    assert FORMAT.claims(probe(only_numbers))


OTHERS = {
    "nothing": b"",
    "text": b"An ordinary text.\n" * 20,
    "graph of TensorFlow": o.field(1, o.field(1, "x") + o.field(2, "Placeholder")) + o.field(4, o.field(1, 22)),
    "saved model": o.field(1, 1) + o.field(2, o.field(2, o.field(1, o.field(1, "x") + o.field(2, "Const")))),
    "SentencePiece": o.fields(1, *(o.field(1, "▁the") + o.field(2, -1.5) for _ in range(50)))
    + o.field(2, o.field(3, 9)),
    "Core ML": o.field(1, 4) + o.field(2, o.field(100, "d")) + o.field(500, o.field(1, o.field(1, "layer"))),
    "ONNX tensor": o.tensor(),
    "ONNX graph": o.graph(),
    "version and text": o.field(1, 8) + o.field(7, b"a graph of another kind"),
    "safetensors": safetensors(),
    "pickle": b"\x80\x04]\x94.",
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_other_files_are_not_claimed(data: bytes) -> None:
    assert not FORMAT.claims(probe(data, "model.onnx"))


def test_random_bytes_are_not_claimed_and_cost_next_to_nothing() -> None:
    chance = random.Random(1)
    started = time.process_time()
    for _ in range(3000):
        data = b"\x08\x08" * chance.randint(0, 1) + chance.randbytes(300)
        assert not FORMAT.claims(probe(data, "model.onnx"))
    assert time.process_time() - started < 3


def test_bytes_that_a_loader_takes_raw_are_not_claimed() -> None:
    assert not FORMAT.claims(probe(example(), role="raw"))
    assert not FORMAT.claims(Probe(b"\x80", b"\x80", 1, "x"))


# --- what is told -------------------------------------------------------------------------------------------------


def test_everything_is_read() -> None:
    result = read(FORMAT, example())
    assert result.gaps == []
    assert result.kinds == []
    assert operators(result) == {
        "::Constant": 1, "::Identity": 2, "::If": 1, "local::Own": 1, "com.microsoft::MatMulNBits": 1, "::Relu": 3,
    }  # fmt: skip
    assert [(fact.where, fact.value) for fact in result.facts if isinstance(fact, Setting)] == [("local", "Own")]
    assert result.cursor.passed.total() + result.cursor.counted().total() >= len(example())


def test_operators_say_where_and_with_which_strings() -> None:
    custom = o.node("Fetch", domain="vendor", name="f", attributes=(o.attribute("uri", "http://x/y"),))
    inner = o.graph((o.node("If", name="deep", attributes=(o.graph_attribute("then_branch", o.graph((custom,))),)),))
    outer = o.node("Loop", name="outer", attributes=(o.graph_attribute("body", inner),))
    result = read(FORMAT, o.model(o.graph((outer, custom))))
    [fact] = [one for one in result.facts if isinstance(one, Operator) and one.domain == "vendor"]
    assert (fact.name, fact.count, fact.strings) == ("Fetch", 2, ("uri=http://x/y",))
    assert fact.where == "outer/body/deep/then_branch/f"
    assert fact.dialect == "onnx"


PLACES = {
    "initializer": lambda t: with_tensor(t),
    "attribute": lambda t: o.model(o.graph((o.node("Constant", (), ("y",), (o.tensor_attribute("value", t),)),))),
    "list of tensors": lambda t: o.model(o.graph((o.node("X", attributes=(o.field(1, "a") + o.field(10, t),)),))),
    "sparse values": lambda t: o.model(o.graph(more=o.field(15, o.field(1, t)))),
    "sparse indices": lambda t: o.model(o.graph(more=o.field(15, o.field(2, t)))),
    "sparse attribute": lambda t: o.model(o.graph((o.node("X", attributes=(o.field(22, o.field(1, t)),)),))),
    "subgraph": lambda t: o.model(
        o.graph((o.node("If", attributes=(o.graph_attribute("then_branch", o.graph(initializers=(t,))),)),))
    ),
    "function": lambda t: o.model(
        functions=(o.function("f", nodes=(o.node("Constant", (), ("y",), (o.tensor_attribute("value", t),)),)),)
    ),
    "default of a function": lambda t: o.model(functions=(o.function("f") + o.field(11, o.tensor_attribute("a", t)),)),
    "training": lambda t: o.model(more=o.field(20, o.field(2, o.graph(initializers=(t,))))),
    "second graph": lambda t: o.model(more=o.field(7, o.graph(initializers=(t,)))),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_external_data_is_found_everywhere(place) -> None:
    result = read(FORMAT, place(o.external("../x", ("offset", "8"), ("length", "16"))))
    [fact] = references(result)
    assert (fact.kind, fact.target, fact.start, fact.length) == ("external-data", "../x", 8, 16)


def test_one_file_is_one_reference_over_all_that_is_used_of_it() -> None:
    tensors = [o.external("w.data", ("offset", str(16 * at)), ("length", "16"), name=f"w{at}") for at in range(5)]
    [fact] = references(read(FORMAT, o.model(o.graph(initializers=tuple(tensors)))))
    assert (fact.start, fact.length, fact.count, fact.where) == (0, 80, 5, "w0")
    [fact] = references(read(FORMAT, with_tensor(o.external("w.data"))))
    assert (fact.start, fact.length) == (0, 16)


def test_a_compiled_program_is_a_member_or_a_reference() -> None:
    inside = o.node("EPContext", domain="com.microsoft", attributes=(o.attribute("ep_cache_context", b"\0\1\2\xff"),))
    result = read(FORMAT, o.model(o.graph((inside,))))
    assert [(member.name, member.role) for member in result.members] == [("'n.ep_cache_context'", "raw")]
    outside = o.attribute("ep_cache_context", "../engine.bin")
    node = o.node("EPContext", domain="com.microsoft", attributes=(outside, o.attribute("embed_mode", 0)))
    [fact] = references(read(FORMAT, o.model(o.graph((node,)))))
    assert (fact.kind, fact.target) == ("compiled-context", "../engine.bin")


# --- what is odd --------------------------------------------------------------------------------------------------

ODD = {
    "too small": (with_tensor(o.tensor(raw=bytes(12))), "onnx-tensor-size"),
    "too large": (with_tensor(o.tensor(raw=bytes(20))), "onnx-tensor-size"),
    "nothing": (with_tensor(o.tensor(raw=None)), "onnx-tensor-size"),
    "half a float": (with_tensor(o.tensor(raw=None) + o.field(4, bytes(15))), "onnx-tensor-size"),
    "strings as bytes": (with_tensor(o.tensor(element=o.STRING, raw=bytes(16))), "onnx-tensor-size"),
    "in two places": (with_tensor(o.tensor() + o.field(4, bytes(16))), "onnx-data-twice"),
    "inside and outside": (with_tensor(o.external("w.data") + o.field(9, bytes(16))), "onnx-data-twice"),
    "wraps around": (with_tensor(o.tensor(dims=(2**32, 2**32, 4))), "onnx-shape-odd"),
    "bytes wrap around": (with_tensor(o.external("a", dims=(2**31, 2**31))), "onnx-shape-odd"),
    "end wraps around": (
        with_tensor(o.external("a", ("offset", str(2**63 - 8)), ("length", "16"))), "onnx-external-odd",
    ),
    "negative": (with_tensor(o.tensor(dims=(-1, 4))), "onnx-shape-odd"),
    "many dimensions": (with_tensor(o.tensor(dims=(1,) * 65, raw=bytes(4))), "onnx-shape-odd"),
    "name twice": (o.model(o.graph(initializers=(o.tensor(), o.tensor()))), "onnx-name-repeated"),
    "function twice": (o.model(functions=(o.function("f"), o.function("f"))), "onnx-name-repeated"),
    "operator twice": (o.model(o.graph((o.node("Relu") + o.field(4, "PyOp"),))), "onnx-field-repeated"),
    "graph twice": (o.model(more=o.field(7, o.graph())), "onnx-field-repeated"),
    "location twice": (with_tensor(o.external("a", ("location", "../b"))), "onnx-external-odd"),
    "location missing": (with_tensor(o.tensor(raw=None) + o.field(14, 1)), "onnx-external-odd"),
    "unknown key": (with_tensor(o.external("a", ("__class__", "x"))), "onnx-external-odd"),
    "offset no number": (with_tensor(o.external("a", ("offset", "-8"))), "onnx-external-odd"),
    "not marked": (with_tensor(o.tensor(raw=None) + o.field(13, o.pair("location", "a"))), "onnx-external-odd"),
    "length differs": (with_tensor(o.external("a", ("length", "17"))), "onnx-tensor-size"),
    "very long path": (with_tensor(o.external("a/" * 3000)), "onnx-external-odd"),
}  # fmt: skip


def test_floats_of_six_bits_lie_one_to_a_number() -> None:
    """FLOAT6 of onnx 1.23: packed in raw_data, but not in int32_data as smaller types are."""
    for data in (o.field(5, bytes(5)), o.field(9, bytes(4))):
        assert read(FORMAT, with_tensor(o.tensor(dims=(5,), element=27, raw=None) + data)).kinds == []
    packed = o.tensor(dims=(5,), element=27, raw=None) + o.field(5, bytes(4))
    assert read(FORMAT, with_tensor(packed)).kinds == ["onnx-tensor-size"]


@pytest.mark.parametrize(("data", "kind"), ODD.values(), ids=ODD)
def test_disagreements_are_told(data: bytes, kind: str) -> None:
    assert FORMAT.claims(probe(data))
    assert kind in read(FORMAT, data).kinds


def test_many_faults_are_told_a_few_times() -> None:
    tensors = tuple(o.tensor(f"w{at}", raw=bytes(3)) for at in range(300))
    assert len(read(FORMAT, o.model(o.graph(initializers=tensors))).facts) < 20
    unknown = o.model(o.graph(more=o.fields(77, *["x"] * 300)))
    assert len(read(FORMAT, unknown).gaps) < 20


@pytest.mark.parametrize("element", onnx_schema.ELEMENTS)
def test_every_type_has_its_size(element: int) -> None:
    name, bits = onnx_schema.ELEMENTS[element]
    if not bits:
        return
    good = o.tensor(dims=(3, 5), element=element, raw=bytes(-(-15 * bits // 8)))
    assert read(FORMAT, with_tensor(good)).kinds == [], name
    assert read(FORMAT, with_tensor(good + o.field(9, b"x"))).kinds != [], name


PACKED = {
    "int4 in int32_data": o.fields(1, 3) + o.field(2, 22) + o.field(5, o.varint(1) + o.varint(2)),
    "complex": o.fields(1, 3) + o.field(2, 14) + o.field(4, bytes(24)),
    "unpacked": o.fields(1, 3) + o.field(2, 7) + o.fields(7, 1, -1, 300),
    "packed dimensions": o.field(1, o.varint(3) + o.varint(1)) + o.field(2, 7) + o.fields(7, 1, -1, 300),
    "bool": o.fields(1, 2) + o.field(2, 9) + o.field(5, o.varint(0) + o.varint(1)),
    "strings": o.fields(1, 2) + o.field(2, 8) + o.fields(6, "a", b"\xff\0"),
    "no elements": o.fields(1, 0, 7) + o.field(2, 1),
    "scalar": o.field(2, 1) + o.field(9, bytes(4)),
    "long list": o.field(1, 40_000) + o.field(2, 7) + o.field(7, o.varint(-1) * 20_000 + o.varint(5) * 20_000),
}


@pytest.mark.parametrize("tensor", PACKED.values(), ids=PACKED)
def test_numbers_in_lists_are_counted(tensor: bytes) -> None:
    result = read(FORMAT, with_tensor(tensor))
    assert (result.kinds, result.gaps) == ([], [])


def test_metadata_that_detectors_evaluate() -> None:
    for value in ("{0: 'person', 1: 'it\\'s (b)'}", "[640, 640]", "cat, dog", "", "{'batch': 1, 'half': False}"):
        assert read(FORMAT, o.model(metadata=(("names", value),))).kinds == []
    for value in ("__import__('os').system('id')", "[print (1)]", "{0: 'a'}.get(0)", "(lambda:1)()"):
        assert read(FORMAT, o.model(metadata=(("names", value),))).kinds == ["onnx-metadata-no-literal"]
    assert read(FORMAT, o.model(metadata=(("comment", "print(1)"),))).kinds == []


def test_metadata_is_looked_at_to_its_end() -> None:
    many = ", ".join(f"{number}: 'bow (of kind {number})'" for number in range(2000))
    assert read(FORMAT, o.model(metadata=(("names", f"{{{many}}}"),))).kinds == []
    late = "{" + " " * 5000 + "0: print(1)}"
    result = read(FORMAT, o.model(metadata=(("names", late),)))
    assert result.kinds == ["onnx-metadata-no-literal"]
    assert "print(1)" in str(result.facts)
    longer = read(FORMAT, o.model(metadata=(("names", "{" + " " * EVALUATED_BYTES + "0: print(1)}"),)))
    assert [gap.because for gap in longer.gaps] == [Because.OVER_LIMIT]


def test_a_loop_in_metadata_can_call_without_parentheses() -> None:
    for value in ("[C['id'] for C.__class_getitem__ in [os.system]]", "[0for C.x in y]"):
        assert read(FORMAT, o.model(metadata=(("names", value),))).kinds == ["onnx-metadata-no-literal"]
    for value in ("a dog for hire", "['a dog for hire']", "[fore, former]"):
        assert read(FORMAT, o.model(metadata=(("names", value),))).kinds == []


def test_functions_with_long_names_excuse_nothing() -> None:
    made = o.model(o.graph((o.node("x" * 300 + "B", domain="d"),)), functions=(o.function("x" * 300 + "A", "d"),))
    result = read(FORMAT, made)
    assert not [fact for fact in result.facts if isinstance(fact, Setting)]
    assert [gap.because for gap in result.gaps] == [Because.OVER_LIMIT]


def test_a_shape_that_no_machine_has_memory_for() -> None:
    shape = o.tensor("s", (2,), o.INT64, (2**40).to_bytes(8, "little") + bytes([9]) + bytes(7))
    assert read(FORMAT, o.model(o.graph((o.node("ConstantOfShape", ("s",)),), (shape,)))).kinds == ["onnx-shape-huge"]
    constant = o.node("Constant", (), ("s",), (o.tensor_attribute("value", shape),))
    assert read(FORMAT, o.model(o.graph((constant, o.node("Expand", ("x", "s")))))).kinds == ["onnx-shape-huge"]
    assert read(FORMAT, o.model(o.graph((constant, o.node("Slice", ("x", "a", "s")))))).kinds == []


def switch(*more: bytes, compared: str = "s", select: str = "Where") -> bytes:
    nodes = (
        o.node("Slice", ("x", "a", "b"), ("s",)),
        *more,
        o.node("Equal", (compared, "k"), ("t",)),
        o.node("Cast", ("t",), ("u",)),
        o.node(select, ("u", "p", "q"), ("z",)),
        o.node("Softmax", ("z",), ("y",)),
    )
    return o.model(o.graph(nodes, (o.tensor("k", (1,), raw=bytes(4)),)))


def test_an_output_that_a_comparison_chooses() -> None:
    assert read(FORMAT, switch()).kinds == ["onnx-output-by-comparison"]
    assert read(FORMAT, switch(select="If")).kinds == ["onnx-output-by-comparison"]
    assert read(FORMAT, switch(compared="x")).kinds == []
    assert read(FORMAT, switch(o.node("Conv", ("s", "w"), ("c",)), compared="c")).kinds == []
    assert read(FORMAT, switch(o.node("Shape", ("s",), ("c",)), compared="c")).kinds == []


# --- damage and limits --------------------------------------------------------------------------------------------


def test_cut_anywhere() -> None:
    cut_everywhere(example(), FORMAT)


@pytest.mark.slow
def test_changed_anywhere() -> None:
    change_everywhere(example(), FORMAT)


def test_a_cut_file_still_tells_what_it_was() -> None:
    data = o.model(o.graph((o.node("Evil", domain="x"), o.node("Relu", name="n" * 9000))))
    for length in (200, len(data) // 2, len(data) - 1):
        result = read(FORMAT, data[:length])
        assert operators(result).get("x::Evil") == 1
        assert result.gaps
    assert read(FORMAT, o.field(1, 8) + o.field(7, o.graph())).gaps
    assert read(FORMAT, o.field(8, o.opset()) + o.field(7, o.graph())).gaps


def test_facts_before_damage_are_kept() -> None:
    result = read(FORMAT, o.model(o.graph((o.node("Evil", domain="x"), b"\xff\xff"))))
    assert operators(result) == {"x::Evil": 1}
    assert result.gaps


BROKEN = {
    "unknown field": (o.model(more=o.field(77, "x")), Because.UNSUPPORTED),
    "unknown number": (o.model(more=o.field(77, 1)), Because.UNSUPPORTED),
    "another wire type": (o.model(o.graph((o.node("Relu") + o.field(3, 5),))), Because.UNSUPPORTED),
    "unknown element type": (with_tensor(o.tensor(element=99)), Because.UNSUPPORTED),
    "no UTF-8": (o.model(o.graph((o.node("Relu") + o.field(6, b"\xff"),))), Because.MALFORMED),
    "long and no UTF-8": (o.model(more=o.field(6, b"a" * 70_000 + b"\xff")), Because.MALFORMED),
}


@pytest.mark.parametrize(("data", "because"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_understood_is_a_gap(data: bytes, because: Because) -> None:
    assert FORMAT.claims(probe(data))
    assert [gap.because for gap in read(FORMAT, data).gaps] == [because]


def test_messages_too_deep_are_a_gap_and_not_a_crash() -> None:
    graph = o.graph((o.node("Evil", domain="x"),))
    for _ in range(200):
        graph = o.graph((o.node("If", attributes=(o.graph_attribute("then_branch", graph),)),))
    result = read(FORMAT, o.model(graph))
    assert {gap.because for gap in result.gaps} == {Because.OVER_LIMIT}
    assert operators(result) == {"::If": DEPTH // 3}
    kind = o.field(1, o.field(1, 1))
    for _ in range(3000):
        kind = o.field(4, o.field(1, kind))
    assert read(FORMAT, o.model(o.graph(more=o.field(13, o.field(2, kind))))).gaps


def test_long_texts_are_read_in_pieces() -> None:
    data = o.model(o.graph((o.node("X", domain="d", attributes=(o.attribute("vocabulary", "é" * 500_000),)),)))
    result = read(FORMAT, data, limits=Limits(window_bytes=4096, header_bytes=300_000))
    assert result.gaps == []
    assert all(len(text) <= 200 for fact in result.facts if isinstance(fact, Operator) for text in fact.strings)


def test_too_many_of_anything_is_a_gap() -> None:
    nodes = tuple(o.node(f"Op{at}", (), (), domain="d") for at in range(10_100))
    result = read(FORMAT, o.model(o.graph(nodes)))
    assert {gap.because for gap in result.gaps} == {Because.OVER_LIMIT}
    tensors = tuple(o.tensor(f"w{at}", (0,), raw=b"") for at in range(30))
    result = read(FORMAT, o.model(o.graph(initializers=tensors)), limits=Limits(entries=10))
    assert {gap.because for gap in result.gaps} == {Because.OVER_LIMIT}


class Sparse:
    """A model of two gigabytes, whose tensors are holes."""

    def __init__(self, count: int, size: int) -> None:
        ends = b"\x4a" + o.varint(size)
        heads = [o.fields(1, size // 4) + o.field(2, o.FLOAT) + o.field(8, f"w{at}") + ends for at in range(count)]
        heads = [b"\x2a" + o.varint(len(head) + size) + head for head in heads]
        nodes = o.field(1, o.node("Relu"))
        whole = len(nodes) + sum(len(head) + size for head in heads)
        at = 0
        self.parts: list[tuple[int, bytes]] = []
        for part in (o.field(1, 8) + b"\x3a" + o.varint(whole) + nodes, *heads):
            self.parts.append((at, part))
            at += len(part) + (size if part[0] == 0x2A else 0)
        self.parts.append((at, o.field(8, o.opset())))
        self.size = at + len(self.parts[-1][1])
        self.fetched = 0

    def read(self, start: int, length: int) -> bytes:
        length = min(length, self.size - start)
        data = bytearray(max(length, 0))
        self.fetched += len(data)
        for at, part in self.parts:
            low, high = max(start, at), min(start + length, at + len(part))
            if low < high:
                data[low - start : high - start] = part[low - at : high - at]
        return bytes(data)


def test_numbers_are_passed_over() -> None:
    source = Sparse(500, 4_000_000)
    started = time.process_time()
    reading = read_tree(source, "m.onnx", "m.onnx", DEFAULT_LIMITS, (FORMAT,), strict=True)
    assert time.process_time() - started < 2
    assert reading.coverage.complete
    assert reading.coverage.passed_over_bytes > 1_999_000_000
    assert source.fetched < 4_000_000


@pytest.mark.models
@pytest.mark.parametrize("package", ["rapidocr", "silero-vad", "mne-icalabel", "nudenet", "magika", "ddddocr"])
def test_real_models_are_read_whole(package: str) -> None:
    for path in real_models(package):
        if path.suffix == ".onnx":
            result = read(FORMAT, path.read_bytes())
            assert (result.gaps, result.kinds) == ([], []), path
            assert operators(result)
