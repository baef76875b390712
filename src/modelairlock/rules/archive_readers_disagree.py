"""Two readers of the same archive would see different content

## Why it matters

A zip or a tar states its content more than once: names, sizes, methods and offsets stand in the directory, before each
member and behind it, and nothing makes them agree. Python's `zipfile`, torch's miniz, 7-Zip and streaming readers each
believe another statement. An archive whose statements differ can show a harmless pickle to whoever looks at it and
another one to whoever loads it; picklescan and its like were passed that way.

Everything that can be read is read here, in each way it can be read, so what other findings say of the members holds.
This finding says that nobody has a good reason to write such a file.

## What to do

Do not load the file. If you know its author, ask for an archive made with ordinary tools (`torch.save`, `zip`, `tar`).
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_KINDS = {
    "zip-several-end-records": Severity.HIGH,
    "zip-names-differ": Severity.HIGH,
    "zip-methods-differ": Severity.HIGH,
    "zip-sizes-differ": Severity.HIGH,
    "zip-flags-differ": Severity.HIGH,
    "zip-duplicate-name": Severity.HIGH,
    "zip-hidden-local-header": Severity.HIGH,
    "zip-members-overlap": Severity.HIGH,
    "zip-unicode-name-differs": Severity.HIGH,
    "zip-zip64-differs": Severity.HIGH,
    "zip-name-not-utf8": Severity.MEDIUM,
    "zip-count-differs": Severity.MEDIUM,
    "zip-directory-stops": Severity.MEDIUM,
    "zip-descriptor-differs": Severity.MEDIUM,
    "zip-crcs-differ": Severity.MEDIUM,
    "zip-local-header-missing": Severity.MEDIUM,
    "tar-sizes-differ": Severity.HIGH,
    "tar-headers-differ": Severity.HIGH,
    "tar-members-after-end": Severity.HIGH,
    # `tar -r` writes a second member of the same name on purpose, and tools agree that the last one counts.
    "tar-duplicate-name": Severity.LOW,
    "tar-link-with-data": Severity.MEDIUM,
    "archive-name-null": Severity.HIGH,
    "archive-names-collide": Severity.INFO,
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind in _KINDS:
            yield RULE.finding(reading, fact.detail, fact, severity=_KINDS[fact.kind])


RULE = Rule(
    name="archive-readers-disagree",
    summary="Two readers of the same archive would see different content.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.HIGH,
    help="Do not load this file: what was looked at and what loads may differ. Ask for one made by ordinary tools.",
    cwe=("CWE-436", "CWE-20"),
    atlas=("AML.T0076",),
)
