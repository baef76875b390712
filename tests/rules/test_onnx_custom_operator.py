"""Operators of ONNX that a loader does not have by itself."""

import pytest

from modelairlock.records.facts import Operator, Setting
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.onnx_custom_operator import _KNOWN, RULE
from tests.build import onnx_builder as o
from tests.rules.judging import SPAN, checked, finding_of, gap_of, judged, unvouched


def operator(domain: str, name: str, *strings: str) -> Operator:
    return Operator(span=SPAN, dialect="onnx", domain=domain, name=name, strings=strings)


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        (operator("ai.onnx.contrib", "PyOp"), "Python"),
        (operator("ai.onnx.contrib", "PyReverseMatrix"), "Python"),
        (operator("com.microsoft", "PythonOp", "func_name=os.system"), "os.system"),
        (operator("com.microsoft", "TritonOp"), "Python"),
        (operator("com.microsoft.extensions", "AzureTritonInvoker", "model_uri=http://x"), "http://x"),
        (operator("org.pytorch.aten", "ATen", "operator=aten::from_file"), "file"),
        (operator("org.pytorch.aten", "aten::save"), "file"),
    ],
)
def test_operators_that_do_more_than_compute(fact: Operator, says: str) -> None:
    finding = finding_of(RULE, fact)
    assert finding.severity is Severity.MEDIUM
    assert says in finding.message


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        (operator("vendor", "Fetch", "uri=http://x"), "vendor::Fetch (a set of operators that whoever loads"),
        (operator("", "Relu2"), "Relu2 (an operator that onnx 1.23 does not list)"),
        (operator("com.microsoft", "EPContext"), "compiled for an accelerator"),
        (operator("ai.onnx.contrib", "BertTokenizer"), "onnxruntime-extensions"),
        (operator("org.pytorch.aten", "ATen", "operator=embedding_bag"), "operator=embedding_bag"),
        (operator("trt.plugins", "X"), "TensorRT"),
    ],
)
def test_operators_that_nobody_vouches_for(fact: Operator, says: str) -> None:
    assert says in gap_of(RULE, fact)


def test_a_name_is_told_once() -> None:
    many = [operator("vendor", "Fetch", f"uri={at}") for at in range(50)]
    assert len(checked(RULE, *many)) == 1


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("", "Conv"), ("ai.onnx", "Conv"), ("ai.onnx.ml", "TreeEnsembleClassifier"), ("com.microsoft", "MatMulNBits"),
        ("ai.onnx.preview.training", "Adam"), ("com.microsoft.nchwc", "Conv"), ("", "EfficientNMS_TRT"),
    ],
)  # fmt: skip
def test_miss(domain: str, name: str) -> None:
    assert not checked(RULE, operator(domain, name))
    assert checked(RULE, operator(domain + "x", name))
    assert checked(RULE, operator(domain, name + "x"))


def test_functions_of_the_file_are_known_but_excuse_nothing_harmful() -> None:
    defined = [
        Setting(span=SPAN, scheme="onnx", key="function", value=name, where=domain)
        for domain, name in (("v", "F"), ("ai.onnx.contrib", "PyOp"), ("a", "b::c"))
    ]
    assert not checked(RULE, operator("v", "F"), *defined)
    assert checked(RULE, operator("v", "G"), *defined)
    assert checked(RULE, operator("a::b", "c"), *defined)
    assert checked(RULE, operator("ai.onnx.contrib", "PyOp"), *defined)


def test_operators_of_other_dialects_are_not_judged_here() -> None:
    assert not checked(RULE, Operator(span=SPAN, name="ReadFile", dialect="tensorflow"))


@pytest.mark.frameworks
def test_the_list_is_that_of_onnx() -> None:
    onnx = pytest.importorskip("onnx")
    for schema in onnx.defs.get_all_schemas_with_history():
        assert any(schema.name in names for names in _KNOWN[schema.domain]), f"{schema.domain}::{schema.name} is new"


def test_from_bytes() -> None:
    subject = judged(o.model(o.graph((o.node("Fetch", domain="vendor", attributes=(o.attribute("uri", "u"),)),))))
    assert subject.verdict is Verdict.INCOMPLETE
    [detail] = unvouched(subject)
    assert detail.endswith(", with uri=u")
    assert judged(o.everything()).verdict is Verdict.CLEAR
