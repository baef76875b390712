"""The wire format of protocol buffers; google.protobuf is the oracle where it is installed."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelairlock.encodings.protobuf import GROUP, I32, I64, LEN, VARINT, Field, Window, fields
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.reading import Budget, BytesSource, Cursor, Malformed, OverLimit, ReadProblem, Truncated
from tests.build.tensorflow_builder import field, number, varint


def window(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Window:
    return Window(Cursor(BytesSource(data), "x", Budget(limits)))


def walked(data: bytes) -> list[Field]:
    return list(fields(window(data), 0, len(data)))


def test_every_wire_type() -> None:
    data = number(1, 300) + b"\x11" + bytes(range(8)) + field(3, "abc") + b"\x25\x01\x00\x00\x00"
    assert [(one.number, one.wire) for one in walked(data)] == [(1, VARINT), (2, I64), (3, LEN), (4, I32)]
    assert [one.value for one in walked(data)] == [300, 0x0706050403020100, 0, 1]
    assert data[walked(data)[2].start : walked(data)[2].end] == b"abc"


def test_all_bytes_are_counted_but_contents() -> None:
    data = number(1, 1) + field(2, "abc") + number(3, 1)
    held = window(data)
    [_, text, _] = list(fields(held, 0, len(data)))
    assert held.cursor.counted().total() == len(data) - 3
    assert held.content(text) == b"abc"
    assert held.cursor.counted().total() == len(data)


def test_a_group_is_one_field() -> None:
    data = b"\x0b" + number(2, 1) + b"\x1b" + field(4, "in") + b"\x1c" + b"\x0c" + number(5, 9)
    assert [(one.number, one.wire) for one in walked(data)] == [(1, GROUP), (5, VARINT)]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x00\x01", Malformed),  # field 0
        (b"\x0e\x01", Malformed),  # wire type 6
        (b"\x0c", Malformed),  # the end of a group that was not opened
        (b"\x0b\x14", Malformed),  # the end of another group
        (b"\x0b", Truncated),
        (b"\x08", Truncated),
        (b"\x08\x80", Truncated),
        (b"\x08" + b"\x80" * 10 + b"\x01", Malformed),
        (b"\x08" + b"\xff" * 9 + b"\x02", Malformed),
        (b"\x09\x00", Truncated),
        (b"\x0d\x00", Truncated),
        (b"\x0a\x05ab", Truncated),
        (b"\x0a" + varint(2**63), Truncated),
        (varint(2**32 | 0), Malformed),
        (b"\x0b" * 200, OverLimit),
    ],
)
def test_damaged(data: bytes, problem: type[ReadProblem]) -> None:
    with pytest.raises(problem):
        walked(data)


def test_a_message_ends_where_it_is_said_to_end() -> None:
    data = field(1, "abcdef")
    for end in range(1, len(data)):
        with pytest.raises(Truncated):
            list(fields(window(data), 0, end))


def test_what_came_before_the_damage_stands() -> None:
    data = number(1, 1) + number(2, 2) + b"\x0e"
    walk = fields(window(data), 0, len(data))
    assert [next(walk).number, next(walk).number] == [1, 2]
    with pytest.raises(Malformed):
        next(walk)


def test_a_huge_field_is_not_fetched() -> None:
    data = field(1, bytes(5_000_000)) + number(2, 1)
    held = window(data)
    assert [one.number for one in fields(held, 0, len(data))] == [1, 2]
    assert held.cursor.fetched.total() < 200_000


def test_content_has_a_limit() -> None:
    data = field(1, bytes(5000))
    held = window(data, Limits(header_bytes=1000, window_bytes=100))
    [one] = fields(held, 0, len(data))
    with pytest.raises(OverLimit):
        held.content(one)


def test_hold_shows_bytes_in_place() -> None:
    held = window(bytes(range(200)))
    data, low = held.hold(50, 20)
    assert data[low : low + 20] == bytes(range(50, 70))
    data, low = held.hold(190, 50)
    assert data[low:] == bytes(range(190, 200))


def test_many_small_fields_cost_little() -> None:
    data = number(1, 5) * 200_000
    started = time.process_time()
    assert sum(1 for _ in fields(window(data), 0, len(data))) == 200_000
    assert time.process_time() - started < 4


@given(st.binary(max_size=200))
@settings(max_examples=500)
def test_any_bytes(data: bytes) -> None:
    """Only the problems of readers come out; fields lie one behind the other, inside."""
    held, at = window(data), 0
    try:
        for one in fields(held, 0, len(data)):
            assert at <= one.start <= one.end <= len(data)
            at = one.end
    except ReadProblem:
        pass
    assert held.cursor.counted().total() <= len(data)


MESSAGE = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 2**29 - 1), st.just(VARINT), st.integers(0, 2**64 - 1)),
        st.tuples(st.integers(1, 2**29 - 1), st.just(LEN), st.binary(max_size=300)),
    ),
    max_size=20,
)


@given(MESSAGE)
def test_what_is_written_is_read(message: list[tuple[int, int, int | bytes]]) -> None:
    data = b"".join(number(one, value) if isinstance(value, int) else field(one, value) for one, _, value in message)
    found = [
        (one.number, one.wire, one.value if one.wire == VARINT else data[one.start : one.end]) for one in walked(data)
    ]
    assert found == message


@pytest.mark.frameworks
@given(st.binary(max_size=120))
@settings(max_examples=1500, deadline=None)
def test_google_agrees(data: bytes) -> None:
    """What their parser refuses is refused here, and the other way round, for a message without known fields."""
    empty_pb2 = pytest.importorskip("google.protobuf.empty_pb2")
    message = pytest.importorskip("google.protobuf.message")
    unknown_fields = pytest.importorskip("google.protobuf.unknown_fields")
    try:
        parsed = empty_pb2.Empty.FromString(data)
    except message.DecodeError:
        with pytest.raises(ReadProblem):
            walked(data)
        return
    theirs = [(one.field_number, one.wire_type) for one in unknown_fields.UnknownFieldSet(parsed)]
    if any(number_ == 0 for number_, _ in theirs):  # Python's parser takes it; that of C++, which frameworks use, not
        with pytest.raises(ReadProblem):
            walked(data)
        return
    assert [(one.number, one.wire) for one in walked(data)] == theirs


def test_a_torn_field_is_shown_as_far_as_it_goes() -> None:
    data = number(1, 1) + field(2, "abcdef")[:-2]
    walk = fields(window(data), 0, len(data), torn=True)
    assert [next(walk).number, next(walk).length] == [1, 4]
    with pytest.raises(Truncated):
        next(walk)
    # only where the artifact ends: inside it, a length that is too long is a lie
    with pytest.raises(Truncated):
        list(fields(window(data + b"more"), 0, len(data), torn=True))[1]
