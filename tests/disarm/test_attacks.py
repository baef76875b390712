"""What the author of a hostile file would try on the planner: it makes data, or says no, and never raises or runs."""

import zlib
from pathlib import Path

import msgspec
import pytest

from modelairlock.pipeline.convert_answer import decode_plain, decode_plan
from modelairlock.records.disarm import Plan
from tests.build import joblib_builder, npy_builder, torch_builder
from tests.build import pickle_builder as p
from tests.build.zip_builder import Entry
from tests.disarm.convert_help import planned

GOOD = torch_builder.tensor()


def state(items: dict[str, object], storages: dict[str, bytes] | None = None) -> Plan:
    """The plan for a checkpoint of `items`, over one storage of four floats, as the parent takes it."""
    data = torch_builder.checkpoint(torch_builder.state(items), storages)
    plan = planned(data)
    assert decode_plan(msgspec.msgpack.encode(plan), len(data)) == plan, "what an honest planner says is taken"
    return plan


def keys(plan: Plan) -> list[str]:
    return [tensor.key for tensor in plan.tensors]


def lost(plan: Plan) -> dict[str, str]:
    return {note.where: note.why for note in plan.lost}


def test_an_honest_one_is_planned() -> None:
    plan = state({"w": GOOD, "n": 1})
    assert (keys(plan), plan.plain, plan.lost, plan.dropped, plan.refused) == (["w"], b'{"n": 1}', (), (), "")


def test_attributes_of_tensors_nested_without_end_are_lost() -> None:
    inner = GOOD
    for _ in range(2000):
        rebuild = p.global_("torch._utils", "_rebuild_parameter_with_state")
        inner = p.call(rebuild, GOOD, True, None, p.Code(p.EMPTY_DICT + p.push("x") + inner + p.SETITEM))
    plan = state({"w": inner})
    assert keys(plan)[:2] == ["w", "w.$attributes.x"]
    assert lost(plan)
    assert all(why.startswith("it is nested more than") for why in lost(plan).values()), plan.lost


@pytest.mark.parametrize(
    "bad",
    [
        torch_builder.tensor(offset=1),
        torch_builder.tensor(offset=-1),
        torch_builder.tensor(shape=(2**63, 2)),
        torch_builder.tensor(shape=(2**62, 2)),
        torch_builder.tensor(shape=(2**40, 2**40), stride=(0, 0)),
        torch_builder.tensor(shape=(-1, 2)),
        torch_builder.tensor(stride=(-2, 1)),
        torch_builder.tensor(stride=(2**62, 1)),
        torch_builder.tensor(shape=(2,)),
        torch_builder.tensor(shape=(1,) * 33, stride=(1,) * 33),
        torch_builder.tensor(torch_builder.storage("1")),
        torch_builder.tensor(torch_builder.storage("../0")),
        torch_builder.tensor(torch_builder.storage("0", 5)),
        torch_builder.tensor(torch_builder.storage("0", 2**63)),
        torch_builder.tensor(torch_builder.storage("0", -4)),
        torch_builder.tensor(torch_builder.storage("0", kind="DoubleStorage")),
        torch_builder.tensor(torch_builder.storage("0", kind="ComplexDoubleStorage")),
        torch_builder.tensor(torch_builder.storage("0", kind="EvilStorage")),
        torch_builder.tensor(p.Code(p.push(("storage", 7, "0", "cpu", 4)) + p.BINPERSID)),
        torch_builder.tensor(p.Code(p.push("storage") + p.BINPERSID)),
        torch_builder.tensor(p.push(3)),
        p.build(GOOD, {"data": 1}),
        p.Code(GOOD + p.binint1(0) + p.binint1(7) + p.SETITEM),
    ],
    ids=str,
)
def test_a_tensor_that_is_not_sound_is_lost_and_the_others_are_not(bad: p.Code) -> None:
    plan = state({"bad": bad, "w": torch_builder.tensor(torch_builder.storage("9"))}, {"0": bytes(16), "9": bytes(16)})
    assert not plan.refused
    assert keys(plan) == ["w"]
    assert set(lost(plan)) == {"bad"}


def test_a_storage_that_is_changed_later_takes_its_tensors_along() -> None:
    stored = p.Code(torch_builder.storage() + p.binput(1))
    change = p.Code(p.binget(1) + p.binint1(0) + p.binint1(7) + p.SETITEM)
    other = torch_builder.tensor(torch_builder.storage("9"))
    plan = state({"w": torch_builder.tensor(stored), "x": change, "other": other}, {"0": bytes(16), "9": bytes(16)})
    assert keys(plan) == ["other"]
    assert "changes it after" in lost(plan)["w"]


def test_a_storage_described_in_two_ways_is_no_storage() -> None:
    plan = state({"a": GOOD, "b": torch_builder.tensor(torch_builder.storage(kind="IntStorage"))})
    assert not keys(plan)
    assert set(lost(plan)) == {"a", "b"}


@pytest.mark.parametrize(
    "name",
    ["\x1b[31mred", "a\nb", "../../etc/passwd", "/root", "a/../b", "x" * 2000, "\u202eevil", "__metadata__", "a\x00b"],
)
def test_names_that_mislead_are_lost(name: str) -> None:
    plan = state({name: GOOD, "w": GOOD})
    assert keys(plan) == ["w"]
    [note] = plan.lost
    assert note.where.isprintable()


def test_names_that_meet_once_dotted_are_both_lost() -> None:
    plan = state({"a.b": GOOD, "a": {"b": GOOD}, "c": GOOD})
    assert keys(plan) == ["c"]
    assert set(lost(plan)) == {"a.b"}


def test_what_is_set_last_counts() -> None:
    twice = p.Code(p.EMPTY_DICT + p.MARK + p.push("a") + p.push(1) + p.push("a") + GOOD + p.SETITEMS)
    plan = planned(torch_builder.checkpoint(p.whole(twice, 2)))
    assert (keys(plan), plan.plain) == (["a"], b"")
    mixed = p.Code(p.EMPTY_DICT + p.MARK + p.push("1") + GOOD + p.push(1) + GOOD + p.SETITEMS)
    plan = planned(torch_builder.checkpoint(p.whole(mixed, 2)))
    assert set(lost(plan)) == {"1"}


def test_a_million_tensors_are_too_many() -> None:
    many = p.Code(p.EMPTY_LIST + p.MARK + GOOD + p.binput(1) + p.binget(1) * 150_000 + p.APPENDS)
    assert "more than 100000 tensors" in planned(torch_builder.checkpoint(p.whole(many, 2))).refused


@pytest.mark.slow
def test_deep_nesting_is_lost_below_a_depth() -> None:
    deep = p.Code(p.EMPTY_LIST * 200_000 + p.APPEND * 199_999)
    plan = state({"deep": deep, "w": GOOD})
    assert keys(plan) == ["w"]
    assert any("nested" in note.why for note in plan.lost)


def test_lists_of_the_same_lists_do_not_multiply() -> None:
    laugh = p.push(1)
    for number in range(40):
        laugh = p.Code(p.EMPTY_LIST + p.MARK + laugh + p.binput(number) + p.binget(number) + p.APPENDS)
    assert "limit: entries" in planned(torch_builder.checkpoint(p.whole(laugh, 2)), entries=10_000).refused


def test_cycles_end() -> None:
    cycle = p.Code(p.EMPTY_DICT + p.binput(0) + p.push("me") + p.binget(0) + p.SETITEM)
    plan = state({"cycle": cycle, "w": GOOD})
    assert keys(plan) == ["w"]
    assert [note.where for note in plan.dropped] == ["cycle.me"]
    around = p.build(p.call_newobj(p.name("a", "B")), {})
    plan = state({"x": p.Code(around + p.binput(0) + p.push({"y": p.Code(p.binget(0))}) + p.BUILD), "w": GOOD})
    assert keys(plan) == ["w"]


def test_code_is_named_and_never_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    run = p.call(p.global_("posix", "system"), f"touch {canary}")
    plan = state({"w": GOOD, "x": run, "y": p.Code(run + p.POP + p.push(1)), "z": p.name("builtins", "eval")})
    assert not canary.exists()
    assert keys(plan) == ["w"]
    assert {(note.where, note.what) for note in plan.dropped} == {("x", "posix.system"), ("z", "builtins.eval")}
    thrown_away = state({"w": GOOD, "y": p.Code(run + p.POP + p.push(1))})
    [note] = thrown_away.dropped
    assert note.what == "posix.system"
    assert "called while loading" in note.why
    patched = state({"w": GOOD, "y": p.build(p.global_("torch", "load"), {"__code__": 1})})
    assert "torch.load" in {note.what for note in patched.dropped}
    assert not canary.exists()


def test_a_tensor_among_the_arguments_of_a_call_is_told() -> None:
    plan = state({"x": p.call(p.global_("evil", "wrap"), GOOD)})
    assert not keys(plan)
    assert "1 tensor is among its arguments" in lost(plan)["x"]
    deep = p.call(p.global_("evil", "wrap"), [{"a": (GOOD,)}], p.call(p.global_("evil", "more"), GOOD))
    assert "2 tensors are among its arguments" in lost(state({"x": deep}))["x"]


@pytest.mark.parametrize(
    "odd",
    [
        p.Code(p.push((1, 2)) + p.push(3) + p.APPEND),
        p.Code(p.push("text") + p.push({}) + p.BUILD),
        p.Code(p.EMPTY_LIST + p.push(0) + p.push(1) + p.SETITEM),
        p.Code(p.EMPTY_DICT + p.MARK + p.push(1) + p.SETITEMS),
        p.Code(p.MARK + p.push(1) + p.DICT),
        p.Code(p.REDUCE),
        p.Code(p.binget(77)),
        p.Code(p.POP * 9),
        p.Code(p.APPENDS),
        p.Code(b"\xff"),
        p.long4(b"\x01" * 4000),
        p.int_("1" * 5000),
        p.int_("x"),
        p.string("'\\xzz'"),
        p.MARK * 200_000,
    ],
    ids=lambda value: repr(bytes(value[:20])),
)
def test_what_no_pickler_writes_is_refused(odd: bytes) -> None:
    plan = planned(torch_builder.checkpoint(p.whole(p.push({"w": GOOD}) + odd + p.EMPTY_LIST * 6000, 2)))
    assert plan.refused
    assert not plan.tensors


@pytest.mark.parametrize(
    "whole",
    [
        torch_builder.checkpoint(torch_builder.state({"w": GOOD, "t": "text", "l": [1, 2.5, None]})),
        torch_builder.legacy(),
        joblib_builder.stream(joblib_builder.array(), p.push({"a": 1})),
        joblib_builder.compress(joblib_builder.stream(joblib_builder.array()), "zlib"),
        npy_builder.npy(),
    ],
    ids=["torch", "legacy", "joblib", "joblib-zlib", "npy"],
)
def test_cut_at_every_byte_nothing_is_planned(whole: bytes) -> None:
    assert planned(whole).tensors
    for end in range(len(whole)):
        plan = planned(whole[:end])
        assert plan.refused or not plan.tensors, end
    for at in range(0, len(whole), 3):  # and no byte turned over makes it raise, or say what the parent does not take
        plan = planned(turned := whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        decode_plan(msgspec.msgpack.encode(plan), len(turned))


def test_an_archive_that_reads_in_two_ways_is_refused() -> None:
    twice = Entry("archive/data/0", b"\xff" * 16)
    assert "more than once" in planned(torch_builder.checkpoint(None, None, twice)).refused
    shout = Entry("archive/DATA/0", b"\xff" * 16)
    assert planned(torch_builder.checkpoint(None, None, shout)).refused
    other = Entry("other/data.pkl", torch_builder.state())
    assert planned(torch_builder.checkpoint(None, None, other)).refused
    lies = Entry("archive/x", b"12", local={"name": b"archive/y"})
    assert "disagree" in planned(torch_builder.checkpoint(None, None, lies)).refused


@pytest.mark.slow
def test_bombs_are_refused() -> None:
    bomb = zlib.compress(b"\x80\x04" + b"\x00" * (300 * 1024 * 1024), 9)
    plan = planned(bomb, expansion_floor_bytes=1024 * 1024)
    assert plan.refused
    big = joblib_builder.stream(joblib_builder.array(bytes(64 * 1024 * 1024), shape=(8 * 1024 * 1024,)))
    plan = planned(joblib_builder.compress(big, "zlib"), expansion_floor_bytes=1024 * 1024)
    assert "expand" in plan.refused


@pytest.mark.parametrize(
    "wrapper",
    [
        joblib_builder.array(shape=(2**61,)),
        joblib_builder.array(shape=(3,)),
        joblib_builder.array(shape=(-1,)),
        joblib_builder.array(of=joblib_builder.dtype("f8", flags=63)),
        joblib_builder.array(of=joblib_builder.dtype("V8")),
        joblib_builder.array(of=joblib_builder.dtype("f99999999999")),
        joblib_builder.array(pad=None, alignment=None, shape="(2,)"),
        joblib_builder.array(of=p.call(p.global_("evil", "dtype"), "f8")),
    ],
    ids=range(8),
)
def test_wrappers_of_arrays_that_say_too_much_are_refused(wrapper: p.Code) -> None:
    assert planned(joblib_builder.stream(wrapper)).refused


def test_an_array_changed_after_it_was_made_is_lost() -> None:
    array = p.Code(joblib_builder.array() + p.push(0) + p.push(1) + p.SETITEM)
    plan = planned(joblib_builder.stream(array, joblib_builder.array()))
    assert keys(plan) == ["1"]
    made = p.Code(joblib_builder.dtype() + p.binput(5))
    later = p.build(p.Code(p.binget(5)), (3, ">", None, None, None, -1, -1, 0))
    plan = planned(joblib_builder.stream(joblib_builder.array(of=made), later))
    assert not keys(plan)


def test_names_without_end_are_counted() -> None:
    many = b"".join(p.global_("m" * 5000, f"n{number}") + p.EMPTY_TUPLE + p.REDUCE + p.POP for number in range(1500))
    patched = b"".join(p.global_("a\x1b", f"b{number}") + p.EMPTY_DICT + p.BUILD + p.POP for number in range(1500))
    plan = planned(torch_builder.checkpoint(p.whole(p.Code(many + patched + p.push({"w": GOOD})), 2)))
    assert keys(plan) == ["w"]
    assert len(plan.dropped) + plan.more_dropped == 3000
    assert all(note.what.isprintable() and len(note.what) <= 300 for note in plan.dropped)


def test_plain_data_without_end_is_lost_as_a_whole() -> None:
    text = p.Code(p.push("x" * 900) + p.binput(0))
    many = p.Code(p.EMPTY_LIST + p.MARK + text + p.binget(0) * 30_000 + p.APPENDS)
    one = p.push("y" * (17 * 1024 * 1024))
    for large in (many, one):
        plan = state({"w": GOOD, "t": large, "n": 1})
        assert (keys(plan), plan.plain) == (["w"], b"")
        assert "its texts are more than" in lost(plan)[""]


def test_a_name_that_is_no_text_is_lost_and_the_parent_takes_the_rest() -> None:
    plan = state({"w": GOOD, "\ud800": 1, "n": 1})
    assert decode_plain(plan.plain) == {"n": 1}
    [note] = plan.lost
    assert note.why == "its key is neither text nor a number"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((1, 2), {"$state": [1, 2]}),
        ((None, {"a": 1}), {"a": 1}),
        (({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        ((None, 3), {"$state": [None, 3]}),
    ],
)
def test_a_state_that_is_a_pair_is_kept_whole(given: object, kept: dict[str, object]) -> None:
    plan = state({"w": GOOD, "o": p.build(p.call_newobj(p.name("a", "B")), given)})
    assert decode_plain(plan.plain) == {"o": {"$object": "a.B", **kept}}


def test_a_storage_in_a_string_that_calls_something_is_left_behind(tmp_path: Path) -> None:
    def whole(call: p.Code) -> bytes:
        stored = p.Code(call + p.POP + torch_builder.storage())
        inner = torch_builder.legacy(p.whole(stored, 2))
        loaded = p.call(p.global_("torch.storage", "_load_from_bytes"), inner)
        return p.whole(p.push({"w": torch_builder.tensor(loaded), "n": 1}), 4)

    assert keys(planned(whole(p.Code(p.push(1))))) == ["w"]
    plan = planned(whole(p.call(p.global_("posix", "system"), f"touch {tmp_path / 'canary'}")))
    assert not keys(plan)
    assert set(lost(plan)) == {"w"}
    assert "torch.storage._load_from_bytes" in {note.what for note in plan.dropped}


def test_a_damaged_or_unknown_member_is_lost_and_no_stranger() -> None:
    whole = npy_builder.npz(("a.npy", npy_builder.npy()), ("b.npy", npy_builder.npy()), method=8)
    assert keys(planned(whole)) == ["a", "b"]
    start = whole.index(b"a.npy") + len(b"a.npy")
    plan = planned(whole[:start] + b"\xff" * 4 + whole[start + 4 :])
    assert (keys(plan), set(lost(plan)), plan.dropped) == (["b"], {"a"}, ())
    assert "damaged" in lost(plan)["a"]


def test_odd_plain_values_become_json() -> None:
    values = {"half": "\ud800", "$x": 1, "b": b"\x00\xff", "i": -(2**70), "f": float("-inf"), "long": "y" * 5000}
    plan = state({"w": GOOD, **values})
    assert msgspec.json.decode(plan.plain) == {
        "half": "\\ud800", "$$x": 1, "b": {"$bytes": "AP8="}, "i": {"$integer": str(-(2**70))},
        "f": {"$float": "-inf"}, "long": "y" * 5000,
    }  # fmt: skip
