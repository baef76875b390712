"""A node of a skops file does something else than it shows

## Why it matters

skops shows which types a file wants, and loads it when all of them are trusted. Some nodes use other names than they
show: before skops 0.12 a MethodNode looked up any attribute of what it holds (so that `decision_function.__builtins__`
gave everything, CVE-2025-54413) and an OperatorFuncNode called any function of `operator` while it showed the name of
an estimator (CVE-2025-54412). Before 0.14 a LossNode imported the module it names before anybody could be asked. And
what makes the keys of a dict, or fills a default dict, is called.

## What to do

Do not load the file, and do not trust the types that it asks for. Upgrade skops to 0.14 or later: it refuses these.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Configured, Value
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: what types a dict's keys, or a default dict's values, may be made by: plain ones that compute nothing
_TYPES = frozenset(
    {"str", "int", "float", "bool", "complex", "bytes", "NoneType", "tuple", "list", "dict", "set", "frozenset"}
)
_OPERATORS = frozenset({"attrgetter", "itemgetter", "methodcaller"})


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Configured) and fact.scheme == "skops" and (message := _misleads(fact)):
            severity, text = message
            yield RULE.finding(reading, shown(f"{text} (at {fact.where or 'the top'})", 400), fact, severity=severity)


def _misleads(fact: Configured) -> tuple[Severity, str] | None:
    check = _CHECKS.get(fact.kind)
    return check(fact) if check else None


def _method(fact: Configured) -> tuple[Severity, str] | None:
    owner, func = fact.arguments
    held = owner.parts[0] if owner.parts else Value("unknown")
    name = f"{held.module}.{held.text}.{func.text}"
    if (held.module, held.text) != (fact.module, fact.qualname):
        shows = f"{fact.module}.{fact.qualname}"
        return Severity.CRITICAL, f"a method node shows {shows} and looks up {name}: skops before 0.12 does it unasked"
    if func.kind != "str" or not func.text.isidentifier() or func.text.startswith("_"):
        return Severity.CRITICAL, f"a method node looks up {name}, from where all of Python can be reached"
    if owner.text == "MethodNode":
        return Severity.CRITICAL, f"a method node looks up {func.text} on what another method node looked up"
    return None


def _operator(fact: Configured) -> tuple[Severity, str] | None:
    if fact.module != "operator":
        shows = f"{fact.module}.{fact.qualname}"
        return Severity.CRITICAL, f"a node shows {shows} and calls operator.{fact.qualname.rpartition('.')[2]}"
    if fact.qualname not in _OPERATORS:
        return Severity.CRITICAL, f"a node calls operator.{fact.qualname}, which skops never writes"
    return None


def _loss(fact: Configured) -> tuple[Severity, str] | None:
    root = fact.module.partition(".")[0]
    if root == "sklearn" or (fact.module == "_loss" and fact.qualname.startswith("Cy")):
        return None
    name = f"{fact.module}.{fact.qualname}"
    return Severity.HIGH, f"a loss node names {name}: skops before 0.14 imports it before it asks anybody"


def _called(fact: Configured) -> tuple[Severity, str] | None:
    """Key types and factories are called while the file is loaded."""
    wanted = [item for value in fact.arguments for item in (value.parts[1:] if fact.kind == "DictNode" else (value,))]
    for item in wanted:
        if item.kind == "unknown" or item.text == "JsonNode":
            continue  # no factory
        name = item.parts[0] if item.parts else Value("unknown")
        plain = item.text == "TypeNode" and _is_plain(name)
        if not plain:
            what = "makes its keys with" if fact.kind == "DictNode" else "fills itself with"
            return Severity.HIGH, f"a dict {what} {item.text} {name.module}.{name.text}, which is called while loading"
    return None


def _is_plain(name: Value) -> bool:
    return (name.module == "builtins" and name.text in _TYPES) or name.module.partition(".")[0] == "numpy"


_CHECKS = {
    "MethodNode": _method,
    "OperatorFuncNode": _operator,
    "LossNode": _loss,
    "DictNode": _called,
    "DefaultDictNode": _called,
}

RULE = Rule(
    name="skops-misleads",
    summary="A node of a skops file uses another name than it shows, or calls what should only be a type.",
    check=_check,
    looks_at=(Configured,),
    severity=Severity.CRITICAL,
    help="Do not load the file; upgrade skops to 0.14 or later, which refuses such nodes.",
    cwe=("CWE-502", "CWE-351"),
    atlas=("AML.T0011.000",),
)
