"""A PyTorch program uses operators that reach files or other machines

## Why it matters

TorchScript and torch.export are not Python, but some operators write and read files: ``aten::save`` writes where the
program says, for instance over a start-up file of the user who loads it; ``aten::from_file`` maps any file into a
tensor, or makes it. A class with ``__setstate__`` runs its program while ``torch.jit.load`` loads the archive; the rest
runs when the model is called.

## What to do

Do not load the archive outside a jail. Ask for the weights alone.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Operator
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown
from modelairlock.records.torch_effects import AT_LOAD, Effect, effect_of


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Operator) and fact.dialect == "torch" and (effect := effect_of(fact)):
            yield RULE.finding(
                reading,
                _message(fact, effect),
                fact,
                severity=effect.at_load if AT_LOAD in fact.where else effect.severity,
                confidence=Confidence.MEDIUM if fact.domain == "method" else Confidence.HIGH,
            )


def _message(fact: Operator, effect: Effect) -> str:
    given = f" with {', '.join(repr(shown(one, 80)) for one in fact.strings[:3])}" if fact.strings else ""
    when = "loading it runs" if AT_LOAD in fact.where else "using it runs"
    name = f"the method {fact.name}" if fact.domain == "method" else f"{fact.domain}::{fact.name}"
    where = f" (in {shown(fact.where, 120)})" if fact.where else ""
    return f"{when} {shown(name, 80)}{given}{where}, which {effect.effect}"


RULE = Rule(
    name="script-reaches-out",
    summary="A PyTorch program uses operators that reach files or other machines.",
    check=_check,
    looks_at=(Operator,),
    severity=Severity.HIGH,
    help="Do not load this archive outside a jail; ask for the weights alone.",
    cwe=("CWE-73", "CWE-494"),
    atlas=("AML.T0011.000",),
)
