"""When it was loaded in the jail, the file reached for the network

## Why it matters

A load that speaks to others can send what it finds, or fetch what it runs next. Loaders read files. What is told was
seen by the supervisor outside of the jail, where the file cannot forge it. The jail let none of it have an effect.

## What to do

Do not load it. The address or the name that it asked for is in the report: look whether other machines have spoken to
it.
"""

from collections.abc import Iterator

from modelairlock.records.attempts import doing, in_words, reaches_network, such
from modelairlock.records.facts import Attempt
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if found := such(reading.facts, reaches_network):
        yield RULE.finding(reading, f"{doing(found)} reaches for the network: {in_words(found)}", *found)


RULE = Rule(
    name="load-reaches-network",
    summary="While it is loaded, the file reaches for the network.",
    check=_check,
    looks_at=(Attempt,),
    severity=Severity.HIGH,
    help="Do not load it outside of the jail; look for the address in the logs of your network.",
    cwe=("CWE-502", "CWE-829"),
    atlas=("AML.T0011.000",),
)
