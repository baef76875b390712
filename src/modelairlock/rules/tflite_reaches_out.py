"""A TFLite model keeps its numbers in a file out of its own folder

## Why it matters

Since LiteRT 2.0 the numbers of tensors may lie in other files, which the model names (external buffers). A path that
leads out of the model's folder has the loader map whatever lies there, and hand it out as numbers.

Flex operators reach files as well: they are kernels of TensorFlow, and ``tf.lite.Interpreter`` of the full tensorflow
package runs them without being asked. They are told by graph-reaches-out.

## What to do

Do not load it. No converter writes such a path; ask its author how it came about.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.paths import leaves_folder, leaves_machine
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if "tflite" not in reading.formats:
        return
    for fact in reading.facts:
        if not isinstance(fact, Reference) or fact.kind != "external-data":
            continue
        if leaves_folder(fact.target) or leaves_machine(fact.target):
            message = (
                f"it would map the numbers of tensors from {shown(repr(fact.target), 200)}, out of the model's folder"
            )
            yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="tflite-reaches-out",
    summary="A TFLite model keeps its numbers in a file out of its own folder.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.HIGH,
    help="Do not load it; no converter writes such a path, so ask its author how it came about.",
    cwe=("CWE-22", "CWE-73"),
    atlas=("AML.T0011.000",),
)
