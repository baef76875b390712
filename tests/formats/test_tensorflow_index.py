"""Indexes of TensorFlow checkpoints: sorted tables."""

import time
from pathlib import Path

import pytest

from modelairlock.formats.tensorflow_index import FORMAT
from modelairlock.records.coverage import Because
from tests.build import tensorflow_builder as t
from tests.reading_help import change_everywhere, gaps_of, probe, read, tree

REAL = Path(__file__).parent.parent / "data" / "tensorflow"


def example() -> bytes:
    return t.index(("b", t.entry()), ("w", t.entry(4, 400)))


def test_hit() -> None:
    assert FORMAT.claims(probe(example()))
    assert read(FORMAT, example()).gaps == []


def test_miss() -> None:
    assert not FORMAT.claims(probe(b""))
    assert not FORMAT.claims(probe(t.MAGIC))
    assert not FORMAT.claims(probe(example()[:-1]))


def test_a_compressed_block() -> None:
    inside = t.block((b"", t.number(1, 1)), (b"w", t.entry()))[:-5]
    packed = t.varint(len(inside)) + bytes([len(inside) - 1 << 2]) + inside + b"\x01" + bytes(4)
    assert read(FORMAT, t.table(packed)).gaps == []
    damaged = t.varint(len(inside) + 1) + packed[1:]
    assert [gap.because for gap in read(FORMAT, t.table(damaged)).gaps] == [Because.MALFORMED]


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (t.index(("w", t.entry(shard=1))), Because.MALFORMED),
        (t.index(("w", t.entry(2**63))), Because.MALFORMED),
        (t.index(("w", t.entry(2**62, 2**62))), Because.MALFORMED),
        (t.index(("w", t.entry() + t.field(9, "x"))), Because.UNRECOGNISED),
        (t.index(("w", t.entry()), ("a", t.entry())), Because.MALFORMED),
        (t.table(t.block((b"w", t.entry()))), Because.MALFORMED),
        (t.table(t.block()), Because.MALFORMED),
        (t.table(t.block((b"", t.number(1, 1)), kind=7)), Because.UNSUPPORTED),
        (t.table(t.block((b"", t.number(1, 1))), size=9_000_000), Because.OVER_LIMIT),
        (t.table(t.block((b"", t.number(1, 1))), size=900_000), Because.MALFORMED),
        (t.table(b"hidden" + t.block((b"", t.number(1, 1)))), Because.MALFORMED),
    ],
)
def test_damaged(data: bytes, because: Because) -> None:
    assert [gap.because for gap in read(FORMAT, data).gaps][:1] == [because]


@pytest.mark.parametrize("places", [(1,), (0, 0), (0, 5, 3), (0, 2**31)])
def test_restarts_hold_nothing_else(places: tuple[int, ...]) -> None:
    """Nobody looks at them who reads a table from its beginning, so other bytes would fit there."""
    whole = t.block((b"", t.number(1, 1)))[:-13]
    said = b"".join(place.to_bytes(4, "little") for place in places) + len(places).to_bytes(4, "little")
    gaps = read(FORMAT, t.table(whole + said + bytes(5))).gaps
    assert [gap.because for gap in gaps][:1] == [Because.MALFORMED]


def test_bytes_that_no_block_has_are_a_gap() -> None:
    data = example()
    at = len(data) - t.FOOTER if hasattr(t, "FOOTER") else len(data) - 48
    hidden = data[:at] + b"hidden" + data[at:]
    assert [gap.because for gap in read(FORMAT, hidden).gaps] == [Because.UNRECOGNISED]


def test_cut_from_its_front() -> None:
    """Its mark is at its end, so that a table that was cut there is none any more; here the front is missing."""
    data = example()
    for start in range(1, len(data) - 48):
        assert FORMAT.claims(probe(data[start:]))
        assert gaps_of(tree(data[start:], FORMAT))


def test_changed() -> None:
    change_everywhere(example(), FORMAT)


def test_many_tensors() -> None:
    entries = [(f"layer-{at:06}/kernel", t.entry(4 * at)) for at in range(20_000)]
    started = time.process_time()
    assert read(FORMAT, t.index(*entries)).gaps == []
    assert time.process_time() - started < 5


def test_real_ones() -> None:
    files = [*REAL.glob("*/*.index"), *REAL.glob("*/*/*.index")]
    assert len(files) >= 8
    for path in files:
        data = path.read_bytes()
        assert FORMAT.claims(probe(data))
        assert read(FORMAT, data).gaps == []
