"""Says sizes, counts, values and facts in words, the same in every output.

Everything returned here is already fit to show (`records.text`): values and names come from hostile files.
"""

from collections.abc import Iterable, Sequence
from typing import assert_never

from modelairlock.records.facts import (
    Attempt,
    Buffer,
    Build,
    Bytecode,
    Call,
    Configured,
    ExtensionImport,
    Fact,
    FrameTrick,
    HiddenCode,
    Import,
    Irregularity,
    Key,
    Link,
    Member,
    NameMismatch,
    Operator,
    PersistentId,
    PickleStream,
    Polyglot,
    Reference,
    SetItem,
    Setting,
    SourceUse,
    TemplateUse,
    TensorBeyondStorage,
    UnresolvedImport,
    Value,
)
from modelairlock.records.scan import Settings, Subject
from modelairlock.records.text import counted as counted
from modelairlock.records.text import shown

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_BRACKETS = {"tuple": ("(", ")"), "list": ("[", "]"), "dict": ("{", "}"), "set": ("{", "}"), "frozenset": ("{", "}")}
_NESTING = 4
#: characters of a text that are told
_QUOTED = 200


def size(count: int) -> str:
    """`count` bytes in decimal units, two digits or more: ``58 bytes``, ``1.2 MB``."""
    if count < 1000:
        return counted(count, "byte")
    value = float(count)
    for unit in _UNITS:
        value /= 1000
        if value < 999.5 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def repositories_in_words(count: int) -> str:
    """``1 repository``, ``1,200 repositories``."""
    return f"{count:,} {'repository' if count == 1 else 'repositories'}"


def listed(items: Sequence[str], most: int, more: str = "more", comma: str = ", ") -> str:
    """The first `most` of `items`, and how many others there are."""
    if len(items) <= most + 1:
        return comma.join(items)
    return f"{comma.join(items[:most])} and {len(items) - most:,} {more}"


def formats_of(subject: Subject) -> str:
    """The formats that a subject turned out to be."""
    if subject.data_of:
        return f"data of {shown(subject.data_of[0].rpartition('/')[2], 80)}"
    return shown(" + ".join(subject.formats), 80) or "unrecognised"


def settings_in_words(settings: Settings) -> str:
    """What a settings file decided, to stand behind its name: ``decided exclude, require``."""
    return f"decided {shown(', '.join(settings.keys))}" if settings.keys else "decided nothing"


def inside(where: str, path: str) -> tuple[str, str]:
    """The place and the span of `where` (``path!member@start..end``); the place without what `path` already says."""
    place, _, span = where.rpartition("@")
    return shown(place.removeprefix(path).lstrip("!/") if place.startswith(path) else place), shown(span)


def value_in_words(value: Value, depth: int = 0) -> str:
    """A value of the pickle machine, written as Python would, at most a few hundred characters."""
    if value.kind == "global":
        return shown(f"{value.module}.{value.text}", 120)
    if value.kind == "str":
        return _quoted(repr(value.text[:_QUOTED]), value)
    if value.kind in ("bytes", "bytearray"):
        return _quoted(repr(value.text[:_QUOTED].encode("latin-1", "replace")), value)
    if depth >= _NESTING:
        return "…"
    if value.kind == "call":
        return _call(value.parts, depth, value.cut)
    if value.kind in _BRACKETS:
        opening, closing = _BRACKETS[value.kind]
        inside = _pairs(value, depth) if value.kind == "dict" else _parts(value.parts, depth, value.cut)
        return opening + inside + closing
    return shown(value.text, 60) or ("None" if value.kind == "none" else f"<{value.kind}>")


def _quoted(literal: str, value: Value) -> str:
    """`literal` of Python, which no text in it can end before its time, and whether that is all of the value."""
    more = "…" if value.cut or len(value.text) > _QUOTED else ""
    return shown(literal[:-1]) + more + literal[-1]


def _call(parts: Sequence[Value], depth: int, cut: bool) -> str:
    if not parts:
        return "<call>"
    return f"{value_in_words(parts[0], depth + 1)}({_parts(parts[1:], depth, cut)})"


def _parts(parts: Iterable[Value], depth: int, cut: bool) -> str:
    words = [value_in_words(part, depth + 1) for part in parts]
    return ", ".join([*words, "…"] if cut else words)


def _pairs(value: Value, depth: int) -> str:
    """The items of a dict, whose keys and values stand in turn."""
    words = [value_in_words(part, depth + 1) for part in value.parts]
    pairs = [": ".join(words[at : at + 2]) for at in range(0, len(words), 2)]
    return ", ".join([*pairs, "…"] if value.cut else pairs)


def use_in_words(use: SourceUse) -> str:
    """A call in source with what it is handed, as far as that is constant: ``subprocess.run(['curl', …])``."""
    if use.name.endswith("()"):
        return f"{shown(use.name[:-2], 120)}({_parts(use.arguments, 0, False)})()"
    return f"{shown(use.name, 120)}({_parts(use.arguments, 0, False)})"


def fact_in_words(fact: Fact) -> str:
    """What a fact states, as one short clause without a subject: ``calls posix.system('id')``."""
    return shown(_clause(fact), 300) + _times(getattr(fact, "count", 1))


def _times(count: int) -> str:
    return f" ({count:,} times)" if count > 1 else ""


def _clause(fact: Fact) -> str:  # noqa: C901, PLR0912  # a case for each kind, and mypy says if one is missing
    match fact:
        case Import():
            return f"imports {fact.module}.{fact.qualname}"
        case UnresolvedImport():
            return f"imports {value_in_words(fact.module)} . {value_in_words(fact.qualname)}, made up while loading"
        case ExtensionImport():
            return f"imports whatever is registered as extension {fact.code}"
        case Call():
            return f"calls {value_in_words(fact.callable)}({_parts(fact.arguments, 0, False)})"
        case Build():
            return f"sets the state of {value_in_words(fact.target)} to {value_in_words(fact.state)}"
        case SetItem():
            return f"puts items into {value_in_words(fact.target)}"
        case Key():
            return f"uses {value_in_words(fact.value)} as a key"
        case Buffer():
            return "takes bytes from outside the file"
        case PersistentId():
            return f"asks the loader for the object {value_in_words(fact.value)}"
        case PickleStream():
            return f"is a pickle of protocol {fact.protocol}"
        case Operator():
            return f"uses the operator {fact.name}"
        case FrameTrick() | Irregularity():
            return f"{fact.kind}: {fact.detail}"
        case HiddenCode():
            return f"{fact.kind} hides imports of {listed(fact.names, 5)}"
        case TensorBeyondStorage():
            return f"tensor over storage {fact.key} reaches element {fact.reaches:,} of {fact.has:,}"
        case Member():
            return f"holds {fact.name}"
        case Link():
            return f"{fact.kind} {fact.name} to {fact.target}"
        case Configured():
            return f"names the {fact.kind} {fact.module}.{fact.qualname} at {fact.where}"
        case Setting():
            return f"sets {fact.key} to {fact.value}"
        case Reference():
            return f"refers to {fact.target} as {fact.kind}"
        case Bytecode():
            return f"carries Python bytecode that names {listed(fact.names, 8) or 'nothing'}"
        case SourceUse():
            what = f"calls {use_in_words(fact)}" if fact.kind == "call" else f"imports {fact.name}"
            return what + (" when it is imported" if fact.at_import else "")
        case TemplateUse():
            return f"has a template with the {fact.kind} {fact.name}"
        case Polyglot():
            return f"is {' and '.join(fact.formats)} at once"
        case NameMismatch():
            return f"is named {fact.extension} and is {' and '.join(fact.formats)}"
        case Attempt():
            during = f" during {fact.phase}" if fact.phase else ""
            return f"tried {' '.join((fact.syscall, *fact.arguments))}{during}, which was {fact.certainty}"
    assert_never(fact)
