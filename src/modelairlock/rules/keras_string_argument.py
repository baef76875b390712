"""A layer is called with text where tensors belong

## Why it matters

``inbound_nodes`` says which tensors a layer is called on. Text in their place is what attacks need to hand a command,
a path or an address to the function that a node turns out to be; layers have no use for it, apart from words that
name a mode or a type. Who wrote it into a model meant to call something that is no layer.

## What to do

Look at the layer that the message names. If it is a class of your own which takes text, that is why; else do not load
it.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Configured
from modelairlock.records.finding import Severity
from modelairlock.records.keras import called, misuse, texts
from modelairlock.records.reading import Reading
from modelairlock.records.regex import regex
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: the name of a mode, a type, a layout or an equation: ``float32``, ``SAME``, ``ij,jk->ik``
_WORD = regex(r"[\w. ,>:\[\]()…*-]{0,80}")


def _told(context: Context, fact: Configured) -> bool:
    """Whether another rule tells of the call, with its arguments."""
    return misuse(fact) is not None or context.profiles.harm(fact.module, fact.qualname) is not None


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    for fact in reading.facts:
        if (
            isinstance(fact, Configured)
            and fact.scheme == "keras"
            and fact.kind in ("call", "tf-function")
            and not _told(context, fact)
        ):
            odd = [text for text in texts(fact.arguments) if not _WORD.fullmatch(text)]
            if odd:
                said = ", ".join(repr(text[:120]) for text in odd[:4])
                where = shown(fact.where, 80)
                message = f"{shown(called(fact), 120)} is called with the text {shown(said, 300)} (at {where})"
                yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="keras-string-argument",
    summary="A layer of a Keras model is called with text where tensors belong.",
    check=_check,
    looks_at=(Configured,),
    severity=Severity.MEDIUM,
    help="Find out why a layer is given text; no layer of Keras needs it.",
    cwe=("CWE-20", "CWE-502"),
    atlas=("AML.T0011.000",),
)
