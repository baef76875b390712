"""What the real unpicklers import and call is what the machine says, in order.

Random programs are loaded by the C and the Python unpickler, behind the wall, with stand-ins for every import. What
really happened must be the beginning of what the machine states (it reads on where a real one stops on a type error),
and all of it where the real one came to its end. The one exception has a fact of its own: broken frames.
"""

import contextlib
import json
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelairlock.encodings.pickle_machine import State, run
from modelairlock.isolation import Task, Wall
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource, Cursor, ReadProblem
from modelairlock.records.facts import Build, Call, Fact, Import, PersistentId, SetItem, UnresolvedImport, Value
from tests.build import pickle_builder as p
from tests.encodings import pickle_oracle

pytestmark = pytest.mark.jail
EXAMPLES = int(os.environ.get("AIRLOCK_ORACLE_EXAMPLES", "10"))
BATCH = 25


def said(data: bytes) -> tuple[list[str], bool]:
    """The machine's events, each once in order, and whether it found broken frames."""
    state = State(Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS)), 0)
    with contextlib.suppress(ReadProblem):
        run(state)
    events = dict.fromkeys(event for fact in state.ledger.stated() for event in _events(fact))
    return list(events), bool(state.frames.tricks) or bool(state.frames.missing)


def _events(fact: Fact) -> Iterator[str]:
    match fact:
        case Import():
            yield f"import {fact.module}.{fact.qualname}"
        case UnresolvedImport():
            yield "stop"
        case Call():
            yield f"call {_name(fact.callable)}"
        case Build():
            yield f"build {_maker(fact.target)}"
        case SetItem():
            yield f"items {_maker(fact.target)}"
        case PersistentId():
            yield "persistent"


def _name(value: Value) -> str:
    return f"{value.module}.{value.text}" if value.kind == "global" else "computed"


def _maker(target: Value) -> str:
    return _name(target.parts[0]) if target.kind == "call" else "computed" if target.kind == "persistent" else "stop"


NAMES = st.sampled_from([("a", "A"), ("b", "B"), ("c.d", "C")])
SCALARS = st.sampled_from(
    [
        p.push(1), p.push(-7), p.push("text"), p.push(b"bytes"), p.push(None), p.push(True), p.push(1.5),
        p.push(1 << 70),
        p.int_("01"), p.int_("12"), p.int_("0x1f"), p.long("5L"), p.float_("2.5"), p.string("'q'"), p.unicode("u"),
        p.short_binunicode("s"), p.binunicode8("t"), p.binbytes8(b"x"), p.bytearray8(b"y"), p.long1(3), p.long4(4),
        p.EMPTY_LIST, p.EMPTY_DICT, p.EMPTY_SET, p.EMPTY_TUPLE,
    ]
)  # fmt: skip
RAW = st.sampled_from(
    [
        p.MARK, p.POP, p.POP_MARK, p.DUP, p.TUPLE, p.TUPLE1, p.TUPLE2, p.TUPLE3, p.LIST, p.DICT, p.FROZENSET, p.APPEND,
        p.APPENDS, p.SETITEM, p.SETITEMS, p.ADDITEMS, p.REDUCE, p.BUILD, p.OBJ, p.NEWOBJ, p.NEWOBJ_EX, p.STACK_GLOBAL,
        p.MEMOIZE, p.BINPERSID, p.persid("k"), p.STOP, p.READONLY_BUFFER, p.proto(2), p.proto(4), p.inst("a", "I"),
        p.put(0), p.put(1), p.put(-1), p.binput(3), p.long_binput(70_000), p.get(0), p.get(1), p.binget(0), p.binget(2),
        p.long_binget(70_000), p.binget(3),
    ]
)  # fmt: skip


def _grouped(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Groups that are valid by themselves, so that programs get somewhere."""
    imports = st.one_of(NAMES.map(lambda n: p.global_(*n)), NAMES.map(lambda n: p.stack_global(*n)))
    return st.one_of(
        st.tuples(imports, inner).map(lambda t: t[0] + t[1] + p.TUPLE1 + p.REDUCE),
        st.tuples(imports, inner).map(lambda t: t[0] + p.MARK + t[1] + p.TUPLE + p.NEWOBJ),
        st.tuples(imports, inner).map(lambda t: p.MARK + t[0] + t[1] + p.OBJ),
        st.tuples(NAMES, inner).map(lambda t: p.MARK + t[1] + p.inst(*t[0])),
        imports.map(lambda i: i + p.EMPTY_TUPLE + p.EMPTY_DICT + p.NEWOBJ_EX),
        st.tuples(imports, inner).map(lambda t: t[0] + p.EMPTY_TUPLE + p.REDUCE + t[1] + p.BUILD),
        st.tuples(imports, inner).map(
            lambda t: t[0] + p.EMPTY_TUPLE + p.REDUCE + p.MARK + p.push("k") + t[1] + p.SETITEMS
        ),
        st.tuples(imports, inner).map(lambda t: t[0] + p.EMPTY_TUPLE + p.REDUCE + p.MARK + t[1] + p.APPENDS),
        inner.map(lambda i: p.EMPTY_LIST + p.MARK + i + p.APPENDS),
        inner.map(lambda i: p.EMPTY_DICT + p.push("k") + i + p.SETITEM),
        inner.map(lambda i: i + p.MEMOIZE),
        inner.map(lambda i: i + p.POP + p.NONE),
        inner.map(lambda i: i + p.BINPERSID),
        inner.map(p.frame),
    )


VALUES = st.recursive(SCALARS, _grouped, max_leaves=6)
PIECES = st.one_of(VALUES, VALUES, VALUES, RAW, RAW.map(p.frame))
PROGRAMS = st.lists(PIECES, max_size=9).map(lambda pieces: p.proto() + b"".join(pieces) + p.STOP)
#: found by this test, or worth keeping
KEPT = [
    p.proto() + p.binget(0) + p.STOP,
    p.proto() + p.MARK + p.POP + p.NONE + p.STOP,
    p.proto() + p.NONE + p.put(5) + p.MEMOIZE + p.get(1) + p.STOP,
    p.proto() + p.MARK + p.global_("a", "A") + p.TUPLE1 + p.POP_MARK + p.NONE + p.STOP,
    p.proto() + p.inst("a", "A") + p.STOP,  # pickle.py imports, C does not
    p.call(p.global_("a", "A"), p.push(1)) + p.EMPTY_TUPLE + p.REDUCE + p.STOP,
]


@pytest.fixture(scope="module")
def wall() -> Iterator[Wall]:
    with Wall("tests.encodings.pickle_oracle:read", memory_bytes=256 << 20) as wall:
        yield wall


def compare(wall: Wall, programs: list[bytes]) -> None:
    [outcome] = wall.run([Task(-1, json.dumps([program.hex() for program in programs]).encode())], seconds=60)
    assert outcome.result is not None, outcome.failure
    for program, told in zip(programs, json.loads(outcome.result), strict=True):
        ours, broken_frames = said(program)
        for way, (really, finished) in zip(pickle_oracle.WAYS, told, strict=True):
            happened = list(dict.fromkeys(really))
            if broken_frames:
                continue  # a fact says that loaders disagree here
            assert happened == ours[: len(happened)], (way, program, happened, ours)
            assert not finished or happened == ours, (way, program, happened, ours)


def test_kept_programs(wall: Wall) -> None:
    compare(wall, [bytes(program) for program in KEPT])


# The same programs each time, so that a change fails for what it changed; more, and other ones, by the variable.
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None,
    derandomize="AIRLOCK_ORACLE_EXAMPLES" not in os.environ,
)  # fmt: skip
@given(programs=st.lists(PROGRAMS, min_size=BATCH, max_size=BATCH))
def test_what_really_happens_is_what_the_machine_says(wall: Wall, programs: list[bytes]) -> None:
    compare(wall, [bytes(program) for program in programs])
