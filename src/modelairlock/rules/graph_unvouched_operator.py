"""A TensorFlow graph uses operators that nobody vouches for

## Why it matters

What a graph can do is what its operators can do. Some 1,300 of TensorFlow's own are known to compute and nothing else;
those known to reach out have a rule of their own. Any other is a custom operator from a library that the loading
process has to have, a newer one, or one that carries a program of its own (``XlaCallModule``). It may well be harmless;
nobody here has looked. So the file is held, not condemned.

## What to do

Find out which package brings the operator (``tensorflow_text`` brings those for SentencePiece, for instance), and have
somebody who knows it review the model. Keep the decision with the file's digest, which the report states.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.tensorflow import EFFECTS, PLAIN
from modelairlock.records.text import shown

_TOLD = 50


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    unknown = [
        fact
        for fact in reading.facts
        if isinstance(fact, Operator)
        and fact.dialect == "tensorflow"
        and fact.name not in PLAIN
        and fact.name not in EFFECTS
    ]
    for fact in unknown[:_TOLD]:
        times = f", {fact.count:,} times" if fact.count > 1 else ""
        detail = f"the operator {shown(fact.name, 80) or 'without a name'} (in {shown(fact.where, 80)}{times})"
        yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)
    if len(unknown) > _TOLD:
        span = unknown[_TOLD].span
        detail = f"{len(unknown) - _TOLD} more operators"
        yield Gap(start=span.start, end=span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="graph-unvouched-operator",
    summary="A TensorFlow graph uses operators that nobody vouches for.",
    check=_check,
    looks_at=(Operator,),
    severity=Severity.INFO,
    help="Find out which package brings the operator, and have somebody who knows it review the model.",
    cwe=("CWE-829",),
)
