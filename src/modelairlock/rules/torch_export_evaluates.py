"""Loading a torch.export package evaluates text in it as Python

## Why it matters

A graph states sizes as expressions, such as ``Symbol('s0', positive=True)``. torch.export.load hands each to
``sympy.sympify``, which evaluates it as Python: text that is no plain expression runs whatever it says. A description
of inputs that holds ``__enum__`` names a module, which is imported; guards are executed once the model is used.

## What to do

Do not load the package. Ask for the weights alone.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Configured
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if not isinstance(fact, Configured) or fact.scheme != "torch-export" or not fact.arguments:
            continue
        text = shown(fact.arguments[0].text, 200)
        if fact.kind == "expression":
            message = f"torch.export.load would evaluate {text!r} by sympy.sympify, and it is no plain expression"
            yield RULE.finding(reading, message, fact, confidence=Confidence.MEDIUM)
        elif fact.kind == "enum":
            detail = f"an enum whose module torch.export.load imports: {text}"
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)
        elif fact.kind == "guard":
            detail = f"a guard, which is Python: {text}"
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="torch-export-evaluates",
    summary="Loading a torch.export package evaluates text in it as Python.",
    check=_check,
    looks_at=(Configured,),
    severity=Severity.CRITICAL,
    help="Do not load the package; ask for the weights alone.",
    cwe=("CWE-95",),
    atlas=("AML.T0011.000",),
)
