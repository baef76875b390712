"""The file keeps a function that only picklers use, where other code may call it

## Why it matters

A few functions exist so that pickles can make objects: they import by name, or make an instance of any class. Called
by the pickle with arguments that were looked at, each is harmless. Kept as a value, in an attribute or a list, it waits
for other code to call it with arguments that nobody looked at. That is how files reach ``exec`` by harmless names only.

## What to do

Do not load the file. No pickler writes this.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Import
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.uses import uses


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    for fact in reading.facts:
        if not isinstance(fact, Import):
            continue
        vouch = context.profiles.vouches(fact.module, fact.qualname, "import")
        if vouch is None or not vouch.trait.only_called:
            continue
        if fact.kept or not _is_called(reading, fact):
            name = f"{fact.module}.{fact.qualname}"
            message = f"it keeps {name} as a value, which is harmless only where the pickle itself calls it"
            yield RULE.finding(reading, message, fact)


def _is_called(reading: Reading, named: Import) -> bool:
    name = (named.module, named.qualname)
    return any((use.module, use.qualname) == name for use in uses(reading.facts) if use.use != "import")


RULE = Rule(
    name="helper-as-value",
    summary="The file keeps a function as a value that only pickles themselves have a use for.",
    check=_check,
    looks_at=(Import,),
    severity=Severity.HIGH,
    help="Do not load this file: it hands other code a tool that imports or makes what the file names.",
    cwe=("CWE-502",),
    atlas=("AML.T0011.000",),
)
