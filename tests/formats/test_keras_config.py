"""Nodes of configurations, wherever they stand: what the loader would look up, run and open."""

import base64
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.encodings.keras_nodes import KEPT, NAMES
from modelairlock.formats import json_text, keras_config, text
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Bytecode, Configured, Member, Reference, Value
from tests.build import keras_builder as k
from tests.build.keras_builder import call, functional, layer, node, sequential, tensor
from tests.reading_help import Result, change_everywhere, cut_everywhere, gaps_of, probe, read, tree
from tests.rules.judging import judged

NAME = "architecture.json"
KNOWN = (keras_config.FORMAT, json_text.FORMAT, text.FORMAT)


def example() -> bytes:
    return k.text(sequential(layer("Dense", {"units": 2, "activation": "relu"})))


def facts(config: Any) -> Result:
    return read(keras_config.FORMAT, config if isinstance(config, bytes) else k.text(config), NAME)


def told(result: Result) -> set[tuple[str, str, str]]:
    return {(fact.kind, fact.module, fact.qualname) for fact in result.facts if isinstance(fact, Configured)}


def named(config: Any) -> set[tuple[str, str, str]]:
    return told(facts(config))


def test_every_node_is_told_with_its_place() -> None:
    result = facts(k.honest())
    assert result.gaps == []
    found = {fact.where: f"{fact.module}.{fact.qualname}" for fact in result.facts if isinstance(fact, Configured)}
    assert found == {
        "": "keras.src.models.functional.Functional",
        "config.layers[0]": "keras.layers.InputLayer",
        "config.layers[1]": "keras.layers.Dense",
        "config.layers[1].config.activation": ".relu",
        "config.layers[1].config.dtype": "keras.DTypePolicy",
        "config.layers[1].config.kernel_initializer": "keras.initializers.GlorotUniform",
        "compile_config.optimizer": "keras.optimizers.Adam",
        "compile_config.loss.dense": ".mse",
        "compile_config.metrics[0]": ".accuracy",
        "compile_config.metrics[1]": "keras.metrics.AUC",
    }


def test_an_honest_configuration_is_clear() -> None:
    assert judged(k.text(k.honest()), NAME).verdict.value == "clear"
    assert judged(json.dumps(k.honest(), indent=4).encode(), NAME).verdict.value == "clear"


def test_a_function_by_name_and_the_constants_it_is_given() -> None:
    config = {"function": k.function("get_file", "keras.utils"), "arguments": {"origin": "http://x", "n": 2}}
    result = facts(functional(layer("Lambda", config, inbound_nodes=call(tensor(), "name", flag="on"))))
    [fact] = [fact for fact in result.facts if isinstance(fact, Configured) and fact.kind == "call"]
    assert (fact.module, fact.qualname) == ("keras.utils", "get_file")

    def pair(key: str, kind: Any, value: str) -> Value:
        return Value(kind="tuple", parts=(Value(kind="str", text=key), Value(kind=kind, text=value)))

    named = (pair("origin", "str", "http://x"), pair("n", "int", "2"), pair("flag", "str", "on"))
    assert set(fact.arguments) == {*named, Value(kind="str", text="name")}


def test_layers_that_are_named_as_inputs_are_no_text() -> None:
    old = layer("Dense", {}, None, inbound_nodes=[[["input_layer", 0, 0, {"mask": ["other", 0, 0]}]], [["x", 1, 0]]])
    assert not [one for one in named(functional(old)) if one[0] == "call"]
    new = layer("Dense", {}, inbound_nodes=call(["/bin/sh", 0, 0]))
    assert ("call", "keras.layers", "Dense") in named(functional(new))


def test_constants_of_tensorflow_operations() -> None:
    nodes = [["_CONSTANT_VALUE", -1, "/tmp/x", {"contents": "y"}]]
    result = facts(sequential(layer("TFOpLambda", {"function": "io.write_file"}, None, inbound_nodes=nodes)))
    [fact] = [fact for fact in result.facts if isinstance(fact, Configured) and fact.kind == "tf-function"]
    assert fact.qualname == "io.write_file"
    assert fact.arguments[0] == Value(kind="str", text="/tmp/x")


@pytest.mark.parametrize("order", [("class_name", "config", "module"), ("config", "module", "class_name")])
def test_keys_come_in_any_order(order: tuple[str, ...]) -> None:
    whole = {"class_name": "run", "config": {}, "module": "subprocess"}
    assert ("class", "subprocess", "run") in named(sequential({key: whole[key] for key in order}))


def test_of_two_equal_keys_the_last_counts_and_it_is_told() -> None:
    result = facts(b'{"class_name": "Dense", "class_name": "run", "config": {}, "module": "subprocess"}')
    assert [(fact.module, fact.qualname) for fact in result.facts if isinstance(fact, Configured)] == [
        ("subprocess", "run")
    ]
    assert result.kinds == ["json-key-repeated"]


def test_nodes_without_a_module_and_what_they_are_registered_as() -> None:
    assert ("class", "", "Dense") in named(sequential(layer("Dense", {}, None), module=None))
    other = layer("Dense", {}) | {"registered_name": "pkg>Other"}
    assert ("registered", "keras.layers", "pkg>Other") in named(sequential(other))


def test_bytecode_in_each_place() -> None:
    source = "lambda x: abs(x) + 'words'"
    places = {
        "config.layers[0].config.function.config.code": layer("Lambda", {"function": k.python_lambda(source)}),
        "config.layers[0].config.function[0]": layer("Lambda", k.old_lambda(source), None),
        "config.layers[0].config.function": layer("Lambda", k.old_lambda(source) | {"function": k.code(source)}, None),
        "config.layers[0].config.initializer.config.code": layer("Dense", {"initializer": k.python_lambda(source)}),
        "config.layers[0].config.anything": layer("Dense", {"anything": k.code(source)}),
    }
    for where, one in places.items():
        result = facts(sequential(one))
        [fact] = [fact for fact in result.facts if isinstance(fact, Bytecode)]
        assert (fact.where, fact.names, fact.strings) == (where, ("abs",), ("words",))
        assert result.gaps == []


@pytest.mark.parametrize("code", ["", "AAAA", "4wAA" * 30, "é" * 80, "!" * 80])
def test_a_lambda_that_cannot_be_read_is_told_and_held(code: str) -> None:
    for one in (
        layer("Lambda", {"function": {"class_name": "__lambda__", "config": {"code": code}}}),
        layer("Lambda", k.old_lambda("lambda x: x") | {"function": [code, None, None]}, None),
    ):
        result = facts(sequential(one))
        assert any(isinstance(fact, Bytecode) and not fact.python for fact in result.facts)
        assert [gap.because for gap in result.gaps] == [Because.UNSUPPORTED]


def test_bytecode_beside_other_bytecode_does_not_hide_it() -> None:
    two = {"class_name": "__lambda__", "config": {"code": k.code("lambda x: x"), "value": "QUJD" * 40}}
    result = facts(sequential(layer("Lambda", {"function": two})))
    assert sorted(fact.python == "" for fact in result.facts if isinstance(fact, Bytecode)) == [False, True]


def test_paths_that_are_opened() -> None:
    result = facts(sequential(
        layer("StringLookup", {"vocabulary": "/etc/passwd"}), layer("TFSMLayer", {"filepath": "/tmp/m"}),
        layer("TextVectorization", {"vocabulary": ["a", "b"], "idf_weights": None}),
    ))  # fmt: skip
    found = [(fact.kind, fact.target) for fact in result.facts if isinstance(fact, Reference)]
    assert found == [("vocabulary", "/etc/passwd"), ("saved-model", "/tmp/m")]


def test_a_torch_module_is_a_member() -> None:
    data = bytes(range(256)) * 2
    one = layer("TorchModuleWrapper", {"module": base64.b64encode(data).decode()})
    [member] = [fact for fact in facts(sequential(one)).facts if isinstance(fact, Member)]
    reading = tree(k.text(sequential(one)), *KNOWN, name=NAME)
    assert member.method == "base64"
    assert [inner.coverage.size_bytes for inner in reading.members] == [len(data)]
    spelled = k.text(sequential(one)).replace(b"AAEC", b"\\u0041AEC", 1)
    assert [gap.because for gap in facts(spelled).gaps] == [Because.UNSUPPORTED]


def test_a_key_for_another_loader_is_a_gap() -> None:
    result = facts(k.honest() | {"auto_map": {"AutoModel": "x.Y"}})
    assert [gap.because for gap in result.gaps] == [Because.UNRECOGNISED]
    assert "auto_map" in result.gaps[0].detail


def test_claims_by_content() -> None:
    assert keras_config.FORMAT.claims(probe(example(), "a.json"))
    assert keras_config.FORMAT.claims(probe(example(), "a"))
    assert keras_config.FORMAT.claims(probe(example().replace(b"class_name", b"class\\u005fname"), "a.txt"))
    assert keras_config.FORMAT.claims(probe(b'{"loss": "mse"}', "training_config", "keras-config"))
    assert not keras_config.FORMAT.claims(probe(b'{"loss": "mse"}', "a.json"))
    assert not keras_config.FORMAT.claims(probe(b'{"class_name": "cat"}', "a.json"))
    assert not keras_config.FORMAT.claims(probe(b"# " + example(), "a.json"))
    assert keras_config.FORMAT.claims(probe(example() + b"\0", "a.json")), "what stands before the damage is read"
    assert not keras_config.FORMAT.claims(probe(b"", "a.json"))


def test_a_renamed_configuration_is_found_and_no_polyglot() -> None:
    for name in ("model.txt", "model.json", "model", "model.h5"):
        assert tree(example(), *KNOWN, name=name).formats == ("keras_config",)


def test_a_yaml_architecture_is_a_gap() -> None:
    subject = judged(b"backend: tensorflow\nclass_name: Sequential\nconfig:\n- class_name: Lambda\n", "model.yaml")
    assert subject.verdict.value == "incomplete"


def test_cut_anywhere_leaves_a_gap() -> None:
    cut_everywhere(example(), *KNOWN, name=NAME)


def test_changed_anywhere_ends_well() -> None:
    change_everywhere(example(), *KNOWN, name=NAME)


def test_too_many_names_are_a_gap() -> None:
    many = [node(f"N{number}", {}) for number in range(NAMES + 2)]
    result = read(keras_config.FORMAT, k.text(many), NAME, msgspec.structs.replace(DEFAULT_LIMITS, facts=10**6))
    assert [gap.because for gap in result.gaps] == [Because.OVER_LIMIT]
    assert len([fact for fact in result.facts if isinstance(fact, Configured)]) == NAMES


def test_a_list_of_names_keeps_each_once_and_what_it_does_not_keep_is_a_gap() -> None:
    def metrics(*names: Any) -> Result:
        return facts(k.honest() | {"compile_config": k.COMPILED | {"metrics": list(names)}})

    repeated = metrics(*["accuracy"] * KEPT * 2, "evil")
    assert repeated.gaps == []
    assert ("name", "", "evil") in told(repeated)
    many = [f"m{number}" for number in range(KEPT)]
    assert metrics(*many).gaps == []
    [gap] = metrics(*many, "evil").gaps
    assert gap.because is Because.OVER_LIMIT
    assert "compile_config.metrics: more than 64 different names" in gap.detail
    inside = node("AUC", {"labels": [f"l{number}" for number in range(KEPT * 2)]}, "keras.metrics")
    assert metrics(inside, "last").gaps == []
    assert ("name", "", "last") in told(metrics(inside, "last"))


def test_constants_of_a_call_are_told_or_a_gap() -> None:
    def given(*args: Any, **kwargs: Any) -> Result:
        return facts(functional(layer("Dense", {}, inbound_nodes=call(*args, **kwargs))))

    for shared in (given(*["a"] * 8, "$x"), given(*["a"] * 15, "$x"), given(*(chr(97 + at) for at in range(15)), "$x")):
        assert shared.gaps == []
        [fact] = [fact for fact in shared.facts if isinstance(fact, Configured) and fact.kind == "call"]
        assert Value(kind="str", text="$x") in fact.arguments
    for many in (given(*(f"a{at}" for at in range(17))), given(*["a"] * KEPT, "$x")):
        assert [gap.because for gap in many.gaps] == [Because.OVER_LIMIT]
    assert given(*[tensor(f"t{at}") for at in range(KEPT * 2)]).gaps == []


def test_a_text_and_a_number_are_no_tensor() -> None:
    nodes = [[["input_layer", 0, 0, {"shell": ["$x", 1]}]]]
    result = facts(functional(layer("Dense", {}, None, inbound_nodes=nodes)))
    [fact] = [fact for fact in result.facts if isinstance(fact, Configured) and fact.kind == "call"]
    assert fact.arguments == (Value(kind="str", text="$x"),)


def test_deep_nesting_is_a_gap() -> None:
    result = facts(b'{"class_name": "A", "config": ' * 200 + b"{}" + b"}" * 200)
    assert [gap.because for gap in result.gaps] == [Because.OVER_LIMIT]


def test_the_window_changes_nothing() -> None:
    whole = json.dumps(k.honest(), indent=1).encode()
    small = msgspec.structs.replace(DEFAULT_LIMITS, window_bytes=64)

    def told(result: Result) -> set[tuple[str, str, str, str]]:
        return {
            (fact.kind, fact.module, fact.qualname, re.sub(r"\d+", "", fact.where))
            for fact in result.facts
            if isinstance(fact, Configured)
        }

    assert told(read(keras_config.FORMAT, whole, NAME, small)) == told(read(keras_config.FORMAT, whole, NAME))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["class_name", "config", "module", "registered_name", "function", "function_type", "arguments",
             "inbound_nodes", "args", "kwargs", "loss", "value", "code", "vocabulary", "x"]
        ),
        inner | st.sampled_from(["Lambda", "function", "__lambda__", "TFOpLambda", "TFSMLayer", "__typespec__"]),
        max_size=6,
    ),
    max_leaves=30,
)  # fmt: skip


@given(_JSON, st.sampled_from([64, 4096]))
def test_any_json_is_read_to_its_end(value: Any, window: int) -> None:
    data = k.text({"class_name": "A", "config": value})
    result = read(keras_config.FORMAT, data, NAME, msgspec.structs.replace(DEFAULT_LIMITS, window_bytes=window))
    # more constants in one call than are told is a gap as well
    assert {gap.because for gap in result.gaps} <= {Because.MALFORMED, Because.UNSUPPORTED, Because.OVER_LIMIT}
    assert gaps_of(tree(k.text(["x"]), *KNOWN, name=NAME)) == []
