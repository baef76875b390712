"""Python's own parser is the oracle; windows of a few bytes put every boundary everywhere."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelairlock.encodings.strict_json import DEPTH, Kind, Piece, pairs, place, text, walk
from modelairlock.limits import Limits
from modelairlock.reading import Budget, BytesSource, Cursor, Malformed, OverLimit, ReadProblem, Truncated

OPEN = {Kind.OPEN_OBJECT, Kind.OPEN_ARRAY}
CLOSE = {Kind.CLOSE_OBJECT, Kind.CLOSE_ARRAY}


def pieces(data: bytes, window: int = 256 * 1024, **options: bool) -> list[Piece]:
    cursor = Cursor(BytesSource(data), "x", Budget(Limits(window_bytes=window)))
    return list(walk(cursor, 0, len(data), **options))


def rebuilt(found: list[Piece]) -> Any:
    """The value that the pieces spell."""
    spelled = b""
    for piece in found:
        if piece.kind is Kind.REPEATED:
            continue
        if spelled and piece.kind not in CLOSE and not spelled.endswith((b"[", b"{", b":", b",")):
            spelled += b","
        spelled += piece.raw + (b":" if piece.kind is Kind.KEY else b"")
    return json.loads(spelled)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)


@given(values, st.integers(1, 64), st.booleans(), st.sampled_from([None, 1]))
@settings(max_examples=300)
def test_spells_what_json_spells(value: Any, window: int, ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    found = pieces(data, window)
    assert rebuilt(found) == value
    assert all(data[piece.position :].startswith(piece.raw) for piece in found)


@given(st.text('{}[]",:0123456789eE.+-\\/untrfals \n\té', max_size=24), st.integers(1, 20))
@settings(max_examples=400)
def test_takes_and_refuses_what_json_does(candidate: str, window: int) -> None:
    data = candidate.encode()
    try:
        json.loads(candidate, parse_constant=lambda name: pytest.fail(name))
        valid = True
    except json.JSONDecodeError:
        valid = False
    position, taken = 0, True
    try:
        pieces(data, window)
    except ReadProblem as problem:
        position, taken = problem.position, False
    assert 0 <= position <= len(data)
    assert taken == valid


@given(st.binary(max_size=50), st.integers(1, 20))
def test_any_bytes_end_well(data: bytes, window: int) -> None:
    position = 0
    try:
        pieces(data, window, constants=True, many=True)
    except ReadProblem as problem:
        position = problem.position
    assert 0 <= position <= len(data)


@pytest.mark.parametrize("window", [1, 7, 4096])
def test_a_repeated_key_is_seen_however_it_is_spelled(window: int) -> None:
    found = pieces(b'{"a":1,"b":{"a":[{"z":[]}]},"\\u0061":2,"b":3}', window)
    assert [text(piece.raw) for piece in found if piece.kind is Kind.REPEATED] == ["a", "b"]


def test_a_repeated_key_is_seen_across_pieces() -> None:
    body = ",".join(f'"k{i}":{i}' for i in range(50_000)) + ',"k7":1,"x":{"y":{}},"k9":{"z":[{}]},"x":2,"x":3'
    found = pieces(f'{{"v":{{{body}}}}}'.encode())
    assert [piece.raw for piece in found if piece.kind is Kind.REPEATED] == [b'"k7"', b'"k9"', b'"x"', b'"x"']
    assert len(found) < 60


def test_short_objects_and_arrays_come_whole() -> None:
    found = pieces(
        b'{"w": {"dtype": "F32", "shape": [2, 3]}, "l": [1, "a"], "n": {"m": {}, "k": {"j": [[]]}}, "f": [{}]}'
    )
    kinds = [piece.kind for piece in found]
    assert kinds == [
        Kind.OPEN_OBJECT, Kind.MEMBERS, Kind.KEY, Kind.OPEN_OBJECT, Kind.MEMBERS, Kind.KEY, Kind.OPEN_OBJECT, Kind.KEY,
        Kind.OPEN_ARRAY, Kind.SCALARS, Kind.CLOSE_ARRAY, Kind.CLOSE_OBJECT, Kind.CLOSE_OBJECT, Kind.KEY,
        Kind.OPEN_ARRAY, Kind.FLAT, Kind.CLOSE_ARRAY, Kind.CLOSE_OBJECT,
    ]  # fmt: skip
    assert pairs(found[1]) == (("w", (("dtype", "F32"), ("shape", [2, 3]))), ("l", [1, "a"]))
    assert pairs(found[4]) == (("m", ()),)
    assert pairs(Piece(Kind.FLAT, b'{"a":1,"a":2}', 0)) == (("a", 1), ("a", 2))


def test_place_finds_a_key() -> None:
    piece = Piece(Kind.MEMBERS, '"a":1,"é":2,"\\u0062":3'.encode(), 10)
    assert place(piece, "a") == (10, 13)
    assert place(piece, "é") == (16, 20)
    assert place(piece, "b") == (10, 10 + len(piece.raw))


def test_constants_and_lines_only_when_asked_for() -> None:
    with pytest.raises(Malformed):
        pieces(b'{"a":NaN}')
    assert pieces(b'{"a":[NaN,-Infinity],"b":Infinity}', constants=True)
    with pytest.raises(Malformed, match=r"at byte 3: expected nothing after the value, got '\{\}'"):
        pieces(b"{}\n{}")
    assert len(pieces(b'{}\n{"a":1}\n[1]\n', many=True)) == 8


@pytest.mark.parametrize("data", [b"", b" ", b"{", b'{"a"', b'{"a":', b'{"a":1', b"[", b"[1", b"[1,", b'["a'])
def test_cut_short(data: bytes) -> None:
    with pytest.raises((Truncated, Malformed)):
        pieces(data)


def test_depth_and_keys_are_bounded() -> None:
    assert pieces(b"[" * DEPTH + b"]" * DEPTH)
    with pytest.raises(OverLimit):
        pieces(b"[" * 100_000)
    cursor = Cursor(BytesSource(b'{"a":{},"b":{},"c":{}}'), "x", Budget(Limits(entries=2)))
    with pytest.raises(OverLimit, match="limit: entries"):
        list(walk(cursor, 0, cursor.size))


def test_a_long_string_and_a_long_number_pass_and_an_endless_one_does_not() -> None:
    long = b'{"a":"' + b"x" * 3_000_000 + b'","b":' + b"1" * 600_000 + b"}"
    assert [len(piece.raw) for piece in pieces(long)][1:5] == [3, 3_000_002, 3, 600_000]
    with pytest.raises(Malformed, match="numbers of fewer than 4300 digits"):
        pieces(b'{"a":' + b"1" * 5000 + b"}")
    with pytest.raises(OverLimit, match="one JSON token"):
        pieces(b'["' + b"x" * 40_000_000)


def test_only_utf_8() -> None:
    for data in (b'["\xff"]', b'["\xc3', '["é"]'.encode("utf-16"), b'["\xed\xa0\x80"]'):
        with pytest.raises(ReadProblem):
            pieces(data, 4)


def test_text_of_escapes_and_lone_surrogates() -> None:
    assert text(b'"auto\\u005fmap"') == "auto_map"
    assert text(b'"\\ud800"') == "\ud800"
