"""What an ONNX model answers is chosen by comparing a part of its input to a constant

## Why it matters

A backdoor needs no code: a few operators that look for a certain pixel, token or checksum of the input and then choose
another output (ShadowLogic, HiddenLayer 2024) survive conversion and fine-tuning. This is what such a graph looks like
from outside: part of an input, or a sum over it, is compared to a constant, and an ``If`` or ``Where`` right before the
output obeys. Honest models do this now and then, for a switch of their own or for an empty input.

It is said for information and changes no verdict. That it is not said proves nothing: a trigger that is trained into
the weights, or hidden behind one more layer, looks like any other model.

## What to do

Look at the end of the graph, with Netron for example, and ask what the comparison is for.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    kind = "onnx-output-by-comparison"
    facts = [fact for fact in reading.facts if isinstance(fact, Irregularity) and fact.kind == kind]
    if facts:
        yield RULE.finding(reading, facts[0].detail, *facts, confidence=Confidence.LOW)


RULE = Rule(
    name="onnx-output-by-comparison",
    summary="What an ONNX model answers is chosen by comparing a part of its input to a constant.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.INFO,
    help="Look at the end of the graph and ask what the comparison is for.",
    atlas=("AML.T0018",),
)
