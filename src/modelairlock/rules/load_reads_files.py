"""When it was loaded in the jail, the file tried to read other files

## Why it matters

A load reads the file it is given and the code of its own framework. What lies elsewhere is not its business: keys,
settings, other people's data. Keys, tokens and passwords weigh more than the rest. What is told was seen by the
supervisor outside of the jail, where the file cannot forge it. The jail let none of it have an effect.

## What to do

Do not load it, unless the path is one that your framework itself reads: the report on an honest file of the same kind
shows that.
"""

from collections.abc import Iterator

from modelairlock.records.attempts import doing, in_words, reads, secret, such
from modelairlock.records.facts import Attempt
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if found := such(reading.facts, reads):
        if keys := such(reading.facts, secret):
            message = f"{doing(keys)} reads keys, or what else is secret: {in_words(keys)}"
            yield RULE.finding(reading, message, *found)
            return
        message = f"{doing(found)} reads a file that no loader needs: {in_words(found)}"
        yield RULE.finding(reading, message, *found, severity=Severity.MEDIUM)


RULE = Rule(
    name="load-reads-files",
    summary="While it is loaded, the file reads other files.",
    check=_check,
    looks_at=(Attempt,),
    severity=Severity.HIGH,
    help="Do not load it outside of the jail, unless an honest file of its kind reads the same.",
    cwe=("CWE-502", "CWE-200"),
    atlas=("AML.T0011.000",),
)
