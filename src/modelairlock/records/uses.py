"""How a pickle uses each name it imports, told from its facts alone.

A rule asks "who vouches for this name, used like this?". The use is not always where the name stands: an instance made
by ``copyreg._reconstructor(cls, …)`` is a use of ``cls``, and a BUILD is a use of whatever made its target.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.records.facts import Build, Call, Fact, Import, SetItem, Value
from modelairlock.records.profile import Use

#: functions that make an instance of their first argument and nothing else
MAKERS = frozenset(
    {
        ("copyreg", "_reconstructor"),
        ("copy_reg", "_reconstructor"),
        ("copyreg", "__newobj__"),
        ("copy_reg", "__newobj__"),
    }
)

#: the kinds of facts that show a use
USED: tuple[type[Fact], ...] = (Import, Call, Build, SetItem)


class NameUse(NamedTuple):
    """`module` and `qualname` used as `use`, as `fact` shows; `arguments` of a call."""

    module: str
    qualname: str
    use: Use
    fact: Fact
    arguments: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        """The name as a person writes it."""
        return f"{self.module}.{self.qualname}"


def uses(facts: tuple[Fact, ...]) -> tuple[NameUse, ...]:
    """Every use of a name, in the order of the facts."""
    global _latest
    known, found = _latest
    if known is not facts:
        # Half a dozen rules ask the same of each reading, one after another.
        found = tuple(_uses(facts))
        _latest = (facts, found)
    return found


_latest: tuple[tuple[Fact, ...], tuple[NameUse, ...]] = ((), ())


def _uses(facts: tuple[Fact, ...]) -> Iterator[NameUse]:
    for fact in facts:
        if isinstance(fact, Import):
            yield NameUse(fact.module, fact.qualname, "import", fact)
        elif isinstance(fact, Call):
            yield from _call(fact)
        elif isinstance(fact, Build):
            for made_by in makers(fact.target):
                yield NameUse(made_by.module, made_by.text, "build", fact, (fact.target, fact.state))
        elif isinstance(fact, SetItem):
            use: Use = "items" if fact.opcode in ("SETITEM", "SETITEMS") else "append"
            for made_by in makers(fact.target):
                yield NameUse(made_by.module, made_by.text, use, fact)


_GETATTR = frozenset({("builtins", "getattr"), ("__builtin__", "getattr")})


def is_method_reference(use: NameUse) -> bool:
    """Whether a call only names a method: ``getattr(object, "name")``, which pickle writes for methods.

    To look an attribute up runs nothing by itself; to call what was found is a computed call, which is its own finding.
    """
    return (use.module, use.qualname) in _GETATTR and _names_a_method(use.arguments)


def _names_a_method(arguments: tuple[Value, ...]) -> bool:
    if len(arguments) != 2:
        return False
    owner, name = arguments
    plain = name.kind == "str" and not name.cut and name.text.isidentifier() and not name.text.startswith("__")
    return plain and owner.kind in ("call", "global")


def method_of_class(owner: Value, name: Value) -> Value | None:
    """``getattr(module.Class, "method")`` as the name ``module:Class.method``, if `owner` is a name."""
    if owner.kind != "global" or not _names_a_method((owner, name)):
        return None
    return Value(kind="global", module=owner.module, text=f"{owner.text}.{name.text}")


def method_called(function: Value) -> Value | None:
    """The method of a class that `function` is, when it is the result of looking one up."""
    if function.kind != "call" or len(function.parts) != 3 or function.parts[0].kind != "global":
        return None
    if (function.parts[0].module, function.parts[0].text) not in _GETATTR:
        return None
    return method_of_class(*function.parts[1:])


#: functions, by their last name, whose result is an instance of the class that is their first argument
CLASS_FIRST = frozenset(
    {"_reconstruct", "_mareconstruct", "newObj", "_new_Index", "_new_DatetimeIndex", "_new_PeriodIndex"}
)


def makers(target: Value) -> Iterator[Value]:
    """Every name that vouches for what may be done with `target`: what made it, and the class it is made of."""
    made_by = maker(target)
    if made_by is not None:
        yield made_by
        if made_by.text in CLASS_FIRST and len(target.parts) > 1 and target.parts[1].kind == "global":
            yield target.parts[1]


def maker(target: Value) -> Value | None:
    """The class or function that made `target`, when it is the result of calling a name."""
    if target.kind != "call" or not target.parts:
        return None
    function = method_called(target.parts[0]) or target.parts[0]
    if function.kind != "global":
        return None
    if (function.module, function.text) in MAKERS and len(target.parts) > 1 and target.parts[1].kind == "global":
        return target.parts[1]
    return function


def _call(fact: Call) -> Iterator[NameUse]:
    function = method_called(fact.callable) or fact.callable
    if function.kind != "global":
        return
    use: Use = "new" if fact.how in ("newobj", "newobj_ex") else "call"
    yield NameUse(function.module, function.text, use, fact, fact.arguments)
    first = fact.arguments[0] if fact.arguments else None
    if (function.module, function.text) in MAKERS and first is not None and first.kind == "global":
        yield NameUse(first.module, first.text, "new", fact, fact.arguments[1:])
