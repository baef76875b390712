"""Files of numbers, which go by their whole name."""

from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.tensorflow_data import FORMAT
from tests.build.sample import evil
from tests.reading_help import gaps_of, probe, tree

NAME = "variables.data-00000-of-00001"


def example() -> bytes:
    return bytes(range(256))


def test_hit() -> None:
    for name in (NAME, "variables/model.ckpt-7.data-00001-of-00010", "group1-shard1of3.bin", "x/group2-shard1of1"):
        assert FORMAT.claims(probe(example(), name)), name
        reading = tree(example(), FORMAT, name=name)
        assert gaps_of(reading) == []
        assert reading.coverage.passed_over_bytes == 256


def test_miss() -> None:
    for name in ("data", "x.data-0-of-1", "variables.data-00000-of-00001.bin", "shard1of3.bin", "group1.bin"):
        assert not FORMAT.claims(probe(example(), name)), name
    assert not FORMAT.claims(probe(b"", NAME))
    assert not FORMAT.claims(probe(b"version https://git-lfs.github.com/spec/v1\noid", NAME))
    assert not FORMAT.claims(probe(b"Entry not found", NAME))


def test_what_has_a_mark_is_read_by_its_own_format() -> None:
    assert set(tree(evil(), FORMAT, PICKLE, name=NAME).formats) == {"pickle", "tensorflow_data"}


def test_damaged() -> None:
    """It has no end of its own: a cut one is a smaller one, which is written among the blind spots."""
    assert gaps_of(tree(example()[:100], FORMAT, name=NAME)) == []
