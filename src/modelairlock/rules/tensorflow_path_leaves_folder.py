"""A TensorFlow model names files outside its own folder

## Why it matters

A SavedModel lists its assets by name, TensorFlow.js its shards of numbers, and loaders join those names to the folder
of the model. A name that climbs out of it, is absolute, or is an address, makes them open another file of the machine,
or fetch one from a server of the author's choosing.

The note called ``checkpoint`` is different: savers write the absolute paths of the machine that trained the model into
it. Such a path is told as information only, since what lies there is read as a checkpoint, as numbers.

## What to do

Do not load it. No program that saves models writes such a name for an asset or a shard; ask its author.
"""

import re
from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.paths import leaves_folder, leaves_machine
from modelairlock.records.reading import Reading
from modelairlock.records.regex import regex
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: a browser takes these out of an address before it looks at it, and takes escaped points for points
_BROWSERS_DROP = regex(r"[\t\n\r]")
_POINT = regex(r"%2e", re.IGNORECASE)
_KINDS = {"tensorflow-asset": "an asset", "tfjs-weights": "a shard of its numbers"}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if not isinstance(fact, Reference) or not (leaves_folder(path := _as_opened(fact)) or leaves_machine(path)):
            continue
        if fact.kind in _KINDS:
            message = f"loading it opens '{shown(fact.target, 120)}' as {_KINDS[fact.kind]}, outside the model's folder"
            yield RULE.finding(reading, message, fact)
        elif fact.kind == "tensorflow-checkpoint":
            message = f"the latest checkpoint is '{shown(fact.target, 120)}', a path of the machine that trained it"
            yield RULE.finding(reading, message, fact, severity=Severity.INFO)


def _as_opened(fact: Reference) -> str:
    """The name as its loader understands it: TensorFlow.js fetches shards by their address."""
    return _POINT.sub(".", _BROWSERS_DROP.sub("", fact.target)) if fact.kind == "tfjs-weights" else fact.target


RULE = Rule(
    name="tensorflow-path-leaves-folder",
    summary="A TensorFlow model names files outside its own folder.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.MEDIUM,
    help="Do not load it; ask its author how that name came about.",
    cwe=("CWE-22", "CWE-73", "CWE-918"),
)
