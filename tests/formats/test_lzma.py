"""The .lzma container without a magic."""

import lzma
from collections.abc import Callable

from modelairlock.formats.lzma import FORMAT
from tests.formats.stream_help import TEXT, Stream, as_a_stream
from tests.reading_help import probe


def pack(data: bytes) -> bytes:
    return lzma.compress(data, lzma.FORMAT_ALONE)


STREAM = Stream(FORMAT, pack, "lzma-alone", ".lzma")


def example() -> bytes:
    return pack(TEXT)


@as_a_stream
def test_it_is_a_stream(check: Callable[[Stream], None]) -> None:
    check(STREAM)


def test_other_properties_want_the_extension() -> None:
    filters = [{"id": lzma.FILTER_LZMA1, "lc": 1, "lp": 1, "pb": 1}]
    data = lzma.compress(TEXT, lzma.FORMAT_ALONE, filters=filters)
    assert not FORMAT.claims(probe(data))
    assert FORMAT.claims(probe(data, "model.lzma"))
