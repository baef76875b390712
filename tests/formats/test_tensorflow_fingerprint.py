"""Fingerprints of SavedModels."""

from pathlib import Path

from modelairlock.formats.tensorflow_fingerprint import FORMAT
from tests.build import tensorflow_builder as t
from tests.reading_help import change_everywhere, gaps_of, probe, tree

REAL = Path(__file__).parent.parent / "data" / "tensorflow"


def example() -> bytes:
    return t.fingerprint()


def test_hit() -> None:
    assert FORMAT.claims(probe(example()))
    assert gaps_of(tree(example(), FORMAT)) == []


def test_miss() -> None:
    assert not FORMAT.claims(probe(b""))
    assert not FORMAT.claims(probe(example() + b"\0"))
    assert not FORMAT.claims(probe(example() + bytes(300)))
    assert not FORMAT.claims(probe(t.honest()))


def test_damaged() -> None:
    data = example()
    for end in range(len(data)):
        if FORMAT.claims(probe(data[:end])):  # fewer hashes are a fingerprint too
            assert data[end:].startswith((b"\x3a", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9", b"0", b"\x32"))


def test_changed() -> None:
    change_everywhere(example(), FORMAT)


def test_real_ones() -> None:
    files = list(REAL.glob("*/fingerprint.pb"))
    assert len(files) == 5
    for path in files:
        data = path.read_bytes()
        assert FORMAT.claims(probe(data))
        assert gaps_of(tree(data, FORMAT)) == []
