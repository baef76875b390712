"""The file changes what an object is, by setting one of its special attributes

## Why it matters

When a pickle gives an object its state, the keys become attributes. Ordinary names are data. A special name such as
``__class__`` is not: it turns an object of a harmless class into one of another class after everybody has looked at how
it was made, and ``__setstate__`` or ``__reduce__`` put code of the file's choice where Python itself calls it.

A list or dict that is filled only after an object or a function was given it does the same behind everybody's back.

## What to do

Do not load the file. No pickler writes this.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Build, Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown
from modelairlock.records.wording import value_in_words


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    told: set[str] = set()
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind == "pickle-filled-late":
            yield RULE.finding(reading, f"{fact.detail}, so that it holds what nobody looked at there", fact)
        names = [name for name in fact.odd if name.startswith("__")] if isinstance(fact, Build) else []
        if isinstance(fact, Build) and names and (target := value_in_words(fact.target)) not in told:
            told.add(target)
            message = f"loading it would set {shown(', '.join(names), 200)} of {target}"
            yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="special-attribute",
    summary="Loading the file sets a special attribute, which changes what an object is or does.",
    check=_check,
    looks_at=(Build, Irregularity),
    severity=Severity.HIGH,
    help="Do not load this file: its objects are not what they seem.",
    cwe=("CWE-915", "CWE-502"),
    atlas=("AML.T0011.000",),
)
