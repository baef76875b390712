"""A Keras node shows one class and is another

## Why it matters

Keras looks a node's ``registered_name`` up among the custom objects of the process *first*, and only then the class
that the node shows. A node that says ``keras.layers.Dense`` and is registered as ``package>Other`` becomes the other,
if anything by that name is registered; keras before 3.9 also looks the registered name up in the module. Keras never
writes the two apart for its own classes, and refuses it since 3.15.0.

## What to do

Ask its author. Do not load the file into a process where custom objects are registered.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Configured
from modelairlock.records.finding import Severity
from modelairlock.records.keras import inside
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if not isinstance(fact, Configured) or fact.scheme != "keras" or fact.kind != "registered":
            continue
        shows = fact.arguments[0].text if fact.arguments else ""
        if inside(fact.module) is not None:
            message = (
                f"the node at {shown(fact.where, 80)} shows {shown(fact.module, 80)}.{shown(shows, 80)}"
                f" and asks for the registered object {shown(fact.qualname, 80)}"
            )
            yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="keras-registered-name",
    summary="A node of a Keras model shows a class of Keras and asks for another, registered one.",
    check=_check,
    looks_at=(Configured,),
    severity=Severity.MEDIUM,
    help="Ask its author why the node has two names; keras 3.15.0 and later refuse it.",
    cwe=("CWE-451", "CWE-470"),
    atlas=("AML.T0074",),
)
