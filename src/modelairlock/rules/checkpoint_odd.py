"""A PyTorch file says of itself what torch never writes

## Why it matters

Beside its pickle and its numbers a checkpoint holds a few words: a version, an order of bytes, an id. torch reads them
and believes them, and tools that look for pickles pass over them. A record under such a name that holds anything else
was put there by something other than torch; what it holds is read for what it is.

## What to do

Look at the findings for the record itself. Without any, the file may come from another program that writes the
format; ask its author which.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_KINDS = ("torch-record-odd", "torch-protocol-odd")


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind in _KINDS:
            yield RULE.finding(reading, fact.detail, fact)


RULE = Rule(
    name="checkpoint-odd",
    summary="A PyTorch file says of itself what torch never writes.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.LOW,
    help="Ask its author which program wrote it, and look at what else is said of its records.",
    cwe=("CWE-20",),
)
