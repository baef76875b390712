"""Calls that do not look like one, and attributes that others fill in."""

import time

import pytest

from modelairlock.formats.saved_model import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator
from modelairlock.records.scan import Verdict
from tests.build import tensorflow_builder as t
from tests.reading_help import read
from tests.rules.judging import judged

KEY = "/home/user/.bashrc"
SAVES = t.function("g", ["p"], t.node("w", "SaveV2", "p", "n:output:0", "s:output:0", "c:output:0"))
HARMLESS = t.function("h", ["p"])


def verdict(data: bytes) -> Verdict:
    return judged(data, "saved_model.pb").verdict


@pytest.mark.parametrize(
    "node",
    [
        t.node("n", "PrintV2", "c", output_stream=t.filled_in("s")),
        t.node("n", "DebugIdentityV2", "c", debug_urls=t.filled_in("s")),
        t.node("n", "DecodeProtoV2", "c", descriptor_source=t.filled_in("s")),
        t.node("n", "FixedUnigramCandidateSampler", "c", vocab_file=t.filled_in("s")),
    ],
)
def test_an_attribute_that_the_caller_fills_in(node: bytes) -> None:
    """TensorFlow 2.21 appends a line of text to the file that the caller's attribute names, while it loads."""
    inside = t.function("g", ["c"], node, attributes=t.attribute("s"))
    subject = judged(t.plain(t.node("m", "g", "k", s=t.text("file:///x")), functions=[inside]), "saved_model.pb")
    assert subject.verdict is Verdict.INCOMPLETE
    assert [gap.because for gap in subject.coverage.gaps] == [Because.UNVOUCHED]
    assert "for the function's caller to fill in" in subject.coverage.gaps[0].detail


def test_a_type_that_the_caller_fills_in_is_no_alarm() -> None:
    inside = t.function(
        "g", ["c"], t.node("i", "Identity", "c", T=t.filled_in("T")), attributes=t.attribute("T", "type")
    )
    assert verdict(t.plain(t.node("m", "g", "k", T=t.type_(t.STRING)), functions=[inside])) is Verdict.CLEAR


def test_default_values_of_attributes_are_a_gap() -> None:
    inside = t.function("g", ["c"], attributes=t.attribute("s", default=t.text("file:///x")))
    gaps = read(FORMAT, t.plain(t.placeholder("x"), functions=[inside])).gaps
    assert [(gap.because, "of the function g has a default value" in gap.detail) for gap in gaps] == [
        (Because.UNSUPPORTED, True)
    ]


def test_variables_whose_type_the_caller_fills_in() -> None:
    """A string is put into a variable by a function that does not say that it is one."""
    inside = t.function(
        "g", ["x"], t.node("v", "VarHandleOp", dtype=t.filled_in("T"), shared_name=t.text("v")),
        t.node("w", "AssignVariableOp", "v:resource:0", "x", dtype=t.filled_in("T")),
        attributes=t.attribute("T", "type"),
    )  # fmt: skip
    nodes = (
        t.node("v", "VarHandleOp", dtype=t.type_(t.STRING)), t.const("empty", ""), t.const("k", KEY),
        t.node("a", "AssignVariableOp", "v", "empty", dtype=t.type_(t.STRING)),
        t.node("b", "g", "k", "^a", T=t.type_(t.STRING)),
        t.node("r", "ReadVariableOp", "v", "^b", dtype=t.type_(t.STRING)), t.node("c", "CacheDataset", "d", "r"),
    )  # fmt: skip
    [fact] = [
        one
        for one in read(FORMAT, t.plain(*nodes, functions=[inside])).facts
        if isinstance(one, Operator) and one.name == "CacheDataset"
    ]
    assert fact.given == "computed"


@pytest.mark.parametrize("operator", ["PlaceholderWithDefault", "Placeholder", "_Arg"])
def test_nobody_feeds_a_placeholder_in_a_function(operator: str) -> None:
    """TensorFlow takes its default there, and nothing else."""
    nodes = (t.const("d", "model"), t.node("p", operator, "d:output:0", dtype=t.type_(t.STRING)))
    save = t.node("w", "SaveV2", "p:output:0", "n", "s", "c")
    assert verdict(t.plain(functions=[t.function("f", [], *nodes, save)])) is not Verdict.CLEAR
    assert verdict(t.plain(t.placeholder("p"), t.node("w", "SaveV2", "p", "n", "s", "c"))) is Verdict.CLEAR


def test_a_function_that_is_called_as_an_operator_beside_others() -> None:
    main = t.node("m", "g", "k", _x=t.function_named("h"))
    data = t.plain(t.const("k", KEY), main, functions=[SAVES, HARMLESS])
    [finding] = judged(data, "saved_model.pb").findings
    assert f"fed by '{KEY}' (SaveV2 in function g in m)" in finding.message


@pytest.mark.parametrize("field", [t.gradient("g", "h"), t.field(3, t.field(1, "g") + t.field(2, "h"))])
def test_a_gradient_is_called_with_what_nobody_follows(field: bytes) -> None:
    main = t.node("m", "SymbolicGradient", "k", "k", f=t.function_named("h"))
    graph = t.graph(t.const("k", KEY), main, functions=[SAVES, HARMLESS], gradients=[field])
    assert verdict(t.saved_model(t.meta_graph(graph))) is Verdict.INCOMPLETE


def test_functions_that_stand_in_for_one_another() -> None:
    """The optimizer swaps them by device, as for the two ways to compute an LSTM; seen with TensorFlow 2.21."""
    for interfaces, expected in ((("a", "a"), Verdict.FLAGGED), (("a", "b"), Verdict.CLEAR)):
        functions = [one + t.implements(name) for one, name in zip((SAVES, HARMLESS), interfaces, strict=True)]
        assert verdict(t.plain(t.const("k", KEY), t.call("m", "h", "k"), functions=functions)) is expected


@pytest.mark.slow
def test_many_calls_of_much_that_saves_have_an_end() -> None:
    saves = [t.node(f"w{at}", "SaveV2", "p", "n", "s", "c") for at in range(2_000)]
    calls = [t.node(f"c{at}", "g", "k") for at in range(2_000)]
    gaps = read(FORMAT, t.plain(t.placeholder("k"), *calls, functions=[t.function("g", ["p"], *saves)])).gaps
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]


@pytest.mark.slow
def test_many_functions_that_stand_in_for_one_another_have_an_end() -> None:
    functions = [t.function(f"f{at}", ["p"], t.node("w", "SaveV2", "p", "n", "s", "c")) for at in range(3_000)]
    calls = [t.call(f"c{at}", f"f{at}", "k") for at in range(3_000)]
    alike = [one + t.implements("same") for one in functions]
    started = time.process_time()
    gaps = read(FORMAT, t.plain(t.placeholder("k"), *calls, functions=alike, more=t.saver_def("c1"))).gaps
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]
    assert time.process_time() - started < 8
