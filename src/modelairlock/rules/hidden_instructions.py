"""Two loaders would read different instructions from the same bytes

## Why it matters

Unpicklers disagree on a stream whose frames are broken: CPython's C unpickler, reading from a file, drops what is left
of a frame and goes on behind it (CPython gh-154848, most versions in use), while others read straight on. A frame that
goes on behind the end of its pickle hides what follows from whoever reads pickle by pickle. The bytes of
a joblib array are numbers to joblib and opcodes to ``pickle.load``. Whoever builds a file like this shows one content
to those who inspect it and another to those who load it.

## What to do

Do not load the file with anything. Honest picklers never write one.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import FrameTrick, HiddenCode, Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_KINDS = {
    "frame": "a loader that follows CPython's C unpickler would skip part of a frame, and then",
    "raw-array": "pickle.load would take an array's bytes for opcodes, and then",
    "object-array": "pickle.load would read an array's objects with the memo of the pickle around them, and then",
    "array-tail": "joblib before 1.2, which knows no alignment, would take an array's last bytes for opcodes, and then",
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    for fact in reading.facts:
        if isinstance(fact, FrameTrick):
            yield RULE.finding(reading, f"a frame is broken, so that loaders disagree: {fact.detail}", fact)
        elif isinstance(fact, Irregularity) and fact.kind == "joblib-wrapper-forged":
            message = (
                f"a stand-in for an array is forged, so that joblib reads on elsewhere than it seems: {fact.detail}"
            )
            yield RULE.finding(reading, message, fact, severity=Severity.HIGH)
        elif isinstance(fact, HiddenCode):
            yield from _hidden(reading, fact, context)


def _hidden(reading: Reading, fact: HiddenCode, context: Context) -> Iterator[Judgement]:
    harmful = [name for name in fact.garbled if _harm(name, context)]
    names = [*fact.names, *harmful]
    if names:
        does = "import and call" if fact.calls else "import"
        severity = Severity.CRITICAL if fact.calls else Severity.HIGH
        message = f"{_KINDS[fact.kind]} {does} {shown(', '.join(names), 300)}"
        yield RULE.finding(reading, message, fact, severity=severity)
        return
    for name in fact.garbled:
        # A name that is looked up in the wrong module is not found there, unless somebody saw to it. Of a module that
        # is surely there nobody can tell; of one that nobody knows, nobody has it.
        module = name.rpartition(".")[0]
        if context.profiles.knows_library(module):
            detail = f"{name} (imported by pickle.load, which reads an array's objects otherwise than joblib.load)"
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


def _harm(name: str, context: Context) -> bool:
    module, _, qualname = name.rpartition(".")
    return context.profiles.harm(module, qualname) is not None


RULE = Rule(
    name="hidden-instructions",
    summary="Two loaders would read different instructions from the same bytes.",
    check=_check,
    looks_at=(FrameTrick, HiddenCode, Irregularity),
    severity=Severity.CRITICAL,
    help="Do not load this file: it shows one content to inspectors and another to loaders.",
    cwe=("CWE-436", "CWE-502"),
    atlas=("AML.T0011.000",),
)
