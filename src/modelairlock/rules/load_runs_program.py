"""When it was loaded in the jail, the file started a program

## Why it matters

A model has no reason to start programs: a load that does runs what its author chose, with all that its user may do.
What is told was seen by the supervisor outside of the jail, where the file cannot forge it. The jail let none of it
have an effect.

## What to do

Do not load it anywhere else. Keep the file and the report: together they are evidence.
"""

from collections.abc import Iterator

from modelairlock.records.attempts import doing, in_words, starts_program, such
from modelairlock.records.facts import Attempt
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if found := such(reading.facts, starts_program):
        yield RULE.finding(reading, f"{doing(found)} starts a program: {in_words(found)}", *found)


RULE = Rule(
    name="load-runs-program",
    summary="While it is loaded, the file starts a program.",
    check=_check,
    looks_at=(Attempt,),
    severity=Severity.CRITICAL,
    help="Do not load it outside of the jail; treat machines that have loaded it as taken over.",
    cwe=("CWE-502", "CWE-78"),
    atlas=("AML.T0011.000",),
)
