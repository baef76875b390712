"""Honest models are complete and quiet; operators, files and the zip behind are told; so is every lie."""

import time
from pathlib import Path

import pytest

from modelairlock.encodings import flatbuffers
from modelairlock.encodings.tflite_schema import OPERATORS, TABLES, TYPES, UNIONS
from modelairlock.formats import pickle, text
from modelairlock.formats import zip as archive
from modelairlock.formats.tflite import FORMAT
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator, Polyglot, Reference
from tests.build import flat_builder as f
from tests.build.flat_builder import Lie, add, code, custom, flex, graph, tensor, tflite, with_zip
from tests.build.sample import evil
from tests.build.zip_builder import DEFLATED, Entry
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, kinds_of, probe, read, tree, walk
from tests.real_models import every_real_model

KNOWN = (FORMAT, archive.FORMAT, text.FORMAT, pickle.FORMAT)
LABELS = Entry("labels.txt", b"cat\ndog\n")


def example() -> bytes:
    return tflite()


def test_nothing_is_told_twice() -> None:
    reading = tree(tflite(description="x" * 9000), *KNOWN)
    assert len(set(reading.facts)) == len(reading.facts)
    assert [member.name for member in reading.members].count("description") == 1


def real_files() -> list[Path]:
    return [path for path in every_real_model() if path.name.endswith(".tflite")]


def operators(data: bytes) -> dict[str, tuple[str, str, int]]:
    facts = tree(data, *KNOWN).facts
    return {one.name: (one.dialect, one.domain, one.count) for one in facts if isinstance(one, Operator)}


GOOD = {
    "plain": tflite(),
    "nothing": tflite({"version": 3}),
    "empty": tflite({}),
    "labels": with_zip(tflite(), LABELS),
    "packed labels": with_zip(tflite(), Entry("labels.txt", b"cat\n" * 100, DEFLATED)),
    "no labels": tflite(behind=b"PK\5\6" + bytes(12) + b"\x07\x01\0\0\0\0"),
    "old operator": tflite(operator_codes=[{"deprecated_builtin_code": 0, "version": 1}]),
    "new operator": tflite(operator_codes=[code("GELU")]),
    "custom": custom("TransformLandmarks"),
    "long options": custom("Mfcc", bytes(range(256)) * 40),
    "flex": flex("Erf"),
    "int4": tflite(subgraphs=[graph(tensors=[tensor("x"), tensor("w", (3, 7), 17, 1), tensor("y")])],
                   buffers=[{}, {"data": bytes(11)}, {"data": b"1"}]),
    "strings": tflite(subgraphs=[graph(tensors=[tensor("x"), tensor("w", (9,), 5, 1), tensor("y")])]),
    "quantized": tflite(subgraphs=[graph(tensors=[
        tensor("x"),
        tensor("w", (4, 4), 9, 1, quantization={"scale": [0.5] * 2000, "zero_point": [0, 1], "quantized_dimension": 1}),
        tensor("y"),
    ])]),
    "sparse": tflite(subgraphs=[graph(tensors=[
        tensor("x"),
        tensor("w", (40, 40), 0, 1, sparsity={
            "traversal_order": [0, 1],
            "dim_metadata": [{"format": 1, "array_segments": ("Uint8Vector", {"values": b"\0\1"}),
                              "array_indices": ("Int32Vector", {"values": [0]})}],
        }),
        tensor("y"),
    ])]),
    "two graphs": tflite(
        operator_codes=[code("IF"), code()],
        subgraphs=[graph({"opcode_index": 0, "inputs": [0], "outputs": [2],
                          "builtin_options": ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2})}),
                   graph(add(1)), graph(add(1))],
    ),
    "optional input": tflite(subgraphs=[graph(add(inputs=[0, -1]))]),
    "composite": tflite(operator_codes=[code("STABLEHLO_COMPOSITE")], subgraphs=[graph(add(
        builtin_options2=("StableHLOCompositeOptions", {"name": "odml.x", "decomposition_subgraph_index": 1,
                                                         "composite_attributes": b"\1" * 20}))), graph()]),
}  # fmt: skip


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_honest_files_are_complete_and_quiet(data: bytes) -> None:
    reading = tree(data, *KNOWN)
    assert reading.formats == ("tflite",)
    assert gaps_of(reading) == []
    assert kinds_of(reading) == []
    assert not [fact for fact in reading.facts if isinstance(fact, Polyglot)]


def outside(data: bytes = bytes(16), **more: int) -> bytes:
    """A model whose buffer lies behind the flatbuffer."""
    probe_ = tflite(buffers=[{}, {"offset": 2**40, "size": 16}, {"data": b"1"}])
    start = -(-len(probe_) // 64) * 64
    made = tflite(buffers=[{}, {"offset": start, "size": 16, **more}, {"data": b"1"}])
    return made.ljust(start, b"\0") + data


def test_buffers_behind_the_flatbuffer_are_passed_over() -> None:
    reading = tree(outside(b"\x93" * 16), *KNOWN)
    assert gaps_of(reading) == []
    assert kinds_of(reading) == []
    assert reading.coverage.passed_over_bytes >= 16
    data = with_zip(outside(), LABELS)
    assert tree(data, *KNOWN).members[-1].name == "metadata.zip"
    assert gaps_of(tree(data, *KNOWN)) == []


def test_operators_are_told() -> None:
    codes = [code(), code("GELU"), code(custom="Mine")]
    data = tflite(operator_codes=codes, subgraphs=[graph(add(), add(), add(2)), graph(add(2))])
    assert operators(data) == {
        "ADD": ("tflite", "", 2),
        "Mine": ("tflite", "custom", 2),
        "GELU": ("tflite", "", 1),  # no graph has it, and loaders look it up all the same
    }
    assert operators(tflite(operator_codes=[{"builtin_code": 4000}])) == {"BUILTIN_4000": ("tflite", "", 1)}


def test_a_flex_operator_is_what_its_options_say() -> None:
    assert operators(flex("Erf")) == {"FlexErf": ("tflite", "custom", 1), "Erf": ("tensorflow", "", 1)}
    hidden = flex("Erf", "Erf", "WriteFile")
    assert set(operators(hidden)) == {"FlexErf", "Erf", "WriteFile"}
    assert kinds_of(tree(hidden, *KNOWN)) == ["tflite-flex-name-differs"]
    assert set(operators(flex("Erf", "ReadFile"))) == {"FlexErf", "ReadFile"}


@pytest.mark.parametrize("options", [b"", b"\0", b"\x2a\1", bytes(40), f.flex_options("Erf", "Erf")[:-1] + b"\xff"])
def test_flex_options_that_say_nothing_are_a_gap(options: bytes) -> None:
    data = custom("FlexErf", options)
    assert operators(data)["Erf"] == ("tensorflow", "", 1)
    assert [gap.because for gap in gaps_of(tree(data, *KNOWN))] == ([Because.MALFORMED] if options else [])


def test_flex_options_changed_anywhere_break_nothing() -> None:
    good = f.flex_options("Erf", "Erf")
    for at in range(len(good)):
        for value in (0, 1, 127, 255):
            tree(custom("FlexErf", good[:at] + bytes([value]) + good[at + 1 :]), *KNOWN)


def test_other_files_are_told() -> None:
    groups, buffers = [{"name": "../w.bin"}], [{"id": 1, "group": 0, "offset": 0, "length": 16, "packing": "none"}]
    reading = tree(tflite(external_buffer_groups=groups, external_buffers=buffers), *KNOWN)
    assert gaps_of(reading) == []
    assert [(one.kind, one.target) for one in reading.facts if isinstance(one, Reference)] == [
        ("external-data", "../w.bin")
    ]


def one(**more: object) -> bytes:
    """A model whose only operator is another."""
    return tflite(subgraphs=[graph(add(**more))])


def with_tensor(*args: object, **more: object) -> bytes:
    return tflite(subgraphs=[graph(tensors=[tensor("x"), tensor("w", *args, **more), tensor("y")])])


def loop(*calls: int) -> bytes:
    graphs = [
        graph(add(builtin_options=("WhileOptions", {"cond_subgraph_index": to, "body_subgraph_index": to})))
        for to in calls
    ]
    return tflite(operator_codes=[code("WHILE")], subgraphs=[*graphs, graph()])


POOL = {"stride_w": 1, "stride_h": 1, "filter_width": 1}
HOSTILE = {
    "input": (one(inputs=[0, 7]), "tflite-index-beyond"),
    "negative input": (one(inputs=[0, -2]), "tflite-index-beyond"),
    "no output": (one(outputs=[-1]), "tflite-index-beyond"),
    "far input": (one(inputs=[0] * 9000 + [3]), "tflite-index-beyond"),
    "graph's input": (tflite(subgraphs=[graph(inputs=[9])]), "tflite-index-beyond"),
    "code": (tflite(subgraphs=[graph(add(5))]), "tflite-index-beyond"),
    "buffer": (with_tensor(buffer=9), "tflite-index-beyond"),
    "graph": (loop(9), "tflite-index-beyond"),
    "itself": (loop(0), "tflite-graph-calls-itself"),
    "in a circle": (loop(1, 2, 0), "tflite-graph-calls-itself"),
    "in and out": (one(outputs=[0]), "tflite-tensor-in-and-out"),
    "size": (with_tensor((2, 3), buffer=1), "tflite-tensor-size"),
    "shape": (with_tensor((-7, 2)), "tflite-shape-odd"),
    "constant shape": (with_tensor((-1, 2), buffer=1), "tflite-shape-odd"),
    "overflow": (with_tensor((2**31 - 1,) * 3), "tflite-shape-odd"),
    "dimensions": (with_tensor((1,) * 65), "tflite-shape-odd"),
    "zero": (one(builtin_options=("Pool2DOptions", POOL)), "tflite-option-zero"),
    "old and new": (
        tflite(operator_codes=[{"deprecated_builtin_code": 1, "builtin_code": 3}]),
        "tflite-operator-ambiguous",
    ),
    "outside and in": (
        tflite(buffers=[{}, {"data": bytes(16), "offset": 64, "size": 8}, {"data": b"1"}]),
        "tflite-buffer-ambiguous",
    ),
    "outside and beyond": (outside(size=2**63), "tflite-buffer-beyond-file"),
    "outside in the flatbuffer": (
        tflite(buffers=[{}, {"offset": 8, "size": 16}, {"data": b"1"}]),
        "flatbuffer-overlap",
    ),
    "bytes after": (tflite(behind=b"\1" * 70), "flatbuffer-bytes-after"),
}


@pytest.mark.parametrize(("data", "kind"), HOSTILE.values(), ids=HOSTILE)
def test_lies_are_stated(data: bytes, kind: str) -> None:
    assert kind in kinds_of(tree(data, *KNOWN))


def test_offsets_beyond_the_file_are_stated() -> None:
    for lie in (Lie(2**31 - 1), Lie(2**32 - 1)):
        for data in (tflite(description=lie), tflite(buffers=lie), with_tensor(quantization=lie)):
            reading = tree(data, *KNOWN)
            assert gaps_of(reading)
    assert kinds_of(tree(tflite(description=Lie(2**30)), *KNOWN)) == ["flatbuffer-beyond-file"]
    assert gaps_of(tree(tflite(description=Lie(0)), *KNOWN))


def test_what_is_newer_is_a_gap() -> None:
    for data in (
        with_tensor(kind=60),
        with_tensor(quantization={"details_type": 9, "details": ("CustomQuantization", {"custom": b"1"})}),
    ):
        assert Because.UNSUPPORTED in {gap.because for gap in gaps_of(tree(data, *KNOWN))}


def test_a_pickle_in_metadata_is_found() -> None:
    data = tflite(buffers=[{}, {"data": bytes(16)}, {"data": evil()}])
    assert [member.formats for member in tree(data, *KNOWN).members] == [("pickle",)]
    unused = tflite(buffers=[{}, {"data": bytes(16)}, {"data": b"1"}, {"data": evil()}])
    assert [member.formats for member in tree(unused, *KNOWN).members] == [("plain",), ("pickle",)]
    assert tree(tflite(behind=evil()), *KNOWN).members[-1].formats == ("pickle",)


def test_a_pickle_in_the_zip_is_found() -> None:
    for data in (
        with_zip(tflite(), Entry("a.pkl", evil())),
        with_zip(tflite(description=Lie(2**30)), Entry("a", evil())),
    ):
        assert any("pickle" in one.formats for one in walk(tree(data, *KNOWN)))


def test_a_zip_that_reaches_into_the_model_is_no_clear_one() -> None:
    """A member in front of the flatbuffer's end, where only the directory leads."""
    hidden = Entry("a.pkl", evil(), in_central=True)
    whole = with_zip(tflite(), hidden)
    start = whole.index(b"PK\3\4")
    moved = tflite(buffers=[{}, {"data": bytes(16)}, {"data": whole[start:].partition(b"PK\1\2")[0]}])
    at = moved.index(b"PK\3\4")
    directory = whole[whole.index(b"PK\1\2") :]
    offset = directory.index(start.to_bytes(4, "little"))
    directory = directory[:offset] + at.to_bytes(4, "little") + directory[offset + 4 :]
    end = directory.index(b"PK\5\6") + 16
    directory = directory[:end] + len(moved).to_bytes(4, "little") + directory[end + 4 :]
    reading = tree(moved + directory, *KNOWN)
    assert gaps_of(reading) or kinds_of(reading)


def test_cut_everywhere() -> None:
    cut_everywhere(example(), *KNOWN)
    bare = tflite({"version": 3})
    whole = with_zip(bare, LABELS)
    for length in range(len(bare) + 1, len(whole)):  # without its zip it is a model like any other
        cut = tree(whole[:length], *KNOWN)
        assert gaps_of(cut) or kinds_of(cut), length


def test_change_everywhere() -> None:
    change_everywhere(example(), *KNOWN)


def test_hidden_bytes_are_a_gap() -> None:
    data = bytearray(tflite())
    at = data.index(b"made by hand") - 4
    pointer = next(p for p in range(8, at) if int.from_bytes(data[p : p + 4], "little") == at - p)
    text_at = len(data)
    data += (1).to_bytes(4, "little") + b"x\0" + bytes(2)
    data[pointer : pointer + 4] = (text_at - pointer).to_bytes(4, "little")
    assert [gap.because for gap in gaps_of(tree(bytes(data), *KNOWN))] == [Because.UNRECOGNISED]


def test_a_table_reached_a_million_times_is_over_the_limit() -> None:
    data = tflite(subgraphs=[graph(*[add()] * 400)])
    started = time.monotonic()
    result = read(FORMAT, data, limits=Limits(entries=500))
    assert result.gaps[0].because is Because.OVER_LIMIT
    assert time.monotonic() - started < 5


def test_shared_tables_cost_what_they_are_met() -> None:
    """A hundred thousand graphs are the same one with a thousand operators: the budget ends it."""
    data = bytearray(tflite(subgraphs=[graph(*[add()] * 1000)] * 2))
    root = int.from_bytes(data[:4], "little")
    vtable = root - int.from_bytes(data[root : root + 4], "little", signed=True)
    slot = root + int.from_bytes(data[vtable + 8 : vtable + 10], "little")
    graphs = slot + int.from_bytes(data[slot : slot + 4], "little")
    target = graphs + 8 + int.from_bytes(data[graphs + 8 : graphs + 12], "little")
    # offsets only lead forwards, so the list of graphs is put before the last one by moving all that follows
    count, at = 100_000, graphs
    data[at : at + 12] = (count).to_bytes(4, "little") + b"".join(
        (target + 4 * count - 8 - (at + 4 + 4 * n)).to_bytes(4, "little") for n in range(count)
    )
    started = time.monotonic()
    assert gaps_of(tree(bytes(data), FORMAT))
    assert time.monotonic() - started < 60


def test_claims_by_the_mark_only() -> None:
    assert FORMAT.claims(probe(example(), "x.txt"))
    assert not FORMAT.claims(probe(b"TFL3" + bytes(20), "x.tflite"))
    assert gaps_of(tree(b"\x1c\0\0\0TFL3" + bytes(40), *KNOWN))


def test_the_schema_is_whole() -> None:
    kinds = {field.kind.strip("[]") for fields in TABLES.values() for field in fields if field.kind}
    known = {*TABLES, *flatbuffers.SCALARS, "string", *(f"|{name}" for name in UNIONS)}
    assert kinds <= known
    assert {name for union in UNIONS.values() for name in union.values()} <= set(TABLES)
    assert len(OPERATORS) == len(set(OPERATORS)) == 210
    assert len(TYPES) == 23


@pytest.mark.slow
def test_large_models_take_little_time() -> None:
    data = tflite(subgraphs=[graph(*[add()] * 20_000)])
    started = time.monotonic()
    reading = read_tree(BytesSource(data), "m", "m", DEFAULT_LIMITS, strict=True)
    assert reading.coverage.gaps == ()
    assert time.monotonic() - started < 20


@pytest.mark.models
def test_real_models_are_complete_and_quiet() -> None:
    for path in real_files():
        reading = read_tree(BytesSource(path.read_bytes()), path.name, path.name, DEFAULT_LIMITS, strict=True)
        assert gaps_of(reading) == [], path
        assert kinds_of(reading) == [], path


@pytest.mark.frameworks
def test_the_interpreter_loads_what_is_built() -> None:
    """The builder makes what LiteRT takes for a model, and LiteRT's own reader sees what this one does."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    made = interpreter.Interpreter(model_content=tflite())
    made.allocate_tensors()
    made.invoke()
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    for data in [tflite(), *[path.read_bytes() for path in real_files()]]:
        seen = schema.Model.GetRootAs(data, 0)
        wanted: dict[str, int] = {}
        for index in range(seen.SubgraphsLength()):
            part = seen.Subgraphs(index)
            for number in range(part.OperatorsLength()):
                one_code = seen.OperatorCodes(part.Operators(number).OpcodeIndex())
                name = names[max(one_code.BuiltinCode(), one_code.DeprecatedBuiltinCode())]
                name = one_code.CustomCode().decode() if name == "CUSTOM" else name
                wanted[name] = wanted.get(name, 0) + 1
        told = {name: count for name, (dialect, _, count) in operators(data).items() if dialect == "tflite"}
        assert {name: told.get(name) for name in wanted} == wanted
