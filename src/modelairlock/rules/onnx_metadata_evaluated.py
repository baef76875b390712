"""Metadata of an ONNX model is a program where detectors expect a literal

## Why it matters

Exporters of YOLO models write class names and sizes into the model's metadata as Python literals, and the programs that
run such models read them back with ``eval``: YOLOv5 6.2 and later (``models/common.py``, PR 7353; it did so in 2025
still) and what was derived from it evaluate ``names``, ultralytics before 8.3.234 (PR 22847) ``names``, ``imgsz`` and
``kpt_shape``, its last versions before that ``kpt_names`` and ``args`` as well. An expression there runs as soon as the
model is loaded.

## What to do

Do not load it with a detection framework. Whoever wrote an expression there meant it to run.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind == "onnx-metadata-no-literal":
            message = f"its metadata {fact.detail}, which YOLOv5 and ultralytics before 8.3.234 hand to eval()"
            yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="onnx-metadata-evaluated",
    summary="Metadata of an ONNX model is a program where detectors expect a literal.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.HIGH,
    help="Do not load it with YOLOv5 or ultralytics before 8.3.234; look at that piece of metadata.",
    cwe=("CWE-95",),
    atlas=("AML.T0011.000",),
)
