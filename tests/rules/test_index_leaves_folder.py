"""A weight map that climbs out of its folder is a finding."""

from typing import Any, cast

import pytest

from modelairlock.formats import json_text
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.rule import Context
from modelairlock.rules.index_leaves_folder import RULE
from tests.formats.everyday_help import read


def judged(data: bytes) -> list[Finding]:
    reading = read(data, json_text.FORMAT, name="model.safetensors.index.json")
    return [found for found in RULE.check(reading, Context(profiles=cast(Any, None))) if isinstance(found, Finding)]


@pytest.mark.parametrize(
    "target", ["../a", "/etc/passwd", "..\\\\a", "a/../../b", "C:/x", "~/x", "http://x/y", "\\\\\\\\h\\\\s"]
)
def test_hit(target: str) -> None:
    (finding,) = judged(f'{{"weight_map":{{"fine":"a.safetensors","w":"{target}"}}}}'.encode())
    assert finding.severity is Severity.MEDIUM
    assert finding.message.startswith("weight_map sends 'w' to ")


@pytest.mark.parametrize("target", ["model-00001-of-00002.safetensors", "shards/a.bin", "a..b", "model..safetensors"])
def test_miss(target: str) -> None:
    assert not judged(f'{{"weight_map":{{"w":"{target}"}},"other":{{"w":"../x"}}}}'.encode())
