"""A template takes for ever, or all memory, whatever the conversation is

## Why it matters

A chat template is rendered by the process that serves the model. One that counts to a thousand million, that makes a
text of itself twice over and over, or that calls itself twice for each number, stops that process or takes the memory
of the whole machine. jinja2's sandbox only limits the length of a single ``range``.

## What to do

Load the model with a chat template of your own. Report the file: no honest template does this.
"""

from collections.abc import Iterator

from modelairlock.records.facts import TemplateUse
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: rounds of a loop, or characters of a text, that no honest template brings by itself
_ROUNDS = 2_000_000
#: loops over parts of a conversation inside one another; honest templates have up to four
_NESTED = 7
_MOST = 10


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    told = 0
    for fact in reading.facts:
        if not isinstance(fact, TemplateUse) or fact.engine != "jinja" or told >= _MOST:
            continue
        name = shown(fact.name, 120)
        message, confidence = "", Confidence.HIGH
        if fact.kind == "loop" and fact.count >= _ROUNDS:
            message = f"its template would go through, or make, {name} at {fact.where}: {_many(fact.count)}"
        elif fact.kind == "loop" and fact.name.count(" × ") >= _NESTED - 1:
            message = f"its template loops over a conversation {_NESTED} times and more within itself, at {fact.where}"
            confidence = Confidence.MEDIUM
        elif fact.kind == "assignment" and " = " in fact.name:
            message = f"its template makes a value of itself at least twice over, {name} at {fact.where}: it doubles"
            confidence = Confidence.MEDIUM
        if message:
            told += 1
            yield RULE.finding(reading, f"{message} (denial of service)", fact, confidence=confidence)


def _many(count: int) -> str:
    return "without end" if count >= 1 << 53 else f"{count:,} times"


RULE = Rule(
    name="template-unbounded",
    summary="Rendering a template takes for ever or all memory.",
    check=_check,
    looks_at=(TemplateUse,),
    severity=Severity.MEDIUM,
    help="Load the model with a chat template of your own in place of this one.",
    cwe=("CWE-400", "CWE-1336"),
    atlas=("AML.T0029",),
)
