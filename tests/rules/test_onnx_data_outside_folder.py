"""Data files of ONNX that are not below the model's folder."""

import pytest

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.onnx_data_outside_folder import RULE
from tests.build import onnx_builder as o
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def reference(target: str, kind: str = "external-data") -> Reference:
    return Reference(span=SPAN, kind=kind, target=target, where="w")


@pytest.mark.parametrize(
    "target",
    [
        "../x", "a/../../x", "a/../b", "..", "/etc/passwd", "//host/share/x", "\\\\host\\share\\x", "C:\\x", "c:x",
        "..\\x", "http://x/y", "file:///etc/passwd", "file:x", "~/x", "", " ", "a\0b", "*/_ORT_MEM_ADDR_/*", ".. /x",
        "\\x", "*/_ORT_MEM_LE_ADDR_/*",
    ],
)  # fmt: skip
def test_hit(target: str) -> None:
    finding = finding_of(RULE, reference(target), formats=("onnx",))
    assert finding.severity is Severity.HIGH
    assert finding.message.startswith("it would read tensors for 'w' from ")


@pytest.mark.parametrize("target", ["model.onnx.data", "w/x.bin", "./x", "a..b", "weights.pb", "é.data", "kernel:0"])
def test_miss(target: str) -> None:
    assert not checked(RULE, reference(target), formats=("onnx",))
    assert not checked(RULE, reference("../x"), formats=("keras",))
    assert not checked(RULE, reference("../x", "shard"), formats=("onnx",))


def test_from_bytes() -> None:
    [finding] = findings(judged(o.model(o.graph(initializers=(o.external("../x"),))), "a.bin"), RULE.name)
    assert "CVE-2024-27318" in finding.message
    node = o.node("EPContext", domain="com.microsoft", attributes=(o.attribute("ep_cache_context", "/x"),))
    [finding] = findings(judged(o.model(o.graph((node,)))), RULE.name)
    assert "a compiled program" in finding.message
    assert not findings(judged(o.model(o.graph(initializers=(o.external("x"),)))), RULE.name)


def test_from_a_tensor_in_a_file_of_its_own() -> None:
    subject = judged(o.external("../x"), "input_0.pb")
    assert subject.verdict is Verdict.FLAGGED
    [finding] = findings(subject, RULE.name)
    assert "it would read tensors for 'w' from '../x'" in finding.message
    assert judged(o.external("x"), "input_0.pb").verdict is Verdict.CLEAR
    [finding] = findings(judged(o.external("../x", ("offset", "8"))[:-4], "input_0.pb"), RULE.name)
    assert "CVE-2024-27318" in finding.message, "a file that is cut short"
