"""Keras 2's metadata of a SavedModel."""

from pathlib import Path

from modelairlock.formats.keras_metadata import FORMAT
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Member
from tests.build import tensorflow_builder as t
from tests.formats.tensorflow_help import torn_everywhere
from tests.reading_help import change_everywhere, probe, read

REAL = Path(__file__).parent.parent / "data" / "tensorflow" / "keras2" / "keras_metadata.pb"
NAME = "keras_metadata.pb"


def example() -> bytes:
    return t.keras_metadata() + t.keras_metadata('{"class_name": "Lambda"}', "root.layer-1")


def test_hit() -> None:
    assert FORMAT.claims(probe(example()))
    facts, gaps, _ = read(FORMAT, example())
    assert gaps == []
    assert [(fact.role, example()[fact.span.start : fact.span.end]) for fact in facts if isinstance(fact, Member)] == [
        ("keras-config", b'{"name": "dense"}'),
        ("keras-config", b'{"class_name": "Lambda"}'),
    ]


def test_under_its_name_anything_is_read() -> None:
    data = t.field(1, t.field(4, "own") + t.field(5, "{}"))
    assert not FORMAT.claims(probe(data))
    assert FORMAT.claims(probe(data, NAME))
    assert [fact.role for fact in read(FORMAT, data).facts if isinstance(fact, Member)] == ["keras-config"]


def test_miss() -> None:
    for data in (b"", b"\n", t.honest(), t.graph(t.placeholder("a")), t.fingerprint()):
        assert not FORMAT.claims(probe(data))


def test_what_nobody_knows_is_a_gap() -> None:
    for data in (example() + t.field(9, "x"), t.field(1, t.field(9, "x"))):
        assert [gap.because for gap in read(FORMAT, data).gaps] == [Because.UNRECOGNISED]


def test_a_configuration_has_a_limit() -> None:
    data = t.keras_metadata("{" + " " * (17 * 1024 * 1024))
    assert [gap.because for gap in read(FORMAT, data, limits=DEFAULT_LIMITS).gaps] == [Because.OVER_LIMIT]


def test_damaged() -> None:
    torn_everywhere(example(), FORMAT, name=NAME)


def test_changed() -> None:
    change_everywhere(example(), FORMAT, name=NAME)


def test_a_real_one() -> None:
    data = REAL.read_bytes()
    assert FORMAT.claims(probe(data))
    facts, gaps, _ = read(FORMAT, data)
    assert gaps == []
    assert len([fact for fact in facts if isinstance(fact, Member)]) == 5
