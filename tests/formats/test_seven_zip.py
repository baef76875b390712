"""Recognised and never called read."""

from modelairlock.formats.seven_zip import FORMAT
from modelairlock.records.coverage import Because
from tests.reading_help import probe, read

MAGICS = (b"7z\xbc\xaf\x27\x1c",)


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
