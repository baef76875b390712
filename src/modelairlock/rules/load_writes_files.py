"""When it was loaded in the jail, the file tried to change files

## Why it matters

What a load writes is there after it: code that the next start imports, a key, another model. What is told was seen by
the supervisor outside of the jail, where the file cannot forge it. The jail let none of it have an effect.

## What to do

Do not load it. The path in the report says what it was after.
"""

from collections.abc import Iterator

from modelairlock.records.attempts import doing, in_words, such, writes
from modelairlock.records.facts import Attempt
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if found := such(reading.facts, writes):
        yield RULE.finding(reading, f"{doing(found)} writes or changes a file: {in_words(found)}", *found)


RULE = Rule(
    name="load-writes-files",
    summary="While it is loaded, the file writes or changes other files.",
    check=_check,
    looks_at=(Attempt,),
    severity=Severity.HIGH,
    help="Do not load it outside of the jail; look whether the path exists on machines that have loaded it.",
    cwe=("CWE-502", "CWE-73"),
    atlas=("AML.T0011.000",),
)
