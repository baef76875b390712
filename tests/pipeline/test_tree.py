"""The tree: everybody who claims reads, everything is accounted for, and failures are gaps."""

import gzip
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.limits import Limits
from modelairlock.pipeline.answer import decode
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource, Cursor, Format, Malformed
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Member, NameMismatch, Polyglot
from modelairlock.records.reading import Reading
from modelairlock.records.span import Span
from tests.build import pickle_builder as p
from tests.build import torch_builder as t

FACT = Irregularity(span=Span(0, 1), kind="seen", detail="")


def whole(name: str, mark: bytes, **changes: object) -> Format:
    def read(cursor: Cursor) -> Iterator[Fact | Gap]:
        yield FACT
        cursor.read(0, cursor.size)

    fields = {"name": name, "summary": "", "claims": lambda probe: mark in probe.head, "read": read, **changes}
    return Format(**fields)


def tree(data: bytes, *known: Format, limits: Limits | None = None, name: str = "f", strict: bool = False) -> Reading:
    reading = read_tree(BytesSource(data), name, name, limits or Limits(), known, strict=strict)
    return decode(msgspec.msgpack.encode(reading), len(data), name)


def because(reading: Reading) -> list[Because]:
    return [gap.because for gap in reading.coverage.gaps]


def test_everybody_who_claims_reads() -> None:
    reading = tree(b"ab", whole("one", b"a"), whole("two", b"b"))
    assert reading.formats == ("one", "two")
    assert sum(fact == FACT for fact in reading.facts) == 2
    assert Polyglot(span=Span(0, 2), formats=("one", "two")) in reading.facts


def test_a_format_that_builds_on_another_reads_for_it() -> None:
    assert tree(b"ab", whole("one", b"a"), whole("two", b"b", builds_on=("one",))).formats == ("two",)


def test_what_nobody_claims_and_the_empty_file_are_gaps() -> None:
    assert because(tree(b"zz", whole("one", b"a"))) == [Because.UNRECOGNISED]
    assert because(tree(b"", whole("one", b""))) == [Because.UNRECOGNISED]


def test_a_name_that_promises_something_else() -> None:
    known = (whole("one", b"a", extensions=(".one",)), whole("two", b"b", extensions=(".two",)))
    assert any(isinstance(fact, NameMismatch) for fact in tree(b"b", *known, name="x.one").facts)
    assert not any(isinstance(fact, NameMismatch) for fact in tree(b"b", *known, name="x.two").facts)


def test_bytes_that_a_reader_forgets_are_a_gap() -> None:
    def read(cursor: Cursor) -> Iterator[Fact | Gap]:
        cursor.read(0, 1)
        cursor.pass_over(1, 2)
        cursor.consumed(2, 3)  # never fetched, so it does not count
        return
        yield

    [gap] = tree(b"abc", whole("one", b"a", read=read)).coverage.gaps
    assert (gap.start, gap.end) == (2, 3)


def test_a_reader_that_stops_or_fails_keeps_its_facts() -> None:
    def stops(_: Cursor) -> Iterator[Fact | Gap]:
        yield FACT
        raise Malformed(1, "b", "c")

    def fails(_: Cursor) -> Iterator[Fact | Gap]:
        yield FACT
        raise ZeroDivisionError

    for read, expected in ((stops, Because.MALFORMED), (fails, Because.READER_FAILED)):
        reading = tree(b"abc", whole("one", b"a", read=read))
        assert FACT in reading.facts
        assert expected in because(reading)
    with pytest.raises(ZeroDivisionError):
        tree(b"abc", whole("one", b"a", read=fails), strict=True)


def test_claims_that_fail_do_not_hide_the_file() -> None:
    def claims(_: object) -> bool:
        raise ZeroDivisionError

    assert tree(b"abc", whole("one", b"a", claims=claims)).formats == ("one",)


def test_members_are_read_anew_and_mapped_back() -> None:
    def read(cursor: Cursor) -> Iterator[Fact | Gap]:
        cursor.read(0, 1)
        yield Member(span=Span(1, 3), name="m")
        yield Member(span=Span(3, 5), name="raw", role="raw")
        yield Member(span=Span(5, cursor.size), name="z", method="gzip")

    packed = gzip.compress(b"inside", mtime=0)
    one = whole("one", b"", claims=lambda probe: probe.head.startswith(b"ab"))
    known = (whole("box", b"!", read=read), one, whole("two", b"inside"))
    reading = tree(b"!ab--" + packed, *known)
    assert [(member.path, member.formats) for member in reading.members] == [("f!m", ("one",)), ("f!z", ("two",))]
    assert reading.coverage.gaps == ()
    assert reading.coverage.passed_over_bytes == 2
    damaged = tree(b"!ab--" + packed[:-3], *known)
    assert because(damaged.members[1]) == [Because.TRUNCATED]


def test_limits_are_gaps() -> None:
    def deeper(cursor: Cursor) -> Iterator[Fact | Gap]:
        yield Member(span=Span(0, cursor.size), name="m")

    def told(cursor: Cursor) -> Iterator[Fact | Gap]:
        for _ in range(100):
            yield FACT

    box = whole("box", b"!", read=deeper)
    reading = tree(b"!", box, limits=Limits(depth=3))
    while reading.members:
        [reading] = reading.members
    assert because(reading) == [Because.OVER_LIMIT]
    assert Because.OVER_LIMIT in because(tree(b"!", whole("box", b"!", read=told), limits=Limits(facts=10)))
    assert Because.OVER_LIMIT in because(tree(b"!", whole("one", b"!"), limits=Limits(seconds=0.0)))


REAL = [t.checkpoint(), t.legacy(), p.whole(p.push({"a": [1, b"x"]})), gzip.compress(p.whole(p.push(1)), mtime=0)]


@given(st.sampled_from(REAL), st.data())
def test_every_byte_of_a_changed_file_is_accounted_for(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data)))
    changed = data[:at] + draw.draw(st.binary(max_size=6)) + data[at + draw.draw(st.integers(0, 6)) :]
    reading = read_tree(BytesSource(changed), "f", "f", Limits(), strict=True)
    assert decode(msgspec.msgpack.encode(reading), len(changed), "f") == reading


@given(st.binary(max_size=200))
def test_every_byte_of_any_file_is_accounted_for(data: bytes) -> None:
    reading = read_tree(BytesSource(data), "f", "f", Limits(), strict=True)
    assert decode(msgspec.msgpack.encode(reading), len(data), "f") == reading
