"""Pickles of every protocol, several in a file, with and without magic, whole, cut and changed."""

import collections
import datetime
import pickle
import pickletools
from collections.abc import Callable

import pytest

from modelairlock.formats.pickle import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Build, Call, FrameTrick, HiddenCode, Import, Member, PickleStream, SetItem
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, probe, read, tree

RECURSIVE: list[object] = [1]
RECURSIVE.append(RECURSIVE)
VARIED = [
    collections.OrderedDict(a=1), datetime.date(2020, 1, 2), {1, 2}, frozenset([3]), b"bytes", bytearray(b"array"), 1.5,
    10**40, -3, True, None, "é\n'", (1, (2, (3, 4, 5))), {"k": [1, 2, 3]}, RECURSIVE, complex(1, 2),
]  # fmt: skip


def names(data: bytes) -> set[tuple[str, str]]:
    """What pickletools says is imported."""
    found = set()
    strings: list[str] = []
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "GLOBAL":
            found.add(tuple(argument.split(" ", 1)))
        elif "UNICODE" in opcode.name:
            strings.append(argument)
        elif opcode.name == "STACK_GLOBAL":
            found.add((strings[-2], strings[-1]))
    return found


@pytest.mark.parametrize("protocol", range(6))
def test_hit_honest_pickles(protocol: int) -> None:
    data = pickle.dumps(VARIED, protocol)
    facts, gaps, _ = read(FORMAT, data)
    assert gaps == []
    imported = {(fact.module, fact.qualname) for fact in facts if isinstance(fact, Import)}
    assert {qualname for _, qualname in imported} >= {"OrderedDict", "date"}
    if protocol < 4:
        assert imported == names(data)
    assert [fact.span for fact in facts if isinstance(fact, PickleStream)] == [(0, len(data))]
    assert FORMAT.claims(probe(data))


def test_hit_facts_and_their_places() -> None:
    data = p.proto(2) + p.global_("os", "system") + p.push("id") + p.TUPLE1 + p.REDUCE + p.STOP
    facts, gaps, _ = read(FORMAT, data)
    [imported, called, _] = facts
    assert gaps == []
    assert isinstance(imported, Import)
    assert (imported.module, imported.qualname, imported.opcode, imported.span) == ("os", "system", "GLOBAL", (2, 13))
    assert isinstance(called, Call)
    assert (called.how, called.arguments[0].text) == ("reduce", "id")
    assert data[called.span.start : called.span.end] == p.REDUCE


def test_hit_builds_and_items() -> None:
    target = p.call_newobj(p.global_("a", "B"))
    facts, _, _ = read(FORMAT, p.whole(p.Code(p.build(target, {"x": 1}) + p.push(1) + p.push(2) + p.SETITEM)))
    [build] = [fact for fact in facts if isinstance(fact, Build)]
    [item] = [fact for fact in facts if isinstance(fact, SetItem)]
    assert build.target.parts[0].text == item.target.parts[0].text == "B"
    assert build.state.kind == "dict"


def test_a_million_calls_are_one_fact_with_a_count() -> None:
    date = datetime.date(2020, 1, 1)
    data = pickle.dumps([date + datetime.timedelta(number) for number in range(5000)], 4)
    facts, gaps, _ = read(FORMAT, data)
    calls = [fact for fact in facts if isinstance(fact, Call)]
    assert gaps == []
    assert sum(call.count for call in calls) == 5000
    assert len(calls) <= 20


def test_several_pickles_and_what_follows_them() -> None:
    two = p.whole(p.push(1)) + p.whole(p.call(p.global_("os", "system"), "id"))
    facts, gaps, _ = read(FORMAT, two)
    assert gaps == []
    assert len([fact for fact in facts if isinstance(fact, PickleStream)]) == 2
    assert any(isinstance(fact, Call) for fact in facts)
    _, [gap], _ = read(FORMAT, p.whole(p.push(1)) + b"\0\0\0\0")
    assert gap.because is Because.UNRECOGNISED


def test_damage_after_the_payload_keeps_the_payload() -> None:
    facts, gaps, _ = read(FORMAT, p.proto() + p.call(p.global_("os", "system"), "id") + b"\xff" + bytes(20))
    assert any(isinstance(fact, Call) for fact in facts)
    assert [gap.because for gap in gaps] == [Because.MALFORMED]


def test_byte_strings() -> None:
    inner = p.whole(p.call(p.global_("os", "system"), "id"))
    loaded, _, _ = read(FORMAT, p.whole(p.call(p.global_("pickle", "loads"), inner)))
    [member] = [fact for fact in loaded if isinstance(fact, Member) and fact.role == "argument"]
    assert member.size_bytes == len(inner)
    dormant, _, _ = read(FORMAT, p.whole(p.push([inner])))
    assert [fact.role for fact in dormant if isinstance(fact, Member)] == ["dormant"]
    quiet, _, _ = read(FORMAT, p.whole(p.push([p.whole(p.push({"a": 1})), b"\x80\x04not a pickle."])))
    assert not [fact for fact in quiet if isinstance(fact, Member)]


def test_joblib_arrays() -> None:
    data = j.stream(j.array(bytes(16)), j.object_array(j.pickled_objects("a", None)), p.push("end"))
    facts, gaps, cursor = read(FORMAT, data)
    assert gaps == []
    assert cursor.passed.total() >= 16
    assert not [fact for fact in facts if isinstance(fact, HiddenCode)]
    after, _, _ = read(FORMAT, j.stream(j.array(), p.call(p.global_("os", "system"), "id")))
    assert any(isinstance(fact, Import) and fact.qualname == "system" for fact in after)


def test_frames() -> None:
    body = p.push("text") + p.STOP
    assert not [fact for fact in read(FORMAT, p.proto() + p.frame(body)).facts if isinstance(fact, FrameTrick)]
    nested = p.proto() + p.frame(p.frame(body))
    crossing = p.proto() + p.frame(body, 3)
    for data in (nested, crossing):
        assert [fact for fact in read(FORMAT, data).facts if isinstance(fact, FrameTrick)]


def test_a_frame_goes_on_behind_its_pickle() -> None:
    body = p.push({"a": 1}) + p.STOP
    for data in (p.proto() + p.frame(body + b"\0"), p.proto() + p.frame(body + body), p.proto() + p.frame(body) * 2):
        tricks = [fact.kind for fact in read(FORMAT, data).facts if isinstance(fact, FrameTrick)]
        assert tricks == ["frame-beyond-stop"] * (data.count(b"\x95") == 1)


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("dumps", [pickle.dumps, pickle._dumps])
def test_picklers_end_their_frames_with_their_pickle(dumps: Callable[..., bytes], protocol: int) -> None:
    big = [bytes(70_000), *map(str, range(20_000)), "x" * 200_000, bytearray(70_000)]
    for value in (None, {"a": 1}, big, [big, ()]):
        data = dumps(value, protocol)
        result = read(FORMAT, data * 2)
        assert not [fact for fact in result.facts if isinstance(fact, FrameTrick)]
        assert result.gaps == []


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"hello world\n", b"# Title\n", b"cat\ndog\nfish\n", b"(c) 2020 Me\nAll rights\n", b"MIT License\n",
        b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"GGUF" + bytes(40), b'{"a": 1}', b"[1, 2]", b"<html>", b"BZh91AY&SY",
        b"\x80\x06N.", b"\x93NUMPY\x01\x00", b"Version 1\n", b"Nothing here.", b"Usage: do not use it, ever\n",
    ],
)  # fmt: skip
def test_miss(data: bytes) -> None:
    assert not FORMAT.claims(probe(data))


@pytest.mark.parametrize(
    "data", [b"cos\nsystem\n(S'id'\ntR.", b"(dp0\nVa\np1\nI1\ns.", b"N.", b"(S'id'\nios\nsystem\n.", b"K\x01." * 1]
)
def test_text_pickles_have_no_magic(data: bytes) -> None:
    assert FORMAT.claims(probe(data))


def test_damaged() -> None:
    cut_everywhere(pickle.dumps([{"a": 1.5}, (1, 2), "text", b"bytes"], 4), FORMAT)
    without_magic = pickle.dumps([{"a": 1.5}, (1, 2), "text", b"bytes"], 0)
    assert read(FORMAT, without_magic).gaps == []
    for length in range(1, len(without_magic)):
        assert read(FORMAT, without_magic[:length]).gaps


def test_changed() -> None:
    change_everywhere(pickle.dumps(VARIED[:6], 4), FORMAT)
    change_everywhere(j.stream(j.array()), FORMAT)


def test_every_cut_of_a_payload_is_never_quiet() -> None:
    whole = p.whole(p.call(p.global_("os", "system"), "id"))
    for length in range(2, len(whole)):
        assert gaps_of(tree(whole[:length], FORMAT))
