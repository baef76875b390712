"""A safetensors header does not describe the bytes behind it

## Why it matters

The format asks for a header whose tensors cover the buffer once and completely. Where tensors overlap, leave holes,
have a size that type and shape do not give, or where a name stands twice, two readers load two different models
from the same file. The reference reader refuses most of these and keeps one of two equal names without saying
which; readers in other languages often trust the header and read beside the tensor. Bytes behind the last tensor
are invisible to all of them, and a place to hide something for another reader.

## What to do

Do not convert or repair the file: find out where it was made. Get it again from its source and compare digests; if
it is the same there, ask its author to save it anew with the reference library.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

#: kinds of irregularity, how bad each is, and what it amounts to
_KINDS = {
    "tensors-overlap": (Severity.MEDIUM, "tensors share bytes"),
    "hole-between-tensors": (Severity.MEDIUM, "bytes lie between the tensors"),
    "tensor-size-differs": (Severity.MEDIUM, "a tensor's bytes do not fit its type and shape"),
    "key-repeated": (Severity.MEDIUM, "a key stands twice, and readers differ on which counts"),
    "bytes-after-tensors": (Severity.MEDIUM, "something follows the last tensor"),
    "name-odd": (Severity.LOW, "a tensor's name is not one that a framework gives"),
    "header-begins-late": (Severity.LOW, "the header does not begin as the specification says"),
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """One finding for each kind, with all its facts as evidence."""
    del context
    if "safetensors" not in reading.formats:
        return
    for kind, facts, more in by_kind(reading.facts, _KINDS):
        severity, means = _KINDS[kind]
        yield RULE.finding(reading, f"{means}: {facts[0].detail}{more}", *facts, severity=severity)


RULE = Rule(
    name="tensors-misdescribed",
    summary="A safetensors header does not describe the bytes behind it.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.MEDIUM,
    help="Get the file again and compare its digest; if it is the same, ask its author to save it anew.",
    cwe=("CWE-130", "CWE-694", "CWE-436"),
)
