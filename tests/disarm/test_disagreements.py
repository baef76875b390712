"""Files whose author wants another tensor in the output than the framework would load: each is followed, or said no to.

What the frameworks do is asked of them in `test_disagreements_frameworks.py`.
"""

import pytest

from modelairlock.disarm.torch_legacy import MAGIC
from modelairlock.records.disarm import Plan
from tests.build import joblib_builder, torch_builder
from tests.build import pickle_builder as p
from tests.build.zip_builder import Entry, zip_file
from tests.disarm.convert_help import planned
from tests.disarm.test_attacks import keys, lost, state

GOOD = torch_builder.tensor()
OTHER = torch_builder.tensor(torch_builder.storage("1"))
TWO = {"0": bytes(16), "1": b"\x01" * 16}
NUMPY_DTYPE = p.global_("numpy", "dtype")
BIG = (3, ">", None, None, None, -1, -1, 0)


def attribute(name: str, maker: str) -> p.Code:
    """A tensor that torch gives an attribute when it is made."""
    given = p.Code(p.EMPTY_DICT + p.push(name) + OTHER + p.SETITEM)
    if maker == "parameter":
        return p.call(p.global_("torch._utils", "_rebuild_parameter_with_state"), GOOD, False, None, given)
    parts = (torch_builder.storage(), 0, (2, 2), (2, 1), False, torch_builder.ORDERED_DICT)
    function = p.global_("torch._utils", "_rebuild_tensor_v2")
    rebuild = p.global_("torch._tensor", "_rebuild_from_type_v2")
    return p.call(rebuild, function, p.global_("torch", "Tensor"), parts, given)


@pytest.mark.parametrize("maker", ["parameter", "type"])
def test_an_attribute_that_is_the_numbers_takes_the_tensor_along(maker: str) -> None:
    for name in ("data", "real", "imag"):
        plan = state({"w": attribute(name, maker), "v": GOOD}, TWO)
        assert keys(plan) == [f"w.$attributes.{name}", "v"]
        assert "take the place of its numbers" in lost(plan)["w"]
    assert keys(state({"w": attribute("mine", maker)}, TWO)) == ["w", "w.$attributes.mine"]


def test_attributes_that_are_not_told_as_a_dict_may_be_anything() -> None:
    rebuild = p.global_("torch._utils", "_rebuild_parameter_with_state")
    made = p.call(rebuild, GOOD, False, None, p.call(p.global_("a", "B")))
    assert set(lost(state({"w": made, "v": GOOD}))) == {"w"}


def test_keys_that_python_takes_for_one_are_one() -> None:
    """The first stays as the key, and what was set last as its value."""
    for second in (True, 1.0):
        given = p.Code(p.EMPTY_DICT + p.push(1) + GOOD + p.SETITEM + p.push(second) + OTHER + p.SETITEM)
        data = torch_builder.checkpoint(torch_builder.state({"a": given}), TWO)
        plan = planned(data)
        assert keys(plan) == ["a.1"]
        [store] = plan.stores
        assert data[store.start : store.end] == TWO["1"]
    three = p.Code(p.EMPTY_DICT + p.push(1) + GOOD + p.SETITEM + p.push("1") + OTHER + p.SETITEM)
    plan = state({"a": three}, TWO)
    assert (keys(plan), set(lost(plan))) == (["a.1"], {"a.1"})


def typed(kind: str, numel: int, dtype: str, order: bytes = b"big") -> Plan:
    """A tensor of one type over a storage of another, in an archive of another machine."""
    stored = torch_builder.storage(kind=kind, numel=numel)
    rebuild = p.global_("torch._utils", "_rebuild_tensor_v3")
    tensor = p.call(rebuild, stored, 0, (2,), (1,), False, torch_builder.ORDERED_DICT, p.global_("torch", dtype))
    members = torch_builder.members(torch_builder.state({"w": tensor}), {"0": bytes(16)})
    return planned(zip_file(*(Entry(e.name, order) if e.name.endswith("byteorder") else e for e in members)))


def test_bytes_turned_by_another_type_are_lost() -> None:
    for kind, numel, dtype in (
        ("FloatStorage", 4, "int16"), ("FloatStorage", 4, "uint8"), ("ByteStorage", 16, "int32"),
        ("ComplexFloatStorage", 2, "float64"), ("UntypedStorage", 16, "uint16"),
    ):  # fmt: skip
        assert set(lost(typed(kind, numel, dtype))) == {"w"}, (kind, dtype)
        assert keys(typed(kind, numel, dtype, b"little")) == ["w"], (kind, dtype)
    for kind, numel, dtype in (("FloatStorage", 4, "float32"), ("UntypedStorage", 16, "uint8")):
        assert keys(typed(kind, numel, dtype)) == ["w"], (kind, dtype)


def array(fortran: object, dtype: p.Code | None = None) -> Plan:
    """The plan for a pickle of one array of 2 x 3 floats."""
    empty = p.call(p.global_("numpy.core.multiarray", "_reconstruct"), p.global_("numpy", "ndarray"), (0,), b"b")
    given = (1, (2, 3), dtype or joblib_builder.dtype("f4"), fortran, bytes(24))
    return planned(p.whole(p.push({"w": p.build(empty, given)})))


def test_any_number_but_zero_means_columns_first() -> None:
    for fortran in (True, 1, 2, -1):
        assert array(fortran).tensors[0].strides == (1, 2)
    for fortran in (False, 0):
        assert array(fortran).tensors[0].strides == (3, 1)
    for fortran in (None, "F", 1.0):
        assert set(lost(array(fortran))) == {"w"}


def test_a_dtype_that_is_no_copy_is_not_changed() -> None:
    for arguments in ((), (False,), (False, False)):
        assert set(lost(array(False, p.build(p.call(NUMPY_DTYPE, "f4", *arguments), BIG)))) == {"w"}
        assert not array(False, p.call(NUMPY_DTYPE, "f4", *arguments)).tensors[0].swap
    for arguments in ((False, True), (0, 1)):
        assert array(False, p.build(p.call(NUMPY_DTYPE, "f4", *arguments), BIG)).tensors[0].swap


def test_a_stream_of_torch_begins_with_its_number() -> None:
    whole = torch_builder.legacy()
    assert keys(planned(whole)) == ["w"]
    first = b"\x80\x03" + p.push({"x": 1}) + p.short_binbytes(MAGIC) + p.POP + p.STOP
    assert MAGIC in first[:32]
    assert "another pickle" in planned(first + whole[whole.index(MAGIC) + len(MAGIC) :]).refused


def test_texts_whose_width_is_said_in_two_ways_end_it() -> None:
    """joblib takes as many bytes as the state of the type says; what follows would be read from another place."""
    for size, refused in ((8, False), (16, True), (4, True), (-1, True)):
        kind = joblib_builder.dtype("S8", "|", 0, size)
        plan = planned(joblib_builder.stream(joblib_builder.array(of=kind), joblib_builder.array()))
        assert ("two widths" in plan.refused) == refused, (size, plan.refused)


def test_a_tensor_that_a_call_was_given_may_be_another_by_now() -> None:
    for function, arguments in (
        (p.global_("torch", "neg_"), (p.Code(p.binget(6)),)),
        (p.global_("builtins", "setattr"), (p.Code(p.binget(6)), "data", OTHER)),
        (p.global_("evil", "f"), ([[p.Code(p.binget(6))]],)),
    ):
        plan = state({"w": p.Code(GOOD + p.binput(6)), "z": p.call(function, *arguments), "v": GOOD, "o": OTHER}, TWO)
        assert "w" in lost(plan), function
        assert "v" in lost(plan), "it lies over the same numbers"
    made = p.call_newobj(p.global_("mine", "Class"), p.Code(p.binget(6)))
    assert "w" in keys(state({"w": p.Code(GOOD + p.binput(6)), "z": made}))


def test_arguments_without_end_are_not_looked_through() -> None:
    many = p.Code(p.EMPTY_LIST + p.MARK + p.push(1) * 100_000 + p.APPENDS + p.binput(3))
    lists = p.Code(p.EMPTY_LIST + p.MARK + p.binget(3) * 100_000 + p.APPENDS)
    plan = state({"m": many, "z": p.Code(p.call(p.global_("evil", "f"), lists) + p.POP + p.NONE), "v": GOOD})
    assert plan.refused or keys(plan) == ["v"]
