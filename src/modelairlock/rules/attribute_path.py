"""The file reaches for code along a path of attributes

## Why it matters

Since protocol 4 a name may be a path: ``os.system`` looked up in ``pathlib`` is the ``os`` module that pathlib happens
to import. So any module is a door to any other, and a list of bad modules is walked around (GHSA-5j3x-ph2w-5w76).

## What to do

Do not load the file. Honest pickles use such paths only for nested classes, and those that models need are on the
allow-list one by one.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Import
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    for fact in reading.facts:
        if not isinstance(fact, Import) or "." not in fact.qualname:
            continue
        if context.profiles.vouches(fact.module, fact.qualname, "import"):
            continue
        private = any(part.startswith("_") for part in fact.qualname.split("."))
        lower = fact.qualname.split(".")[0]
        honest = not private and lower[:1].isupper() and not context.profiles.is_standard_library(fact.module)
        yield RULE.finding(
            reading,
            f"it reaches {fact.qualname} by way of {fact.module}",
            fact,
            severity=Severity.LOW if honest else Severity.HIGH,
            confidence=Confidence.MEDIUM,
        )


RULE = Rule(
    name="attribute-path",
    summary="The file imports along a path of attributes that no profile vouches for.",
    check=_check,
    looks_at=(Import,),
    severity=Severity.HIGH,
    help="Find out what the path leads to before you load the file; honest models hardly ever need one.",
    cwe=("CWE-502", "CWE-184"),
    atlas=("AML.T0011.000",),
)
