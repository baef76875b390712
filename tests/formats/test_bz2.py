"""Bzip2 streams."""

import bz2
from collections.abc import Callable

from modelairlock.formats.bz2 import FORMAT
from tests.formats.stream_help import TEXT, Stream, as_a_stream


def pack(data: bytes) -> bytes:
    return bz2.compress(data)


STREAM = Stream(FORMAT, pack, "bzip2", ".bz2")


def example() -> bytes:
    return pack(TEXT)


@as_a_stream
def test_it_is_a_stream(check: Callable[[Stream], None]) -> None:
    check(STREAM)
