"""A PyTorch program uses operators or classes that nobody here vouches for

## Why it matters

The operators of torch that compute with tensors are listed here one by one. Any other name is an operator of a library
beside torch, which must be loaded first, of a newer torch, or one that does more than compute: what it does is machine
code that is not part of this file. The same holds for ``torch.classes``, which are written in C++.

## What to do

Find out which library brings the operator, review what it does, and keep the decision with the file's
digest, which the report states.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown
from modelairlock.records.torch_effects import effect_of, is_vouched
from modelairlock.records.torch_operators import CLASSES


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if not isinstance(fact, Operator) or fact.dialect != "torch" or fact.domain == "method":
            continue
        if fact.domain == "classes":
            if fact.name not in CLASSES:
                yield _gap(fact, f"{fact.name} (a class written in C++)")
        elif not is_vouched(fact) and effect_of(fact) is None:
            yield _gap(fact, f"{fact.domain}::{fact.name} (an operator)")


def _gap(fact: Operator, what: str) -> Gap:
    where = f", used in {fact.where}" if fact.where else ""
    detail = shown(f"{what}{where}", 300)
    return Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="script-unvouched",
    summary="A PyTorch program uses an operator or a class that is not on the list of harmless ones.",
    check=_check,
    looks_at=(Operator,),
    severity=Severity.INFO,
    help="Find out which library brings this operator and what it does; its code is not in this file.",
    cwe=("CWE-829",),
    atlas=("AML.T0011.000",),
)
