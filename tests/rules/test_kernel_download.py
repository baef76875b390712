"""Names of kernels in configurations (CVE-2026-4372), at any depth, and the names that are transformers' own."""

import json
from typing import Any

import pytest

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.rules.judging import judged, unvouched


def subject(**value: Any) -> Any:
    return judged(json.dumps(value).encode(), "config.json")


@pytest.mark.parametrize(
    "value",
    [
        {"_attn_implementation_internal": "evil/kernel"},
        {"_attn_implementation": "evil/kernel@main:fn"},
        {"attn_implementation": "evil/kernel"},
        {"_attn_implementation": "flash|evil/kernel"},
        {"text_config": {"vision": {"_attn_implementation_internal": "evil/kernel"}}},
        {"_attn_implementation": {"text_config": "evil/kernel"}},
        {"_experts_implementation": "evil/kernel"},
        {"_attn_implementation_internal": ["evil/kernel"]},
    ],
    ids=str,
)
def test_hit(value: dict[str, Any]) -> None:
    [finding] = subject(**value).findings
    assert (finding.rule, finding.severity) == ("kernel-download", Severity.HIGH)
    assert "evil/kernel" in finding.message
    assert "4.56 to 5.2" in finding.message


def test_the_publisher_that_later_versions_trust_is_less_and_not_nothing() -> None:
    [finding] = subject(_attn_implementation="kernels-community/vllm-flash-attn3").findings
    assert finding.severity is Severity.MEDIUM
    assert subject(_attn_implementation="kernels-community/../evil/x").findings[0].severity is Severity.HIGH


@pytest.mark.parametrize("value", [None, "eager", "sdpa", "flash_attention_2", "flex_attention", True, False])
def test_miss(value: Any) -> None:
    assert subject(_attn_implementation=value, _attn_implementation_autoset=True).verdict is Verdict.CLEAR


def test_an_unknown_name_is_a_gap() -> None:
    assert unvouched(subject(_attn_implementation="own")) == [
        '_attn_implementation names "own", which is no implementation of transformers\' own'
    ]
