"""A joblib file as other loaders read it: the bytes of its arrays as opcodes, tried out on a copy of the machine.

``pickle.load`` takes an array for opcodes and its objects with the memo around them; joblib before 1.2, which knows no
alignment, takes an array's last bytes for opcodes. What a newcomer would get wrong: what an honest file does under such
a reading is garbled, so it proves nothing that it does *something*; it must do something of its own.
"""

import time
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from modelairlock.encodings.joblib_array import array_bytes, is_class_of_arrays, is_unreadable
from modelairlock.encodings.pickle_machine import Ended, State, run
from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.ledger import FILLED_LATE, FORGED
from modelairlock.encodings.pickle_machine.opcodes import NAMES, reach
from modelairlock.encodings.pickle_machine.rare import ARRAY_WRAPPERS
from modelairlock.encodings.pickle_trial import (
    CONSTANTS,
    CONTAINERS,
    TRIAL_FACTS,
    TRIAL_SECONDS,
    finish,
    is_global,
    may_be_name,
    trial_budget,
    untried,
)
from modelairlock.limits import Limits
from modelairlock.reading import Cursor, Malformed, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import (
    Buffer,
    Build,
    Call,
    ExtensionImport,
    Fact,
    FrameTrick,
    HiddenCode,
    Import,
    Irregularity,
    Key,
    PersistentId,
    SetItem,
    UnresolvedImport,
    Value,
)
from modelairlock.records.span import Span
from modelairlock.records.uses import MAKERS

#: values on the stack, in the memo and in tuples with which the bytes of a raw array are still tried as opcodes
FORKED_CELLS = 4_000_000
#: pickles that are looked for in an array, one behind the other
AGAIN = 1000
#: how long the last bytes of all arrays of a pickle are tried together, and what is kept of what they do
TAILS_SECONDS = 10.0
TAILS_FACTS = 2000
#: names told of one array
TOLD = 16

Acts = list[tuple[str, Fact]]


def forked(cursor: Cursor, state: State, at: int | None = None) -> State | Gap:
    """What another loader would be at an array's bytes (or `at` one of them); a gap if that is too much to copy."""
    limits = cursor.limits
    if len(state.stack) + state.cells() > FORKED_CELLS or 2 * len(state.stack) > limits.stack_cells:
        detail = "too much stands before an array to try its bytes as opcodes (limit: memo_cells)"
        return untried(state.position, detail)
    # Both together may hold what one may.
    left = Limits(
        seconds=TRIAL_SECONDS,
        facts=TRIAL_FACTS,
        stack_cells=limits.stack_cells - len(state.stack),
        memo_cells=max(0, min(2 * FORKED_CELLS, limits.memo_cells - state.cells())),
    )
    return state.fork(Cursor(cursor.source, cursor.name, trial_budget(cursor, left)), at)


# -- what a reading does -----------------------------------------------------------------------------------------


def _acts(facts: Iterable[Fact], on_top: int, *, old: bool) -> Acts:
    """What `facts` amount to: imports that may succeed, calls, and changes of what was there before.

    At the byte `on_top` an array's wrapper is on top of the stack, which is no tuple of arguments, and no state for
    anything; or for an `old` joblib the array itself, which may be arguments.
    """
    acts: Acts = []
    for fact in facts:
        if _stops(fact, on_top, old=old):
            break
        if name := _act(fact, on_top, old=old):
            acts.append((name, fact))
    return acts


def _stops(fact: Fact, on_top: int, *, old: bool) -> bool:
    """Whether no unpickler gets past that."""
    if isinstance(fact, Call):
        starts = not old and fact.span.start == on_top and fact.how not in ("obj", "inst")
        return starts or fact.callable.kind in _NO_CALLABLES or _is_wrapper(fact.callable)
    if isinstance(fact, UnresolvedImport):
        return may_be_name(fact) == "no"
    if isinstance(fact, PersistentId | Buffer | ExtensionImport):
        return old  # joblib has none; what torch.load does with a stand-in for an array is another matter
    return isinstance(fact, Import) and not _importable(fact)


_NO_CALLABLES = CONTAINERS | CONSTANTS | {"str"}


def _act(fact: Fact, on_top: int, *, old: bool) -> str:
    """The name of what `fact` does, if it may do anything.

    A constant has no attributes, but to give it no state, or no items, stops no unpickler.
    """
    if isinstance(fact, Import):
        return f"{fact.module}.{fact.qualname}"[:200]
    if isinstance(fact, Call):
        # To make a wrapper is to store what it is given.
        return "" if old and is_global([fact.callable], *ARRAY_WRAPPERS) else _named(fact.callable)
    if isinstance(fact, UnresolvedImport):
        return "a computed name"
    if isinstance(fact, Build | SetItem):
        nothing = fact.target.kind in _NO_CALLABLES or (fact.span.start == on_top and fact.count == 1)
        if not nothing and _is_wrapper(fact.target):
            # An attribute could answer for a method the next time.
            nothing = old or isinstance(fact, SetItem) or _is_nothing(fact.state)
        return "" if nothing else _named(fact.target)
    if isinstance(fact, Key):
        # Code in C hashes stand-ins for arrays, and types.
        plain = _is_wrapper(fact.value) or is_global(list(fact.value.parts[:1]), ("numpy", "dtype"))
        return "" if fact.value.kind in CONTAINERS or plain else _named(fact.value)
    if isinstance(fact, Irregularity) and fact.kind in (FILLED_LATE, FORGED) and fact.span.start != on_top:
        return fact.detail
    return ""


def _is_wrapper(value: Value) -> bool:
    """An array's wrapper, or an array, which cannot be called."""
    if value.kind != "call" or not value.parts or value.parts[0].kind != "global":
        return False
    made_by = (value.parts[0].module, value.parts[0].text)
    return made_by in ARRAY_WRAPPERS or (made_by in MAKERS and is_global(list(value.parts[1:2]), *ARRAY_WRAPPERS))


def _is_nothing(state: Value) -> bool:
    """Whether BUILD does nothing with such a state but fail, perhaps: a constant, or an empty container."""
    if state.kind in CONSTANTS or state.kind == "str":
        return True
    return state.kind in CONTAINERS and not (state.cut or state.parts or state.holds)


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


def _told(fact: Fact) -> Fact:
    """A fact without its place and its count."""
    if isinstance(fact, Import):
        return replace(fact, span=_NOWHERE, count=1, kept=False, opcode="")
    if isinstance(fact, Call | Build | SetItem | Key | UnresolvedImport):
        return replace(fact, span=_NOWHERE, count=1)
    return replace(fact, span=_NOWHERE)


_NOWHERE = Span(0, 0)


# -- pickle.load -------------------------------------------------------------------------------------------------


def raw_as_opcodes(at: int, fork: State | Gap | None) -> Iterator[Fact | Gap]:
    """``pickle.load`` on a joblib file takes an array's bytes for opcodes. Do they do anything then?"""
    if not isinstance(fork, State):
        yield from () if fork is None else (fork,)
        return
    names: dict[str, None] = {}
    calls, unfinished = False, ""
    for reading, given_up in _loads(fork):
        yield from reading.frames.tricks
        acts = _acts(reading.ledger.stated(), at if reading is fork else -1, old=False)
        names.update(dict.fromkeys(name for name, _ in acts[:TOLD]))
        calls = calls or any(isinstance(fact, Call) for _, fact in acts)
        unfinished = unfinished or given_up
    if names:
        yield HiddenCode(span=Span(at, at), kind="raw-array", names=tuple(names)[:TOLD], calls=calls)
    elif unfinished:
        yield untried(at, f"an array's bytes as opcodes: {unfinished}")


def _loads(fork: State) -> Iterator[tuple[State, str]]:
    """`fork` at its end, and whatever a loader finds that loads again behind its STOP; and why each was given up."""
    for _ in range(AGAIN):
        ending = finish(fork)
        yield fork, ending.unfinished
        if not ending.stopped:
            return
        fork = State(fork.window.cursor, fork.position, joblib=False)
    yield fork, f"more than {AGAIN} pickles in it"


def objects_as_opcodes(at: int, fork: State | Gap | None, ordinary: list[Fact]) -> Iterator[Fact | Gap]:
    """``pickle.load`` reads the pickle of an object array with the memo of the one around it. Does that matter?

    In honest files it does: a name is looked up in another module than was meant, and not found. So such names are
    told apart (`garbled`); what else the ordinary reading does not do is hidden from it.
    """
    if not isinstance(fork, State):
        yield from () if fork is None else (fork,)
        return
    unfinished = finish(fork).unfinished
    names, garbled = _others(fork, ordinary)
    if names or garbled:
        calls = any(isinstance(fact, Call) for fact in fork.ledger.facts)
        yield HiddenCode(
            span=Span(at, at), kind="object-array", names=names[:TOLD], garbled=garbled[:TOLD], calls=calls
        )
    elif unfinished:
        yield untried(at, f"the first array's objects with the memo around them: {unfinished}")


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
            certain = may_be_name(fact)
            if certain == "yes" and not garbled:
                names["a computed name"] = None
            elif certain == "perhaps":
                garbled.update(dict.fromkeys(_makers(fact)))
            if not garbled:
                break  # every unpickler stops here, or enough is known
        if not isinstance(fact, Import | Call | Build | SetItem | Key) or _told(fact) in known:
            continue
        if not isinstance(fact, Import):
            if not garbled:
                names[f"{_KINDS[type(fact)]} of its own"] = None
        elif fact.span in meant:
            garbled[f"{fact.module}.{fact.qualname}"[:200]] = None
        else:
            names[f"{fact.module}.{fact.qualname}"[:200]] = None
    return tuple(names), tuple(garbled)


_KINDS = {Call: "a call", Build: "a state", SetItem: "an item", Key: "a key"}


def _makers(fact: UnresolvedImport) -> Iterator[str]:
    """The functions whose results are taken for names."""
    for value in (fact.module, fact.qualname):
        if value.kind == "call":
            yield f"{value.parts[0].module}.{value.parts[0].text}"[:200]


# -- who reads on elsewhere --------------------------------------------------------------------------------------


class Detours:
    """Loaders that leave the ordinary reading of a pickle and go on with the rest of the file.

    What else they do there than the ordinary reading, which is known at the end, is told as if that did it.
    """

    def __init__(self) -> None:
        self._seconds = TAILS_SECONDS
        #: without place and count, and with
        self._beyond: dict[Fact, Fact] = {}

    def again(self, cursor: Cursor, at: int) -> Iterator[Gap]:
        """``pickle.load``, once more, `at` the end of the objects of the first array, where it stopped."""
        fresh = State(Cursor(cursor.source, cursor.name, trial_budget(cursor)), at, joblib=False)
        unfinished = finish(fresh).unfinished
        if unfinished:
            yield untried(at, f"what follows an array's objects as a pickle: {unfinished}")
        self._note(_acts(fresh.ledger.stated(), -1, old=False), fresh.frames.tricks, at)

    def tail(self, cursor: Cursor, state: State, start: int, end: int) -> Iterator[Fact | Gap]:
        """joblib before 1.2 takes the last bytes ``start..end`` of an array for opcodes, with the array before them.

        What it does within those bytes is hidden from everybody else. One budget serves all arrays.
        """
        data = cursor.peek(start, end - start)
        if self._seconds <= 0 or not _may_act(data) or (data[:1] in _CALLING and not _callable_below(state)):
            return
        began = time.monotonic()
        fork = forked(cursor, state, start)
        if isinstance(fork, Gap):
            self._seconds = 0
            yield fork
            return
        budget = fork.window.cursor.budget
        budget.deadline = min(budget.deadline, began + self._seconds)
        yield from self._tried(fork, Span(start, end))
        self._seconds -= time.monotonic() - began
        if self._seconds <= 0:
            yield untried(start, f"arrays' last bytes as opcodes: that takes longer than {TAILS_SECONDS:g} s")

    def _tried(self, fork: State, span: Span) -> Iterator[Fact | Gap]:
        inside: list[State] = []
        unfinished = finish(fork, lambda trial: _follow(trial, inside)).unfinished
        acts = _acts(fork.ledger.stated(), span.start, old=True)
        tricks = list(fork.frames.tricks)
        for inner in inside:
            acts.extend(_acts(inner.ledger.stated(), -1, old=False))
            tricks.extend(inner.frames.tricks)
        within = [(name, fact) for name, fact in acts if fact.span.start < span.end]
        if within:
            calls = any(isinstance(fact, Call) for _, fact in within)
            names = dict.fromkeys(name for name, _ in within)
            yield HiddenCode(span=span, kind="array-tail", names=tuple(names)[:TOLD], calls=calls)
        elif unfinished:
            yield untried(span.start, f"an array's last bytes as opcodes: {unfinished}")
        self._note(acts, tricks, span.end)

    def _note(self, acts: Acts, tricks: list[FrameTrick], start: int) -> None:
        for fact in [*(fact for _, fact in acts if fact.span.start >= start), *tricks]:
            if len(self._beyond) < TAILS_FACTS:
                self._beyond.setdefault(_told(fact), fact)
            elif _told(fact) not in self._beyond:
                self._seconds = 0

    def beyond(self, ordinary: Iterable[Fact]) -> Iterator[Fact]:
        """What those loaders do with the rest of the file that `ordinary` facts do not say."""
        if self._beyond:
            known = {_told(fact) for fact in ordinary}
            yield from (fact for told, fact in self._beyond.items() if told not in known)


def _follow(trial: State, inside: list[State]) -> Ended:
    """Run an old joblib to its STOP, past the arrays that it reads; the pickles in arrays of objects go `inside`."""
    while run(trial) is Ended.ARRAY:
        trial.frames.leave(trial.position)
        if is_unreadable(trial):
            raise Malformed(trial.position, "the type of an array", "something else")
        following = array_bytes(trial, aligned=False)
        if not is_class_of_arrays(trial, following.subclass):
            raise Unsupported(trial.position, "an array of another class")
        trial.take_array()
        trial.position = following.end
        if following.objects:
            inner = State(trial.window.cursor, following.start, joblib=False)
            inside.append(inner)
            run(inner)
            trial.position = inner.position
        trial.window.skip(trial.position)
    return Ended.STOP


#: opcodes that import, call or change: INST, GLOBAL, STACK_GLOBAL, REDUCE, OBJ, NEWOBJ, NEWOBJ_EX, BUILD, and those
#: that put items into something
_ACTING = frozenset(b"ic\x93Ro\x81\x92bsuae\x90")
#: REDUCE and NEWOBJ take an array for a tuple of arguments
_CALLING = (b"R", b"\x81")
#: with an array on top of the stack, every unpickler stops at STACK_GLOBAL and NEWOBJ_EX
_NOT_FIRST = frozenset(b"\x93\x92")


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


def _callable_below(state: State) -> bool:
    """Whether what is below the top of the stack may be a function or a class."""
    if len(state.stack) - 2 < state.fence:
        return False
    below = state.stack[-2]
    return below & v.KIND in _MAY_BE_CALLED and below not in state.arrays


_MAY_BE_CALLED = frozenset((v.GLOBAL, v.CALL, v.PERSISTENT, v.OTHER))
