"""Everything one pickle can change: stack, marks, memo, frames, and the ledger of its effects."""

from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.frames import Frames
from modelairlock.encodings.pickle_machine.ledger import Ledger
from modelairlock.encodings.pickle_machine.memo import Memo
from modelairlock.encodings.pickle_machine.tensors import TENSOR_BUILDERS, tensor_beyond_storage
from modelairlock.encodings.pickle_machine.window import MARGIN, Window
from modelairlock.reading import Cursor, Malformed, OverLimit, Truncated

#: how a pickle that imports something begins: PROTO, MARK, GLOBAL, or a string for STACK_GLOBAL
PICKLE_STARTS = frozenset((b"\x80", b"(", b"c", b"\x8c", b"X", b"V", b"U", b"S"))
#: byte strings that look like pickles and are looked at again, at most
CANDIDATES = 10_000


class State:
    """One per pickle: each `Unpickler.load` begins with an empty stack and memo."""

    def __init__(self, cursor: Cursor, start: int, *, joblib: bool = True) -> None:
        self.window = Window(cursor, start)
        self.limits = cursor.limits
        self.ledger = Ledger(self.window, cursor.limits)
        self.frames = Frames()
        self.memo = Memo()
        self.stack: list[int] = []
        self.marks: list[int] = []
        self.protocol = 0
        #: what PROTO said last: below 3, unpicklers map the names of Python 2
        self.mapped = 0
        self.position = start
        #: opcodes of byte strings that begin as a pickle would
        self.candidates: set[int] = set()
        #: whether an array wrapper's bytes follow its BUILD; not in a pickle that joblib loads by ``pickle.load``
        self.joblib = joblib
        #: keep what is put into plain dicts, lists and sets; from the first import on, for before it nothing is called
        self.watching = False
        self.boxes = self.ledger.boxes
        #: the states that BUILD gave to results of calls, while watching
        self.built: dict[int, set[int]] = {}
        self.built_count = 0
        #: the state of an array wrapper that was just built, when raw bytes follow
        self.array_state: int | None = None
        #: whether a wrapper of this pickle had an alignment; then all have
        self.aligned = False
        #: the class of this pickle's wrappers
        self.wrapper: tuple[str, str] | None = None
        #: what joblib puts where a wrapper was, by wrapper and to be found: an array, which is no wrapper any more
        self.read_arrays: dict[int, int] = {}
        self.arrays: set[int] = set()
        #: names that STACK_GLOBAL found for a pair of string values
        self.resolved: dict[tuple[int, int], tuple[str, str]] = {}
        #: what STOP returned
        self.result: int = v.NONE

    def fork(self, cursor: Cursor, at: int | None = None) -> "State":
        """The same machine at the same place, for a loader that takes what follows for opcodes; `at` another place, for
        an old joblib. This machine must rest meanwhile.
        """
        twin = State(cursor, self.position if at is None else at, joblib=at is not None)
        twin.ledger = self.ledger.twin(twin.window, cursor.limits)
        twin.ledger.garbled = at is not None
        twin.boxes = twin.ledger.boxes
        twin.memo = self.memo.copy()
        twin.stack, twin.marks = self.stack[:], self.marks[:]
        twin.watching, twin.mapped, twin.wrapper = self.watching, self.mapped, self.wrapper
        twin.read_arrays, twin.arrays = dict(self.read_arrays), set(self.arrays)
        return twin

    def release(self) -> None:
        """Let go of all that no fact needs: there is no memory left, and nothing more will be read."""
        self.stack, self.marks, self.memo = [], [], Memo()
        self.resolved, self.built, self.candidates = {}, {}, set()

    def take_array(self) -> None:
        """joblib has read the array whose wrapper is on top of the stack, and puts it there instead."""
        wrapper = self.stack[-1]
        if wrapper not in self.read_arrays:
            self.read_arrays[wrapper] = self.ledger.another(wrapper)
            self.arrays.add(self.read_arrays[wrapper])
        self.stack[-1] = self.read_arrays[wrapper]
        self.array_state = None

    def cells(self) -> int:
        """Values that are held on to."""
        held = len(self.memo.dense) + 16 * len(self.memo.sparse) + len(self.ledger.tuples)
        return held + 16 * self.built_count + self.boxes.count // 8 + self.ledger.used_count

    @property
    def fence(self) -> int:
        """The stack below the last MARK is out of reach."""
        return self.marks[-1] if self.marks else 0

    def need(self, count: int, at: int) -> None:
        """Raise unless `count` values stand above the last MARK."""
        if len(self.stack) - count < self.fence:
            raise Malformed(at, f"{count} values on the stack above the last MARK", str(len(self.stack) - self.fence))

    def pop(self, at: int) -> int:
        """Take the top value."""
        self.need(1, at)
        return self.stack.pop()

    def to_mark(self, at: int) -> list[int]:
        """Take everything above the last MARK, and the MARK."""
        if not self.marks:
            raise Malformed(at, "a MARK", "none")
        mark = self.marks.pop()
        taken = self.stack[mark:]
        del self.stack[mark:]
        return taken

    def check_tensor(self, at: int, function: int, arguments: tuple[int, ...]) -> None:
        """A tensor must lie within its storage (CVE-2026-24747); one that does not is a fact."""
        if function & v.KIND == v.GLOBAL and self.ledger.globals[function >> 4] in TENSOR_BUILDERS:
            beyond = tensor_beyond_storage(self.ledger, at, arguments)
            if beyond is not None:
                self.ledger.add_once(("beyond", beyond.key), beyond)

    def candidate(self, at: int) -> None:
        """The byte string at `at` begins as a pickle does."""
        if len(self.candidates) < CANDIDATES:
            self.candidates.add(at)

    def edge(self, at: int) -> None:
        """At `at` the window or a frame ends, or the opcode just done has jumped past it."""
        self.frames.pass_edge(at)
        window = self.window
        if at >= window.end or (at + MARGIN > window.end and window.end < window.size):
            self._check_cells(at)
            window.cursor.budget.check_time(at)
            window.move(at)
            if not window.data:
                raise Truncated(at, "the pickle ends without a STOP")

    def edge_stop(self) -> int:
        """Where `edge` must be called next, counted from the window's start."""
        window = self.window
        stop = len(window.data) if window.end >= window.size else len(window.data) - MARGIN
        return min(stop, self.frames.end - window.base) if self.frames.end >= 0 else stop

    def _check_cells(self, at: int) -> None:
        """Bound the memory; what the opcodes of one window can add is bounded by the window."""
        if len(self.stack) + len(self.marks) > self.limits.stack_cells:
            raise OverLimit(at, f"more than {self.limits.stack_cells} values on the stack (limit: stack_cells)")
        if self.cells() > self.limits.memo_cells:
            raise OverLimit(at, f"more than {self.limits.memo_cells} values in memo and tuples (limit: memo_cells)")
        if len(self.ledger.facts) > self.limits.facts:
            raise OverLimit(at, f"more than {self.limits.facts} distinct effects (limit: facts)")
