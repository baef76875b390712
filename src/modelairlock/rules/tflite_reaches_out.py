"""A TFLite model keeps its numbers in files outside its folder

## Why it matters

A model may keep its numbers in other files (external buffers, since LiteRT 2.0). A path that leads out of the model's
folder has the loader map whatever lies there. What Flex operators reach, which are kernels of TensorFlow inside of it,
the rule `graph-reaches-out` says; only loaders with the Flex delegate run them.

## What to do

Do not load it where other files matter; ask for a model whose numbers lie beside it.
"""

import re
from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_LEAVES = re.compile(r"^(?:[/\\~]|[A-Za-z]:|[A-Za-z][\w+.-]*://)|(?:^|[/\\])\.\.(?:[/\\]|$)|[\x00-\x1f]")


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if "tflite" not in reading.formats:
        return
    for fact in reading.facts:
        if isinstance(fact, Reference) and fact.kind == "external-data" and _LEAVES.search(fact.target):
            message = (
                f"it would map the numbers of tensors from {shown(repr(fact.target), 200)}, out of the model's folder"
            )
            yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="tflite-reaches-out",
    summary="A TFLite model keeps its numbers in files outside its folder.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.HIGH,
    help="Do not load it where other files matter; ask for a model whose numbers lie beside it.",
    cwe=("CWE-73", "CWE-22", "CWE-829"),
    atlas=("AML.T0011.000",),
)
