"""TensorFlow Hub's note of a module's format."""

from modelairlock.formats.tfhub_module import FORMAT
from tests.build import tensorflow_builder as t
from tests.formats.tensorflow_help import torn
from tests.reading_help import gaps_of, probe, tree

NAME = "tfhub_module.pb"


def example() -> bytes:
    return t.number(1, 3) + t.field(2, "feature")


def test_hit() -> None:
    for data in (b"\x08\x03", example()):
        assert FORMAT.claims(probe(data, NAME))
        assert gaps_of(tree(data, FORMAT, name=NAME)) == []


def test_miss() -> None:
    assert not FORMAT.claims(probe(b"\x08\x03", "x.pb"))
    assert not FORMAT.claims(probe(example() + b"\0", NAME))
    assert not FORMAT.claims(probe(t.honest(), NAME))


def test_damaged() -> None:
    for cut in torn(example()):
        assert not FORMAT.claims(probe(cut, NAME)) or gaps_of(tree(cut, FORMAT, name=NAME))
