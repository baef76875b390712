"""Python source does harm as soon as it is imported, or hides what it runs

## Why it matters

Importing a file of Python runs it. This one may then, without anybody asking for a function of it, run a command,
reach the network, load native code or execute text: what a model's code has no ordinary reason to do at that moment.
"May", because no condition is weighed, and because a function that is handed on while the file is imported (to `map`,
a decorator, a registry, `atexit`) is taken for one that is called; one that only gets another name is not. Worse is
text that is unpacked first and then executed, anywhere in the file: nobody writes that to be read.

Whether anything imports the file is another question: if a configuration beside it makes a loader do so, the
repository says it (`remote-code`, `imports-by-name`). A script that is meant to be run by hand may have its reasons.

The list of calls that are told is short and closed, since every Python file is held anyway; that none of them was found
vouches for nothing. A file that asks Python for an unusual codec is told here too: Python reads other code in it than
people and tools do.

## What to do

Do not import or execute it. Read what stands at the places named, and ask its author what it is for.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity, SourceUse
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.source_uses import harm_of, hides_what_it_runs
from modelairlock.records.text import shown
from modelairlock.records.wording import use_in_words

_MOST = 30


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    told = 0
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind == "source-codec-odd":
            yield RULE.finding(reading, shown(fact.detail, 200), fact, severity=Severity.MEDIUM)
        if not isinstance(fact, SourceUse) or told >= _MOST:
            continue
        when = "importing it may" if fact.at_import else "a function in it would"
        if hides_what_it_runs(fact):
            told += 1
            message = f"{when} unpack text and run it: {use_in_words(fact)}"
            yield RULE.finding(reading, message, fact, confidence=Confidence.HIGH)
        elif fact.at_import and (harm := harm_of(fact, context.profiles)):
            told += 1
            message = f"{when} call {use_in_words(fact)}, which {harm.effect}"
            severity = Severity.MEDIUM
            yield RULE.finding(reading, message, fact, severity=severity, cwe=harm.cwe, atlas=harm.atlas)


RULE = Rule(
    name="source-harmful",
    summary="Python source does harm as soon as it is imported, or hides what it runs.",
    check=_check,
    looks_at=(SourceUse, Irregularity),
    severity=Severity.HIGH,
    help="Do not import or execute it before somebody has read what it does there.",
    cwe=("CWE-506", "CWE-94"),
    atlas=("AML.T0011.000", "AML.T0018.002"),
)
