"""A Keras layer brings a second model or program along

## Why it matters

Some layers are doors: ``TFSMLayer`` loads the SavedModel at a path in the configuration, whose graph may read and
write files, and ``safe_mode`` did not ask before 3.12.1 and 3.13.2 (CVE-2026-1462). ``TorchModuleWrapper`` unpickles
a whole ``torch.nn.Module`` from base64 (CVE-2025-49655: keras 3.11.0 to 3.11.2 with any ``safe_mode``). ``JaxLayer``
and ``FlaxLayer`` call functions by their name.

## What to do

Do not load the file with those versions. Ask for a model whose layers are layers.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Configured, Reference
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_DOORS = {
    "TorchModuleWrapper": (
        "unpickles a torch module from base64: keras 3.11.0 to 3.11.2 in any case (CVE-2025-49655), later ones with"
        " safe_mode=False",
        Severity.CRITICAL,
    ),
    "JaxLayer": ("calls functions that the configuration names", Severity.MEDIUM),
    "FlaxLayer": ("calls methods of a module that the configuration names", Severity.MEDIUM),
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Reference) and fact.kind == "saved-model":
            message = (
                f"TFSMLayer at {shown(fact.where, 80)} loads the SavedModel {shown(fact.target, 120) or '?'}:"
                " keras before 3.12.1 and 3.13.2 whatever safe_mode says (CVE-2026-1462)"
            )
            yield RULE.finding(reading, message, fact, severity=Severity.HIGH)
        elif (
            isinstance(fact, Configured) and fact.scheme == "keras" and fact.kind == "class" and fact.qualname in _DOORS
        ):
            does, severity = _DOORS[fact.qualname]
            message = f"{fact.qualname} at {shown(fact.where, 80)} {does}"
            yield RULE.finding(reading, message, fact, severity=severity)


RULE = Rule(
    name="keras-outside-model",
    summary="A layer of a Keras model loads another model or program.",
    check=_check,
    looks_at=(Configured, Reference),
    severity=Severity.CRITICAL,
    help="Do not load it with keras before 3.13.2; ask for a model without TFSMLayer, TorchModuleWrapper and the like.",
    cwe=("CWE-502", "CWE-829", "CWE-73"),
    atlas=("AML.T0011.000", "AML.T0018.002"),
)
