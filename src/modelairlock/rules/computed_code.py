"""What the file runs is computed while it loads

## Why it matters

Honest picklers write the name of every class and function as a plain constant, and call nothing but such names. A file
that computes a name, calls what another call returned, or takes names from the loading process's extension registry
hides from everybody who reads it what it will run. A class method that somebody has looked at is no such case.

## What to do

Do not load the file, unless its author can say why it was pickled by cloudpickle or from methods of objects, which is
how honest files come to look like this. Even then: ask for safetensors.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Call, ExtensionImport, UnresolvedImport, Value
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.uses import method_called
from modelairlock.records.wording import value_in_words

#: an unpickler that calls one of these raises TypeError, so nothing runs
_NOT_CALLABLE = frozenset(
    {"none", "bool", "int", "float", "str", "bytes", "tuple", "list", "dict", "set", "frozenset", "bytearray", "buffer"}
)


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    for fact in reading.facts:
        if isinstance(fact, UnresolvedImport):
            module, qualname = value_in_words(fact.module), value_in_words(fact.qualname)
            yield RULE.finding(reading, f"it imports a name that it computes: {module} . {qualname}", fact)
        elif isinstance(fact, ExtensionImport):
            message = f"it imports whatever the loading process has registered as extension {fact.code} (copyreg)"
            yield RULE.finding(reading, message, fact)
        elif isinstance(fact, Call) and _computed(fact.callable, context):
            message = f"it calls something that it computes while loading: {value_in_words(fact.callable)}"
            yield RULE.finding(reading, message, fact)


def _computed(function: Value, context: Context) -> bool:
    method = method_called(function)
    if method is not None and context.profiles.vouches(method.module, method.text, "call"):
        return False  # how pickle writes a class method; its arguments are looked at like those of any function
    return function.kind != "global" and function.kind not in _NOT_CALLABLE


RULE = Rule(
    name="computed-code",
    summary="The file computes what it imports or calls.",
    check=_check,
    looks_at=(Call, ExtensionImport, UnresolvedImport),
    severity=Severity.HIGH,
    help="Do not load this file: it hides what runs. Ask its author for safetensors.",
    cwe=("CWE-502", "CWE-913"),
    atlas=("AML.T0011.000",),
)
