"""A template adds sentences of its own when a user says a certain word

## Why it matters

A chat template stands between what a user writes and what the model reads. One that waits for a word in the user's
message and then adds instructions changes what the model answers, in that case only, and nothing in the weights shows
it: the reviews and filters of a platform look at the conversation before the template. This is information and no
finding that flags: an honest template may have a switch in the user's words. The bar is that no template of the
families this was tried on is told of.

## What to do

Read the lines of the template that the report names. If you do not want what they add, use a template of your own.
"""

from collections.abc import Iterator

from modelairlock.records.facts import TemplateUse
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_MOST = 10


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    spoken = [fact for fact in reading.facts if isinstance(fact, TemplateUse) and fact.kind == "text"]
    for fact in spoken[:_MOST]:
        trigger, _, words = fact.name.partition(": ")
        message = (
            f"its template waits for {shown(trigger, 60)} in what is said, and then adds at {fact.where}:"
            f" {shown(words, 160)}"
        )
        yield RULE.finding(reading, message, fact, confidence=Confidence.LOW)


RULE = Rule(
    name="template-hidden-instructions",
    summary="A template adds instructions of its own when a user says a certain word.",
    check=_check,
    looks_at=(TemplateUse,),
    severity=Severity.INFO,
    help="Read the named lines of the template, and use one of your own if you do not want them.",
    cwe=("CWE-506",),
    atlas=("AML.T0051",),
)
