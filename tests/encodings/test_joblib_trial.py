"""Other readings of a joblib file: followed as their loaders would, and never taken for hostile because they garble it.

The attacks themselves are in the corpus (`tests/build/corpus_joblib.py`); here are the reasons why each is found.
"""

import collections
import io
from collections.abc import Callable
from typing import Any

import pytest

from modelairlock.encodings import joblib_trial
from modelairlock.encodings.joblib_trial import forked
from modelairlock.encodings.pickle_machine import Ended, State, run
from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_trial import may_be_name
from modelairlock.formats.pickle import FORMAT
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import Budget, BytesSource, Cursor
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import (
    Call,
    Fact,
    FrameTrick,
    HiddenCode,
    Import,
    Irregularity,
    PickleStream,
    UnresolvedImport,
    Value,
)
from modelairlock.records.span import Span
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.reading_help import read

EVIL = p.call(p.global_("os", "system"), "id")
EXP = p.global_("numpy", "exp")


def raw(code: bytes) -> bytes:
    """An array that is `code`, without padding."""
    return j.array(code, None, shape=(len(code),), of=j.dtype("u1"), alignment=None)


def tail(code: bytes, size: int = 20) -> bytes:
    """An array that ends in `code`, which lies behind it for joblib before 1.2."""
    pad = len(code) - 1
    return j.wrapper((size + pad,), j.dtype("u1")) + bytes([pad]) + b"\xff" * pad + bytes(size - 1) + code


def facts_of(*values: bytes) -> list[Fact]:
    facts, _, _ = read(FORMAT, j.stream(*map(p.Code, values)))
    return facts


def hidden_in(*values: bytes) -> list[tuple[str, tuple[str, ...]]]:
    return [(fact.kind, fact.names) for fact in facts_of(*values) if isinstance(fact, HiddenCode)]


def forged(*values: bytes) -> list[str]:
    return [fact.detail for fact in facts_of(*values) if isinstance(fact, Irregularity)]


def verdict(data: bytes) -> str:
    return judge(read_tree(BytesSource(data), "x.joblib", "x.joblib", DEFAULT_LIMITS, strict=True), sha256=None).verdict


# -- what stands for an array ------------------------------------------------------------------------------------


def test_an_array_of_objects_is_an_array() -> None:
    assert forged(j.object_array(j.pickled_objects("a"))) == []
    for other in (p.call(p.global_("types", "SimpleNamespace")), p.NONE, EXP):
        assert forged(j.object_array(p.whole(other))) == ["the pickle of an array of objects makes none"]
    subclass = p.call(
        p.global_("numpy._core.multiarray", "_reconstruct"), p.global_("numpy.ma", "MaskedArray"), (0,), "b"
    )
    assert forged(j.object_array(p.whole(subclass))) == ["the pickle of an array of objects makes none"]


def test_an_array_that_was_read_is_no_wrapper_any_more() -> None:
    state = {"subclass": j.NDARRAY, "shape": (3,), "order": "C", "dtype": j.dtype("u1"), "allow_mmap": False}
    again = j.array() + p.push((1, (3,), j.dtype("u1"), False, b"abc")) + p.BUILD
    assert any("is given a state" in detail for detail in forged(again))
    # What an array cannot take stops every unpickler, and is nothing to read an array by.
    data = j.stream(p.Code(j.array() + p.push(state) + p.BUILD + bytes(3)), EVIL)
    facts, gaps, _ = read(FORMAT, data)
    assert not any(isinstance(fact, Import) and fact.qualname == "system" for fact in facts)
    assert [gap.because for gap in gaps] == [Because.MALFORMED]


def test_the_same_class_makes_many_arrays() -> None:
    assert forged(*[j.array()] * 3, j.array(of=j.dtype("f8"))) == []


def test_two_kinds_of_wrapper() -> None:
    old = j.array(module="sklearn.externals.joblib.numpy_pickle")
    assert forged(old, old) == []
    assert forged(old, j.array()) == ["array wrappers of two kinds in one pickle"]


def test_what_was_made_of_the_class_is_no_wrapper() -> None:
    made = p.call(p.global_("functools", "partial"), p.global_("joblib.numpy_pickle", "NumpyArrayWrapper"))
    state = {"subclass": j.NDARRAY, "shape": (3,), "order": "C", "dtype": j.dtype("u1"), "allow_mmap": False}
    assert any("and is none" in detail for detail in forged(p.build(made, state) + bytes(3)))


def test_a_matrix_is_an_array() -> None:
    facts = facts_of(j.array(subclass=p.global_("numpy", "matrix")))
    assert not [fact for fact in facts if isinstance(fact, Call) and fact.callable.text == "matrix"]
    assert forged(j.array(subclass=p.global_("evil", "Array"))) == ["an array of a class that joblib writes otherwise"]


# -- pickle.load -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "harmless",
    [p.NONE * 2 + p.BUILD, p.push("x") + p.MARK + p.SETITEMS, p.push("x") + p.MARK + p.APPENDS, p.persid("x")],
)
def test_what_some_unpickler_gets_past_ends_no_trial(harmless: bytes) -> None:
    assert hidden_in(raw(p.POP + harmless + EVIL + p.STOP)) == [("raw-array", ("os.system",))]


@pytest.mark.parametrize("stop", [p.push(1) + p.push(()) + p.REDUCE, p.push(()) + p.REDUCE, p.global_("\x01", "x")])
def test_what_no_unpickler_gets_past_ends_it(stop: bytes) -> None:
    assert hidden_in(raw(stop + EVIL + p.STOP)) == []


def test_a_wrapper_may_be_given_a_method() -> None:
    for state, told in (({}, 0), ({"a": 1}, 1), (None, 0), (1, 0), ((None, {"a": 1}), 1)):
        assert len(hidden_in(raw(p.push(state) + p.BUILD + p.STOP))) == told


def test_a_loader_loads_again_in_the_array() -> None:
    assert hidden_in(raw(p.STOP + EVIL + p.STOP)) == [("raw-array", ("os.system",))]
    assert hidden_in(raw(p.STOP + p.NONE + p.STOP + EVIL + p.STOP)) == [("raw-array", ("os.system",))]


def test_it_does_not_load_again_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib_trial, "AGAIN", 3)
    _, gaps, _ = read(FORMAT, j.stream(p.Code(raw(p.STOP + (p.NONE + p.STOP) * 5))))
    assert [gap.detail for gap in gaps] == ["an array's bytes as opcodes: more than 3 pickles in it"]


def test_frames_in_an_array_that_loaders_read_differently() -> None:
    for code in (p.frame(p.POP + b"X\4\0\0\0a") + b"bcd" + p.STOP, p.frame(p.POP + p.NONE + p.STOP + bytes(9))):
        assert [fact.kind for fact in facts_of(raw(code)) if isinstance(fact, FrameTrick)]


def test_an_object_that_is_hashed_or_filled() -> None:
    kept = p.call(p.global_("a", "A")) + p.binput(7) + p.POP
    key = p.POP + p.EMPTY_DICT + p.binget(7) + p.NONE + p.SETITEM + p.STOP
    assert hidden_in(kept + raw(key)) == [("raw-array", ("what a.A gives",))]
    given = EXP + p.POP + p.EMPTY_LIST + p.binput(7) + p.POP + p.global_("a", "A") + p.binget(7) + p.TUPLE1 + p.REDUCE
    late = p.POP + p.binget(7) + p.NONE + p.APPEND + p.STOP
    assert len(hidden_in(given, raw(late))) == 1


def test_what_follows_objects_is_loaded_again_with_an_empty_memo() -> None:
    text, memo = p.short_binunicode, p.MEMOIZE
    before = b"".join(text(word) + memo + p.POP for word in ("numpy", "exp"))
    after = b"".join(text(word) + memo + p.POP for word in ("os", "system"))
    after += p.binget(0) + p.binget(1) + p.STACK_GLOBAL
    facts, _, _ = read(
        FORMAT, p.proto(4) + before + j.object_array(j.pickled_objects(1), alignment=None) + after + p.STOP
    )
    names = {fact.qualname for fact in facts if isinstance(fact, Import)}
    assert {"exp", "system"} <= names


# -- names that are computed -------------------------------------------------------------------------------------


def made_by(module: str, name: str, *arguments: Value) -> Value:
    return Value("call", "reduce", parts=(Value("global", name, module=module), *arguments))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Value("str", "a"), "yes"), (Value("list"), "no"), (Value("none"), "no"),
        (Value("global", "a", module="b"), "no"),
        (made_by("builtins", "str", Value("str", "a")), "yes"), (made_by("numpy", "object_", Value("str", "a")), "yes"),
        (made_by("torch.jit._pickle", "build_intlist", Value("str", "a")), "yes"),
        (made_by("a", "A"), "no"), (made_by("a", "A", Value("str", "a")), "perhaps"),
        (made_by("numpy", "dtype", Value("str", "f8")), "no"), (Value("unknown"), "yes"), (Value("persistent"), "yes"),
        (made_by("copyreg", "_reconstructor", Value("global"), Value("global", "object", module="builtins")), "no"),
        (made_by("copyreg", "_reconstructor", Value("global"), Value("global", "str", module="builtins")), "perhaps"),
        (made_by("numpy._core.multiarray", "scalar", made_by("numpy", "dtype", Value("str", "f8"))), "no"),
        (made_by("numpy._core.multiarray", "scalar", made_by("numpy", "dtype", Value("str", "O8"))), "perhaps"),
    ],
)  # fmt: skip
def test_what_may_be_a_name(value: Value, expected: str) -> None:
    other = Value("str", "x")
    for operands in ((value, other), (other, value)):
        fact = UnresolvedImport(span=Span(0, 1), module=operands[0], qualname=operands[1], opcode="STACK_GLOBAL")
        assert may_be_name(fact) == expected


# -- joblib before 1.2 -------------------------------------------------------------------------------------------


def test_an_array_may_be_arguments() -> None:
    assert hidden_in(EXP + tail(p.REDUCE)) == [("array-tail", ("numpy.exp",))]
    for below in (p.MARK, p.push("x"), j.array()):
        facts, _, _ = read(FORMAT, p.proto(4) + EXP + below + tail(p.REDUCE) + p.STOP)
        assert not [fact for fact in facts if isinstance(fact, HiddenCode)]


@pytest.mark.parametrize(
    "code", [p.STACK_GLOBAL, p.NEWOBJ_EX, p.BUILD, p.SETITEM, p.ext1(1), p.NEXT_BUFFER, p.BINPERSID]
)
def test_a_tail_that_cannot_do_anything(code: bytes) -> None:
    facts, gaps, _ = read(FORMAT, p.proto(4) + p.push({}) + EXP + tail(code) + EVIL + p.STOP)
    assert gaps == []
    assert not [fact for fact in facts if isinstance(fact, HiddenCode)]


def test_beyond_a_tail_only_what_is_new_counts() -> None:
    model = p.build(p.call_newobj(p.global_("a", "A")), {"b": j.dtype("u1"), "c": 1})
    plain = facts_of(tail(p.NONE * 3, 20), p.binget(0), model)
    without = facts_of(tail(bytes(3), 20), p.binget(0), model)
    assert {type(fact) for fact in plain} == {type(fact) for fact in without}
    assert len(plain) == len(without)


def test_beyond_a_tail_arrays_are_read_without_alignment() -> None:
    code = p.POP + j.wrapper((4,), j.dtype("u1"), alignment=None) + b"\xff" * 4 + p.POP + EVIL + p.STOP
    facts = facts_of(tail(p.POP + b"C"), p.binbytes(b"\xff" * 62 + code))
    assert any(isinstance(fact, Call) and fact.callable.text == "system" for fact in facts)


def test_all_tails_have_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib_trial, "TAILS_SECONDS", 1e-9)
    copies = []
    fork = State.fork
    monkeypatch.setattr(State, "fork", lambda state, *more: copies.append(more) or fork(state, *more))
    _, gaps, _ = read(FORMAT, j.stream(*[p.Code(tail(p.NONE))] * 5))
    assert len(copies) == 2  # at the first array, for `pickle.load` and for its tail
    assert {gap.because for gap in gaps} == {Because.OVER_LIMIT}


# -- budgets -----------------------------------------------------------------------------------------------------


def at_array(before: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[Cursor, State]:
    data = p.proto(4) + before + j.wrapper((2,), j.dtype("u1"), alignment=None) + bytes(9)
    cursor = Cursor(BytesSource(data), "x", Budget(limits))
    state = State(cursor, 0)
    assert run(state) is Ended.ARRAY
    return cursor, state


def test_a_copy_and_what_it_was_copied_from_share_the_limits() -> None:
    limits = Limits(stack_cells=1000)
    cursor, state = at_array(p.NONE * 400, limits)
    fork = forked(cursor, state, None)
    assert isinstance(fork, State)
    assert fork.limits.stack_cells + len(state.stack) == 1000
    assert isinstance(forked(*at_array(p.NONE * 600, limits)), Gap)


def test_a_copy_knows_the_boxes_and_changes_none() -> None:
    before = p.global_("a", "A") + p.EMPTY_LIST + p.push(1) + p.APPEND + p.binput(0) + p.POP
    cursor, state = at_array(before)
    fork = forked(cursor, state)
    assert isinstance(fork, State)
    value = state.memo.get(0, 0)
    known = fork.boxes.find(value)
    assert known is not None
    assert known.items == [1 << 4]
    fork.boxes.fill(value, [v.NONE])
    changed, kept = fork.boxes.find(value), state.boxes.find(value)
    assert changed is not None
    assert kept is not None
    assert changed.items == [1 << 4, v.NONE]
    assert kept.items == [1 << 4]


@pytest.mark.parametrize(
    "name", ["modelairlock.encodings.pickle_stream.run", "modelairlock.encodings.pickle_trial.run"]
)
def test_what_was_found_before_memory_ran_out_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(state: State) -> Ended:
        run(state)
        raise MemoryError

    monkeypatch.setattr(name, no_memory)
    facts, gaps, _ = read(FORMAT, p.whole(EVIL))
    assert any(isinstance(fact, Call) for fact in facts)
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT] * (not any(isinstance(f, PickleStream) for f in facts))


def test_names_do_not_fill_the_memory() -> None:
    facts, _, _ = read(FORMAT, p.whole(p.global_("m" * 60_000, "b")))
    [told] = [fact for fact in facts if isinstance(fact, UnresolvedImport)]
    assert told.module.cut
    assert len(told.module.text) == DEFAULT_LIMITS.text_characters
    many = b"".join(p.stack_global(f"m{number:09}", "n" * 200) + p.POP for number in range(21_000))
    facts, gaps, _ = read(FORMAT, p.whole(EVIL + p.POP + many + p.NONE))
    assert any(isinstance(fact, Call) for fact in facts)
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]
    same = b"".join(p.stack_global("m" * 200, "n") + p.POP for _ in range(21_000))
    assert read(FORMAT, p.whole(same + p.NONE))[1] == []


# -- joblib itself -------------------------------------------------------------------------------------------------


def _models(np: Any) -> list[Any]:
    counter = collections.OrderedDict(a=1)
    objects = [np.array(["x", "y"], object), np.arange(4), np.array(["x", None], object)]
    return [
        [np.full(100, 78, "u1"), counter, np.arange(3.0)],
        [np.array([b"N"] * 50), counter, objects],
        {"img": np.full((8, 8), 136, "u1"), "more": [counter, np.arange(9)]},
        {"txt": np.frombuffer(b"hello (((((((((((((((((((((((", "S1"), "more": [counter, np.arange(9)]},
        [np.frombuffer(b"\x8cR\x9f\xfc\xe5?\x10\xf5\xf1\xbb\x8f-\xbe?12", "u1"), *objects, counter],
        np.matrix([[1, 2], [3, 4]]),
        objects,
    ]


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("protocol", range(6))
def test_honest_files_are_clear(protocol: int) -> None:
    joblib = pytest.importorskip("joblib")
    np = pytest.importorskip("numpy")
    for value in _models(np):
        file = io.BytesIO()
        joblib.dump(value, file, protocol=protocol)
        assert verdict(file.getvalue()) == "clear", value


@pytest.mark.frameworks
def test_random_arrays_are_clear() -> None:
    joblib = pytest.importorskip("joblib")
    np = pytest.importorskip("numpy")
    random = np.random.default_rng(1)
    types = [np.dtype(kind) for kind in ("u1", "i1", "u2", "i4", "f4", "f8", "S4", "V3")]
    make: list[Callable[[], Any]] = [
        lambda kind=kind: np.frombuffer(random.bytes(90 * kind.itemsize), kind) for kind in types
    ]
    for _ in range(5):
        arrays = [make[at % 8]() for at in range(800)]
        for value in (arrays, {f"a{at}": array for at, array in enumerate(arrays)}):
            file = io.BytesIO()
            joblib.dump(value, file)
            assert verdict(file.getvalue()) == "clear"
