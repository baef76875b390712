"""An OpenVINO model says things of its numbers that cannot be

## Why it matters

Each constant of the model lies at an offset of the ``.bin`` beside it. Offsets and sizes that pass 64 bits, or a size
that type and shape do not give, made OpenVINO read beside its buffers (PR 33945, 37389; for cached models PR 37261, all
of 2026). A document type has no use in such a file; programs that read it with an XML parser which follows entities can
be made to read other files, or to run out of memory.

## What to do

Do not load it. Get it again from its source, or convert the original model yourself.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

#: kinds of irregularity, and what each amounts to
_KINDS = {
    "openvino-const-odd": "a constant has a place or a shape that cannot be",
    "openvino-const-size": "a constant's numbers do not fit its type and shape",
    "openvino-doctype": "it does what no exporter does",
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """One finding for each kind, with all its facts as evidence."""
    del context
    for kind, facts, more in by_kind(reading.facts, _KINDS):
        yield RULE.finding(reading, f"{_KINDS[kind]}: {facts[0].detail}{more}", *facts)


RULE = Rule(
    name="openvino-misdescribed",
    summary="An OpenVINO model says things of its numbers that cannot be.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.MEDIUM,
    help="Do not load it; get it again from its source, or convert the original model yourself.",
    cwe=("CWE-125", "CWE-190", "CWE-776"),
    atlas=("AML.T0074",),
)
