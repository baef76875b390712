"""Loading the file loads another one that is packed inside it

## Why it matters

``torch.storage._load_from_bytes`` hands a byte string to ``torch.load(weights_only=False)``. That is how a tensor
inside a plain pickle was always saved, so honest files do it; and it is how an attacker wraps a second pickle that many
scanners never open. The bytes are read here in turn, and what they do is reported as their own.

## What to do

If the nested file is flagged, do not load it. If not, the load is still not vouched for: have somebody look, or ask for
the model saved by torch.save or as safetensors.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Call
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_NESTED = ("torch.storage", "_load_from_bytes")


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    calls = [
        fact
        for fact in reading.facts
        if isinstance(fact, Call) and (fact.callable.module, fact.callable.text) == _NESTED
    ]
    if not calls:
        return
    computed = [fact for fact in calls if [argument.kind for argument in fact.arguments] != ["bytes"]]
    if computed:
        message = "loading it would call torch.load with weights_only=False on bytes that it computes"
        yield RULE.finding(reading, message, computed[0], severity=Severity.CRITICAL)
        return
    times = sum(fact.count for fact in calls)
    often = f" ({times:,} times)" if times > 1 else ""
    message = f"loading it would call torch.load with weights_only=False on bytes packed inside{often}"
    yield RULE.finding(reading, message, calls[0], severity=Severity.LOW)
    detail = "torch.storage._load_from_bytes (called): a tensor saved inside a plain pickle"
    yield Gap(start=calls[0].span.start, end=calls[0].span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="nested-load",
    summary="Loading the file loads a second pickle that is packed inside it.",
    check=_check,
    looks_at=(Call,),
    severity=Severity.CRITICAL,
    help="Look at what the nested file does; ask for the model saved by torch.save or as safetensors.",
    cwe=("CWE-502",),
    atlas=("AML.T0011.000",),
)
