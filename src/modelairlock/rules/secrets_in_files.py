"""A file holds what looks like a secret

## Why it matters

A token or a private key that was published with a model is everybody's: it may open its owner's account, repositories
or cloud. To whoever loads the model it does nothing, so this never flags a file. Only shapes that their makers document
are told, and the value is masked here; the place says where it stands.

## What to do

If it is yours, revoke it now, and take it out of the history too. If not, tell its owner.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind == "secret-in-text":
            message = f"it holds what looks like {shown(fact.detail, 120)}"
            yield RULE.finding(reading, message, fact, confidence=Confidence.MEDIUM)


RULE = Rule(
    name="secrets-in-files",
    summary="A file holds what looks like a secret.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.LOW,
    help="If it is yours, revoke it and take it out; if not, tell its owner.",
    cwe=("CWE-798", "CWE-312"),
    atlas=("AML.T0055",),
)
