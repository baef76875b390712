"""The grammar of npy headers: what it takes means the same to Python, and what it does not take is refused."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.encodings.python_literal import DEPTH, parse
from modelairlock.reading import Malformed, OverLimit, ReadProblem

plain = st.text(st.characters(max_codepoint=255, exclude_characters="\x85\xa0"), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(10**19), 10**19) | plain
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(plain, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_reads_what_repr_writes(value: object) -> None:
    assert parse(repr(value).encode("latin-1")) == value


@given(st.text("{}[]()'\",: \\xu0123OTrueFalse|<f8lL-.#b\n", max_size=30))
def test_whatever_is_taken_means_the_same_to_python(text: str) -> None:
    try:
        ours = parse(text.encode())
    except ReadProblem:
        return
    try:
        theirs = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        # Python 2's 123L, which numpy filters out, and blanks that only matter outside brackets.
        assert "l" in text.lower() or "\n" in text or text[:1].isspace()
        return
    assert ours == theirs


@given(st.binary(max_size=60))
def test_any_bytes_end_well(data: bytes) -> None:
    position = 0
    try:
        parse(data)
    except ReadProblem as problem:
        position = problem.position
    assert 0 <= position <= len(data)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "{", "{'a'", "{'a':", "{'a': 1", "{'a': 1,,}", "[1 2]", "[,]", "'a' 'b'", "b'a'", "r'a'", "f'a'",
        "'''a'''", "1.0", "1e3", "0x10", "1_000", "007", "1+1", "__import__('os')", "open", "{1: 2}", "{**a}", "# note",
        "'\\N{DASH}'", "'\\101'", "'a", "1 1", "...", "True1", "nan", "lambda: 0", "[x for x in y]", "{'a', 'b'}",
    ],
)  # fmt: skip
def test_refuses(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text.encode())


def test_refuses_a_key_that_stands_twice_where_python_keeps_the_last() -> None:
    with pytest.raises(Malformed, match="at byte 111: expected each key only once"):
        parse(b"{'descr':1,'descr':2}", 100)


def test_says_where_and_what() -> None:
    with pytest.raises(Malformed, match=r"at byte 17: expected a Python literal as numpy writes it, got 'eval\("):
        parse(b"{'shape': eval(1)}", 7)


def test_depth_is_bounded() -> None:
    assert parse(b"[" * DEPTH + b"]" * DEPTH)
    with pytest.raises(OverLimit):
        parse(b"[" * 60000)


def test_escapes_spell_what_they_hide() -> None:
    assert parse(rb"'\x7cO'") == "|O"
    assert parse(rb'u"\u007cO"') == "|O"
