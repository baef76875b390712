"""A Keras configuration names code that is not of Keras

## Why it matters

Keras 2.13 to 3.8 import whatever ``module`` a node names, look ``class_name`` up in it, and call what they find with
the constants in ``inbound_nodes`` (CVE-2025-1550). ``{"module": "subprocess", "class_name": "run"}`` is a shell, in a
file that holds no code at all and with ``safe_mode=True``. Lambda layers of tf_keras look a function up in any module
that is loaded. Only names of Python's own library and of known libraries are told here: a class of the author's own
is held as unvouched.

## What to do

Do not load the file. Keras 3.9.0 and later refuse it. Ask its author for a model without that node.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Configured
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.keras import called, inside, is_vouched, written
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: what Keras writes for functions and classes of the author's own
_OF_THE_AUTHOR = frozenset({"builtins", "__main__"})
_KINDS = frozenset({"class", "function", "call", "typespec"})


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    facts = [fact for fact in reading.facts if isinstance(fact, Configured) and fact.scheme == "keras"]
    calls = {(fact.module, fact.qualname) for fact in facts if fact.kind == "call"}
    for fact in facts:
        told_as_call = fact.kind != "call" and (fact.module, fact.qualname) in calls
        if fact.kind in _KINDS and fact.module and not told_as_call and inside(fact.module) is None:
            yield from _judge(reading, context, fact)


def _judge(reading: Reading, context: Context, fact: Configured) -> Iterator[Finding]:
    harm = context.profiles.harm(fact.module, fact.qualname)
    known = context.profiles.is_standard_library(fact.module) or context.profiles.knows_library(fact.module)
    if is_vouched(fact) or not (harm or (known and fact.module not in _OF_THE_AUTHOR)):
        return
    does = f", which {harm.effect}" if harm is not None else ", which is no part of Keras"
    call = f"{called(fact)}({written(fact.arguments)})" if fact.kind == "call" else called(fact)
    message = (
        f"keras before 3.9.0 and tf_keras would import and call {shown(call, 300)}{does} (at {shown(fact.where, 80)})"
    )
    yield RULE.finding(reading, message, fact, severity=Severity.CRITICAL if harm is not None else Severity.HIGH)


RULE = Rule(
    name="keras-foreign-code",
    summary="A Keras configuration names a module outside Keras.",
    check=_check,
    looks_at=(Configured,),
    severity=Severity.CRITICAL,
    help="Do not load it: keras before 3.9.0 imports and calls what it names (CVE-2025-1550); later ones do not.",
    cwe=("CWE-94", "CWE-502", "CWE-470"),
    atlas=("AML.T0011.000", "AML.T0018.002"),
)
