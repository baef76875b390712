"""Where a joblib array's raw bytes end: to the byte when the wrapper is made of constants, and never by a guess.

A wrapper that lies about its length shifts the rest of the stream, so that what one reader takes for numbers another
takes for opcodes. joblib itself is the oracle for honest files.
"""

import io
from typing import Any

import pytest

from modelairlock.encodings.joblib_array import ArrayBytes, Forged, array_bytes
from modelairlock.encodings.pickle_machine import Ended, State, run
from modelairlock.formats.pickle import FORMAT
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource, Cursor, ReadProblem, Truncated, Unsupported
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Call, HiddenCode, Import, PickleStream
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.reading_help import change_everywhere, cut_everywhere, read

EVIL = p.call(p.global_("os", "system"), "id")


def following(wrapper: bytes, rest: bytes = bytes(64)) -> tuple[ArrayBytes, int]:
    """What the machine takes the bytes behind `wrapper` for, and where the wrapper ends."""
    data = p.proto() + wrapper + rest
    state = State(Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS)), 0)
    assert run(state) is Ended.ARRAY
    assert state.position == len(data) - len(rest)
    return array_bytes(state), state.position


def length(wrapper: bytes, rest: bytes = bytes(64)) -> int:
    """How many bytes are passed over behind `wrapper` as numbers, after its padding."""
    found, _ = following(wrapper, rest)
    assert not found.objects
    return found.end - found.start


# -- hit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "size"),
    [
        ("f8", 8), ("f4", 4), ("f2", 2), ("i1", 1), ("u8", 8), ("c16", 16), ("b1", 1), ("S5", 5), ("U3", 12),
        ("V7", 7), ("M8", 8), ("m8", 8), ("f16", 16),
    ],
)  # fmt: skip
def test_the_length_by_type(code: str, size: int) -> None:
    assert length(j.wrapper((3,), j.dtype(code), alignment=None)) == 3 * size


@pytest.mark.parametrize("code", ["f", "i", "?", "S", "O", "S0", "a4", "f3", "u16", "b2", "<f8", "f8,f8", "float64"])
def test_a_type_whose_size_numpy_might_see_otherwise_is_not_guessed(code: str) -> None:
    with pytest.raises(Unsupported):
        following(j.wrapper((3,), j.dtype(code), alignment=None))


@pytest.mark.parametrize(("shape", "count"), [((), 1), ((0,), 0), ((2, 3), 6), ((2, 0, 5), 0), ((1,) * 40, 1)])
def test_the_length_by_shape(shape: tuple[int, ...], count: int) -> None:
    assert length(j.wrapper(shape, j.dtype("u1"))) == count


def test_the_size_in_the_state_counts_for_text_and_void_alone() -> None:
    assert length(j.wrapper((2,), j.dtype("V1", "|", 0, 24))) == 48
    assert length(j.wrapper((2,), j.dtype("S1", "|", 0, 9))) == 18
    assert length(j.wrapper((2,), j.dtype("f8", "<", 0, 24))) == 16


@pytest.mark.parametrize("pad", [0, 1, 15, 40])
def test_padding_is_what_its_byte_says(pad: int) -> None:
    found, at = following(j.wrapper((2,)), bytes([pad]) + bytes(63))
    assert (found.start, found.end) == (at + 1 + pad, at + 1 + pad + 16)


@pytest.mark.parametrize("alignment", [0, 1, 7, 255])
def test_whatever_the_alignment_is_the_pad_byte_rules(alignment: object) -> None:
    found, at = following(j.wrapper((2,), alignment=alignment), b"\x05" + bytes(63))
    assert found.start == at + 6


@pytest.mark.parametrize("alignment", ["text", (), 2**40, True])
def test_an_alignment_that_is_no_small_number_is_not_guessed(alignment: object) -> None:
    with pytest.raises(Unsupported):
        following(j.wrapper((2,), alignment=alignment))


@pytest.mark.parametrize("name", ["read", "read_array", "__class__", "anything"])
def test_an_attribute_that_joblib_does_not_set_could_be_one_that_it_calls(name: str) -> None:
    with pytest.raises(Unsupported, match="does not know"):
        following(j.wrapper((2,), **{name: p.global_("builtins", "slice")}))


@pytest.mark.parametrize("made", [p.call_obj, p.call_inst, p.call, p.call_newobj])
def test_however_a_wrapper_is_made(made: object) -> None:
    state = {"subclass": j.NDARRAY, "shape": (2,), "order": "C", "dtype": j.dtype(), "allow_mmap": True}
    name = ("joblib.numpy_pickle", "NumpyArrayWrapper")
    empty = p.call_inst(*name) if made is p.call_inst else made(p.global_(*name))
    assert length(p.build(empty, state)) == 16
    remade = p.call_obj(p.global_("copyreg", "_reconstructor"), p.global_(*name), p.global_("builtins", "object"), None)
    assert length(p.build(remade, state)) == 16


def test_objects_are_never_mapped() -> None:
    with pytest.raises(Unsupported, match="memory-mapped"):
        following(j.wrapper((2,), j.OBJECTS, allow_mmap=True))


def test_without_alignment_there_is_no_pad_byte() -> None:
    for wrapper in (j.wrapper((2,), alignment=None), j.wrapper((2,), numpy_array_alignment_bytes=None)):
        found, at = following(wrapper)
        assert (found.start, found.end) == (at, at + 16)


def test_objects_are_another_pickle() -> None:
    for dtype in (j.OBJECTS, j.dtype("f8", "<", 63), j.dtype("V16", "|", 1, 16)):
        found, at = following(j.wrapper((2,), dtype, allow_mmap=False))
        assert (found.objects, found.start) == (True, at)


def test_the_old_home_of_the_wrapper() -> None:
    assert length(j.wrapper((2,), module="sklearn.externals.joblib.numpy_pickle")) == 16


def test_the_last_of_two_attributes_counts() -> None:
    fields = p.push("shape") + p.push((1,)) + p.push("shape") + p.push((4,))
    rest = p.push("subclass") + j.NDARRAY + p.push("order") + p.push("C") + p.push("allow_mmap") + p.push(True)
    state = p.EMPTY_DICT + p.MARK + p.push("dtype") + j.dtype("u1") + rest + fields + p.SETITEMS
    wrapper = p.call_newobj(p.global_("joblib.numpy_pickle", "NumpyArrayWrapper")) + state + p.BUILD
    assert length(wrapper) == 4
    single = p.EMPTY_DICT + p.MARK + rest + p.SETITEMS
    single += p.push("shape") + p.push((4,)) + p.SETITEM + p.push("dtype") + j.dtype("u1") + p.SETITEM
    wrapper = p.call_newobj(p.global_("joblib.numpy_pickle", "NumpyArrayWrapper")) + single + p.BUILD
    assert length(wrapper) == 4


def test_facts_stand_on_both_sides_of_an_array() -> None:
    data = j.stream(p.call(p.global_("a", "A")), j.array(bytes(16)), EVIL, j.array(bytes(16), 0), p.persid("end"))
    facts, gaps, cursor = read(FORMAT, data)
    assert gaps == []
    assert [fact.qualname for fact in facts if isinstance(fact, Import) and fact.qualname in "A system"] == [
        "A",
        "system",
    ]
    assert cursor.passed.total() >= 32
    assert cursor.counted().total() + cursor.passed.total() == len(data)


def test_memo_and_stack_go_on_behind_an_array() -> None:
    body = (
        p.push("system") + p.MEMOIZE + p.POP + p.push("os") + j.array(bytes(16)) + p.POP + p.binget(0) + p.STACK_GLOBAL
    )
    facts, gaps, _ = read(FORMAT, p.whole(body))
    assert gaps == []
    assert ("os", "system") in [(fact.module, fact.qualname) for fact in facts if isinstance(fact, Import)]


def test_the_pickle_in_an_object_array_is_read() -> None:
    inner = p.whole(EVIL)
    facts, gaps, _ = read(FORMAT, j.stream(j.object_array(inner), p.push("end")))
    assert gaps == []
    assert len([fact for fact in facts if isinstance(fact, PickleStream)]) == 2
    assert any(isinstance(fact, Call) and fact.callable.text == "system" for fact in facts)


def test_a_wrapper_within_an_object_array_is_no_wrapper() -> None:
    # joblib reads that pickle with pickle.load, for which a BUILD is a BUILD and what follows are opcodes.
    code = EVIL + p.POP * 2
    watching = p.global_("numpy", "dtype") + p.POP
    for before in (b"", watching):
        inner = p.whole(before + j.wrapper((len(code),), j.dtype("u1"), alignment=None) + code + p.NONE)
        facts, gaps, _ = read(FORMAT, j.stream(j.object_array(inner)))
        assert gaps == []
        assert not [fact for fact in facts if isinstance(fact, HiddenCode)]
        assert any(isinstance(fact, Import) and fact.qualname == "system" for fact in facts)


def test_another_class_of_array_is_made() -> None:
    for subclass, calls in (
        (p.global_("evil", "Array"), ["Array"]),
        (j.NDARRAY, []),
        (p.global_("numpy", "memmap"), []),
    ):
        facts, _, _ = read(FORMAT, j.stream(j.array(subclass=subclass)))
        made = [fact for fact in facts if isinstance(fact, Call) and fact.how == "newobj" and not fact.arguments]
        assert [call.callable.text for call in made if call.callable.text != "NumpyArrayWrapper"] == calls


def test_an_array_whose_bytes_are_opcodes() -> None:
    code = p.POP + EVIL + p.STOP
    facts, _, _ = read(FORMAT, j.stream(j.array(code, None, shape=(len(code),), of=j.dtype("u1"), alignment=None)))
    hidden = [fact for fact in facts if isinstance(fact, HiddenCode)]
    assert [(fact.kind, fact.names, fact.calls) for fact in hidden] == [("raw-array", ("os.system",), True)]


def raw(code: bytes) -> bytes:
    """An array that is `code`, without padding."""
    return j.array(code, None, shape=(len(code),), of=j.dtype("u1"), alignment=None)


def hidden_in(*values: bytes) -> list[tuple[str, tuple[str, ...], bool]]:
    facts, _, _ = read(FORMAT, j.stream(*map(p.Code, values)))
    return [(fact.kind, fact.names, fact.calls) for fact in facts if isinstance(fact, HiddenCode)]


def test_an_array_that_calls_what_was_there_before() -> None:
    # It imports nothing: what it calls was imported and memoized before it.
    before = p.global_("numpy", "exp") + p.binput(7) + p.POP
    code = p.POP + p.binget(7) + p.push((1,)) + p.REDUCE + p.STOP
    assert hidden_in(before + raw(code)) == [("raw-array", ("numpy.exp",), True)]
    result = p.call(p.global_("a", "A")) + p.binput(7) + p.POP
    assert hidden_in(result + raw(code)) == [("raw-array", ("what a.A gives",), True)]
    built = p.POP + p.binget(7) + p.push({"b": 1}) + p.BUILD + p.STOP
    assert hidden_in(result + raw(built)) == [("raw-array", ("what a.A gives",), False)]


def test_an_array_that_imports_what_is_no_identifier() -> None:
    assert hidden_in(raw(p.POP + p.global_("out-side", "x") + p.STOP)) == [("raw-array", ("out-side.x",), False)]


@pytest.mark.parametrize("code", [p.REDUCE, p.NEWOBJ, p.BUILD, p.SETITEM, p.push(()) + p.REDUCE, p.NONE + p.BUILD])
def test_an_array_that_cannot_do_anything(code: bytes) -> None:
    # The wrapper is no tuple of arguments, no state, and cannot be called.
    assert hidden_in(raw(code + p.STOP)) == []
    assert hidden_in(p.global_("numpy", "exp") + raw(code + p.STOP)) == []


def test_a_tail_that_joblib_before_1_2_takes_for_opcodes() -> None:
    code = EVIL + p.STOP
    pad = len(code) - 1
    data = bytes([pad]) + b"\xff" * pad + bytes(20) + code
    tail = j.wrapper((20 + len(code),), j.dtype("u1")) + data
    assert hidden_in(tail) == [("array-tail", ("os.system",), True)]
    assert hidden_in(j.wrapper((20 + len(code),), j.dtype("u1")) + data[: 20 + 1 + pad] + bytes(len(code))) == []


def test_one_copy_of_the_machine_serves_all_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    # A copy at each of many arrays costs the square of their number.
    copies = []
    fork = State.fork
    monkeypatch.setattr(State, "fork", lambda state, *more: copies.append(more) or fork(state, *more))
    read(FORMAT, j.stream(*[j.array(bytes(16))] * 50))
    assert len(copies) == 1


def test_a_tail_that_shifts_what_follows() -> None:
    # Its last byte says that the next eight are a string: of the number, and of what joblib before 1.2 reads then.
    hidden = p.push(1 << 40) + p.POP
    tail = j.wrapper((4,), j.dtype("u1")) + bytes([0]) + bytes(3) + b"\x43"
    facts, _, _ = read(FORMAT, j.stream(p.Code(tail + p.binbytes(b"\0" * 62 + EVIL + p.STOP)), p.Code(hidden)))
    assert any(isinstance(fact, Call) and fact.callable.text == "system" for fact in facts)


@pytest.mark.parametrize("field", ["subclass", "shape", "order", "dtype", "allow_mmap"])
def test_a_wrapper_that_leaves_something_to_an_earlier_state(field: str) -> None:
    fields = {"shape": (3,), "dtype": j.dtype("u1"), "subclass": j.NDARRAY, "order": "C", "allow_mmap": False}
    del fields[field]
    made = p.call_newobj(p.global_("joblib.numpy_pickle", "NumpyArrayWrapper"))
    with pytest.raises(Forged, match=field):
        following(p.build(made, fields))


def test_an_alignment_that_an_earlier_state_gave() -> None:
    _, gaps, _ = read(FORMAT, j.stream(j.array(bytes(16)), j.array(bytes(16), None, alignment=None)))
    assert ["behind one that has it" in gap.detail for gap in gaps] == [True]


def test_an_array_whose_opcodes_build_another_wrapper_first() -> None:
    code = p.global_("numpy", "dtype") + j.wrapper((1000,), alignment=None) + EVIL + p.STOP
    facts, _, _ = read(FORMAT, j.stream(j.array(code, None, shape=(len(code),), of=j.dtype("u1"), alignment=None)))
    [hidden] = [fact for fact in facts if isinstance(fact, HiddenCode)]
    assert "os.system" in hidden.names


def test_code_in_the_padding_is_no_padding() -> None:
    # The pad byte is the length of the code, and an opcode for pickle.load: a POP_MARK, say, does for 49 bytes.
    code = EVIL + p.STOP
    padding = bytes([0x31]) + code.ljust(0x31, b"x")
    _, gaps, _ = read(FORMAT, j.stream(p.Code(p.MARK + j.wrapper((2,)) + padding + bytes(16) + p.TUPLE)))
    assert gaps


# -- miss: what is no constant is no length ----------------------------------------------------------------------

COMPUTED = p.call(p.global_("a", "A"))


@pytest.mark.parametrize(
    "wrapper",
    [
        j.wrapper(of=COMPUTED), j.wrapper(of=p.push("f8")), j.wrapper(of=p.call(p.global_("numpy", "dtype"))),
        j.wrapper(of=p.call(p.global_("numpy", "dtype"), COMPUTED)), j.wrapper(of=j.dtype("evil")),
        j.wrapper(of=j.dtype("f8,f8")), j.wrapper(of=j.dtype("")), j.wrapper(of=j.dtype("<f8")),
        j.wrapper(of=p.call_newobj(p.global_("a", "dtype"), "f8")),
        j.wrapper(shape=COMPUTED), j.wrapper(shape=[2]), j.wrapper(shape=(COMPUTED,)), j.wrapper(shape=(-1,)),
        j.wrapper(shape=(1.5,)), j.wrapper(shape=("2",)), j.wrapper(shape=(None,)), j.wrapper(shape=(1,) * 65),
        j.wrapper(shape=(1 << 62,)), j.wrapper(shape=(p.Code(p.int_("010")),)), j.wrapper(shape=None),
        j.wrapper(shape=(p.Code(p.int_("0" * 300 + "5")),)),
        j.wrapper(alignment=COMPUTED), j.wrapper(alignment=p.Code(p.persid("x"))),
        j.wrapper(alignment=p.Code(p.NEXT_BUFFER)),
        p.build(p.call_newobj(p.global_("joblib.numpy_pickle", "NumpyArrayWrapper")), COMPUTED),
        p.build(p.call_newobj(p.global_("joblib.numpy_pickle", "NumpyArrayWrapper")), {COMPUTED: 1}),
        p.build(p.call_newobj(p.global_("joblib.numpy_pickle", "NumpyArrayWrapper")), {}),
        p.build(p.call_newobj(p.global_("joblib.numpy_pickle", "NumpyArrayWrapper")), None),
        p.build(p.call_newobj(p.global_("joblib.numpy_pickle", "NumpyArrayWrapper")), ({}, {"shape": (9,)})),
    ],
)  # fmt: skip
def test_what_is_not_constant_stops_the_reading(wrapper: bytes) -> None:
    with pytest.raises(Unsupported):
        following(wrapper)
    facts, gaps, _ = read(FORMAT, j.stream(EVIL, p.Code(wrapper + bytes(40))))
    assert [gap.because for gap in gaps] == [Because.UNSUPPORTED]
    assert any(isinstance(fact, Import) and fact.qualname == "system" for fact in facts)


def test_two_layouts_for_types_that_look_alike() -> None:
    # Both calls have one shape, and so one value on the stack: which state is whose cannot be told.
    both = j.dtype("V8", "|", 0, 8) + p.POP + j.wrapper((2,), j.dtype("V8", "|", 0, 800))
    with pytest.raises(Unsupported):
        following(both)
    assert length(j.dtype("V8", "|", 0, 8) + p.POP + j.wrapper((2,), j.dtype("V8", "|", 0, 8))) == 16


def test_no_wrapper_no_array() -> None:
    for module, name in (("joblib.numpy_pickle", "Other"), ("a", "NumpyArrayWrapper"), ("joblib", "NumpyArrayWrapper")):
        body = p.build(p.call_newobj(p.global_(module, name)), {"shape": (4,), "dtype": j.dtype()})
        facts, gaps, _ = read(FORMAT, p.whole(body))
        assert gaps == []
        assert len([fact for fact in facts if isinstance(fact, PickleStream)]) == 1


@pytest.mark.parametrize("make", ["reduce", "obj", "inst", "newobj_ex", "reconstructor"])
def test_however_the_wrapper_is_made(make: str) -> None:
    name = ("joblib.numpy_pickle", "NumpyArrayWrapper")
    made = {
        "reduce": p.call(p.global_(*name)), "obj": p.call_obj(p.global_(*name)), "inst": p.call_inst(*name),
        "newobj_ex": p.call_newobj_ex(p.global_(*name)),
        "reconstructor": p.call(
            p.global_("copyreg", "_reconstructor"), p.global_(*name), p.global_("builtins", "object"), None
        ),
    }[make]  # fmt: skip
    fields = {"shape": (3,), "dtype": j.dtype("u1"), "subclass": j.NDARRAY, "order": "C", "allow_mmap": False}
    assert length(p.build(made, fields)) == 3


# -- damaged -----------------------------------------------------------------------------------------------------


def test_an_array_beyond_the_end() -> None:
    for shape in ((9,), (1 << 40,), (1 << 61,) * 60):
        with pytest.raises(Truncated):
            following(j.wrapper(shape))
    with pytest.raises(Truncated):
        following(j.wrapper((2,)), b"")
    with pytest.raises(ReadProblem):
        following(j.wrapper((2,)), b"\xff" + bytes(17))


def test_damaged() -> None:
    cut_everywhere(j.stream(j.array(bytes(16)), p.push("end")), FORMAT)
    old = j.object_array(j.pickled_objects("a"), alignment=None)
    cut_everywhere(j.stream(old, j.array(bytes(16), None, alignment=None)), FORMAT)


def test_changed() -> None:
    change_everywhere(j.stream(j.array(bytes(16)), j.object_array(j.pickled_objects("a"))), FORMAT)


# -- joblib itself -------------------------------------------------------------------------------------------------


@pytest.mark.frameworks
def test_random_numbers_are_no_opcodes() -> None:
    joblib = pytest.importorskip("joblib")
    numpy = pytest.importorskip("numpy")
    random = numpy.random.default_rng(20261125)
    for _ in range(5):
        arrays = [random.integers(0, 256, 300, numpy.uint8) if at % 2 else random.random(50) for at in range(3000)]
        stream = io.BytesIO()
        joblib.dump(arrays, stream)
        facts, gaps, _ = read(FORMAT, stream.getvalue())
        assert gaps == []
        assert not [fact for fact in facts if isinstance(fact, HiddenCode)]


@pytest.mark.frameworks
def test_what_joblib_writes_is_read() -> None:
    joblib = pytest.importorskip("joblib")
    np = pytest.importorskip("numpy")
    arrays: list[Any] = [
        np.zeros((3, 4)), np.zeros(5, "f4"), np.zeros((2, 2), order="F"), np.array(["a", "bcd"]), np.zeros(3, "S7"),
        np.zeros(0), np.array(1.5), np.zeros(2, [("a", "<f8"), ("b", "S3")]), np.array([1, "a", None], dtype=object),
        np.zeros(2, [("a", "O")]), np.zeros(2, "M8[ns]"), np.zeros(2, "m8[s]"), np.zeros(3, bool), np.ones(2, ">i4"),
        np.zeros(2, "V5"), np.zeros(3, complex),
    ]  # fmt: skip
    for value in [*arrays, arrays, {"a": arrays[0], "b": [arrays[0], arrays[3]], "text": "x"}]:
        file = io.BytesIO()
        joblib.dump(value, file)
        facts, gaps, cursor = read(FORMAT, file.getvalue())
        assert gaps == [], value
        assert not [fact for fact in facts if isinstance(fact, HiddenCode)]
        assert cursor.counted().total() + cursor.passed.total() == len(file.getvalue())
