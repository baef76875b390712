"""TensorFlow.js models."""

import json
from typing import Any

import pytest

from modelairlock.formats.json_text import FORMAT as JSON
from modelairlock.formats.tfjs import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Irregularity, Member, Operator, Reference
from tests.reading_help import cut_everywhere, probe, read, tree

NAME = "model.json"
NODES: list[Any] = [
    {"name": "x", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}}},
    {"name": "y", "op": "Relu", "input": ["x"], "attr": {"T": {"type": "DT_FLOAT"}}},
    {"name": "z", "op": "NoOp"},
]
MANIFEST: list[Any] = [
    {"paths": ["group1-shard1of1.bin"], "weights": [{"name": "w", "shape": [2], "dtype": "float32"}]}
]
FUNCTION = {"signature": {"name": "f"}, "nodeDef": [{"name": "r", "op": "ReadFile"}]}


def model(topology: Any, manifest: Any = MANIFEST, **more: Any) -> bytes:
    said = {"format": "graph-model", "modelTopology": topology, "weightsManifest": manifest, **more}
    return json.dumps(said).encode()


def example() -> bytes:
    return model({"node": NODES, "library": {"function": [FUNCTION]}, "versions": {"producer": 9}})


def test_hit() -> None:
    assert FORMAT.claims(probe(example(), NAME))
    facts, gaps, _ = read(FORMAT, example(), NAME)
    assert gaps == []
    found = {fact.name: fact.where for fact in facts if isinstance(fact, Operator)}
    assert found == {"Placeholder": "x", "Relu": "y", "NoOp": "z", "ReadFile": "r"}
    assert [fact.target for fact in facts if isinstance(fact, Reference)] == ["group1-shard1of1.bin"]
    assert tree(example(), FORMAT, JSON, name=NAME).formats == ("tfjs",)


@pytest.mark.parametrize("indent", [None, 1])
def test_spelling_changes_nothing(indent: int | None) -> None:
    data = json.dumps(json.loads(example()), indent=indent).encode()
    names = {fact.name for fact in read(FORMAT, data, NAME).facts if isinstance(fact, Operator)}
    assert names == {"Placeholder", "Relu", "NoOp", "ReadFile"}
    escaped = example().replace(b'"op"', b'"\\u006fp"')
    assert names == {fact.name for fact in read(FORMAT, escaped, NAME).facts if isinstance(fact, Operator)}


def test_layers_are_keras_to_read() -> None:
    topology = {
        "keras_version": "2.4",
        "backend": "tensorflow",
        "model_config": {"class_name": "Sequential", "config": {}},
    }
    data = model(topology)
    facts, gaps, _ = read(FORMAT, data, NAME)
    [member] = [fact for fact in facts if isinstance(fact, Member)]
    assert (member.role, gaps) == ("keras-config", [])
    assert json.loads(data[member.span.start : member.span.end]) == topology


def test_paths_of_all_spellings() -> None:
    manifest = [
        {"paths": ["a", "../b"], "weights": []},
        {"paths": ["http://x/c"], "weights": [{"name": "w", "q": {"a": 1}}]},
    ]
    found = [
        fact.target for fact in read(FORMAT, model({"node": []}, manifest), NAME).facts if isinstance(fact, Reference)
    ]
    assert found == ["a", "../b", "http://x/c"]


def test_other_keys_are_gaps() -> None:
    gaps = read(FORMAT, model({"node": []}, auto_map={"AutoModel": "x.Y"}), NAME).gaps
    assert [gap.because for gap in gaps] == [Because.UNRECOGNISED]


def test_keys_that_stand_twice() -> None:
    again = b'"modelTopology": {"node": [{"name": "a", "op": "Foo"}]}, "weightsManifest": []}'
    data = b'{"modelTopology": {"node": []}, ' + again
    facts, _, _ = read(FORMAT, data, NAME)
    assert [fact.kind for fact in facts if isinstance(fact, Irregularity)] == ["json-key-repeated"]
    assert any(isinstance(fact, Operator) and fact.name == "Foo" for fact in facts)


def test_miss() -> None:
    assert not FORMAT.claims(probe(b'{"a": 1}', NAME))
    assert not FORMAT.claims(probe(b"modelTopology", "a.txt"))
    assert not FORMAT.claims(probe(b"", NAME))


def test_damaged() -> None:
    cut_everywhere(example(), FORMAT, name=NAME)


def test_changed() -> None:
    data = example()
    for position in range(len(data)):
        for value in (0, 0xFF, data[position] ^ 1):
            read(FORMAT, data[:position] + bytes([value]) + data[position + 1 :], NAME)
