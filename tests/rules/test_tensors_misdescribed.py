"""Each kind of disagreement is one finding; honest files and other formats are quiet."""

from typing import Any, cast

import pytest

from modelairlock.formats import safetensors as format_module
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context
from modelairlock.rules.tensors_misdescribed import RULE
from tests.build.safetensors_builder import safetensors, tensor
from tests.formats.everyday_help import read


def judged(reading: Reading) -> list[Finding]:
    return [found for found in RULE.check(reading, Context(profiles=cast(Any, None))) if isinstance(found, Finding)]


U8 = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
HITS = {
    "overlap": (safetensors({"a": tensor(0, 12, (3,)), "b": tensor(8, 16, (2,))}), "tensors share bytes: "),
    "hole": (safetensors({"b": tensor(8, 16, (2,))}), "bytes lie between the tensors: 8 bytes belong to no tensor"),
    "trailing": (safetensors(suffix=b"MZ"), "something follows the last tensor: 2 bytes after the last tensor"),
    "size": (
        safetensors({"a": tensor(0, 16, (3,))}),
        "a tensor's bytes do not fit its type and shape: 'a': F32 of shape '[3]' takes 12 bytes and is given 16",
    ),
    "key": (
        safetensors(f'{{"__metadata__":{{"a":"b","a":"c"}},"a":{U8}}}', b"0"),
        "a key stands twice, and readers differ on which counts: a key stands twice in __metadata__",
    ),
}


@pytest.mark.parametrize(("data", "message"), HITS.values(), ids=HITS)
def test_hit(data: bytes, message: str) -> None:
    (finding,) = judged(read(data, format_module.FORMAT))
    assert finding.severity is Severity.MEDIUM
    assert finding.message.startswith(message)


@pytest.mark.parametrize("name", ["../x", "a\n", "x" * 2000])
def test_odd_names_are_low(name: str) -> None:
    (finding,) = judged(read(safetensors({name: tensor(0, 16, (4,))}), format_module.FORMAT))
    assert finding.severity is Severity.LOW


def test_many_are_counted() -> None:
    header = {f"t{i}": tensor(0, 5, (1,)) for i in range(3)}
    messages = [finding.message for finding in judged(read(safetensors(header, bytes(5)), format_module.FORMAT))]
    assert any(message.endswith("(and 2 more)") for message in messages)


def test_miss() -> None:
    for data in (safetensors(), safetensors("{}", b""), safetensors(suffix=bytes(64))):
        assert not judged(read(data, format_module.FORMAT))
    hit = read(HITS["key"][0], format_module.FORMAT)
    assert not judged(Reading(path="x", name="x", coverage=hit.coverage, formats=("json_text",), facts=hit.facts))
