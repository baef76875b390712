"""A JSON object has the same key twice

## Why it matters

Python takes the last of two equal keys, some readers the first, others refuse the file. So one program may check a
value that another never sees. Every value is read here, whichever of them counts.

## What to do

Take one of the two out. No program that writes JSON makes such a file; a person who edits one may.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for _, facts, more in by_kind(reading.facts, ("json-key-repeated",)):
        yield RULE.finding(reading, f"{facts[0].detail}{more}", *facts)


RULE = Rule(
    name="json-key-repeated",
    summary="A JSON object has the same key twice.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.LOW,
    help="Take one of the two out: programs differ on which of them counts.",
    cwe=("CWE-694", "CWE-436"),
)
