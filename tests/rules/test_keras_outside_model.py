"""Layers that bring another model or program along."""

import pytest

from modelairlock.records.facts import Configured, Reference
from modelairlock.records.finding import Severity
from modelairlock.rules.keras_outside_model import RULE
from tests.rules.judging import SPAN, checked, finding_of


def test_a_saved_model_somewhere_else() -> None:
    found = finding_of(RULE, Reference(span=SPAN, kind="saved-model", target="/tmp/m", where="config.layers[0]"))
    assert found.severity is Severity.HIGH
    assert "/tmp/m" in found.message
    assert "CVE-2026-1462" in found.message


@pytest.mark.parametrize("name", ["TorchModuleWrapper", "JaxLayer", "FlaxLayer"])
def test_wrapped_programs(name: str) -> None:
    assert (
        name in finding_of(RULE, Configured(span=SPAN, scheme="keras", kind="class", module="", qualname=name)).message
    )


def test_other_layers_and_references() -> None:
    assert not checked(RULE, Configured(span=SPAN, scheme="keras", kind="class", module="", qualname="Dense"))
    assert not checked(RULE, Configured(span=SPAN, scheme="skops", kind="class", module="", qualname="JaxLayer"))
    assert not checked(RULE, Reference(span=SPAN, kind="shard", target="a"))
