"""One file is valid in several formats at once

## Why it matters

Which format a file has is decided by whoever opens it: by its name, its first bytes, or its last ones. A file that
is two things shows its harmless side to the one who checks and its other side to the one who loads. Saving a model
does not make such files; somebody glued them together. Every format was read here, so findings about each side
stand beside this one.

## What to do

Do not load it. If you must know what it is, look at the findings for each of its formats; then ask its author why
one file has to be both.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Polyglot
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Polyglot):
            names = " and ".join([", ".join(fact.formats[:-1]), fact.formats[-1]])
            yield RULE.finding(reading, f"the same bytes are {names}: each loader chooses for itself", fact)


RULE = Rule(
    name="polyglot",
    summary="One file is valid in several formats at once.",
    check=_check,
    looks_at=(Polyglot,),
    severity=Severity.HIGH,
    help="Do not load it; ask its author why one file has to be several.",
    cwe=("CWE-436", "CWE-351"),
    atlas=("AML.T0074",),
)
