"""`Format.begins`: what a format is not asked about because of its first byte, it must not claim."""

import codecs
from collections.abc import Iterator

import pytest
from fuzz.seeds import seeds

from modelairlock.catalog import catalog
from modelairlock.reading import Format
from tests.reading_help import probe

_CHOOSY = [one for one in catalog("modelairlock.formats", Format) if one.begins]


def dressed(data: bytes) -> Iterator[bytes]:
    """A file as it is and, if it is text, behind the mark of each encoding that text comes in."""
    yield data
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    yield codecs.BOM_UTF8 + data
    yield codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    yield codecs.BOM_UTF16_BE + text.encode("utf-16-be")


@pytest.mark.parametrize("one", _CHOOSY, ids=lambda one: one.name)
def test_a_format_claims_nothing_that_begins_otherwise(one: Format) -> None:
    """With every first byte there is before files of the format, and in place of their own."""
    start = seeds(one.name)
    others = [bytes([first]) for first in range(256) if first not in one.begins]
    for data in start.files[:20]:
        for file in dressed(data):
            if one.claims(probe(file, start.name, start.role)):
                assert file[0] in one.begins, f"{one.name} claims {file[:20]!r}, and does not say so in `begins`"
        wrong = [
            o for o in others if any(one.claims(probe(o + rest, start.name, start.role)) for rest in (data, data[1:]))
        ]
        assert not wrong, f"{one.name} claims what begins with {wrong}, and does not say so in `begins`"


def test_some_formats_are_choosy() -> None:
    assert len(_CHOOSY) > 20
