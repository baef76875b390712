"""A model's index names files outside its own folder

## Why it matters

The ``weight_map`` of a sharded model says which file holds which tensor. Loaders join those names to the folder of the
model. A name that climbs out of it, or is absolute, makes them open another file of the machine, which nobody has
looked at.

## What to do

Do not load it. No program that saves models writes such a name; ask its author how it came about.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for _, facts, more in by_kind(reading.facts, ("index-leaves-folder",)):
        yield RULE.finding(reading, f"{facts[0].detail}{more}", *facts)


RULE = Rule(
    name="index-leaves-folder",
    summary="A model's index names files outside its own folder.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.MEDIUM,
    help="Do not load it; ask its author how that name came about.",
    cwe=("CWE-22", "CWE-73"),
)
