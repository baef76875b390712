"""What a program may act on is held until there is a reader for it."""

import pytest

from modelairlock.formats.other_text import FORMAT
from modelairlock.records.coverage import Because
from tests.formats.everyday_help import because, claims, cuts, read


def example() -> bytes:
    return b"loader: module.Name\nsteps: [1, 2]\n"


@pytest.mark.parametrize("name", ["MLmodel.yaml", "a.toml", "model.pmml", "Modelfile", "a.svg", "requirements.txt"])
def test_is_held(name: str) -> None:
    reading = read(b"a: 1\n", FORMAT, name=name)
    assert reading.formats == ("other_text",)
    assert because(reading) == {Because.UNSUPPORTED}
    assert reading.coverage.gaps[0].detail == "text that some loader may act on; no reader for this kind yet"


@pytest.mark.parametrize(
    ("data", "name"), [(b"\0\1", "a.yaml"), (b"a: 1", "a.pkl"), (b"a: 1", "README.md"), (b"", "a.ini")]
)
def test_does_not_claim(data: bytes, name: str) -> None:
    assert not claims(FORMAT, data, name)


def test_damaged_is_held_too() -> None:
    for cut in cuts("schlüssel: wert".encode()):
        assert read(cut, FORMAT, name="a.yaml").coverage.gaps
