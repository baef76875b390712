"""Graphs of torch.export: operators, expressions, guards, and keys that nobody knows."""

import json
from typing import Any

import pytest

from modelairlock.encodings.plain_expression import is_plain, is_plain_guard
from modelairlock.formats.torch_export_graph import FORMAT
from modelairlock.records.facts import Configured, Operator
from tests.reading_help import probe, read


def node(target: str, **argument: Any) -> dict[str, Any]:
    return {"target": target, "inputs": [{"name": "a", "arg": argument, "kind": 1}], "outputs": [], "metadata": {}}


def graph(*nodes: dict[str, Any], **more: Any) -> bytes:
    own = {"nodes": list(nodes), "tensor_values": {"any name": {"dtype": 7}}, **more}
    return json.dumps({"graph_module": {"graph": own}, "torch_version": "2.13"}).encode()


def example() -> bytes:
    return graph(node("torch.ops.aten.linear.default", as_tensor={"name": "x"}))


def test_hit() -> None:
    data = graph(
        node("torch.ops.aten.save.default", as_string="/etc/x"),
        node("_operator.add"),
        node("torch.os.system"),
        node("torch.ops.aten.relu", as_operator="torch.ops.my.own.default"),
    )
    assert FORMAT.claims(probe(data, "model.json", "torch-export"))
    facts, gaps, cursor = read(FORMAT, data)
    found = {(fact.domain, fact.name): fact for fact in facts if isinstance(fact, Operator)}
    assert set(found) == {
        ("aten", "save"), ("_operator", "add"), ("", "torch.os.system"), ("aten", "relu"), ("my", "own")
    }  # fmt: skip
    assert found["aten", "save"].strings == ("/etc/x",)
    assert not gaps
    assert cursor.counted().total() == len(data)


def test_texts_that_torch_evaluates() -> None:
    data = graph(
        node("torch.ops.aten.add.Tensor", as_expr={"expr_str": "Symbol('s0', positive=True) + f.x"}),
        guards_code=["L['x'].size()[0] >= 2", "L.x"],
        signature={"in_spec": '[1, {"context": "{\\"__enum__\\": true, \\"fqn\\": \\"os:x\\"}"}]'},
    )
    facts = [fact for fact in read(FORMAT, data).facts if isinstance(fact, Configured)]
    assert [fact.kind for fact in facts] == ["expression", "guard", "enum"]


def test_a_key_that_nobody_knows_is_a_gap() -> None:
    [gap] = read(FORMAT, graph(evil_hook="x")).gaps
    assert "'evil_hook'" in gap.detail


def test_what_an_author_calls_like_a_dict_of_names_is_none() -> None:
    inner = {"metadata": {"as_operator": "torch.ops.aten.save.default", "evil_hook": 1}}
    facts, [gap], _ = read(FORMAT, graph(node("torch.ops.aten.relu.default", as_string_to_argument=inner)))
    assert ("aten", "save") in [(fact.domain, fact.name) for fact in facts if isinstance(fact, Operator)]
    assert "evil_hook" in gap.detail


def test_a_repeated_key_is_told() -> None:
    assert read(FORMAT, b'{"nodes": [{"target": "a", "target": "b"}]}').kinds == ["json-key-repeated"]


@pytest.mark.parametrize(
    "text",
    [
        "Symbol('s17', positive=True, integer=True)", "2*s0 + 1", "Max(1, s0//2)", "Eq(s0, 2)", "s0**2", "s0**64",
        "64*s0**2*s1", "Pow(s0, -1)", "LShift(1, s0)", "PowByNatural(s0, 3)", "Float('-1.5e-05', precision=53)",
        "Add(s0, 1, evaluate=False)", "FloatTrueDiv(s0, 9223372036854775807)",
    ],
)  # fmt: skip
def test_plain_expressions(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "s0.a", "Max('x')", "Symbol('a b')", "().__class__", "[x for x in y]", "9**9**9", "f'{x}'",
        "lambda: 0", "Symbol('s0', cls=x)", "Integer('1')", "a\nb", "s0[0]", "(" * 500, "eval(s0)", "-" * 500 + "s0",
        "((9**64)**64)**64", "Pow(9, 999999999)", "LShift(1, 999999999)", "Pow(Pow(9, 64), 64)", "Pow(2, 9 * 10**9)",
        "9" * 3000, "FloatPow(2.0, 1e9)", "Float('1e999999999')", "Float('1', precision=10**9)",
        "Float('1', precision=999999999)",
    ],
)  # fmt: skip
def test_other_expressions(text: str) -> None:
    assert not is_plain(text)


def test_guards() -> None:
    for text in (
        "L['x'].size()[0] == L['y'].size()[0]",
        "len(L['x']) > 2 and not L['b']",
        "L['x'][0].dim() == 2",
        "L['m'] == 'a'",
    ):
        assert is_plain_guard(text)
    for text in (
        "L['x'].__class__",
        "L['x'].size().a()",
        "open('x')",
        "x.size()",
        "L['x'].save()",
        "exec(1)",
        "a\nb",
        "'a' * 999999999 == 1",
    ):
        assert not is_plain_guard(text)


def test_miss() -> None:
    assert FORMAT.claims(probe(example(), "model.json"))
    assert not FORMAT.claims(probe(b'{"graph": {"graph_module": 1}}', "model.json"))


def test_damaged() -> None:
    data = example()
    for length in range(1, len(data)):
        assert read(FORMAT, data[:length]).gaps


def test_changed() -> None:
    data = example()
    for position in range(len(data)):
        for value in (0, 0xFF, data[position] ^ 1):
            read(FORMAT, data[:position] + bytes([value]) + data[position + 1 :])
