"""A Keras model needs code that nobody here vouches for

## Why it matters

A configuration names the classes and functions that its model is made of. Those of Keras that compute with tensors
are listed here one by one. Any other name is a class of the author's own, of a library beside Keras, or newer than
the list: the loader takes it from custom objects (or, before keras 3.9.0, imports its module), and what it does is
written in code that is not part of this file.

## What to do

Review the code of that class, and keep the decision with the file's digest, which the report states. Or ask for a
model of ordinary layers.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Configured
from modelairlock.records.finding import Severity
from modelairlock.records.keras import called, is_vouched, misuse
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: told by other rules: what brings code along, and what is registered beside what is shown
_ELSEWHERE = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
_WORDS = {"class": "the class", "tf-function": "the function", "name": "by name", "typespec": "the type"}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    registered = {
        fact.where: fact.qualname
        for fact in reading.facts
        if isinstance(fact, Configured) and fact.kind == "registered"
    }
    for fact in reading.facts:
        if not isinstance(fact, Configured) or fact.scheme != "keras" or fact.kind in ("registered", "call"):
            continue
        if is_vouched(fact) or misuse(fact) is not None or (fact.kind == "class" and fact.qualname in _ELSEWHERE):
            continue
        name = called(fact) + (f" (registered as {registered[fact.where]})" if fact.where in registered else "")
        what = _WORDS.get(fact.kind, "the function")
        detail = f"the Keras configuration names {what} {shown(name, 160)} at {shown(fact.where, 80)}"
        yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="keras-unvouched",
    summary="A Keras configuration names a class or function that is not on the list of harmless ones.",
    check=_check,
    looks_at=(Configured,),
    severity=Severity.INFO,
    help="Review the class or function that it names; its code is not in this file.",
    cwe=("CWE-829",),
)
