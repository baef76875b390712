"""One pickle of a stream, with everything it would do under every way of reading it.

`pickle_facts` runs the machine to the pickle's end, follows joblib's raw arrays, reads byte strings that a loader
would load in turn, and says where two unpicklers would see different instructions.
"""

import re
from collections.abc import Iterator

from modelairlock.encodings.compression import inflate
from modelairlock.encodings.joblib_array import array_bytes
from modelairlock.encodings.pickle_machine import Ended, State, run
from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.ledger import LOADERS
from modelairlock.encodings.pickle_machine.opcodes import reach
from modelairlock.encodings.pickle_machine.window import SETSTATE
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Cursor, OverLimit, ReadProblem, Source, SubSource
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import (
    Call,
    Fact,
    HiddenCode,
    Import,
    Irregularity,
    Member,
    PickleStream,
    UnresolvedImport,
)
from modelairlock.records.span import Span

#: raw arrays of one file whose bytes are also tried as opcodes
TRIED_ARRAYS = 4096
#: a frame that is searched for the opcode that crosses its edge
FRAME_BYTES = 16 * 1024 * 1024
CROSSINGS = 4
#: a trial runs this long at most
TRIAL_SECONDS = 5.0
#: see `Irregularity`; judged by the rule ``unvouched-code``
SETSTATE_NAMED = "pickle-names-setstate"
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")


def pickle_facts(cursor: Cursor, state: State) -> Iterator[Fact | Gap]:
    """Facts of the pickle at ``state.position``, which ends up behind its STOP. Raises after the last fact."""
    start = state.position
    problem: ReadProblem | None = None
    arrays: list[Fact | Gap] = []
    try:
        while run(state) is Ended.ARRAY:
            # One by one: what was found in an array stands even if its reading then breaks off.
            for stated in _array(cursor, state, len(arrays)):
                arrays.append(stated)
    except ReadProblem as stopped:
        problem = stopped
    yield from state.ledger.stated()
    yield from arrays
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


def _array(cursor: Cursor, state: State, before: int) -> Iterator[Fact | Gap]:
    at = state.position
    state.frames.leave(at)
    try:
        following = array_bytes(state)
    except ReadProblem:
        yield from _raw_as_opcodes(cursor, state, at)
        raise
    if before < TRIED_ARRAYS and not following.objects:
        yield from _raw_as_opcodes(cursor, state, at)
    state.array_state = None
    if following.subclass & v.KIND == v.GLOBAL:
        yield from _subclass(state, at, following.subclass)
    if following.objects:
        inner = State(cursor, following.start, joblib=False)
        yield from pickle_facts(cursor, inner)
        state.position = inner.position
    else:
        cursor.pass_over(following.start, following.end)
        state.position = following.end
    state.window.skip(state.position)


def _subclass(state: State, at: int, subclass: int) -> Iterator[Fact]:
    """joblib makes an instance of the class that the wrapper names: ``_reconstruct(subclass, (0,), b"b")``."""
    value = state.ledger.value(subclass)
    if (value.module, value.text) not in {("numpy", "ndarray"), ("numpy", "memmap")}:
        yield Call(span=Span(at, at), callable=value, how="newobj")


def _raw_as_opcodes(cursor: Cursor, state: State, at: int) -> Iterator[Fact]:
    """``pickle.load`` on a joblib file takes an array's bytes for opcodes. Do they do anything then?"""
    source = SubSource(cursor.source, at, cursor.size)
    trial = State(Cursor(source, cursor.name, _trial_budget(cursor)), 0, joblib=False)
    trial.stack = [v.UNKNOWN] * 64
    trial.memo.dense.extend(state.memo.dense[:4096])
    names, calls = effects(trial)
    if names:
        yield HiddenCode(span=Span(at, at), kind="raw-array", names=names, calls=calls)


# -- trials ----------------------------------------------------------------------------------------------------


def _trial_budget(cursor: Cursor) -> Budget:
    limits = Limits(seconds=TRIAL_SECONDS, facts=1000, stack_cells=1_000_000, memo_cells=1_000_000)
    budget = Budget(limits)
    budget.deadline = min(budget.deadline, cursor.budget.deadline)
    return budget


def effects(trial: State) -> tuple[tuple[str, ...], bool]:
    """What running `trial` imports (names that could be modules), and whether it calls anything."""
    problem = None
    try:
        run(trial)
    except ReadProblem as stopped:
        problem = stopped
    names: dict[str, None] = {}
    calls = False
    for fact in trial.ledger.stated():
        if isinstance(fact, Import) and MODULE.match(fact.module):
            names[f"{fact.module}.{fact.qualname}"[:200]] = None
        elif isinstance(fact, UnresolvedImport):
            names["a computed name"] = None
        calls = calls or isinstance(fact, Call)
    del problem
    return tuple(names)[:16], calls


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
        trial = State(Cursor(_Spliced(cursor.source, cut, frame_end), cursor.name, _trial_budget(cursor)), start)
        names, calls = effects(trial)
        if set(trial.ledger.globals) - plain:
            yield HiddenCode(span=Span(cut, frame_end), kind="frame", names=names, calls=calls)


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
        budget = _trial_budget(cursor)
        plain = method == "stored"
        source = SubSource(cursor.source, start, end)
        inner = source if plain else inflate(source, Span(0, end - start), method, budget)
        trial = State(Cursor(inner, cursor.name, budget), 0)
        names, _ = effects(trial)
        if names and trial.position == inner.size:
            size = end - start if plain else None
            yield Member(
                span=Span(start, end), name=f"bytes at {start}", method=method, size_bytes=size, role="dormant"
            )


def whole_or_acting(source: Source) -> tuple[bool, bool]:
    """Whether `source` is one or more whole pickles, and whether it acts: gets as far as importing and using a name.

    For files without a magic number: an unpickler runs what it finds before it meets what is no opcode.
    """
    trial = State(Cursor(source, "", Budget(Limits(seconds=TRIAL_SECONDS, facts=1000))), 0, joblib=False)
    try:
        run(trial)
    except OverLimit:
        return True, True
    except ReadProblem:
        return False, _acts(trial, stopped_well=False)
    return trial.position == source.size, _acts(trial, stopped_well=True)


def _acts(trial: State, *, stopped_well: bool) -> bool:
    """Whether an unpickler would get as far as importing something that can exist, and using it."""
    modules = [module for module, _ in trial.ledger.globals if MODULE.match(module)]
    called = any(isinstance(fact, Call) for fact in trial.ledger.facts)
    return bool(modules) and (called or stopped_well)
