"""What the machine sees of a pickle at once: windows, frames, limits, and the memory that hostile programs take.

Windows and frames may change nothing: the same programs give the same facts, whatever the window's size. Memory is the
peak of a process that does nothing else, beyond what it had before.
"""

import contextlib
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelairlock.encodings.pickle_machine import run, window
from modelairlock.encodings.pickle_machine.frames import TRICKS
from modelairlock.encodings.pickle_stream import pickle_facts
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.reading import OverLimit, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Call, FrameTrick, HiddenCode, Import
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.encodings.test_pickle_machine import EFFECTS, EVIL, state_of, stated

A = p.global_("a", "A")
ONE = p.binint1(1)

# -- windows -----------------------------------------------------------------------------------------------------

NESTED = p.whole(p.push({"a": [1.5, ("t", b"b")] * 40, "b": EVIL, "c": p.call(A, "x" * 300)}))
MEMOS = p.proto() + b"".join(p.push(f"s{number}") + p.MEMOIZE for number in range(300)) + p.long_binget(250) + p.STOP
LINES = b"".join(b"(S'%s'\nI%d\ntp%d\n0" % (b"a" * number, number, number) for number in range(200)) + b"N."
NAMES = p.whole(b"".join(p.global_("m" * number, "n" * number) for number in range(1, 150)))
FRAMES = p.proto() + b"".join(p.frame(p.call(A, number) + p.POP) for number in range(100)) + p.frame(p.NONE + p.STOP)
JUMPS = p.whole(b"".join(p.binbytes(bytes(97 * number)) + p.call(A, number) for number in range(60)))
ARRAYS = j.stream(*(j.array(bytes(16), pad) for pad in range(20)), j.object_array(j.pickled_objects("a", None)))
HONEST = [pickle.dumps([{"key": (1, 2.5, "text", b"bytes", 10**40)}] * 9, protocol) for protocol in range(6)]
PROGRAMS = [
    NESTED, MEMOS, LINES, NAMES, FRAMES, JUMPS, ARRAYS, *HONEST, p.whole(p.call(p.global_("pickle", "loads"), EVIL)),
    p.whole(p.binunicode("__setstate__" * 30)), *(body + p.STOP for body, _ in EFFECTS),
]  # fmt: skip


def account(data: bytes, limits: Limits = DEFAULT_LIMITS) -> object:
    """All that may not hang on the window: facts, gaps, the problem, and what was read or passed over."""
    state = state_of(data, limits)
    told, problem = stated(data, limits)
    with contextlib.suppress(ReadProblem):
        list(pickle_facts(state.window.cursor, state))
    cursor = state.window.cursor
    covered = cursor.counted()
    covered.update(cursor.passed)
    return told, type(problem), str(problem), list(covered)


@pytest.mark.parametrize("width", [64, 65, 100, 257])
def test_the_window_changes_nothing(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = [account(program) for program in PROGRAMS]
    monkeypatch.setattr(window, "SMALLEST", width)
    narrow = Limits(window_bytes=width)
    for program, expected in zip(PROGRAMS, wide, strict=True):
        assert account(program, narrow) == expected, program[:80]


@pytest.mark.parametrize("program", [NESTED, LINES, ARRAYS, *HONEST])
def test_every_byte_of_a_whole_pickle_is_accounted_for(program: bytes) -> None:
    assert account(program)[-1] == [(0, len(program))]


def test_setstate_across_two_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "SMALLEST", 128)
    for before in range(140):
        state = state_of(
            p.whole(p.NONE * before + p.push("__setstate__".encode("utf-32-le"))), Limits(window_bytes=128)
        )
        run(state)
        assert state.window.setstate >= 0, before


def test_payloads_are_never_fetched() -> None:
    data = p.whole(p.EMPTY_LIST + (p.binbytes(bytes(1 << 20)) + p.APPEND) * 4)
    state = state_of(data)
    run(state)
    cursor = state.window.cursor
    assert cursor.fetched.total() < 100_000
    assert cursor.counted().total() + cursor.passed.total() == len(data)


def test_bytes_behind_the_pickle_are_not_counted() -> None:
    state = state_of(p.whole(p.NONE) + bytes(100))
    run(state)
    assert state.window.cursor.counted().total() == state.position == 4


# -- frames ------------------------------------------------------------------------------------------------------


def tricks(data: bytes) -> list[str]:
    return [fact.kind for fact in stated(data)[0] if isinstance(fact, FrameTrick)]


def test_honest_frames() -> None:
    body = p.push("text") + p.STOP
    assert tricks(p.proto() + p.frame(body)) == []
    assert tricks(p.proto() + p.frame(p.NONE) + p.frame(body)) == []
    assert tricks(p.proto() + p.frame(b"") + body) == []
    assert tricks(p.proto() + p.frame(p.NONE) + p.binbytes(bytes(100)) + p.frame(body)) == []


def test_a_nested_frame() -> None:
    assert tricks(p.proto() + p.frame(p.frame(p.NONE) + p.STOP)) == ["nested-frame"]


def test_an_opcode_that_crosses_its_frame_hides_code() -> None:
    # C, reading from a file, drops what is left of the frame and reads all 16 bytes of the string behind it.
    code = p.POP + p.call(p.global_("os", "system"), "id") + p.STOP
    hider = p.binbytes(code)[:5]
    frame = p.frame(p.binunicode(b"x" * len(hider), 16))
    data = p.proto() + frame + b"y" * (16 - len(hider)) + hider + code + p.STOP
    told, problem = stated(data)
    assert problem is None
    assert not [fact for fact in told if isinstance(fact, Import)]
    [hidden] = [fact for fact in told if isinstance(fact, HiddenCode)]
    assert (hidden.kind, hidden.names, hidden.calls) == ("frame", ("os.system",), True)
    assert tricks(data) == ["opcode-crosses-frame"]


def test_a_frame_cut_short_is_a_gap_and_no_trick() -> None:
    told, problem = stated(p.proto() + b"\x95" + struct.pack("<Q", 2**63) + p.call(A) + p.STOP)
    assert problem is None
    assert [fact.because for fact in told if isinstance(fact, Gap)] == [Because.TRUNCATED]
    assert not [fact for fact in told if isinstance(fact, FrameTrick | HiddenCode)]
    assert any(isinstance(fact, Call) for fact in told)


def test_a_million_broken_frames_are_told_some_times() -> None:
    state = state_of(p.proto() + (p.frame(b"", 1) + ONE + p.POP) * 20_000 + p.NONE + p.STOP)
    run(state)
    assert len(state.frames.tricks) == len(state.frames.crossings) == TRICKS


# -- limits ------------------------------------------------------------------------------------------------------

SMALL = Limits(stack_cells=1000, memo_cells=10_000, facts=100, window_bytes=4096)


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (p.NONE * 20_000, "stack_cells"),
        (p.MARK * 20_000, "stack_cells"),
        (p.NONE + p.MEMOIZE * 20_000, "memo_cells"),
        (p.NONE + b"".join(p.long_binput(1000 * index) for index in range(1, 3000)), "memo_cells"),
        (p.NONE + (p.TUPLE1 + p.MEMOIZE) * 9_000, "memo_cells"),
        ((p.MARK + p.NONE * 500 + p.TUPLE + p.POP) * 40, "memo_cells"),
        (b"".join(p.global_("a", f"b{index}") + p.POP for index in range(200)), "facts"),
        (b"".join(p.persid(f"{index}") + p.POP for index in range(200)), "facts"),
        (b"".join(p.ext2(index) + p.POP for index in range(1, 200)), "facts"),
    ],
)  # fmt: skip
def test_a_limit_is_a_gap_and_keeps_what_was_found(body: bytes, limit: str) -> None:
    told, problem = stated(p.whole(A + p.POP + body + p.NONE), SMALL)
    assert isinstance(problem, OverLimit)
    assert f"(limit: {limit})" in problem.detail
    assert problem.because is Because.OVER_LIMIT
    assert isinstance(told[0], Import)
    assert stated(p.whole(A + p.POP + body + p.NONE))[1] is None


def test_time_is_a_limit() -> None:
    data = p.whole(A + (p.NONE + p.POP) * 10_000 + p.NONE)
    told, problem = stated(data, Limits(seconds=-1.0))
    assert isinstance(problem, OverLimit)
    assert "(limit: seconds)" in problem.detail
    assert told == []


# -- memory ------------------------------------------------------------------------------------------------------

#: reads one pickle from a file, and prints the peak of memory in MB beyond that before
MEASURE = """
import sys
from pathlib import Path
from modelairlock.encodings.pickle_machine import State
from modelairlock.encodings.pickle_stream import pickle_facts
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, Cursor, ReadProblem

class File:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.size = self.file.seek(0, 2)
    def read(self, start, length):
        self.file.seek(start)
        return self.file.read(length)

def peak():
    # Not ru_maxrss, which a process inherits from the one that started it.
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])

cursor = Cursor(File(sys.argv[1]), "x", Budget(DEFAULT_LIMITS))
before = peak()
try:
    for _ in pickle_facts(cursor, State(cursor, 0)):
        pass
except ReadProblem as problem:
    print(problem, file=sys.stderr)
print((peak() - before) / 1024)
"""


def measured(path: Path) -> float:
    command = [sys.executable, "-c", MEASURE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    return float(done.stdout)


NUMBERED: dict[str, Callable[[int], bytes]] = {
    "sparse memo": lambda number: p.long_binput(1000 * (number % 4_000_000)),
    "imports": lambda number: p.global_("a", f"b{number}") + p.POP,
    "calls": lambda number: p.call(p.global_("a", f"b{number}"), "x") + p.POP,
    "builds": lambda number: p.build(p.global_("a", f"b{number}"), None) + p.POP,
    "persistent ids": lambda number: p.persid(str(number)) + p.POP,
    "frames": lambda _: p.frame(b"", 1) + ONE + p.POP,
    "calls with long strings": lambda number: p.call(p.global_("a", f"b{number}"), *["x" * 400] * 3) + p.POP,
    "calls of many arguments": lambda number: p.global_("a", f"b{number}") + p.binget(0) + p.REDUCE + p.POP,
}
REPEATED = {
    "mark": p.MARK, "none": p.NONE, "tuples of three": p.TUPLE3 + p.DUP + p.DUP, "memoize": p.MEMOIZE,
    "lists": p.EMPTY_LIST, "dicts in a watched pickle": p.EMPTY_DICT + p.MARK + p.NONE * 40 + p.SETITEMS + p.POP,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("name", [*NUMBERED, *REPEATED])
def test_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    start = p.proto() + p.global_("numpy", "dtype") + p.MARK + p.NONE * 100_000 + p.TUPLE + p.MEMOIZE + p.DUP + p.DUP
    with path.open("wb") as file:
        file.write(start)
        if name in REPEATED:
            for _ in range(20):
                file.write(REPEATED[name] * (1_000_000 // len(REPEATED[name])))
        else:
            count = 3_000_000 if name == "sparse memo" else 250_000
            for first in range(1, count, 10_000):
                file.write(b"".join(NUMBERED[name](number) for number in range(first, first + 10_000)))
        file.write(p.NONE + p.STOP)
    assert measured(path) < DEFAULT_LIMITS.worker_bytes / 2**20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_of_two_gigabytes_of_payloads(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    with path.open("wb") as file:
        file.write(p.proto() + p.EMPTY_LIST)
        for _ in range(2048):
            file.write(p.binbytes(b"", 1 << 20))
            file.seek(1 << 20, 1)
            file.write(p.APPEND)
        file.write(p.STOP)
    assert path.stat().st_size > 1 << 31
    assert measured(path) < 64
