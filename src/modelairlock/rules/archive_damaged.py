"""An archive is not what it says of itself: checksums do not fit, or flags lie

## Why it matters

A member whose checksum does not fit was changed after it was packed, by a bad disk or by somebody. Many tools stop at
it and report nothing; loaders that do not compare checksums go on and load it, and that gap between the two has been
used. The same goes for members that are flagged as encrypted and are not: torch ignores the flag.

Everything is read here all the same, so what other findings say of the members holds.

## What to do

Get the file again and compare its digest with what the source states. If it is the same there, ask its author.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_KINDS = {
    "archive-checksum-differs": Severity.MEDIUM,
    "zip-encryption-flag-lies": Severity.MEDIUM,
    "zip-member-past-end": Severity.LOW,
    "tar-header-damaged": Severity.LOW,
    "tar-pax-damaged": Severity.LOW,
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind in _KINDS:
            yield RULE.finding(reading, fact.detail, fact, severity=_KINDS[fact.kind])


RULE = Rule(
    name="archive-damaged",
    summary="Checksums of an archive do not fit, or its flags lie.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.MEDIUM,
    help="Get the file again and compare its digest; if it is the same at the source, do not load it.",
    cwe=("CWE-354", "CWE-20"),
)
