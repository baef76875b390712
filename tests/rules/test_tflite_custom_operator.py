"""Operators that nobody vouches for are a gap that names them; those that everybody uses are quiet."""

import pytest

from modelairlock.encodings.tflite_schema import OPERATORS
from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.rules.tflite_custom_operator import _BUILTIN, _CUSTOM, RULE
from tests.build.flat_builder import custom, flex, tflite
from tests.rules.judging import SPAN, checked, findings, gap_of, judged, unvouched


def operator(name: str, domain: str = "custom", dialect: str = "tflite", count: int = 1) -> Operator:
    return Operator(span=SPAN, name=name, domain=domain, dialect=dialect, where="main/0", count=count)


def said(*facts: Operator) -> str:
    return gap_of(RULE, *facts, formats=("tflite",))


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (operator("Mine"), "Mine (in main/0): a custom operator that whoever loads the model has to bring along"),
        (operator("", count=2000), "an operator without a name (in main/0, 2,000 times): a custom operator that"),
        (operator("edgetpu-custom-op"), "a program compiled for Google's Edge TPU"),
        (operator("BUILTIN_4000", ""), "a built-in operator that LiteRT 2.3 does not have"),
        (operator("DELEGATE", ""), "no file has it"),
        (operator("STABLEHLO_CUSTOM_CALL", ""), "it calls what the loading program has registered"),
        (operator("DebugIdentityV2", "", "tensorflow"), "its settings say whether it reaches a file"),
    ],
)
def test_hit(fact: Operator, words: str) -> None:
    assert words in said(fact)


def test_many_are_cut() -> None:
    many = [operator(f"Op{number}") for number in range(80)]
    assert len(checked(RULE, *many, formats=("tflite",))) == 51


def test_miss() -> None:
    known = [operator(name, "") for name in OPERATORS if name not in _BUILTIN]
    known += [operator(name) for names in _CUSTOM.values() for name in names]
    known += [operator(name, "", "tensorflow") for name in ("Erf", "WriteFile", "Mystery")]
    assert not checked(RULE, *known, operator("FlexAdd"), formats=("tflite",))
    assert not checked(RULE, operator("Add", "", "onnx"), formats=("tflite",))
    assert not checked(RULE, operator("Mine"), formats=("onnx",))


def test_from_bytes() -> None:
    assert unvouched(judged(tflite(), "a.tflite")) == []
    assert unvouched(judged(custom("TransformLandmarks"), "a.tflite")) == []
    [gap] = unvouched(judged(custom("Mine"), "a.tflite"))
    assert gap.startswith("Mine (in main/0)")
    [gap] = unvouched(judged(flex("Erf", "Erf", "PyCall"), "a.tflite"))
    assert "PyCall (in main/0)" in gap


def test_flex_operators_are_judged_as_those_of_tensorflow() -> None:
    assert unvouched(judged(flex("Erf"), "a.tflite")) == []
    for data, severity in ((flex("WriteFile"), Severity.HIGH), (flex("Erf", "ReadFile"), Severity.MEDIUM)):
        [finding] = findings(judged(data, "a.tflite"), "graph-reaches-out")
        assert finding.severity is severity
    # with a name from a signature, on-device training does this
    [gap] = unvouched(judged(flex("SaveV2"), "a.tflite"))
    assert gap.startswith("SaveV2 in main/0")
