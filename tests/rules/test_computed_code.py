"""No pickler computes what it imports or calls."""

from typing import get_args

import pytest

from modelairlock.records.facts import ExtensionImport, UnresolvedImport, Value, ValueKind
from modelairlock.records.finding import Severity
from modelairlock.rules.computed_code import RULE as CHECK
from tests.build import pickle_builder as p
from tests.rules.judging import SPAN, called, checked, finding_of, findings, judged, made, named, text

RULE = "computed-code"
GETATTR = p.global_("builtins", "getattr")

HOSTILE = {
    "a computed name": p.Code(p.call(p.global_("builtins", "str"), b"os") + p.push("system") + p.STACK_GLOBAL),
    "a number for a name": p.Code(p.push("os") + p.push(7) + p.STACK_GLOBAL),
    "an extension": p.Code(p.ext1(7)),
    "what a call returned": p.call(p.call(GETATTR, p.call(p.global_("collections", "OrderedDict")), "keys")),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hit(case: str) -> None:
    found = findings(judged(p.whole(HOSTILE[case])), RULE)
    assert found
    assert found[0].severity is Severity.HIGH


def test_miss() -> None:
    assert not findings(judged(p.whole(p.call(p.global_("collections", "OrderedDict")))), RULE)


def test_what_cannot_be_called_stops_every_unpickler() -> None:
    assert not findings(judged(p.whole(p.call(p.push("text")))), RULE)


NOT_CALLABLE = {
    "none", "bool", "int", "float", "str", "bytes", "tuple", "list", "dict", "set", "frozenset", "bytearray", "buffer"
}  # fmt: skip


def test_a_method_that_getattr_named_is_computed_once_it_is_called() -> None:
    method = made(named("builtins", "getattr"), named("collections", "OrderedDict"), text("fromkeys"))
    finding = finding_of(CHECK, called(method, text("ab")))
    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "it calls something that it computes while loading: builtins.getattr(collections.OrderedDict, 'fromkeys')"
    )
    assert (finding.cwe, finding.atlas) == (("CWE-502", "CWE-913"), ("AML.T0011.000",))
    assert not checked(CHECK, called(named("builtins", "getattr"), named("a", "B"), text("fromkeys")))


def test_names_by_hand() -> None:
    computed = UnresolvedImport(
        span=SPAN, module=made(named("builtins", "str"), text("os")), qualname=text("system"), opcode="STACK_GLOBAL"
    )
    assert finding_of(CHECK, computed).message == "it imports a name that it computes: builtins.str('os') . 'system'"
    message = "it imports whatever the loading process has registered as extension 7 (copyreg)"
    assert finding_of(CHECK, ExtensionImport(span=SPAN, code=7)).message == message


@pytest.mark.parametrize("kind", get_args(ValueKind))
def test_whatever_can_be_called_counts(kind: str) -> None:
    told = checked(CHECK, called(Value(kind=kind)))
    assert bool(told) is (kind not in NOT_CALLABLE | {"global"})
