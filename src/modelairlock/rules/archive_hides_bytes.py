"""An archive holds bytes that belong to no member

## Why it matters

Readers find a zip by its end and a tar by its beginning, so anything may stand before the one, after the other, or
between members: a second archive, a program, a pickle that another loader would open. No ordinary tool writes it. Self-
extracting archives and archives signed or appended to by other tools have such bytes for a reason.

The bytes themselves are not vouched for either: they are a gap.

## What to do

Find out what the bytes are. If they serve no purpose you know, do not use the file.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_WHERE = {
    "archive-prefix": "before the archive",
    "archive-trailing": "after the archive",
    "archive-hidden-bytes": "between the members of the archive",
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind in _WHERE:
            message = f"{_WHERE[fact.kind]} stand {fact.detail}"
            yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="archive-hides-bytes",
    summary="An archive holds bytes that belong to no member.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.MEDIUM,
    help="Find out what these bytes are before using the file; another loader may open them.",
    cwe=("CWE-506", "CWE-436"),
    atlas=("AML.T0076",),
)
