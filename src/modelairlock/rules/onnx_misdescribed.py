"""An ONNX file disagrees with itself

## Why it matters

Parsers of protobuf take the last of two fields, or both; onnx and onnxruntime look for a tensor's numbers in different
places first; shapes whose product passes 64 bits have made loaders read beside their buffers. So a file with two
answers to one question is one model for whoever checks it and another for whoever runs it. A shape that asks for more
memory than any machine has kills the process that loads it, or the first inference.

External data with keys that the format does not have set attributes of a Python object in onnx before 1.21.0
(CVE-2026-34445), and two locations for one tensor are read differently by onnxruntime before PR 32135.

## What to do

Do not repair the file: find out where it was made. Get it again from its source and compare digests; if it is the same
there, ask its author to export it anew.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

#: kinds of irregularity, how bad each is, and what it amounts to
_KINDS = {
    "onnx-field-repeated": (Severity.MEDIUM, "two answers to one question"),
    "onnx-data-twice": (Severity.MEDIUM, "a tensor has its numbers in two places"),
    "onnx-external-odd": (Severity.MEDIUM, "external data that is described oddly"),
    "onnx-name-repeated": (Severity.MEDIUM, "a name stands twice"),
    "onnx-tensor-size": (Severity.MEDIUM, "a tensor's numbers do not fit its type and shape"),
    "onnx-shape-odd": (Severity.MEDIUM, "a tensor of impossible shape"),
    "onnx-shape-huge": (Severity.MEDIUM, "running it would ask for more memory than there is"),
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """One finding for each kind, with all its facts as evidence."""
    del context
    for kind, facts, more in by_kind(reading.facts, _KINDS):
        severity, means = _KINDS[kind]
        yield RULE.finding(reading, f"{means}: {facts[0].detail}{more}", *facts, severity=severity)


RULE = Rule(
    name="onnx-misdescribed",
    summary="An ONNX file disagrees with itself.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.MEDIUM,
    help="Get the file again and compare digests; if it is the same there, ask its author to export it anew.",
    cwe=("CWE-436", "CWE-131", "CWE-770"),
    atlas=("AML.T0074",),
)
