"""A Keras configuration uses a function of Keras or TensorFlow that no model needs

## Why it matters

A Lambda layer may name a function instead of carrying bytecode, and ``safe_mode`` never minded functions of Keras
itself. ``keras.utils.get_file`` downloads to where the file says, ``set_global_attribute`` and
``enable_unsafe_deserialization`` turn safe mode off, and ``load_model`` then loads the second, hidden model with its
bytecode (CVE-2025-8747, CVE-2025-9906; keras 3.0 to 3.10). A TFOpLambda of Keras 2 calls any function of TensorFlow
by its name while the model is built, with constants from the file: ``io.write_file`` writes one.

## What to do

Do not load the file. Keras 3.11.0 refuses the functions of Keras; tf_keras still calls those of TensorFlow.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Configured
from modelairlock.records.finding import Severity
from modelairlock.records.keras import called, misuse, written
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    facts = [fact for fact in reading.facts if isinstance(fact, Configured) and fact.scheme == "keras"]
    calls = {(fact.module, fact.qualname) for fact in facts if fact.kind == "call"}
    for fact in facts:
        told_as_call = fact.kind != "call" and (fact.module, fact.qualname) in calls
        bad = None if told_as_call or fact.kind == "registered" else misuse(fact)
        if bad is None:
            continue
        call = f"{called(fact)}({written(fact.arguments)})" if fact.arguments else called(fact)
        who = "tf_keras" if fact.kind == "tf-function" else "keras before 3.11.0"
        message = f"{who} would call {shown(call, 300)}, which {bad.effect} (at {shown(fact.where, 80)})"
        yield RULE.finding(reading, message, fact, severity=bad.severity)


RULE = Rule(
    name="keras-misused-function",
    summary="A Keras configuration names a function that loads, fetches, writes or turns safe mode off.",
    check=_check,
    looks_at=(Configured,),
    severity=Severity.CRITICAL,
    help="Do not load it; keras 3.11.0 and later refuse such functions of Keras, tf_keras refuses none.",
    cwe=("CWE-502", "CWE-470", "CWE-73"),
    atlas=("AML.T0011.000", "AML.T0018.002"),
)
