"""A TensorFlow graph has operators that reach files, the network or Python

## Why it matters

A graph is a program. Most of its operators compute numbers, and some write files, read them, talk to servers or call
Python functions. Whoever makes the graph chooses what they are fed: ``WriteFile`` with two constants writes a file of
the author's choosing, over a start-up script for instance. In an initialiser that happens while `tf.saved_model.load`
runs; in any other function when the model is called.

Every SavedModel can save itself, so ``SaveV2`` and its relatives are honest as long as the caller says where to. They
are told when the file name, or part of it, is a constant of the file; also one that the object graph binds to a
function, or a default value. Only what TensorFlow's own savers add, and their default name `model`, is no news. One
that a loader runs, in place of what restores or as an initialiser, is told whatever it writes to: nobody says where.

## What to do

Do not load it outside a jail, and not with a user's rights to files that matter. Ask for the weights alone, or for a
graph without these operators.
"""

from collections.abc import Callable, Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.regex import regex
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.tensorflow import EFFECTS, FUNCTION, Effect
from modelairlock.records.text import shown

#: what TensorFlow's own savers put behind the name that they are given, and the default name of its first version
_OF_SAVERS = regex(r"(?:model|\.part|_temp(?:_[0-9a-f]{32})?/part)?")
_DEFAULT = "model"
_TOLD = 50
_SAID = 4


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    alike: dict[tuple[str, str, tuple[str, ...]], list[Operator]] = {}
    for fact in reading.facts:
        if isinstance(fact, Operator) and fact.dialect == "tensorflow" and fact.name in EFFECTS:
            alike.setdefault((fact.name, fact.given, fact.strings), []).append(fact)
    for told, ((name, _, _), facts) in enumerate(alike.items()):
        judged = _JUDGES[EFFECTS[name].kind](facts[0])
        if judged is None:
            continue
        if not isinstance(judged, Severity):
            yield _gap(facts, judged)
        elif told < _TOLD:
            yield RULE.finding(reading, _says(facts, EFFECTS[name]), *facts, severity=judged)
        else:
            yield _gap(facts, f"{len(alike)} different uses of operators that reach out, not told one by one")
            return


#: a severity; words for a gap; None for nothing to tell
Judged = Severity | str | None


def _saver(fact: Operator) -> Judged:
    """Checkpoints: where the caller says, with nothing added but what savers add.

    The savers of TensorFlow before 1.13 keep their default name as a constant, which is fed over when they run. They
    are in no function.
    """
    default = fact.given == "constant" and _DEFAULT in fact.strings and not fact.where.startswith(FUNCTION)
    where = fact.given == "caller" or default
    if where and all(_OF_SAVERS.fullmatch(text) for text in fact.strings):
        return None
    if fact.given in ("constant", "caller"):
        return Severity.HIGH if EFFECTS[fact.name].kind == "saves" else Severity.MEDIUM
    return "its file name is computed, and was not followed"


def _vocabulary(fact: Operator) -> Judged:
    """Tables from files: SavedModels name them as assets, which the loader puts in their place."""
    if fact.given == "caller":
        return Severity.LOW if fact.strings else None
    return Severity.MEDIUM if fact.given == "constant" else "its file name is computed, and was not followed"


def _printed(fact: Operator) -> Judged:
    return Severity.HIGH if any(text.startswith("file:") for text in fact.strings) else _left_open(fact)


def _debugged(fact: Operator) -> Judged:
    return Severity.HIGH if any(fact.strings) else _left_open(fact)


def _schema(fact: Operator) -> Judged:
    files = [text for text in fact.strings if text and not text.startswith(("local://", "bytes://"))]
    return Severity.MEDIUM if files else _left_open(fact)


def _named_file(fact: Operator) -> Judged:
    return Severity.MEDIUM if any(fact.strings) else _left_open(fact)


def _left_open(fact: Operator) -> Judged:
    """An attribute that whoever calls the function fills in, or a default value of its own."""
    return "where to is for the function's caller to fill in, which was not followed" if fact.given else None


def _cached(fact: Operator) -> Judged:
    """A dataset that is cached under an empty name is cached in memory."""
    if any(fact.strings):
        return Severity.HIGH
    return None if fact.given == "constant" else "it may cache to a file whose name was not followed"


_JUDGES: dict[str, Callable[[Operator], Judged]] = {
    "writes": lambda _: Severity.HIGH,
    "reads": lambda _: Severity.MEDIUM,
    "network": lambda _: Severity.HIGH,
    "python": lambda _: Severity.MEDIUM,
    "ends": lambda _: Severity.MEDIUM,
    "saves": _saver,
    "restores": _saver,
    "vocabulary": _vocabulary,
    "prints": _printed,
    "debugs": _debugged,
    "schema": _schema,
    "names-file": _named_file,
    "caches": _cached,
    "graph": lambda _: "it runs a graph out of a string; those that show are read as members",
}


def _says(facts: list[Operator], effect: Effect) -> str:
    first = facts[0]
    named = [f"'{shown(text, 80)}'" for text in first.strings[:_SAID]]
    more = ", …" if len(first.strings) > _SAID else ""
    fed = f", fed by {', '.join(named)}{more}" if named else ""
    by = {"caller": ", where its caller says", "computed": ", with what it computes"}.get(first.given, "")
    places = len({fact.where for fact in facts})
    others = f" and {places - 1} other place{'s' if places > 2 else ''}" if places > 1 else ""
    where = f"{shown(first.where, 80)}{others}"
    when = "when the model is called, or loaded if an initialiser leads there"
    return f"its graph {effect.does}{fed}{by} ({first.name} in {where}): {when}"


def _gap(facts: list[Operator], why: str) -> Gap:
    fact = facts[0]
    strings = ", ".join(f"'{shown(text, 60)}'" for text in fact.strings[:_SAID])
    detail = f"{fact.name} in {shown(fact.where, 80)}{f', fed by {strings}' if strings else ''}: {why}"
    return Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="graph-reaches-out",
    summary="A TensorFlow graph has operators that write or read files, reach the network or call Python.",
    check=_check,
    looks_at=(Operator,),
    severity=Severity.HIGH,
    help="Do not load this model outside a jail; ask for one without these operators, or for the weights alone.",
    cwe=("CWE-73", "CWE-829"),
    atlas=("AML.T0011.000",),
)
