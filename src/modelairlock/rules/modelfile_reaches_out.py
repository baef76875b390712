"""A Modelfile takes a file of the machine, or a model from somewhere else

## Why it matters

``ollama create`` opens what FROM and ADAPTER name, wherever that is, and makes it part of a model that somebody may
push to a registry later. A path that is absolute or climbs out of the folder is usual on the machine where a model was
made, and opens something else on another. A name with an address before it is fetched from there when the model is
made.

## What to do

Write the name of the file that lies beside the Modelfile, and scan that. Scan the model that is fetched before use.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.paths import leaves_folder
from modelairlock.records.reading import Reading
from modelairlock.records.regex import regex
from modelairlock.records.rule import Context, Judgement, Rule

_ADDRESS = regex(r"(?:\w+://)?[\w-]+(?:\.[\w-]+)+(?::\d+)?/[^/]+/.+")


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if not isinstance(fact, Reference) or fact.where != "Modelfile":
            continue
        if leaves_folder(fact.target):
            message = f"ollama create would open {fact.target[:200]!a} on the machine where it runs"
            yield RULE.finding(reading, message, fact, severity=Severity.LOW)
        elif _ADDRESS.fullmatch(fact.target):
            message = f"ollama create would fetch {fact.target[:200]!a}"
            yield RULE.finding(reading, message, fact, severity=Severity.INFO)


RULE = Rule(
    name="modelfile-reaches-out",
    summary="A Modelfile takes a file of the machine, or a model from somewhere else.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.LOW,
    help="Name the file that lies beside the Modelfile, and scan what it fetches before use.",
    cwe=("CWE-73",),
)
