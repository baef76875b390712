"""Text from files, made fit to show."""

import re
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.records.text import columns, hidden, shown, shown_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("evil\u202etxt.exe", r"evil\u202etxt.exe"),
        ("\u2066\u2069", r"\u2066\u2069"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
        ("\u3164\u2800\ufe0f", r"\u3164\u2800\ufe0f"),
        ("naïve 模型 модель נתון", "naïve 模型 модель נתון"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 5, "e" + "\u0301" * 3 + r"\u0301\u0301"),
        ("\xa0", r"\xa0"),
        ("", ""),
        ("::error title=x::all clear", r"\x3a:error title=x::all clear"),
        ("a.bin ::stop-commands::x", r"a.bin \x3a:stop-commands::x"),
        ("a\n::error::", r"a\n\x3a:error::"),
        ("std::vector a:: b", "std::vector a:: b"),
        ("##[error]x", r"\x23#[error]x"),
        ("x##vso[task.setvariable variable=a]", r"x\x23#vso[task.setvariable variable=a]"),
        ("##teamcity[x] ###[x]", r"\x23#teamcity[x] #\x23#[x]"),
        ("## title", "## title"),
    ],
)
def test_shown(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(st.text(st.characters()), st.integers(0, 40))
def test_shown_is_visible_short_and_stays_as_it_is(text: str, limit: int) -> None:
    once = shown(text, limit)
    assert not any(hidden(character) for character in once)
    assert not limit or len(once) <= limit
    assert shown(once, limit) == once
    once.encode()


@given(st.text(":# [v]\n", max_size=12), st.integers(0, 14))
def test_nothing_shown_gives_orders_to_a_runner(text: str, limit: int) -> None:
    once = shown(text, limit)
    assert not any(word.startswith("::") for word in once.split())
    assert not re.search(r"##\w*\[", once)
    assert shown(once, limit) == once


def test_no_escape_is_cut_in_half() -> None:
    for limit in range(1, 30):
        cut = shown("\x1b" * 20, limit)
        assert cut == r"\x1b" * ((limit - 1) // 4) + "…"


def test_what_fits_is_not_cut() -> None:
    assert shown("abc", 3) == "abc"
    assert shown("abcd", 3) == "ab…"
    assert shown("é" * 3, 3) == "ééé"
    assert shown("é" * 4, 3) == "éé…"


def test_every_control_format_and_separator_character_is_escaped() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            assert hidden(character), hex(code)


def test_huge_text_costs_no_more_than_its_limit() -> None:
    started = time.process_time()
    assert len(shown("\x00" * 50_000_000, 100)) <= 100
    assert time.process_time() - started < 1


def test_a_path_keeps_both_ends() -> None:
    path = "models/" + "deep/" * 50 + "weights.bin"
    cut = shown_path(path, 40)
    assert len(cut) == 40
    assert cut.startswith("models/")
    assert cut.endswith("weights.bin")


def test_columns() -> None:
    assert columns("abc") == 3
    assert columns("模型") == 4
    assert columns("e\u0301") == 1
