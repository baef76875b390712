"""Nodes that do something else than they show: hit and miss."""

import pytest

from modelairlock.records.finding import Severity
from tests.build import corpus_skops
from tests.build import skops_builder as s
from tests.rules.judging import findings, judged

HITS = {
    "sv1-chained-methods": "__builtins__",
    "sv1-other-owner": "shows builtins.int and looks up sklearn.discriminant_analysis.Quadratic",
    "sv1-private": "__class__",
    "sv2-operator": "calls operator.call",
    "loss-imports": "antigravity.x: skops before 0.14 imports it",
    "key-types": "makes its keys with FunctionNode os.system",
    "key-types-among-many": "PartialNode functools.partial",
    "factory": "fills itself with FunctionNode os.getcwd",
}


@pytest.mark.parametrize("name", HITS)
def test_hit(name: str) -> None:
    [sample] = [one for one in corpus_skops.SAMPLES if one.name == f"skops-{name}"]
    found = findings(judged(sample.build(), sample.file_name), "skops-misleads")
    assert any(HITS[name] in finding.message for finding in found), [finding.message for finding in found]
    assert all(finding.severity in (Severity.CRITICAL, Severity.HIGH) for finding in found)


def test_miss() -> None:
    factory = {"main": s.dict_(), "default_factory": s.type_("builtins", "list")}
    for root in (
        s.honest(),
        s.dict_([s.type_("builtins", "int"), s.type_("numpy", "int64")], a=s.constant(1), b=s.constant(2)),
        s.dict_(key_types=s.list_(s.node("FunctionNode", "numpy", "log1p"))),
        s.node("DefaultDictNode", "collections", "defaultdict", content=factory),
        s.method(s.honest(), "fit"),
    ):
        assert not findings(judged(s.skops(root), "m.skops"), "skops-misleads")
