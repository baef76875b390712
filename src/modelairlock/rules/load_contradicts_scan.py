"""What was read in the file and what it did in the jail do not fit

## Why it matters

A scan reads a file and loads nothing; a detonation loads it and sees what it tries. When the scan said CLEAR and the
load tried something, the scan has missed it: that is a mistake of modelairlock, or a trick nobody knew. When the scan
found code and the load was quiet, the code may wait: for a date, for another machine, for the first use of the model.

## What to do

In the first case do not load the file, and report it, because the scanner has to learn it. In the second believe the
scan: that nothing was seen once is no proof.
"""

from collections.abc import Iterator

from modelairlock.records.attempts import SCANNED, doing, in_words, such
from modelairlock.records.facts import Attempt, Setting
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    tried = such(reading.facts, lambda _: True)
    for fact in reading.facts:
        if not isinstance(fact, Setting) or fact.scheme != SCANNED:
            continue
        if fact.key == "clear" and tried:
            yield RULE.finding(
                reading, f"the scan called the file CLEAR, and {doing(tried)} tried {in_words(tried)}", *tried
            )
        elif fact.key == "flagged" and fact.value == "completed" and not tried:
            message = "the scan found harm in the file, and this load tried none: it may wait for something"
            yield RULE.finding(reading, message, fact, severity=Severity.INFO)


RULE = Rule(
    name="load-contradicts-scan",
    summary="What was read in the file and what it did in the jail do not fit.",
    check=_check,
    looks_at=(Attempt, Setting),
    severity=Severity.HIGH,
    help="Where the scan missed something, report it with the file; where the load was quiet, believe the scan.",
    cwe=("CWE-693",),
    atlas=("AML.T0011.000", "AML.T0015"),
)
