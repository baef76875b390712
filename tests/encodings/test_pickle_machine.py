"""The effect of every opcode on stack, marks and memo, against CPython's ``_pickle.c``; and every fact it leaves.

A program's outcome is written in one line: what STOP returns, and how many values stay behind on the stack. What the
real unpicklers do with random programs is compared in ``test_pickle_oracle.py``; here stands why.
"""

from collections.abc import Callable

import msgspec
import pytest

from modelairlock.encodings.pickle_machine import Ended, State, run
from modelairlock.encodings.pickle_machine.ledger import ARGUMENTS, LOADERS
from modelairlock.encodings.pickle_machine.opcodes import NAMES
from modelairlock.encodings.pickle_stream import pickle_facts
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.reading import Budget, BytesSource, Cursor, Malformed, ReadProblem, Truncated
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import (
    Build,
    Call,
    Fact,
    Import,
    Irregularity,
    Member,
    PersistentId,
    PickleStream,
    SetItem,
    UnresolvedImport,
    Value,
)
from tests.build import pickle_builder as p

A, B = p.global_("a", "A"), p.global_("b", "B")
ONE, TWO, THREE = p.binint1(1), p.binint1(2), p.binint1(3)


def state_of(data: bytes, limits: Limits = DEFAULT_LIMITS) -> State:
    return State(Cursor(BytesSource(data), "x", Budget(limits)), 0)


def shown(value: Value) -> str:
    """A value in one line."""
    if value.kind == "global":
        return f"{value.module}.{value.text}"
    parts = [shown(part) for part in value.parts]
    if value.kind == "tuple":
        return f"({', '.join(parts)})"
    if value.kind == "call":
        return f"{parts[0]}[{value.text}]({', '.join(parts[1:])})"
    return " ".join(filter(None, [value.kind, value.text, *parts]))


def outcome(body: bytes) -> str:
    """What STOP returns after `body`, then how many values are left; or the kind of problem and where it is."""
    state = state_of(body + p.STOP)
    try:
        assert run(state) is Ended.STOP
    except ReadProblem as problem:
        return f"{type(problem).__name__} at {problem.position}"
    assert state.position == len(body) + 1
    return f"{shown(state.ledger.value(state.result))} | {len(state.stack)}"


def stated(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[list[Fact | Gap], ReadProblem | None]:
    """Every fact and gap of one pickle, and what stopped it."""
    told: list[Fact | Gap] = []
    state = state_of(data, limits)
    try:
        for fact in pickle_facts(state.window.cursor, state):
            told.append(fact)  # those before a problem count
    except ReadProblem as problem:
        return told, problem
    return told, None


def facts(body: bytes) -> list[Fact | Gap]:
    """The facts of `body` in a pickle that comes to its end."""
    told, problem = stated(p.whole(body))
    assert problem is None
    assert isinstance(told[-1], PickleStream)
    return told[:-1]


EFFECTS = [
    # values
    (p.NONE, "none | 0"),
    (p.NEWTRUE + p.NEWFALSE, "bool False | 1"),
    (p.int_("01"), "bool True | 0"),
    (p.int_("00"), "bool False | 0"),
    (p.int_("1"), "int 1 | 0"),
    (p.int_("-7"), "int -7 | 0"),
    (p.int_("0x1f"), "int 31 | 0"),
    (p.int_("0b11"), "int 3 | 0"),
    (p.int_("0o17"), "int 15 | 0"),
    (p.int_("1_000"), "int 1000 | 0"),
    (p.int_(" 5 "), "int 5 | 0"),
    (p.int_("010"), "int 010 | 0"),  # 8 in C, an error in Python: not told as either
    (p.int_(b"5\0what C never looks at"), "int 5 | 0"),
    (p.int_("99999999999999999999"), "int 99999999999999999999 | 0"),
    (p.int_("0" * 300 + "5"), "int a number of more than 256 characters | 0"),
    (p.int_("5x"), "Malformed at 0"),
    (p.int_("1 2"), "Malformed at 0"),
    (p.long("12L"), "int 12 | 0"),
    (p.long("-0x1fL"), "int -31 | 0"),
    (p.long("12"), "int 12 | 0"),
    (p.long("twelve"), "Malformed at 0"),
    (p.float_("2.5"), "float 2.5 | 0"),
    (p.float_(b"2.5\0x"), "float 2.5 | 0"),
    (p.float_("1e999"), "float 1e999 | 0"),
    (p.float_("0x10"), "Malformed at 0"),
    (p.float_(""), "Malformed at 0"),
    (p.binint(-(2**31)), f"int {-(2**31)} | 0"),
    (p.binint1(255), "int 255 | 0"),
    (p.binint2(65535), "int 65535 | 0"),
    (p.long1(-129), "int -129 | 0"),
    (p.long1(b""), "int 0 | 0"),
    (p.long4(1 << 70), f"int {1 << 70} | 0"),
    (p.long4(b"", -1), "Malformed at 0"),
    (p.binfloat(-0.5), "float -0.5 | 0"),
    # strings
    (p.string("'a\\x41\\tb'"), "str aA\tb | 0"),
    (p.string('"it\'s"'), "str it's | 0"),
    (p.string("'a\""), "Malformed at 0"),
    (p.string("'"), "Malformed at 0"),
    (p.string("bare"), "Malformed at 0"),
    (p.string("'a'\r"), "Malformed at 0"),
    (p.unicode("a\\u0041\\x41"), "str aA\\x41 | 0"),
    (p.unicode(""), "str | 0"),
    (p.binstring("abc"), "str abc | 0"),
    (p.binstring("abc", -1), "Malformed at 0"),
    (p.short_binstring(b"\xe9"), "str \xe9 | 0"),
    (p.binunicode("\u20ac"), "str \u20ac | 0"),
    (p.short_binunicode("\ud800"), "str \ud800 | 0"),
    (p.binunicode8("t"), "str t | 0"),
    (p.binbytes(b"\xff"), "bytes \xff | 0"),
    (p.short_binbytes(b"x"), "bytes x | 0"),
    (p.binbytes8(b"x"), "bytes x | 0"),
    (p.bytearray8(b"x"), "bytes x | 0"),
    # the stack
    (p.EMPTY_TUPLE + p.EMPTY_LIST + p.EMPTY_DICT + p.EMPTY_SET, "set | 3"),
    (b"", "Malformed at 0"),
    (ONE + TWO + p.POP, "int 1 | 0"),
    (ONE + p.DUP, "int 1 | 1"),
    (p.DUP, "Malformed at 0"),
    (ONE + p.MARK + p.DUP, "Malformed at 3"),
    (p.POP, "Malformed at 0"),
    (ONE + p.MARK + p.POP, "int 1 | 0"),  # POP takes a MARK that is on top
    (ONE + p.MARK + TWO + p.POP + p.POP, "int 1 | 0"),
    (ONE + p.MARK + TWO + p.POP, "Malformed at 6"),  # STOP may not reach below the MARK
    (ONE + p.MARK + TWO, "int 2 | 1"),
    (ONE + p.MARK + TWO + p.POP_MARK, "int 1 | 0"),
    (ONE + p.POP_MARK, "Malformed at 2"),
    # tuples
    (ONE + p.TUPLE1, "(int 1) | 0"),
    (ONE + TWO + p.TUPLE2, "(int 1, int 2) | 0"),
    (p.NONE + ONE + TWO + THREE + p.TUPLE3, "(int 1, int 2, int 3) | 1"),
    (p.TUPLE1, "Malformed at 0"),
    (ONE + p.MARK + TWO + p.TUPLE2, "Malformed at 5"),
    (ONE + TWO + p.MARK + p.TUPLE3, "Malformed at 5"),
    (ONE + p.MARK + p.TUPLE1, "Malformed at 3"),
    (ONE + p.MARK + TWO + THREE + p.TUPLE, "(int 2, int 3) | 1"),
    (p.MARK + p.TUPLE, "() | 0"),
    (ONE + p.TUPLE, "Malformed at 2"),
    (p.MARK + p.MARK + ONE + p.TUPLE + TWO + p.TUPLE, "((int 1), int 2) | 0"),
    # containers: what they hold is not told, what becomes of the stack is
    (p.NONE + p.MARK + ONE + p.LIST, "list | 1"),
    (p.MARK + ONE + TWO + p.DICT, "dict | 0"),
    (p.MARK + ONE + p.FROZENSET, "frozenset | 0"),
    (p.LIST, "Malformed at 0"),
    (p.EMPTY_LIST + ONE + p.APPEND, "list | 0"),
    (p.EMPTY_LIST + p.APPEND, "Malformed at 1"),
    (p.EMPTY_DICT + ONE + TWO + p.SETITEM, "dict | 0"),
    (p.EMPTY_DICT + ONE + p.SETITEM, "Malformed at 3"),
    (p.EMPTY_LIST + p.MARK + ONE + TWO + p.APPENDS, "list | 0"),
    (p.EMPTY_LIST + p.MARK + p.APPENDS, "list | 0"),
    (p.MARK + ONE + p.APPENDS, "Malformed at 3"),
    (p.NONE + p.MARK + p.MARK + ONE + p.APPENDS, "Malformed at 5"),  # the list may not lie below an outer MARK
    (p.EMPTY_DICT + ONE + TWO + p.SETITEMS, "Malformed at 5"),
    (p.EMPTY_SET + p.MARK + ONE + p.ADDITEMS, "set | 0"),
    # the memo
    (ONE + p.MEMOIZE + TWO + p.binget(0), "int 1 | 2"),
    (p.MEMOIZE, "Malformed at 0"),
    (ONE + p.MARK + p.MEMOIZE, "Malformed at 3"),
    (ONE + p.put(0) + TWO + p.put(0) + p.get(0), "int 2 | 2"),  # PUT overwrites
    (ONE + p.binput(0) + TWO + p.binput(0) + p.binget(0), "int 2 | 2"),
    (ONE + p.put(5) + TWO + p.MEMOIZE + p.get(1), "int 2 | 2"),  # MEMOIZE counts entries, of which there is one
    (ONE + p.put(1) + TWO + p.MEMOIZE + p.get(1), "int 2 | 2"),  # and may overwrite
    (ONE + p.put(0) + p.put(2) + TWO + p.put(0) + THREE + p.MEMOIZE + p.get(2), "int 3 | 3"),
    (ONE + p.put(1) + TWO + p.put(0) + THREE + p.MEMOIZE + p.get(2), "int 3 | 3"),
    (ONE + p.long_binput(2**32 - 1) + TWO + p.long_binget(2**32 - 1), "int 1 | 2"),
    (ONE + p.put(10**30) + p.get(10**30), "int 1 | 1"),
    (ONE + p.put("1_0") + TWO + p.get(" 10 "), "int 1 | 2"),
    (ONE + p.put(b"3\0x") + TWO + p.get(b"3\0y"), "int 1 | 2"),
    (ONE + p.put(70) + TWO + p.put(3) + p.get(70), "int 1 | 2"),
    (ONE + p.put(-1), "Malformed at 2"),
    (ONE + p.put(0) + p.get(-1), "Malformed at 5"),
    (ONE + p.put("x"), "Malformed at 2"),
    (p.put(0), "Malformed at 0"),
    (p.binput(0), "Malformed at 0"),
    (p.long_binput(0), "Malformed at 0"),
    (p.get(0), "Malformed at 0"),
    (ONE + p.put(1) + p.get(0), "Malformed at 5"),  # a hole
    (p.binget(0), "Malformed at 0"),
    (ONE + p.binput(2) + p.binget(1), "Malformed at 4"),
    (p.long_binget(1), "Malformed at 0"),
    # calls: the order of their parts
    (A + ONE + p.TUPLE1 + p.REDUCE, "a.A[reduce](int 1) | 0"),
    (A + ONE + p.REDUCE, "a.A[reduce](unknown) | 0"),  # pickle.py unpacks whatever can be
    (p.EMPTY_TUPLE + p.REDUCE, "Malformed at 1"),
    (A + p.MARK + p.EMPTY_TUPLE + p.REDUCE, "Malformed at 7"),
    (A + ONE + p.TUPLE1 + p.NEWOBJ, "a.A[newobj](int 1) | 0"),
    (A + ONE + p.TUPLE1 + p.EMPTY_DICT + p.NEWOBJ_EX, "a.A[newobj_ex](int 1, dict) | 0"),
    (p.EMPTY_TUPLE + p.EMPTY_DICT + p.NEWOBJ_EX, "Malformed at 2"),
    (p.NONE + p.MARK + A + ONE + TWO + p.OBJ, "a.A[obj](int 1, int 2) | 1"),
    (p.MARK + p.OBJ, "Malformed at 1"),
    (p.NONE + p.MARK + ONE + TWO + p.inst("a", "A"), "a.A[inst](int 1, int 2) | 1"),
    (p.inst("a", "A"), "Malformed at 0"),
    (A + p.NONE + p.BUILD, "a.A | 0"),
    (A + p.BUILD, "Malformed at 5"),
    (A + p.MARK + ONE + p.BUILD, "Malformed at 8"),
    # names
    (p.stack_global("a", "A.b"), "a.A.b | 0"),
    (p.STACK_GLOBAL, "Malformed at 0"),
    (p.global_("", "A"), "Malformed at 0"),
    (p.global_("a", ""), "Malformed at 0"),
    (p.global_(b"\xff", "A"), "Malformed at 0"),
    (p.ext1(1), "extension | 0"),
    (p.ext2(65535), "extension | 0"),
    (p.ext4(1), "extension | 0"),
    (p.ext1(0), "Malformed at 0"),
    (p.ext2(0), "Malformed at 0"),
    (p.ext4(-1), "Malformed at 0"),
    # what the loader passes in
    (p.persid("k"), "persistent str k | 0"),
    (ONE + p.BINPERSID, "persistent int 1 | 0"),
    (p.BINPERSID, "Malformed at 0"),
    (p.MARK + p.BINPERSID, "Malformed at 1"),
    (p.NEXT_BUFFER + p.READONLY_BUFFER, "buffer | 0"),
    (p.READONLY_BUFFER, "Malformed at 0"),
    # the rest
    (p.proto(0) + ONE + p.proto(5), "int 1 | 0"),  # PROTO may stand anywhere
    (ONE + p.proto(6), "Malformed at 2"),
    (ONE + b"\xff", "Malformed at 2"),
    (ONE + p.MARK + p.NONE, "none | 1"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), EFFECTS, ids=lambda item: repr(item)[:60])
def test_effects(body: bytes, expected: str) -> None:
    assert outcome(body) == expected


@pytest.mark.parametrize("opcode", sorted(set(range(256)) - set(NAMES)))
def test_a_byte_that_is_no_opcode(opcode: int) -> None:
    assert outcome(p.NONE + bytes([opcode]) + bytes(9)) == "Malformed at 1"


LENGTHS = [
    p.binstring(b"", 2**31 - 1), p.short_binstring(b"", 255), p.binunicode(b"", 2**32 - 1),
    p.short_binunicode(b"", 255), p.binunicode8(b"", 2**64 - 1), p.binbytes(b"", 2**32 - 1),
    p.short_binbytes(b"", 255), p.binbytes8(b"", 2**63), p.bytearray8(b"", 2**64 - 1), p.long1(b"", 255),
    p.long4(b"", 2**31 - 1),
]  # fmt: skip


@pytest.mark.parametrize("body", LENGTHS)
def test_a_length_beyond_the_end(body: bytes) -> None:
    assert outcome(body).startswith("Truncated")


CUT = [
    p.binint(1), p.binint1(1), p.binint2(1), p.binfloat(1.5), p.binget(0), p.long_binget(0), p.binput(0),
    p.long_binput(0), p.ext1(1), p.ext2(1), p.ext4(1), p.proto(2), p.frame(b""), p.long1(1), p.long4(1),
    p.int_(12), p.long(12), p.float_(1.5), p.string("'a'"), p.unicode("a"), p.put(0), p.get(0), p.persid("a"),
    p.global_("a", "b"), p.inst("a", "b"), p.binunicode("a"), p.binbytes(b"a"), p.binunicode8("a"),
]  # fmt: skip


@pytest.mark.parametrize("opcode", CUT, ids=lambda opcode: hex(opcode[0]))
def test_an_opcode_cut_anywhere(opcode: bytes) -> None:
    for length in range(1, len(opcode)):
        _, problem = stated(p.NONE + p.MEMOIZE + p.MARK + p.NONE + opcode[:length])
        assert isinstance(problem, Truncated), (opcode[:length], problem)


def test_every_opcode_has_a_test() -> None:
    tested = set(b"".join(body for body, _ in EFFECTS)) | {0x2E, 0x95}
    assert set(NAMES) <= tested


# -- facts -----------------------------------------------------------------------------------------------------


def test_facts_stand_in_order_of_first_occurrence_with_counts() -> None:
    call = p.Code(A + ONE + p.TUPLE1 + p.REDUCE)
    told = facts(call + B + call + call + p.persid("x") + p.ext1(7) + p.persid("x") + p.NEXT_BUFFER + p.NEXT_BUFFER)
    assert [(type(fact).__name__, getattr(fact, "count", 0)) for fact in told] == [
        ("Import", 3), ("Call", 3), ("Import", 1), ("PersistentId", 2), ("ExtensionImport", 1), ("Buffer", 2),
    ]  # fmt: skip
    assert told[0].span == (2, 7)
    assert told[1].span == (10, 11)


def test_the_same_name_by_another_opcode_is_another_fact() -> None:
    told = facts(A + p.stack_global("a", "A") + p.MARK + p.inst("a", "A"))
    assert [fact.opcode for fact in told if isinstance(fact, Import)] == ["GLOBAL", "STACK_GLOBAL", "INST"]


def test_a_pop_hides_nothing() -> None:
    told, problem = stated(p.proto() + p.MARK + p.call(A, 1) + p.POP_MARK + p.call(B) + p.POP + p.POP)
    assert isinstance(problem, Malformed)
    assert [fact.callable.text for fact in told if isinstance(fact, Call)] == ["A", "B"]


@pytest.mark.parametrize("how", ["reduce", "obj", "inst", "newobj", "newobj_ex"])
def test_every_kind_of_call_says_how(how: str) -> None:
    made = {
        "reduce": p.call(A, 1), "obj": p.call_obj(A, 1), "inst": p.call_inst("a", "A", 1),
        "newobj": p.call_newobj(A, 1), "newobj_ex": p.call_newobj_ex(A, 1, k=2),
    }[how]  # fmt: skip
    [call] = [fact for fact in facts(made) if isinstance(fact, Call)]
    assert (call.how, call.callable.module, call.arguments[0]) == (how, "a", Value("int", "1"))


def test_what_an_object_made_by_a_call_is_given() -> None:
    made = p.call(A)
    told = facts(
        p.build(made, {"x": 1}) + p.BINPERSID + p.POP
        + made + p.push("k") + ONE + p.SETITEM + p.MARK + p.push("k") + ONE + p.SETITEMS
        + ONE + p.APPEND + p.MARK + ONE + p.APPENDS + p.MARK + ONE + p.ADDITEMS + p.MARK + p.ADDITEMS
    )  # fmt: skip
    [build] = [fact for fact in told if isinstance(fact, Build)]
    assert (shown(build.target), build.state.kind) == ("a.A[reduce]()", "dict")
    items = [(fact.opcode, fact.count) for fact in told if isinstance(fact, SetItem)]
    assert items == [("SETITEM", 1), ("SETITEMS", 1), ("APPEND", 1), ("APPENDS", 1), ("ADDITEMS", 2)]
    assert not [fact for fact in facts(p.push({"a": [1]})) if isinstance(fact, SetItem)]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (p.call(A), p.push("b")), (p.push("a"), p.call(A)), (p.NONE, p.push("b")), (p.push(b"a"), p.push("b")),
        (p.push(""), p.push("b")), (p.push("a"), p.push("")), (p.push("a" * 5000), p.push("b")),
        (p.persid("x"), p.push("b")), (p.NEXT_BUFFER, p.push("b")), (p.push(("a",)), p.push("b")),
    ],
)  # fmt: skip
def test_a_name_that_is_no_constant_string(module: bytes, name: bytes) -> None:
    told = facts(module + name + p.STACK_GLOBAL + p.EMPTY_TUPLE + p.REDUCE)
    assert [type(fact) for fact in told if isinstance(fact, UnresolvedImport)] == [UnresolvedImport]
    [call] = [fact for fact in told if isinstance(fact, Call) and fact.callable.kind != "global"]
    assert call.callable.kind == "unresolved"


@pytest.mark.parametrize(
    "spelled",
    [
        p.string("'os'"), p.string('"o\\163"'), p.string("'\\x6f\\x73'"), p.unicode("os"), p.unicode("\\u006fs"),
        p.binstring("os"), p.short_binstring("os"), p.binunicode("os"), p.short_binunicode("os"), p.binunicode8("os"),
        p.push("os") + p.MEMOIZE + p.POP + p.binget(0), p.push("os") + p.DUP + p.POP,
    ],
)  # fmt: skip
def test_a_name_in_any_spelling(spelled: bytes) -> None:
    told = facts(spelled + p.push("system") + p.STACK_GLOBAL)
    assert [(fact.module, fact.qualname) for fact in told if isinstance(fact, Import)] == [("os", "system")]


def test_text_is_cut_and_says_so() -> None:
    [_, call] = facts(p.call(A, "x" * 500, (1, (2, (3, (4, (5,))))), tuple(range(20))))
    assert isinstance(call, Call)
    text, deep, wide = call.arguments
    assert (len(text.text), text.cut) == (DEFAULT_LIMITS.text_characters, True)
    assert msgspec.json.encode(deep).count(b'"cut":true') == 1
    assert (len(wide.parts), wide.cut) == (DEFAULT_LIMITS.value_parts, True)


def test_many_arguments_cost_no_more_than_some() -> None:
    huge = p.MARK + p.NONE * 100_000 + p.TUPLE + p.MEMOIZE + p.POP
    calls = b"".join(p.global_("a", f"A{number}") + p.binget(0) + p.REDUCE + p.POP for number in range(500))
    state = state_of(p.whole(huge + calls + p.NONE))
    run(state)
    assert len(state.ledger.calls) == 500
    assert {len(arguments) for _, _, arguments in state.ledger.calls} == {ARGUMENTS + 1}


def test_torchs_module_class_is_the_class() -> None:
    pid = p.push(("module", A, "file.py", "source")) + p.BINPERSID
    assert outcome(pid) == "a.A | 0"
    assert any(isinstance(fact, PersistentId) for fact in facts(pid))


def test_the_state_of_a_dtype_is_told_whole() -> None:
    made = p.call(p.global_("numpy", "dtype"), "V800", False, True)
    fields = {f"f{number}": (p.call(p.global_("numpy", "dtype"), "f8"), number) for number in range(100)}
    [build] = [
        fact
        for fact in facts(p.build(made, (3, "|", None, tuple(fields), fields, 800, 1, 16)))
        if isinstance(fact, Build)
    ]
    names, told = build.state.parts[3:5]
    assert (len(names.parts), len(told.parts)) == (100, 200)
    assert b'"cut"' not in msgspec.json.encode(build.state)
    [plain] = [fact for fact in facts(p.build(p.call(A), tuple(range(100)))) if isinstance(fact, Build)]
    assert plain.state.cut


# -- byte strings and names that act -----------------------------------------------------------------------------

EVIL = p.whole(p.call(p.global_("os", "system"), "id"))


@pytest.mark.parametrize("loader", sorted(LOADERS))
@pytest.mark.parametrize("encode", [p.binbytes, p.binbytes8, p.short_binbytes])
def test_bytes_that_reach_a_loader(loader: tuple[str, str], encode: Callable[[bytes], bytes]) -> None:
    body = p.call(p.global_(*loader), p.Code(encode(b"no pickle")))
    [member] = [fact for fact in facts(body) if isinstance(fact, Member)]
    assert p.whole(body)[member.span.start : member.span.end] == b"no pickle"
    assert member.role == "argument"


def test_every_byte_string_that_reaches_a_loader_is_a_member() -> None:
    loads = p.global_("pickle", "loads")
    body = p.EMPTY_LIST + p.MARK + b"".join(p.call(loads, b"%03d" % number) for number in range(100)) + p.APPENDS
    assert len([fact for fact in facts(body) if isinstance(fact, Member)]) == 100


def test_bytes_that_are_a_whole_pickle_and_reach_nobody() -> None:
    for encode in (p.binbytes, p.binbytes8, p.bytearray8):
        body = encode(EVIL)
        [member] = [fact for fact in facts(body) if isinstance(fact, Member)]
        assert (member.role, p.whole(body)[member.span.start : member.span.end]) == ("dormant", EVIL)
    for quiet in (EVIL + b"x", EVIL[:-1], p.whole(p.push({"a": 1})), b"", b".", b"\x80\x04."):
        assert not [fact for fact in facts(p.push(quiet)) if isinstance(fact, Member)]


@pytest.mark.parametrize(
    "spelled",
    [
        p.push("__setstate__"), p.short_binunicode("__setstate__"), p.binunicode8("__setstate__"),
        p.binstring("__setstate__"), p.string("'__setstate__'"), p.string(r"'\x5f_setstate__'"),
        p.string("'" + "".join(f"\\x{ord(c):02x}" for c in "__setstate__") + "'"),
        p.string("'" + "".join(f"\\{ord(c):03o}" for c in "__setstate__") + "'"),
        p.unicode("__setstate__"), p.unicode("".join(f"\\u{ord(c):04x}" for c in "__setstate__")),
        p.unicode("".join(f"\\U{ord(c):08x}" for c in "__setstate__")), p.push(b"__setstate__"),
        *(p.push("__setstate__".encode(f"utf-{width}-{end}")) for width in (16, 32) for end in ("le", "be")),
    ],
)  # fmt: skip
def test_setstate_named_in_any_spelling(spelled: bytes) -> None:
    told = facts(p.call(A) + p.EMPTY_DICT + spelled + p.NONE + p.SETITEM + p.BUILD)
    assert [fact.kind for fact in told if isinstance(fact, Irregularity)] == ["pickle-names-setstate"]
    told = facts(p.call(A) + p.EMPTY_DICT + p.push("__setitem__") + p.NONE + p.SETITEM + p.BUILD)
    assert not [fact for fact in told if isinstance(fact, Irregularity)]
