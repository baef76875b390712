"""An adapter is put on another model, which the loader fetches

## Why it matters

An adapter changes a model that is named in ``adapter_config.json`` by its place on the hub, or by a path. The loader
fetches that model too, in whatever state it is then, and it was not scanned with the adapter.

## What to do

Scan the base model as well, and pin its revision.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Reference) and fact.kind == "base-model":
            yield RULE.finding(
                reading, f"it is put on the model {shown(fact.target, 120)}, which is not part of it", fact
            )
            return


RULE = Rule(
    name="needs-another-model",
    summary="An adapter is put on another model, which the loader fetches.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.INFO,
    help="Scan the base model as well, and pin its revision.",
    cwe=("CWE-829",),
    atlas=("AML.T0010.003",),
)
