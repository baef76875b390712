"""Bare zlib streams, as joblib writes them."""

import zlib
from collections.abc import Callable

from modelairlock.formats.zlib import FORMAT
from tests.formats.stream_help import TEXT, Stream, as_a_stream
from tests.reading_help import probe


def pack(data: bytes) -> bytes:
    return zlib.compress(data)


STREAM = Stream(FORMAT, pack, "zlib", ".z")


def example() -> bytes:
    return pack(TEXT)


@as_a_stream
def test_it_is_a_stream(check: Callable[[Stream], None]) -> None:
    check(STREAM)


def test_every_level_is_claimed() -> None:
    for level in range(-1, 10):
        assert FORMAT.claims(probe(zlib.compress(TEXT, level)))


def test_text_that_begins_like_a_stream_is_not_one() -> None:
    for data in (b"x^2 + y^2", b"x\x9c", b"x\x01", b"x\xda" + TEXT):
        assert not FORMAT.claims(probe(data))
