"""A Keras layer reads its vocabulary from a path or address

## Why it matters

``StringLookup``, ``IndexLookup``, ``IntegerLookup`` and ``TextVectorization`` take a list of words, or a path. A path
in a configuration is opened while the model is loaded, by TensorFlow's file system, which knows ``http``, ``gs`` and
``s3`` too: the file's words become part of the model, and so leave the machine when it is saved or asked
(CVE-2025-12058, keras before 3.12.0). Keras writes the words themselves into the models that it saves, unless the
layer was made from a path.

## What to do

See whether the path is one that the model's author could mean. Ask for the model with its vocabulary inside.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.paths import leaves_folder, leaves_machine
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Reference) and fact.kind == "vocabulary":
            message = (
                f"keras before 3.12.0 opens {shown(fact.target, 200)} when it loads this model"
                f" (at {shown(fact.where, 80)}; CVE-2025-12058)"
            )
            far = leaves_folder(fact.target) or leaves_machine(fact.target)
            yield RULE.finding(reading, message, fact, severity=Severity.HIGH if far else Severity.MEDIUM)


RULE = Rule(
    name="keras-reads-file",
    summary="A layer of a Keras model reads a file or address that the configuration names.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.HIGH,
    help="Do not load it with keras before 3.12.0; ask for the model with its vocabulary inside.",
    cwe=("CWE-73", "CWE-918", "CWE-22"),
    atlas=("AML.T0011.000",),
)
