"""Recognised and never called read."""

from modelairlock.formats.rar import FORMAT
from modelairlock.records.coverage import Because
from tests.reading_help import probe, read

MAGICS = (b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00")


def test_hit_is_a_gap_over_everything() -> None:
    for magic in MAGICS:
        data = magic + bytes(100)
        assert FORMAT.claims(probe(data, "model.pt"))
        result = read(FORMAT, data)
        assert result.facts == []
        assert [(gap.start, gap.end, gap.because) for gap in result.gaps] == [(0, len(data), Because.UNSUPPORTED)]
        assert "scan the files" in result.gaps[0].detail


def test_miss() -> None:
    for magic in MAGICS:
        for data in (b"", magic[:-1], b"x" + magic):
            assert not FORMAT.claims(probe(data))


def test_damaged() -> None:
    for magic in MAGICS:
        assert read(FORMAT, magic).gaps
