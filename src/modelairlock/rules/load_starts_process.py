"""When it was loaded in the jail, the file started another process

## Why it matters

Honest loaders read a file in the process they are in. Another process is the first step to running a program, or to
going on after the load has ended. What is told was seen by the supervisor outside of the jail, where the file cannot
forge it. The jail let none of it have an effect.

## What to do

Do not load it. If your own framework starts processes here, the report on an honest file of the same kind shows the
same.
"""

from collections.abc import Iterator

from modelairlock.records.attempts import doing, in_words, starts_process, such
from modelairlock.records.facts import Attempt
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if found := such(reading.facts, starts_process):
        yield RULE.finding(reading, f"{doing(found)} starts another process: {in_words(found)}", *found)


RULE = Rule(
    name="load-starts-process",
    summary="While it is loaded, the file starts another process.",
    check=_check,
    looks_at=(Attempt,),
    severity=Severity.HIGH,
    help="Do not load it outside of the jail, unless an honest file of its kind does the same in this environment.",
    cwe=("CWE-502",),
    atlas=("AML.T0011.000",),
)
