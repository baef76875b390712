"""The pickle asks its loader for objects that are not in it

## Why it matters

Persistent ids and out-of-band buffers are filled in by whoever loads the pickle. torch uses them for storages, in one
fixed shape. In any other shape they reach into a loader's code paths with values of the author's choosing; torch before
2.10 could be made to leak memory that way.

## What to do

A persistent id that is not a torch storage belongs to some other program's loader: find out which, and have somebody
look at what it does with this one.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Buffer, PersistentId, Value
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.wording import value_in_words

_MODULE = frozenset((("str", "global", "str", "str"), ("str", "global", "none", "none")))


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    for fact in reading.facts:
        if isinstance(fact, Buffer):
            detail = "an out-of-band buffer: its bytes are not in this file"
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)
        elif isinstance(fact, PersistentId) and not _is_storage(fact.value, context):
            message = f"it asks the loader for the object {value_in_words(fact.value)}, which is no torch storage"
            yield RULE.finding(reading, message, fact, confidence=Confidence.MEDIUM)


def _is_storage(value: Value, context: Context) -> bool:
    """``('storage', <storage class>, key, location, count)``, and in the stream format a view as sixth.

    The stream format also names the class of each whole module as ``('module', class, file, source)``; torch compares
    the source with its own and hands back the class, which is judged where it is used. Where torch found no source to
    save, file and source are None, and it compares nothing (torch/serialization.py, ``_legacy_save``).
    """
    parts = value.parts
    if value.kind != "tuple" or value.cut:
        return False
    if tuple(part.kind for part in parts) in _MODULE and parts[0].text == "module":
        return True
    if len(parts) not in (5, 6):
        return False
    kinds = tuple(part.kind for part in parts[:5])
    if kinds != ("str", "global", "str", "str", "int") or parts[0].text != "storage":
        return False
    return context.profiles.vouches(parts[1].module, parts[1].text, "import") is not None


RULE = Rule(
    name="outside-objects",
    summary="The pickle asks its loader for an object that is no torch storage.",
    check=_check,
    looks_at=(Buffer, PersistentId),
    severity=Severity.MEDIUM,
    help="Find out which program reads this persistent id, and what it does with it.",
    cwe=("CWE-502",),
)
