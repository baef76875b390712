"""Honest models are complete and quiet; operators are told as those of ONNX are; every lie of the file is stated."""

from pathlib import Path

import pytest

from modelairlock.encodings.flatbuffers import SCALARS
from modelairlock.encodings.ort_schema import TABLES, UNIONS
from modelairlock.formats import pickle, text
from modelairlock.formats.ort import FORMAT
from modelairlock.limits import Limits
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator, Reference
from modelairlock.records.scan import Verdict
from tests.build.flat_builder import Lie, node, ort, ort_graph, ort_tensor
from tests.build.sample import evil
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, kinds_of, probe, read, tree
from tests.rules.judging import findings, judged, unvouched

KNOWN = (FORMAT, text.FORMAT, pickle.FORMAT)
SMALL = Path(__file__).parent.parent / "data" / "ort" / "small.ort"


def example() -> bytes:
    return ort()


def nested(depth: int) -> bytes:
    graph = ort_graph()
    for _ in range(depth):
        graph = ort_graph(node("If", attributes=[{"name": "then_branch", "type": 5, "g": graph}]))
    return ort(graph)


def operators(data: bytes) -> dict[str, Operator]:
    return {f"{one.domain}::{one.name}": one for one in tree(data, *KNOWN).facts if isinstance(one, Operator)}


CONTEXT = [{"name": "ep_cache_context", "type": 3, "s": "../a.bin"}, {"name": "embed_mode", "type": 2, "i": 0}]
GOOD = {
    "plain": ort(),
    "two nodes": ort(ort_graph(node(), node("Relu", index=1))),
    "nested": nested(3),
    "fused": ort(ort_graph(node("Conv", "com.microsoft.nchwc"))),
    "texts": ort(ort_graph(initializers=[ort_tensor(kind=8, dims=(2,), string_data=["a", "b"])])),
    "no numbers": ort(ort_graph(initializers=[ort_tensor(dims=(0, 4), raw_data=b"")])),
    "long": ort(ort_graph(initializers=[ort_tensor(dims=(100, 100), raw_data=bytes(40_000))])),
    "outside": ort(ort_graph(initializers=[ort_tensor(external_data_offset=4096)])),
    "optimized": ort(ort_graph(runtime_optimizations={"records": [{"optimizer_name": "x",
        "runtime_optimization_records": [
        {"action_id": "a", "nodes_to_optimize_indices": {"node_indices": [0]}, "produced_op_ids": ["com.microsoft:Q:1"]}
    ]}]})),
}  # fmt: skip


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_honest_files_are_complete_and_quiet(data: bytes) -> None:
    reading = tree(data, *KNOWN)
    assert reading.formats == ("ort",)
    assert gaps_of(reading) == []
    assert kinds_of(reading) == []


def test_a_real_file_is_complete_and_quiet() -> None:
    data = SMALL.read_bytes()
    reading = tree(data, *KNOWN)
    assert gaps_of(reading) == []
    assert kinds_of(reading) == []
    told = operators(data)
    # onnxruntime made one operator of MatMul and Add
    assert set(told) == {"com.microsoft::FusedGemm", "::If", "::Relu", "::Neg", "com.microsoft::Gelu"} or {
        "::If", "::Relu", "::Neg", "com.microsoft::Gelu"
    } <= set(told)  # fmt: skip
    assert all(one.dialect == "onnx" for one in told.values())
    assert "If" in told["::Relu"].where or "then_branch" in told["::Relu"].where


def test_texts_of_foreign_operators_are_told() -> None:
    attributes = [{"name": "code", "type": 3, "s": "x"}, {"name": "files", "type": 8, "strings": ["a", "b"]}]
    told = operators(ort(ort_graph(node("Mine", "my.domain", attributes=attributes), node("Add", index=1))))
    assert told["my.domain::Mine"].strings == ("code=x", "files=a", "files=b")
    assert told["::Add"].strings == ()


def test_a_compiled_context_is_a_reference() -> None:
    reading = tree(ort(ort_graph(node("EPContext", "com.microsoft", attributes=CONTEXT))), *KNOWN)
    assert [(one.kind, one.target) for one in reading.facts if isinstance(one, Reference)] == [
        ("compiled-context", "../a.bin")
    ]


def test_data_in_another_file_is_a_reference() -> None:
    [one] = [fact for fact in tree(GOOD["outside"], *KNOWN).facts if isinstance(fact, Reference)]
    assert (one.kind, one.start, one.length) == ("external-data", 4096, 16)


HOSTILE = {
    "size": (ort(ort_graph(initializers=[ort_tensor(raw_data=bytes(15))])), "ort-tensor-size"),
    "nothing": (ort(ort_graph(initializers=[ort_tensor(doc_string="x")])), "ort-tensor-size"),
    "twice": (
        ort(ort_graph(initializers=[ort_tensor(raw_data=bytes(16), external_data_offset=0)])),
        "ort-tensor-size",
    ),
    "negative": (ort(ort_graph(initializers=[ort_tensor(dims=(-2, -2))])), "ort-shape-odd"),
    "overflow": (ort(ort_graph(initializers=[ort_tensor(dims=(2**62, 4))])), "ort-shape-odd"),
    "dimensions": (ort(ort_graph(initializers=[ort_tensor(dims=(1,) * 99)])), "ort-shape-odd"),
    "index": (ort(ort_graph(node(index=4))), "ort-index-beyond"),
    "room": (ort(ort_graph(max_node_index=2**32 - 1)), "ort-index-beyond"),
    "beyond": (ort(ort_graph(initializers=Lie(2**30))), "flatbuffer-beyond-file"),
    "after": (ort(behind=b"\1" * 9), "flatbuffer-bytes-after"),
}


@pytest.mark.parametrize(("data", "kind"), HOSTILE.values(), ids=HOSTILE)
def test_lies_are_stated(data: bytes, kind: str) -> None:
    assert kind in kinds_of(tree(data, *KNOWN))


def test_what_is_unknown_is_a_gap() -> None:
    for data in (ort(version="99"), ort(ort_graph(initializers=[ort_tensor(kind=77, raw_data=b"")]))):
        assert [gap.because for gap in gaps_of(tree(data, *KNOWN))] == [Because.UNSUPPORTED]


def test_a_pickle_behind_or_in_an_attribute_is_found() -> None:
    assert tree(ort(behind=evil()), *KNOWN).members[-1].formats == ("pickle",)
    attribute = {"name": "blob", "type": 3, "s": evil() + b"\0" * 5000}
    assert tree(ort(ort_graph(node(attributes=[attribute]))), *KNOWN).members[0].formats == ("pickle",)


def test_limits() -> None:
    assert [gap.because for gap in gaps_of(tree(nested(40), *KNOWN))] == [Because.OVER_LIMIT]
    assert read(FORMAT, ort(), limits=Limits(entries=5)).gaps[0].because is Because.OVER_LIMIT


def test_cut_everywhere() -> None:
    cut_everywhere(example(), *KNOWN)


def test_change_everywhere() -> None:
    change_everywhere(example(), *KNOWN)


def test_claims_by_the_mark_only() -> None:
    assert FORMAT.claims(probe(example(), "x.txt"))
    assert not FORMAT.claims(probe(b"ORTM" + bytes(20), "x.ort"))


def test_the_schema_is_whole() -> None:
    kinds = {field.kind.strip("[]") for fields in TABLES.values() for field in fields if field.kind}
    assert kinds <= {*TABLES, *SCALARS, "string", "#12", *(f"|{name}" for name in UNIONS)}


def test_rules_for_onnx_judge_it() -> None:
    subject = judged(ort(ort_graph(node("EPContext", "com.microsoft", attributes=CONTEXT))), "a.ort")
    assert findings(subject, "onnx-data-outside-folder")
    assert unvouched(subject)
    assert unvouched(judged(ort(ort_graph(node("Mine", "my.domain"))), "a.ort"))
    for data in (ort(), SMALL.read_bytes()):
        assert judged(data, "a.ort").verdict is Verdict.CLEAR
