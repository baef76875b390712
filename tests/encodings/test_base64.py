"""Bytes that stand as base64 in a text."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.encodings.compression import Inflated, inflate
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource
from modelairlock.records.span import Span


def opened(data: bytes) -> Inflated:
    return inflate(BytesSource(data), Span(0, len(data)), "base64", Budget(DEFAULT_LIMITS))


def everything(inflated: Inflated) -> bytes:
    return inflated.read(0, inflated.size)


@given(st.binary(min_size=1, max_size=400))
def test_as_python_decodes_it(data: bytes) -> None:
    for spelled in (base64.b64encode(data), base64.encodebytes(data)):
        inflated = opened(spelled)
        assert (everything(inflated), inflated.damage) == (data, "")


def test_pieces_of_a_long_text() -> None:
    data = bytes(range(256)) * 2000 + b"x"
    inflated = opened(base64.encodebytes(data))
    assert everything(inflated) == data
    assert inflated.consumed == len(base64.encodebytes(data))


def test_what_follows_the_padding_is_not_consumed() -> None:
    inflated = opened(base64.b64encode(b"a") + b"and more")
    assert (everything(inflated), inflated.consumed) == (b"a", 4)


@pytest.mark.parametrize("spelled", [b"=", b"QUJD=", b"Q===", b"QUJDR=" + b"\n" * 5000])
def test_padding_that_is_none(spelled: bytes) -> None:
    assert opened(spelled).damage


def test_a_cut_text_keeps_what_came_before() -> None:
    whole = base64.b64encode(b"some bytes")
    for length in range(len(whole)):
        assert b"some bytes".startswith(everything(opened(whole[:length])))
