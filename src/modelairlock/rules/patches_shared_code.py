"""Loading the file changes a class, function or module of the running program

## Why it matters

BUILD and SETITEM are meant for objects that the pickle itself made. Aimed at an imported name they set attributes of
that class or module for the whole process: a method of torch can be replaced by another function that is itself
harmless to name, and the next innocent call runs it.

## What to do

Do not load the file. No pickler writes this.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Build, SetItem
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.wording import value_in_words

#: what a pickle does not make itself: imported names, and what the loader hands in for a persistent id
_SHARED = frozenset({"global", "unresolved", "extension", "persistent"})


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, (Build, SetItem)) and fact.target.kind in _SHARED:
            does = "set attributes of" if isinstance(fact, Build) else "put items into"
            message = f"loading it would {does} {value_in_words(fact.target)} for the whole process"
            yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="patches-shared-code",
    summary="Loading the file changes an imported class, function or module.",
    check=_check,
    looks_at=(Build, SetItem),
    severity=Severity.HIGH,
    help="Do not load this file: it changes the program that loads it.",
    cwe=("CWE-915", "CWE-502"),
    atlas=("AML.T0011.000",),
)
