"""Strings of JSON become the text that they stand for, wherever their pieces end; what is no string is damage."""

import json
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelairlock.encodings.compression import inflate
from modelairlock.encodings.decoders import BadFrame, JsonString
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource
from modelairlock.records.coverage import Because
from modelairlock.records.span import Span

TEXTS = [
    "",
    "a",
    "\u00e9\u4e2d\U0001f600",
    'a\n\t"b"\\ /',
    "\x7f\u2028",
    "\ud83d",
    "\ud83dx",
    "\ud83d\ud83d",
    "\ude00\ud83d",
    "\\u0041",
]


def piece_by_piece(spelled: bytes, sizes: list[int]) -> bytes:
    decoder, out, at = JsonString(), b"", 0
    while at < len(spelled):
        size = sizes.pop() if sizes else 1
        out += decoder.decompress(spelled[at : at + size], 100)
        at += size
    assert (decoder.eof, decoder.unused_data, decoder.needs_input) == (True, b"", False)
    return out


@given(st.one_of(st.sampled_from(TEXTS), st.text(st.characters())), st.booleans(), st.lists(st.integers(1, 7)))
@example("\ud83d\ude00", True, [])
def test_what_was_spelled_comes_out(text: str, ascii_only: bool, sizes: list[int]) -> None:
    spelled = json.dumps(text, ensure_ascii=ascii_only)
    # halves of a pair that stand next to each other are one character once they are read
    expected = json.loads(spelled).encode("utf-8", "surrogatepass")
    try:
        data = spelled.encode()
    except UnicodeEncodeError:
        return
    assert piece_by_piece(data, sizes) == expected


@pytest.mark.parametrize("text", TEXTS)
def test_as_a_source(text: str) -> None:
    data = b"[" + json.dumps(text).encode() + b", 1]"
    end = len(data) - 4
    inflated = inflate(BytesSource(data), Span(1, end), "json-string", Budget(DEFAULT_LIMITS))
    assert inflated.read(0, 999) == json.loads(json.dumps(text)).encode("utf-8", "surrogatepass")
    assert (inflated.consumed, inflated.damage) == (end - 1, "")
    longer = inflate(BytesSource(data), Span(1, len(data)), "json-string", Budget(DEFAULT_LIMITS))
    assert (longer.consumed, longer.damage) == (end - 1, "")


@pytest.mark.parametrize(
    "data", [b"x", b'"\\x41"', b'"\\u12', b'"\n"', b'"\\u12g4"', b'"\xff"', b'"abc', b'"a\\', b'"\\ud83d\\u00']
)
def test_what_is_no_string_is_damage(data: bytes) -> None:
    inflated = inflate(BytesSource(data), Span(0, len(data)), "json-string", Budget(DEFAULT_LIMITS))
    assert inflated.damage
    assert inflated.because in (Because.MALFORMED, Because.TRUNCATED)


def test_a_piece_that_can_become_nothing_is_refused_at_once() -> None:
    with pytest.raises(BadFrame, match="in double quotes"):
        JsonString().decompress(b"abc", 100)
    with pytest.raises(BadFrame, match="a character of a string"):
        JsonString().decompress(b'"\\q and so on and on', 100)


def test_a_long_string_takes_no_time() -> None:
    spelled = json.dumps("\U0001f600\n" * 200_000).encode()
    data = piece_by_piece(spelled, [random.Random(7).randint(1, 9_999) for _ in range(2_000)])
    assert data == ("\U0001f600\n" * 200_000).encode()
