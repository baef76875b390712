"""`Format.begins`: what a format is not asked about because of its first byte, it must not claim."""

import pytest
from fuzz.seeds import seeds

from modelairlock.catalog import catalog
from modelairlock.reading import Format
from tests.reading_help import probe

_CHOOSY = [one for one in catalog("modelairlock.formats", Format) if one.begins]


@pytest.mark.parametrize("one", _CHOOSY, ids=lambda one: one.name)
def test_a_format_claims_nothing_that_begins_otherwise(one: Format) -> None:
    """With every first byte there is before files of the format, and in place of their own."""
    start = seeds(one.name)
    others = [bytes([first]) for first in range(256) if first not in one.begins]
    for data in start.files[:20]:
        if one.claims(probe(data, start.name, start.role)):
            assert data[0] in one.begins
        wrong = [
            o for o in others if any(one.claims(probe(o + rest, start.name, start.role)) for rest in (data, data[1:]))
        ]
        assert not wrong, f"{one.name} claims what begins with {wrong}, and does not say so in `begins`"


def test_some_formats_are_choosy() -> None:
    assert len(_CHOOSY) > 20
