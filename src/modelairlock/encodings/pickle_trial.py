"""Other ways to read the same opcodes, tried out: a copy of the machine runs on bytes that one loader takes for data.

What a newcomer would get wrong: a trial that was given up says nothing, so it is a gap; and one that stops at what no
unpickler accepts has said all there is.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from msgspec.structs import replace

from modelairlock.encodings.pickle_machine import State, run
from modelairlock.encodings.pickle_machine.opcodes import NAMES, reach
from modelairlock.encodings.pickle_machine.rare import ARRAY_WRAPPERS
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Cursor, OverLimit, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import (
    Build,
    Call,
    Fact,
    HiddenCode,
    Import,
    PersistentId,
    SetItem,
    UnresolvedImport,
    Value,
)
from modelairlock.records.span import Span

#: values on the stack, in the memo and in tuples with which the bytes of a raw array are still tried as opcodes
FORKED_CELLS = 4_000_000
#: a trial runs this long at most
TRIAL_SECONDS = 5.0
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
#: what a fork may hold is what it was forked from, and as much again
FORKED = Limits(seconds=TRIAL_SECONDS, facts=1000, stack_cells=2 * FORKED_CELLS, memo_cells=2 * FORKED_CELLS)
SMALL = Limits(seconds=TRIAL_SECONDS, facts=1000, stack_cells=1_000_000, memo_cells=1_000_000)


def trial_budget(cursor: Cursor, limits: Limits = SMALL) -> Budget:
    budget = Budget(limits)
    budget.deadline = min(budget.deadline, cursor.budget.deadline)
    return budget


class Tried(NamedTuple):
    """What a trial would import (names that could be modules), whether it calls anything, and why it was given up."""

    names: tuple[str, ...]
    calls: bool
    unfinished: str


def finish(trial: State) -> str:
    """Run `trial` to its STOP or its first problem; why it was given up, if it was."""
    try:
        run(trial)
    except OverLimit as stopped:
        return stopped.detail
    except ReadProblem:
        pass  # every unpickler stops there as well
    return ""


def effects(trial: State) -> Tried:
    """What `trial` does to its STOP or its first problem."""
    unfinished = finish(trial)
    names: dict[str, None] = {}
    calls = False
    for fact in trial.ledger.stated():
        if isinstance(fact, Import) and MODULE.match(fact.module):
            names[f"{fact.module}.{fact.qualname}"[:200]] = None
        elif isinstance(fact, UnresolvedImport) and _may_be_name(fact):
            names["a computed name"] = None
        calls = calls or isinstance(fact, Call)
    return Tried(tuple(names)[:16], calls, unfinished)


#: functions whose result may be what STACK_GLOBAL demands: of type `str`, and not only a subclass of it
_TEXT_MAKERS = frozenset((module, name) for module in ("builtins", "__builtin__") for name in ("str", "unicode"))
_CONTAINERS = frozenset(("tuple", "list", "dict", "set", "frozenset", "bytearray"))
_CONSTANTS = frozenset(("none", "bool", "int", "float", "bytes", "global", "buffer"))


def _may_be_name(fact: UnresolvedImport) -> bool:
    """Whether both operands can be strings; if not, every unpickler stops.

    What other calls give is no string, or they are not vouched for, and reported where they stand.
    """
    for value in (fact.module, fact.qualname):
        if value.kind in _CONTAINERS or value.kind in _CONSTANTS:
            return False
        if value.kind == "call" and value.parts and value.parts[0].kind == "global":
            function = value.parts[0]
            if (function.module, function.text) not in _TEXT_MAKERS:
                return False
    return True


# -- joblib's arrays as opcodes -------------------------------------------------------------------------------


def forked(cursor: Cursor, state: State, at: int | None = None) -> State | Gap:
    """What another loader would be at an array's bytes (or `at` one of them); a gap if that is too much to copy."""
    if len(state.stack) + state.cells() > FORKED_CELLS:
        detail = "too much stands before an array to try its bytes as opcodes (limit: memo_cells)"
        return untried(state.position, detail)
    return state.fork(Cursor(cursor.source, cursor.name, trial_budget(cursor, FORKED)), at)


def raw_as_opcodes(at: int, fork: State | Gap | None) -> Iterator[Fact | Gap]:
    """``pickle.load`` on a joblib file takes an array's bytes for opcodes. Do they do anything then?"""
    if fork is not None:
        yield from _as_opcodes(fork, at, None, "raw-array")


def tail_as_opcodes(cursor: Cursor, state: State, start: int, end: int) -> Iterator[Fact | Gap]:
    """joblib before 1.2 knows no alignment, and reads on where it believes the array to end: before it does."""
    if _may_act(cursor.peek(start, end - start)):
        yield from _as_opcodes(forked(cursor, state, start), start, end, "array-tail")


def _as_opcodes(
    fork: State | Gap, start: int, end: int | None, kind: Literal["raw-array", "array-tail"]
) -> Iterator[Fact | Gap]:
    """What `fork` does from `start` on.

    Up to `end` all of that is told. Of what the rest of the file does when it is read from elsewhere, only imports that
    are harmful count (`garbled`), for the last bytes of an honest array may happen to shift it.
    """
    if isinstance(fork, Gap):
        yield fork
        return
    unfinished = finish(fork)
    acts = _acts(fork, start)
    within = dict.fromkeys(name for name, fact in acts if end is None or fact.span.start < end)
    beyond = dict.fromkeys(name for name, fact in acts if name not in within and isinstance(fact, Import))
    if within or beyond:
        calls = any(isinstance(fact, Call) for _, fact in acts)
        span = Span(start, start if end is None else end)
        yield HiddenCode(span=span, kind=kind, names=tuple(within)[:16], garbled=tuple(beyond), calls=calls)
    elif unfinished:
        yield untried(start, f"an array's bytes as opcodes: {unfinished}")


#: opcodes that import, call or change: INST, GLOBAL, STACK_GLOBAL, REDUCE, OBJ, NEWOBJ, NEWOBJ_EX, BUILD, and those
#: that put items into something
_ACTING = frozenset(b"ic\x93Ro\x81\x92bsuae\x90")
#: with a wrapper on top of the stack, every unpickler stops at these
_NOT_FIRST = frozenset(b"\x93R\x81\x92")


def _may_act(data: bytes) -> bool:
    """Whether `data`, as opcodes, gets to one that acts, or to its end. Cheap, for it is asked of every array."""
    at = 0
    while at < len(data):
        if data[at] in _ACTING:
            return at > 0 or data[0] not in _NOT_FIRST
        reached = reach(data, at)
        if reached is None:
            return data[at] in NAMES  # an argument that goes on behind `data`
        at = reached.end
    return True


def _acts(fork: State, start: int) -> list[tuple[str, Fact]]:
    """What `fork` does from `start` on: imports that may succeed, calls and changes of what was there before.

    At `start` the array's wrapper is on top of the stack. It is no tuple of arguments, and no state for anything.
    """
    acts: list[tuple[str, Fact]] = []
    for fact in fork.ledger.stated():
        if isinstance(fact, Call | Build | SetItem):
            acted_on = fact.callable if isinstance(fact, Call) else fact.target
            on_top = fact.span.start == start and not (isinstance(fact, Call) and fact.how in ("obj", "inst"))
            if acted_on.kind in _NO_CALLABLES or (isinstance(fact, Call) and (on_top or _is_wrapper(acted_on))):
                break  # no unpickler gets past that
            if not on_top and not _is_wrapper(acted_on):
                acts.append((_named(acted_on), fact))
        elif isinstance(fact, PersistentId):
            break  # pickle.load and joblib look nothing up
        elif isinstance(fact, Import) and _importable(fact):
            acts.append((f"{fact.module}.{fact.qualname}"[:200], fact))
        elif isinstance(fact, UnresolvedImport):
            if not _may_be_name(fact):
                break
            acts.append(("a computed name", fact))
    return acts


_NO_CALLABLES = _CONTAINERS | _CONSTANTS - {"global"} | {"str"}


def _is_wrapper(value: Value) -> bool:
    """An array's wrapper, which cannot be called; what is set in one that is given up changes nothing."""
    return value.kind == "call" and any((part.module, part.text) in ARRAY_WRAPPERS for part in value.parts[:2])


def _named(value: Value) -> str:
    if value.kind == "global":
        return f"{value.module}.{value.text}"[:200]
    if value.kind == "call" and value.parts and value.parts[0].kind == "global":
        return f"what {_named(value.parts[0])} gives"
    return "what a call gives"


def _importable(fact: Import) -> bool:
    """Whether a module can have this name: ``__import__`` takes what is no identifier, too."""
    module = fact.module
    return bool(module) and module.isprintable() and not module.startswith(".") and fact.qualname.isprintable()


def objects_as_opcodes(at: int, fork: State | Gap | None, ordinary: list[Fact]) -> Iterator[Fact | Gap]:
    """``pickle.load`` reads the pickle of an object array with the memo of the one around it. Does that matter?

    In honest files it does: a name is looked up in another module than was meant, and not found. So such names are
    told apart (`garbled`); what else the ordinary reading does not do is hidden from it.
    """
    if not isinstance(fork, State):
        yield from () if fork is None else (fork,)
        return
    tried = effects(fork)
    names, garbled = _others(fork, ordinary)
    if names or garbled:
        yield HiddenCode(span=Span(at, at), kind="object-array", names=names[:16], garbled=garbled, calls=tried.calls)
    elif tried.unfinished:
        yield untried(at, f"the first array's objects with the memo around them: {tried.unfinished}")


def _others(fork: State, ordinary: list[Fact]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What `fork` does that `ordinary` facts do not say, and what it looks up in another module instead.

    Behind the first name that is not the one that was meant, honest objects are garbled as well: only what is imported
    where nothing was meant to be still counts there.
    """
    meant = {fact.span for fact in ordinary if isinstance(fact, Import)}
    known = {_told(fact) for fact in ordinary}
    names: dict[str, None] = {}
    garbled: dict[str, None] = {}
    for fact in fork.ledger.stated():
        if isinstance(fact, UnresolvedImport):
            if not garbled and _may_be_name(fact):
                names["a computed name"] = None
            if not garbled:
                break  # else every unpickler stops here
        if not isinstance(fact, Import | Call | Build) or _told(fact) in known:
            continue
        if not isinstance(fact, Import):
            if not garbled:
                names[f"{'a call' if isinstance(fact, Call) else 'a state'} of its own"] = None
        elif fact.span in meant:
            garbled[f"{fact.module}.{fact.qualname}"[:200]] = None
        else:
            names[f"{fact.module}.{fact.qualname}"[:200]] = None
    return tuple(names), tuple(garbled)


def _told(fact: Fact) -> Fact:
    """A fact without its place and its count."""
    changes: dict[str, object] = {"span": Span(0, 0)}
    if isinstance(fact, Import):
        changes |= {"kept": False, "opcode": ""}
    if hasattr(fact, "count"):
        changes["count"] = 1
    return replace(fact, **changes)


def untried(at: int, detail: str) -> Gap:
    return Gap(start=at, end=at, because=Because.OVER_LIMIT, detail=detail)
