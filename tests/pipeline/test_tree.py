"""The tree: everybody who claims reads, everything is accounted for, and failures are gaps."""

import bz2
import gzip
import random
from collections.abc import Callable, Iterator

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
from modelairlock.records.span import Extents, Span
from tests.build import joblib_builder as j
from tests.build import npy_builder as n
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.build.safetensors_builder import safetensors
from tests.build.tar_builder import Item, tar_file
from tests.build.zip_builder import Entry, zip_file

FACT = Irregularity(span=Span(0, 1), kind="seen", detail="")


def whole(name: str, mark: bytes, **changes: object) -> Format:
    def read(cursor: Cursor) -> Iterator[Fact | Gap]:
        yield FACT
        cursor.read(0, cursor.size)

    fields = {"name": name, "summary": "", "claims": lambda probe: mark in probe.head, "read": read, **changes}
    return Format(**fields)


def tree(data: bytes, *known: Format, limits: Limits | None = None, name: str = "f", strict: bool = False) -> Reading:
    limits = limits or Limits()
    reading = read_tree(BytesSource(data), name, name, limits, known, strict=strict)
    return decode(msgspec.msgpack.encode(reading), len(data), name, limits)


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
    with pytest.raises(ZeroDivisionError):
        tree(b"abc", whole("one", b"a", claims=claims), strict=True)


def test_a_reader_that_fails_does_not_spoil_another() -> None:
    def fails(_: Cursor) -> Iterator[Fact | Gap]:
        raise ZeroDivisionError
        yield

    reading = tree(b"ab", whole("one", b"a", read=fails), whole("two", b"b"))
    assert FACT in reading.facts
    assert reading.coverage.read_bytes == 0  # what one claimant could not read is a gap, whatever the other says
    assert [(gap.start, gap.end, gap.because) for gap in reading.coverage.gaps] == [(0, 2, Because.READER_FAILED)]
    assert reading.coverage.gaps[0].detail == "the one reader failed: ZeroDivisionError"


def test_a_gap_that_a_reader_states_is_kept_where_it_is() -> None:
    def read(cursor: Cursor) -> Iterator[Fact | Gap]:
        cursor.read(0, cursor.size)
        yield Gap(start=1, end=2, because=Because.ENCRYPTED, detail="locked")
        yield FACT

    reading = tree(b"abc", whole("one", b"a", read=read))
    assert reading.coverage.gaps == (Gap(start=1, end=2, because=Because.ENCRYPTED, detail="locked"),)
    assert (reading.coverage.read_bytes, reading.facts) == (2, (FACT,))


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


def boxed(*stated: Member) -> Format:
    """A format that says which members a file beginning with ``!`` has, and reads nothing else."""

    def read(cursor: Cursor) -> Iterator[Fact | Gap]:
        cursor.read(0, 1)
        yield from stated

    return whole("box", b"", claims=lambda probe: probe.head.startswith(b"!"), read=read)


def first_two(name: str, mark: bytes) -> Format:
    """A format that forgets all but the first two bytes."""

    def read(cursor: Cursor) -> Iterator[Fact | Gap]:
        cursor.read(0, 2)
        yield FACT

    return whole(name, mark, claims=lambda probe: probe.head.startswith(mark), read=read)


def test_a_stored_member_counts_as_its_own_reading_found_it() -> None:
    reading = tree(b"!abcd", boxed(Member(span=Span(1, 5), name="m")), first_two("one", b"a"))
    [member] = reading.members
    assert [(gap.start, gap.end) for gap in member.coverage.gaps] == [(2, 4)]
    assert (reading.coverage.read_bytes, reading.coverage.passed_over_bytes, reading.coverage.gaps) == (3, 2, ())


def test_raw_members_are_passed_over_unless_they_claim_to_be_something() -> None:
    member = Member(span=Span(1, 5), name="m", role="raw")
    plain = tree(b"!xxxx", boxed(member), first_two("one", b"a"))
    assert (plain.members, plain.coverage.passed_over_bytes, plain.coverage.gaps) == ((), 4, ())
    [claimed] = tree(b"!abcd", boxed(member), first_two("one", b"a")).members
    assert (claimed.formats, claimed.role) == (("one",), "raw")
    assert FACT in claimed.facts


def test_a_compressed_raw_member_is_accounted_for() -> None:
    packed = gzip.compress(b"numbers", mtime=0)
    reading = tree(b"!" + packed, boxed(Member(span=Span(1, 1 + len(packed)), name="m", method="gzip", role="raw")))
    [member] = reading.members
    assert (member.coverage.passed_over_bytes, member.coverage.gaps, reading.coverage.gaps) == (7, (), ())


@pytest.mark.parametrize(("method", "packed"), [("stored", b""), ("gzip", gzip.compress(b"", mtime=0))])
def test_a_raw_member_of_nothing_is_nothing_to_tell_of(method: str, packed: bytes) -> None:
    member = Member(span=Span(1, 1 + len(packed)), name="m", method=method, role="raw")
    reading = tree(b"!" + packed, boxed(member))
    assert (reading.members, reading.coverage.gaps) == ((), ())


def test_a_member_of_nothing_is_a_gap() -> None:
    [member] = tree(b"!", boxed(Member(span=Span(1, 1), name="m"))).members
    assert [(gap.because, gap.detail) for gap in member.coverage.gaps] == [(Because.UNRECOGNISED, "the file is empty")]


def test_a_compressed_member_counts_as_read_and_its_own_gaps_are_its_own() -> None:
    packed = gzip.compress(b"abcd", mtime=0)
    known = (boxed(Member(span=Span(1, 1 + len(packed)), name="m", method="gzip")), first_two("one", b"a"))
    reading = tree(b"!" + packed, *known)
    [member] = reading.members
    assert member.coverage.size_bytes == 4
    assert [(gap.start, gap.end) for gap in member.coverage.gaps] == [(2, 4)]
    assert (reading.coverage.read_bytes, reading.coverage.gaps) == (1 + len(packed), ())


@pytest.mark.parametrize(("method", "pack"), [("gzip", gzip.compress), ("bzip2", bz2.compress)])
def test_bytes_after_the_compressed_data_are_a_gap(method: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"abcd")
    data = b"!" + packed + b"hidden"
    reading = tree(data, boxed(Member(span=Span(1, len(data)), name="m", method=method)), whole("one", b"a"))
    assert reading.members[0].coverage.gaps == ()
    [gap] = reading.coverage.gaps
    assert (gap.start, gap.end, gap.because) == (1 + len(packed), len(data), Because.UNRECOGNISED)
    assert gap.detail == "6 bytes after the end of the compressed data of m"


def test_a_damaged_compressed_member_keeps_what_came_before() -> None:
    packed = bytearray(gzip.compress(b"ab" * 5000, mtime=0))
    packed[-8] ^= 1  # the checksum
    known = (boxed(Member(span=Span(1, 1 + len(packed)), name="m", method="gzip")), whole("one", b"ab"))
    reading = tree(b"!" + bytes(packed), *known)
    [member] = reading.members
    assert member.formats == ("one",)
    assert FACT in member.facts
    size = member.coverage.size_bytes
    assert [(gap.start, gap.end, gap.because) for gap in member.coverage.gaps] == [(size, size, Because.MALFORMED)]
    [gap] = reading.coverage.gaps
    assert (gap.start, gap.end, gap.because) == (len(packed), 1 + len(packed), Because.MALFORMED)


@pytest.mark.parametrize(("method", "pack"), [("gzip", gzip.compress), ("bzip2", bz2.compress)])
def test_what_lies_behind_damage_was_not_read(method: str, pack: Callable[[bytes], bytes]) -> None:
    packed = bytearray(pack(random.Random(1).randbytes(300_000)))
    packed[1000:1016] = bytes(16)
    known = boxed(Member(span=Span(1, 1 + len(packed)), name="m", method=method))
    coverage = tree(b"!" + bytes(packed), known).coverage
    [gap] = coverage.gaps
    assert (gap.end, gap.because) == (1 + len(packed), Because.MALFORMED)
    assert gap.detail == f"{gap.end - gap.start} bytes after the damage in the compressed data of m"
    assert coverage.read_bytes == gap.start


def test_what_nothing_undoes_is_a_gap() -> None:
    reading = tree(b"!xyz", boxed(Member(span=Span(1, 4), name="m", method="rot13")))
    [gap] = reading.coverage.gaps
    assert (gap.start, gap.end, gap.because, gap.detail) == (1, 4, Because.UNSUPPORTED, "m: nothing here undoes rot13")


def test_a_file_of_a_member_with_a_name_without_end() -> None:
    [member] = tree(b"!a", boxed(Member(span=Span(1, 2), name="m" * 100_000)), whole("one", b"a")).members
    assert len(member.path) < 500


def test_a_name_that_a_format_built_on_promises_is_no_mismatch() -> None:
    known = (whole("zip", b"b", extensions=(".zip",)), whole("torch", b"b", extensions=(".pt",), builds_on=("zip",)))
    for name in ("x.zip", "x.pt", "x", "x.other"):
        assert not any(isinstance(fact, NameMismatch) for fact in tree(b"b", *known, name=name).facts)


def test_the_first_facts_are_kept_when_there_are_too_many() -> None:
    def told(cursor: Cursor) -> Iterator[Fact | Gap]:
        for number in range(100):
            yield Irregularity(span=Span(number, number + 1), kind=str(number), detail="")
            cursor.read(number, 1)

    reading = tree(b"!" * 100, whole("one", b"!", read=told), limits=Limits(facts=10))
    assert [fact.kind for fact in reading.facts if isinstance(fact, Irregularity)] == [str(n) for n in range(10)]
    [gap] = reading.coverage.gaps
    assert (gap.start, gap.end, gap.because) == (10, 100, Because.OVER_LIMIT)
    assert "limit: facts" in gap.detail


def test_too_many_artifacts_are_one_gap() -> None:
    members = [Member(span=Span(1 + number, 2 + number), name=f"m{number}") for number in range(5)]
    reading = tree(b"!aaaaa!", boxed(*members), whole("one", b"a"), limits=Limits(artifacts=3))
    assert [because(member) for member in reading.members] == [[], []]
    [gap] = [gap for gap in reading.coverage.gaps if "(limit: artifacts)" in gap.detail]
    assert (gap.start, gap.end, gap.because) == (3, 7, Because.OVER_LIMIT)
    assert sum(isinstance(fact, Member) for fact in reading.facts) == 5, "what the members are called is still told"


def test_too_many_artifacts_are_accounted_for_in_any_order() -> None:
    members = [Member(span=Span(5 - number, 6 - number), name=f"m{number}") for number in range(5)]
    inside = whole("one", b"", claims=lambda probe: probe.head.startswith(b"a"))
    reading = tree(b"!aaaaa!", boxed(*members), inside, limits=Limits(artifacts=3))
    coverage = reading.coverage
    open_bytes = Extents((gap.start, gap.end) for gap in coverage.gaps).total()
    assert coverage.read_bytes + coverage.passed_over_bytes + open_bytes == 7


def test_too_many_gaps_become_one() -> None:
    def torn(cursor: Cursor) -> Iterator[Fact | Gap]:
        for at in range(cursor.size):
            yield Gap(start=at, end=at + 1, because=Because.MALFORMED, detail="torn")

    reading = tree(bytes(50), whole("one", b"\0", read=torn), limits=Limits(facts=10))
    assert [(gap.start, gap.end) for gap in reading.coverage.gaps] == [*((at, at + 1) for at in range(9)), (9, 50)]
    assert reading.coverage.gaps[-1].because is Because.OVER_LIMIT


def test_a_bomb_is_a_gap() -> None:
    packed = gzip.compress(bytes(1_000_000), mtime=0)
    limits = Limits(expansion_floor_bytes=1000, expansion_ratio=2)
    data = b"!" + packed
    reading = tree(data, boxed(Member(span=Span(1, len(data)), name="m", method="gzip")), limits=limits)
    found = [gap.because for one in (reading, *reading.members) for gap in one.coverage.gaps]
    assert Because.OVER_LIMIT in found


def test_every_limit_names_itself() -> None:
    deep = tree(b"!!!", boxed(Member(span=Span(0, 3), name="m")), limits=Limits(depth=2))
    while deep.members:
        [deep] = deep.members
    late = tree(b"!", whole("one", b"!"), limits=Limits(seconds=0.0))
    for reading, name in ((deep, "depth"), (late, "seconds")):
        assert [f"limit: {name}" in gap.detail for gap in reading.coverage.gaps] == [True]


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


SYSTEM = p.whole(p.call(p.global_("os", "system"), "id"))
REAL = [
    t.checkpoint(),
    t.legacy(),
    t.torchscript(),
    p.whole(p.push({"a": [1, b"x", SYSTEM]})),
    gzip.compress(p.whole(p.push(1)), mtime=0),
    zip_file(Entry("a.txt", b"text"), Entry("b.zip", zip_file(Entry("c.pkl", SYSTEM)))),
    tar_file(Item("a.pkl", SYSTEM), Item("b.gz", gzip.compress(b"text", mtime=0))),
    n.npz(("a.npy", n.npy()), ("data.pkl", SYSTEM)),
    safetensors(),
    j.stream(j.array()),
    b'{"a": [1, 2, {"b": "\\u0041"}]}',
    b"#!/bin/sh\necho\n",
]


def accounted(data: bytes, reading: Reading) -> None:
    """Every artifact of the tree adds up, the parent takes the answer, and a file without bytes has a gap."""
    assert decode(msgspec.msgpack.encode(reading), len(data), "f") == reading
    rest = [reading]
    while rest:
        one = rest.pop()
        rest.extend(one.members)
        open_bytes = Extents((gap.start, gap.end) for gap in one.coverage.gaps)
        counted = one.coverage.read_bytes + one.coverage.passed_over_bytes + open_bytes.total()
        assert counted == one.coverage.size_bytes
        assert one.coverage.size_bytes or one.coverage.gaps


@pytest.mark.parametrize("data", REAL, ids=range(len(REAL)))
def test_every_byte_of_a_cut_file_is_accounted_for(data: bytes) -> None:
    for end in {*range(0, len(data), max(1, len(data) // 40)), len(data)}:
        accounted(data[:end], read_tree(BytesSource(data[:end]), "f", "f", Limits(), strict=True))


@given(st.sampled_from(REAL), st.data())
def test_every_byte_of_a_changed_file_is_accounted_for(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data)))
    changed = data[:at] + draw.draw(st.binary(max_size=6)) + data[at + draw.draw(st.integers(0, 6)) :]
    accounted(changed, read_tree(BytesSource(changed), "f", "f", Limits(), strict=True))


@given(st.binary(max_size=200))
def test_every_byte_of_any_file_is_accounted_for(data: bytes) -> None:
    accounted(data, read_tree(BytesSource(data), "f", "f", Limits(), strict=True))


@given(st.sampled_from(REAL), st.sampled_from(REAL))
def test_every_byte_of_two_files_in_one_is_accounted_for(first: bytes, second: bytes) -> None:
    for data in (
        first + second,
        zip_file(Entry("a", first), Entry("b", second)),
        gzip.compress(first, mtime=0) + second,
    ):
        accounted(data, read_tree(BytesSource(data), "f", "f", Limits(), strict=True))


def test_a_fact_that_reaches_out_of_its_artifact_costs_no_other() -> None:
    def read(cursor: Cursor) -> Iterator[Fact | Gap]:
        cursor.read(0, cursor.size)
        yield Irregularity(span=Span(1, 99), kind="odd", detail="")
        yield Irregularity(span=Span(0, 1), kind="odd", detail="")

    one = Format(name="one", summary="", claims=lambda _: True, read=read)
    reading = read_tree(BytesSource(b"abc"), "x", "x", Limits(), (one,))
    assert [fact.span for fact in reading.facts] == [(1, 3), (0, 1)]
    with pytest.raises(ValueError, match="outside its artifact"):
        read_tree(BytesSource(b"abc"), "x", "x", Limits(), (one,), strict=True)
