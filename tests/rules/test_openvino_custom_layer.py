"""Layers of OpenVINO that come from elsewhere."""

import pytest

from modelairlock.records.facts import Operator
from modelairlock.records.scan import Verdict
from modelairlock.rules.openvino_custom_layer import RULE
from tests.build import openvino_builder as v
from tests.rules.judging import SPAN, checked, gap_of, judged, unvouched


def layer(domain: str, name: str, *strings: str) -> Operator:
    return Operator(span=SPAN, dialect="openvino", domain=domain, name=name, strings=strings)


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        (
            layer("extension", "Own", "path=x"),
            "extension::Own (from a library that Core.add_extension loads), with path=x",
        ),
        (layer("opset1", "Own"), "does not list"),
        (layer("opset99", "Relu"), "unknown here"),
        (layer("", "Convolution"), "without a version"),
        (layer("vendor", "Relu"), "unknown here"),
    ],
)
def test_hit(fact: Operator, says: str) -> None:
    assert says in gap_of(RULE, fact)


@pytest.mark.parametrize("name", ["Const", "ReLU", "SoftMax", "PReLU", "ShapeOf", "LSTMSequence"])
def test_miss(name: str) -> None:
    assert not checked(RULE, layer("opset1", name))
    assert not checked(RULE, Operator(span=SPAN, name=name, dialect="onnx", domain="extension"))


def test_from_bytes() -> None:
    assert judged(v.everything(), "m.xml").verdict is Verdict.CLEAR
    subject = judged(v.net(v.layer("Own", version="extension"), v.layer("Own", version="extension")), "m.xml")
    assert subject.verdict is Verdict.INCOMPLETE
    assert len(unvouched(subject)) == 1
