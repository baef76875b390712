"""When it was loaded in the jail, the file tried to get at the machine or at other processes

## Why it matters

Calls that trace or kill processes, change the kernel's settings or make namespaces have no place in a load. Some are
tried to find out whether there is a jail. What is told was seen by the supervisor outside of the jail, where the file
cannot forge it. The jail let none of it have an effect.

## What to do

Do not load it. Keep the file and the report.
"""

from collections.abc import Iterator

from modelairlock.records.attempts import attacks, doing, in_words, such
from modelairlock.records.facts import Attempt
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if found := such(reading.facts, attacks):
        message = f"{doing(found)} goes for the machine or for other processes: {in_words(found)}"
        yield RULE.finding(reading, message, *found)


RULE = Rule(
    name="load-attacks-machine",
    summary="While it is loaded, the file goes for the machine or for other processes.",
    check=_check,
    looks_at=(Attempt,),
    severity=Severity.HIGH,
    help="Do not load it outside of the jail; treat machines that have loaded it as taken over.",
    cwe=("CWE-502", "CWE-250"),
    atlas=("AML.T0011.000",),
)
