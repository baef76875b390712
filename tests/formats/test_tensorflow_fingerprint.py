"""Fingerprints of SavedModels."""

from pathlib import Path

from modelairlock.formats.tensorflow_fingerprint import FORMAT
from tests.build import tensorflow_builder as t
from tests.formats.tensorflow_help import torn
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
    for cut in torn(example()):
        assert not FORMAT.claims(probe(cut)) or gaps_of(tree(cut, FORMAT))


def test_changed() -> None:
    change_everywhere(example(), FORMAT)


def test_real_ones() -> None:
    files = list(REAL.glob("*/fingerprint.pb"))
    assert len(files) == 6
    for path in files:
        data = path.read_bytes()
        assert FORMAT.claims(probe(data))
        assert gaps_of(tree(data, FORMAT)) == []
