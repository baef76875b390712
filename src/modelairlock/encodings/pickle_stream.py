"""One pickle of a stream, with everything it would do under every way of reading it.

`pickle_facts` runs the machine to the pickle's end, follows joblib's raw arrays, reads byte strings that a loader
would load in turn, and says where two unpicklers would see different instructions.
"""

from collections.abc import Iterator

from modelairlock.encodings.compression import inflate
from modelairlock.encodings.joblib_array import Forged, array_bytes, is_array, is_class_of_arrays
from modelairlock.encodings.joblib_trial import Detours, forked, objects_as_opcodes, raw_as_opcodes
from modelairlock.encodings.pickle_machine import Ended, State, run
from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.ledger import FORGED, LOADERS
from modelairlock.encodings.pickle_machine.opcodes import reach
from modelairlock.encodings.pickle_machine.window import SETSTATE
from modelairlock.encodings.pickle_trial import MODULE, TRIAL_SECONDS, effects, finish, trial_budget
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Cursor, OverLimit, ReadProblem, Source, SubSource
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import (
    Build,
    Call,
    Fact,
    HiddenCode,
    Irregularity,
    Member,
    PersistentId,
    PickleStream,
    SetItem,
    UnresolvedImport,
)
from modelairlock.records.span import Span

#: a frame that is searched for the opcode that crosses its edge
FRAME_BYTES = 16 * 1024 * 1024
CROSSINGS = 4
#: what a pickle without a mark of its own can begin with and get anywhere (one that begins with PERSID stops every
#: loader at once, and so does one that wants a value); unpicklers take opcodes of any protocol without asking
STARTS = frozenset(b"(cILFSVNKJMGTUXBC]})\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x96\x95")
#: see `Irregularity`; judged by the rule ``unvouched-code``
SETSTATE_NAMED = "pickle-names-setstate"


def pickle_facts(cursor: Cursor, state: State) -> Iterator[Fact | Gap]:
    """Facts of the pickle at ``state.position``, which ends up behind its STOP. Raises after the last fact."""
    start = state.position
    problem: ReadProblem | None = None
    arrays: list[Fact | Gap] = []
    detours = Detours()
    try:
        first = True
        while run(state) is Ended.ARRAY:
            # One by one: what was found in an array stands even if its reading then breaks off.
            for stated in _array(cursor, state, detours, first=first):
                arrays.append(stated)
            first = False
    except ReadProblem as stopped:
        problem = stopped
    except MemoryError:
        state.release()
        problem = OverLimit(state.position, "what the pickle makes does not fit into memory (limit: worker_bytes)")
    ordinary = [*state.ledger.stated(), *arrays]
    yield from ordinary
    yield from detours.beyond(stated for stated in ordinary if not isinstance(stated, Gap))
    if state.window.setstate >= 0:
        at = state.window.setstate
        yield Irregularity(span=Span(at, at), kind=SETSTATE_NAMED, detail=f"the pickle's own strings name {SETSTATE}")
    yield from state.frames.tricks
    if state.frames.missing:
        detail = f"the last {state.frames.missing} bytes that a frame promises are missing"
        yield Gap(start=cursor.size, end=cursor.size, because=Because.TRUNCATED, detail=detail)
    yield from _hidden_by_frames(cursor, state, start)
    yield from _loaded_bytes(state)
    yield from _dormant_pickles(cursor, state)
    if problem is not None:
        raise problem
    yield PickleStream(span=Span(start, state.position), protocol=state.protocol)


# -- joblib ----------------------------------------------------------------------------------------------------


def _array(cursor: Cursor, state: State, detours: Detours, *, first: bool) -> Iterator[Fact | Gap]:
    """What follows an array wrapper, the `first` of its pickle or not."""
    at = state.position
    state.frames.leave(at)
    # At the first array the two readings part for good: who takes it for opcodes never comes back to this one.
    fork = forked(cursor, state) if first else None
    try:
        following = array_bytes(state)
    except ReadProblem as problem:
        if isinstance(problem, Forged):
            yield Irregularity(span=Span(at, at), kind=FORGED, detail=problem.detail)
        yield from raw_as_opcodes(at, fork)
        raise
    yield from _subclass(state, at, following.subclass)
    state.take_array()
    if following.objects:
        yield from _objects(cursor, state, following.start, fork)
        if first:
            yield from detours.again(cursor, state.position)
    else:
        cursor.pass_over(following.start, following.end)
        yield from raw_as_opcodes(at, fork)
        if following.padded:
            yield from detours.tail(cursor, state, following.end - following.padded, following.end)
        state.position = following.end
    state.window.skip(state.position)


def _objects(cursor: Cursor, state: State, start: int, fork: State | Gap | None) -> Iterator[Fact | Gap]:
    """An array of objects: a pickle of its own."""
    inner = State(cursor, start, joblib=False)
    ordinary = list(state.ledger.stated())
    for stated in pickle_facts(cursor, inner):
        yield stated
        if not isinstance(stated, Gap):
            ordinary.append(stated)
    state.position = inner.position
    if not is_array(inner, inner.result):
        # It is taken for one by those who look at the wrapper alone.
        state.stack[-1] = v.UNKNOWN
        yield Irregularity(span=Span(start, start), kind=FORGED, detail="the pickle of an array of objects makes none")
    yield from objects_as_opcodes(start, fork, ordinary)


def _subclass(state: State, at: int, subclass: int) -> Iterator[Fact]:
    """joblib makes an instance of the class that the wrapper names: ``_reconstruct(subclass, (0,), b"b")``."""
    if not is_class_of_arrays(state, subclass):
        yield Call(span=Span(at, at), callable=state.ledger.value(subclass), how="newobj")
        yield Irregularity(span=Span(at, at), kind=FORGED, detail="an array of a class that joblib writes otherwise")


# -- frames --------------------------------------------------------------------------------------------------


class _Spliced:
    """A source without the bytes ``start..end``, as `_pickle.c` sees a stream whose frame an opcode crosses."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.start = start
        self.gone = end - start
        self.size = source.size - self.gone

    def read(self, start: int, length: int) -> bytes:
        """See `reading.Source`."""
        before = self.source.read(start, min(length, self.start - start)) if start < self.start else b""
        rest = length - len(before)
        if rest <= 0:
            return before
        return before + self.source.read(max(start, self.start) + self.gone, rest)


def _hidden_by_frames(cursor: Cursor, state: State, start: int) -> Iterator[Fact]:
    """What CPython's C unpickler would do with a file whose opcodes cross a frame's edge (gh-154848)."""
    plain = set(state.ledger.globals)
    for frame_start, frame_end in state.frames.crossings[:CROSSINGS]:
        cut = _crossing(cursor, frame_start, frame_end)
        if cut is None:
            continue
        trial = State(Cursor(_Spliced(cursor.source, cut, frame_end), cursor.name, trial_budget(cursor)), start)
        tried = effects(trial)
        if set(trial.ledger.globals) - plain:
            yield HiddenCode(span=Span(cut, frame_end), kind="frame", names=tried.names, calls=tried.calls)


def _crossing(cursor: Cursor, start: int, end: int) -> int | None:
    """Where the C unpickler stops reading in the frame ``start..end``: the part of an opcode it reads in one go."""
    if end - start > FRAME_BYTES:
        return None
    data = cursor.peek(start, end - start + 16)
    at = 0
    while at < end - start:
        reached = reach(data, at)
        if reached is None:
            return start + at + 1
        if start + reached.end > end:
            return start + (reached.payload if start + reached.payload <= end else reached.argument)
        at = reached.end
    return None


# -- bytes that are loaded, or could be ------------------------------------------------------------------------


def _loaded_bytes(state: State) -> Iterator[Fact]:
    """Constant byte strings that go straight into a loader, to be read in turn as what they are."""
    ledger = state.ledger
    for function, _, arguments in ledger.calls:
        if function & v.KIND != v.GLOBAL or ledger.globals[function >> 4] not in LOADERS:
            continue
        for argument in arguments:
            if argument & v.KIND == v.BYTES:
                state.candidates.discard(argument >> 4)  # no need to look at it twice
                start, end, method = v.byte_string(state.window, argument >> 4)
                name = "{}.{} at {}".format(*ledger.globals[function >> 4], start)
                size = end - start if method == "stored" else None
                yield Member(span=Span(start, end), name=name, method=method, size_bytes=size, role="argument")


def _dormant_pickles(cursor: Cursor, state: State) -> Iterator[Fact]:
    """Byte strings that are whole pickles and import something; one that merely could be a pickle is no news."""
    for at in sorted(state.candidates):
        start, end, method = v.byte_string(state.window, at)
        if end > cursor.size or cursor.peek(end - 1, 1) != b".":
            continue
        budget = trial_budget(cursor)
        plain = method == "stored"
        source = SubSource(cursor.source, start, end)
        inner = source if plain else inflate(source, Span(0, end - start), method, budget)
        trial = State(Cursor(inner, cursor.name, budget), 0)
        tried = effects(trial)
        if (tried.names and trial.position == inner.size) or tried.unfinished:
            size = end - start if plain else None
            yield Member(
                span=Span(start, end), name=f"bytes at {start}", method=method, size_bytes=size, role="dormant"
            )


def whole_or_acting(source: Source) -> tuple[bool, bool]:
    """Whether `source` is one or more whole pickles, and whether it acts: gets as far as importing and using a name.

    For files without a magic number: an unpickler runs what it finds before it meets what is no opcode.
    """
    trial = _trial(source)
    ending = finish(trial)
    if ending.unfinished:
        return True, True
    whole = ending.stopped and trial.position == source.size
    return whole, _acts(trial, stopped_well=ending.stopped)


def imported_before_breaking_off(source: Source) -> tuple[str, ...]:
    """What an unpickler imports from `source` and makes no use of, for it stops at what is no opcode.

    For bytes that somebody does unpickle: to import a module is to run it.
    """
    trial = _trial(source)
    ending = finish(trial)
    if ending.stopped or ending.unfinished or _acts(trial, stopped_well=False):
        return ()
    return tuple(f"{module}.{name}" for module, name in trial.ledger.globals if MODULE.match(module))


def _trial(source: Source) -> State:
    return State(Cursor(source, "", Budget(Limits(seconds=TRIAL_SECONDS, facts=1000))), 0, joblib=False)


def _acts(trial: State, *, stopped_well: bool) -> bool:
    """Whether an unpickler would get as far as importing something that can exist, and using it.

    To change what was imported is a use as well: items put into a module's ``__dict__`` are found by the next import.
    So is a module that is a program: importing it runs it.
    """
    modules = [module for module, _ in trial.ledger.globals if MODULE.match(module)]
    used = stopped_well or any(isinstance(fact, _USES) for fact in trial.ledger.facts)
    return any(used or module.rpartition(".")[2] == "__main__" for module in modules)


_USES = (Call, Build, SetItem, PersistentId, UnresolvedImport)
