"""Two loaders would read different instructions from the same bytes

## Why it matters

Unpicklers disagree on a stream whose frames are broken: CPython's C unpickler, reading from a file, drops what is left
of a frame and goes on behind it (CPython gh-154848, most versions in use), while others read straight on. The bytes of
a joblib array are numbers to joblib and opcodes to ``pickle.load``. Whoever builds a file like this shows one content
to those who inspect it and another to those who load it.

## What to do

Do not load the file with anything. Honest picklers never write one.
"""

from collections.abc import Iterator

from modelairlock.records.facts import FrameTrick, HiddenCode
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_KINDS = {
    "frame": "a loader that follows CPython's C unpickler would skip part of a frame, and then",
    "raw-array": "pickle.load would take an array's bytes for opcodes, and then",
    "byte-string": "bytes that one loader skips are opcodes to another, and then",
    "after-stop": "behind the end of the pickle there is more, and it would",
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, FrameTrick):
            yield RULE.finding(reading, f"a frame is broken, so that loaders disagree: {fact.detail}", fact)
        elif isinstance(fact, HiddenCode):
            does = "import and call" if fact.calls else "import"
            names = shown(", ".join(fact.names), 300)
            severity = Severity.CRITICAL if fact.calls else Severity.HIGH
            yield RULE.finding(reading, f"{_KINDS[fact.kind]} {does} {names}", fact, severity=severity)


RULE = Rule(
    name="hidden-instructions",
    summary="Two loaders would read different instructions from the same bytes.",
    check=_check,
    severity=Severity.CRITICAL,
    help="Do not load this file: it shows one content to inspectors and another to loaders.",
    cwe=("CWE-436", "CWE-502"),
    atlas=("AML.T0011.000",),
)
