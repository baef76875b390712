"""Which name each fact is a use of, and how: a class behind ``copyreg``, what made the target of a BUILD."""

import pytest

from modelairlock.records.facts import (
    Build,
    Call,
    CallHow,
    ExtensionImport,
    Fact,
    Import,
    Irregularity,
    Member,
    PersistentId,
    SetItem,
    UnresolvedImport,
    Value,
)
from modelairlock.records.span import Span
from modelairlock.records.uses import CLASS_FIRST, MAKERS, NameUse, is_method_reference, maker, makers, uses

SPAN = Span(3, 9)


def named(module: str, qualname: str) -> Value:
    return Value(kind="global", module=module, text=qualname)


def text(characters: str, *, cut: bool = False) -> Value:
    return Value(kind="str", text=characters, cut=cut)


def made(*parts: Value) -> Value:
    return Value(kind="call", parts=parts)


def called(function: Value, *arguments: Value, how: CallHow = "reduce") -> Call:
    return Call(span=SPAN, callable=function, how=how, arguments=arguments)


def build(target: Value) -> Build:
    return Build(span=SPAN, target=target, state=text("state"))


def items(target: Value, opcode: str = "SETITEM") -> SetItem:
    return SetItem(span=SPAN, target=target, opcode=opcode)


def told(*facts: Fact) -> list[tuple[str, str]]:
    """Names and uses, without the facts they stand in."""
    return [(use.name, use.use) for use in uses(facts)]


MODEL, OTHER = named("lib", "Model"), named("lib", "Other")
NOT_NAMES = [
    Value(kind=kind)
    for kind in ("call", "persistent", "extension", "unresolved", "unknown", "dict", "list", "str", "none")
]


def test_an_import_is_a_use() -> None:
    fact = Import(span=SPAN, module="lib.models", qualname="Model.Config", opcode="GLOBAL")
    assert list(uses([fact])) == [NameUse("lib.models", "Model.Config", "import", fact)]
    assert told(fact) == [("lib.models.Model.Config", "import")]


@pytest.mark.parametrize(
    ("how", "use"), [("reduce", "call"), ("obj", "call"), ("inst", "call"), ("newobj", "new"), ("newobj_ex", "new")]
)
def test_how_a_call_is_made_decides_its_use(how: CallHow, use: str) -> None:
    fact = called(MODEL, text("x"), how=how)
    assert list(uses([fact])) == [NameUse("lib", "Model", use, fact, (text("x"),))]


def test_what_is_no_name_is_no_use() -> None:
    for value in NOT_NAMES:
        assert told(called(value), build(value), items(value)) == []
    assert (
        told(
            UnresolvedImport(span=SPAN, module=text("a"), qualname=text("b"), opcode="STACK_GLOBAL"),
            ExtensionImport(span=SPAN, code=1),
            PersistentId(span=SPAN, value=MODEL),
            Irregularity(span=SPAN, kind="x", detail=""),
            Member(span=SPAN, name="a"),
        )
        == []
    )


def test_an_imported_name_itself_is_nothing_that_the_pickle_made() -> None:
    # a rule of its own speaks of a BUILD or SETITEM on a class
    assert told(build(MODEL), items(MODEL)) == []


def test_a_state_is_a_use_of_what_made_its_target() -> None:
    fact = build(made(MODEL, text("x")))
    assert list(uses([fact])) == [NameUse("lib", "Model", "build", fact, (fact.target, fact.state))]


@pytest.mark.parametrize(
    ("opcode", "use"),
    [("SETITEM", "items"), ("SETITEMS", "items"), ("APPEND", "append"), ("APPENDS", "append"), ("ADDITEMS", "append")],
)
def test_items_ask_the_class_and_appending_asks_the_instance(opcode: str, use: str) -> None:
    assert told(items(made(MODEL), opcode)) == [("lib.Model", use)]


def test_an_opcode_nobody_knows_is_the_worse_of_both() -> None:
    assert told(items(made(MODEL), "FUTURE")) == [("lib.Model", "append")]


@pytest.mark.parametrize("function", sorted(MAKERS))
def test_the_class_behind_copyreg_is_instantiated(function: tuple[str, str]) -> None:
    fact = called(named(*function), MODEL, named("builtins", "object"), Value(kind="none"))
    assert told(fact) == [(".".join(function), "call"), ("lib.Model", "new")]
    assert list(uses([fact]))[1].arguments == fact.arguments[1:]
    instance = made(named(*function), MODEL)
    assert maker(instance) == MODEL
    assert told(build(instance), items(instance)) == [("lib.Model", "build"), ("lib.Model", "items")]


@pytest.mark.parametrize("function", sorted(MAKERS))
def test_copyreg_without_a_plain_class_vouches_for_nothing(function: tuple[str, str]) -> None:
    name = ".".join(function)
    for arguments in ((), (text("x"),), (made(MODEL),)):
        assert told(called(named(*function), *arguments)) == [(name, "call")]
        assert told(build(made(named(*function), *arguments))) == [(name, "build")]


@pytest.mark.parametrize("function", sorted(CLASS_FIRST))
def test_functions_that_are_given_a_class_answer_together_with_it(function: str) -> None:
    by = named("numpy.core.multiarray", function)
    instance = made(by, MODEL, text("x"))
    assert list(makers(instance)) == [by, MODEL]
    assert told(build(instance)) == [(f"numpy.core.multiarray.{function}", "build"), ("lib.Model", "build")]
    assert list(makers(made(by))) == [by]
    assert list(makers(made(by, text("x")))) == [by]


def test_other_functions_answer_for_what_they_give() -> None:
    assert list(makers(made(named("lib", "make"), MODEL))) == [named("lib", "make")]


def test_nothing_made_by_no_name_has_a_maker() -> None:
    for target in (*NOT_NAMES, MODEL, made(), made(made(MODEL)), made(text("x")), made(Value(kind="persistent"))):
        assert maker(target) is None
        assert list(makers(target)) == []


def test_uses_keep_the_order_of_the_facts() -> None:
    facts = (called(MODEL), Import(span=SPAN, module="lib", qualname="Other", opcode="GLOBAL"), build(made(OTHER)))
    assert told(*facts) == [("lib.Model", "call"), ("lib.Other", "import"), ("lib.Other", "build")]


# --- getattr ----------------------------------------------------------------------------------------------------------

GETATTR = named("builtins", "getattr")


def references(*facts: Fact) -> list[bool]:
    return [is_method_reference(use) for use in uses(facts)]


def test_a_method_is_referred_to() -> None:
    for function in (GETATTR, named("__builtin__", "getattr")):
        for owner in (MODEL, made(MODEL)):
            assert references(called(function, owner, text("fit"))) == [True]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (MODEL,),
        (MODEL, text("fit"), Value(kind="none")),  # with a default it is no method reference
        (MODEL, text("__class__")),
        (MODEL, text("__globals__")),
        (MODEL, text("a.b")),
        (MODEL, text("")),
        (MODEL, text("fit", cut=True)),
        (MODEL, made(named("builtins", "str"), text("fit"))),
        (MODEL, Value(kind="bytes", text="fit")),
        (text("owner"), text("join")),
        (Value(kind="persistent"), text("fit")),
        (Value(kind="unresolved"), text("fit")),
    ],
)
def test_anything_else_getattr_does_is_no_reference(arguments: tuple[Value, ...]) -> None:
    assert references(called(GETATTR, *arguments)) == [False]


def test_other_functions_are_no_references() -> None:
    for function in (named("builtins", "setattr"), named("operator", "getattr"), named("lib", "getattr")):
        assert references(called(function, MODEL, text("fit"))) == [False]
    imported = Import(span=SPAN, module="builtins", qualname="getattr", opcode="GLOBAL")
    assert references(imported) == [False]
