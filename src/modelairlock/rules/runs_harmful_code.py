"""Loading the file runs code that is known to do harm

## Why it matters

Unpickling calls what the file tells it to call. This file names a function that runs commands, runs code, loads other
files, reaches the network or the like, and calls it with arguments of its author's choosing, before your program sees
the first byte of a model. Whether the result is used, thrown away or followed by garbage makes no difference.

## What to do

Do not load the file, with any loader that unpickles. Report it where you got it, and take the model from a source you
trust, as safetensors if there is a choice. If the file was loaded already, treat that machine and its secrets as lost.
"""

from collections import Counter
from collections.abc import Iterator

from modelairlock.records.facts import Call, Value
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.profile import Harm
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.uses import USED, NameUse, is_method_reference, uses
from modelairlock.records.wording import value_in_words

#: handled by its own rule: it loads bytes that stand in the file and are read in turn
_READ_IN_TURN = ("torch.storage", "_load_from_bytes")
#: findings of each severity: counted apart, or fifty lesser calls would hide a worse one behind them
_MOST = 50


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    told: set[tuple[str, str, str]] = set()
    times: Counter[str] = Counter()
    for use in uses(reading.facts):
        if use.use == "import" or (use.module, use.qualname) == _READ_IN_TURN or is_method_reference(use):
            continue
        if context.profiles.vouches(use.module, use.qualname, use.use):
            continue  # nothing is both, and the list of what is harmful is long
        harm = context.profiles.harm(use.module, use.qualname)
        if harm is None:
            continue
        if times[harm.severity] >= _MOST:
            continue
        message = _message(reading, use, harm)
        if (use.name, use.use, message) in told:
            continue
        told.add((use.name, use.use, message))
        times[harm.severity] += 1
        yield RULE.finding(
            reading, message, use.fact, severity=Severity(harm.severity), cwe=harm.cwe, atlas=harm.atlas,
            confidence=Confidence.HIGH,
        )  # fmt: skip


def _message(reading: Reading, use: NameUse, harm: Harm) -> str:
    when = "if something loaded these bytes, it would" if reading.role == "dormant" else "loading it would"
    if isinstance(use.fact, Call):
        return f"{when} call {use.name}({_arguments(use.arguments)}), which {harm.effect}"
    return f"{when} set the state of an object made by {use.name}, which {harm.effect}"


def _arguments(arguments: tuple[Value, ...]) -> str:
    return ", ".join(value_in_words(argument) for argument in arguments)


RULE = Rule(
    name="runs-harmful-code",
    summary="Loading the file calls a function that is known to do harm.",
    check=_check,
    looks_at=USED,
    severity=Severity.CRITICAL,
    help="Do not load this file. Get the model from a source you trust, as safetensors if you can.",
    cwe=("CWE-502",),
    atlas=("AML.T0011.000",),
)
