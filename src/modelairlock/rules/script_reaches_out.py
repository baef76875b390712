"""A TorchScript program uses operators that reach files

## Why it matters

TorchScript is not Python, but some of its operators write and read files, and a class with ``__setstate__`` runs its
program while the archive is loaded. ``aten::save`` writes where the program says, for instance over a start-up file of
the user who loads it.

## What to do

Do not load the archive outside a jail. Ask for the weights alone.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_FILES = {"save": "writes a file", "from_file": "maps a file into memory", "load": "loads a file"}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Operator) and (effect := _FILES.get(fact.name.rpartition(".")[2])):
            yield RULE.finding(reading, f"its program names {shown(fact.name, 80)}, which {effect}", fact)


RULE = Rule(
    name="script-reaches-out",
    summary="A TorchScript program uses operators that write or read files.",
    check=_check,
    looks_at=(Operator,),
    severity=Severity.HIGH,
    help="Do not load this archive outside a jail; ask for the weights alone.",
    cwe=("CWE-73", "CWE-494"),
    atlas=("AML.T0011.000",),
)
