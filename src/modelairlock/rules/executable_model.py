"""The model is a program

## Why it matters

A llamafile is one file that is a program for several systems, with the model behind it. It is used by starting it, and
then it may do all that its user may. That is what it is for; it also means that nothing a reader of models can check
says much about it, and that a changed one looks like the original. Arguments inside of it are taken as if they had
been typed, and may open its server to the network.

## What to do

Start it only if it comes from where you trust programs to come from, with a digest or signature that you compared.
Otherwise take the model out of it (it is a zip), scan that, and load it with a llama.cpp of your own.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity, Setting
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    programs = [fact for fact in reading.facts if isinstance(fact, Irregularity) and fact.kind == "executable-model"]
    arguments = [fact for fact in reading.facts if isinstance(fact, Setting) and fact.scheme == "llamafile"]
    if programs:
        given = f", with the arguments {arguments[0].value}" if arguments else ""
        message = f"the file is a program with a model behind it ({programs[0].detail}): starting it runs it{given}"
        yield RULE.finding(reading, message, *programs, *arguments)


RULE = Rule(
    name="executable-model",
    summary="The model is a program: it is used by starting it.",
    check=_check,
    looks_at=(Irregularity, Setting),
    severity=Severity.MEDIUM,
    help="Start it only if you trust its source as you would a program's; or unzip it and scan the model inside.",
    cwe=("CWE-829", "CWE-494"),
    atlas=("AML.T0011", "AML.T0010"),
)
