"""The file names code that is known to do harm, without calling it

## Why it matters

A model has no use for a shell, a debugger or an import machine. To import such a name runs its module; and an object
that holds it can call it later, when the model is used. Scanners that only look for calls miss both.

## What to do

Treat the file as hostile unless its author can say why the name is there. Do not load it outside a jail.
"""

from collections.abc import Iterator

from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.uses import USED, uses

_LOWER = {"critical": Severity.HIGH, "high": Severity.MEDIUM, "medium": Severity.MEDIUM}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    used = uses(reading.facts)
    acted: set[tuple[str, str]] | None = None
    for use in used:
        if use.use != "import" or context.profiles.vouches(use.module, use.qualname, "import"):
            continue
        if acted is None:  # of most files every name is vouched for
            acted = {(other.module, other.qualname) for other in used if other.use != "import"}
        if (use.module, use.qualname) in acted:
            continue
        harm = context.profiles.harm(use.module, use.qualname)
        if harm is not None:
            message = f"it names {use.name}, which {harm.effect}, and keeps it for later"
            yield RULE.finding(
                reading, message, use.fact, severity=_LOWER[harm.severity], cwe=harm.cwe, atlas=harm.atlas
            )


RULE = Rule(
    name="names-harmful-code",
    summary="The file imports a function that is known to do harm, without calling it.",
    check=_check,
    looks_at=USED,
    severity=Severity.HIGH,
    help="Do not load this file unless its author can explain the name; ask for safetensors.",
    cwe=("CWE-502",),
    atlas=("AML.T0011.000",),
)
