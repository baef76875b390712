"""Sizes, counts, values and facts in words."""

from typing import get_args

import msgspec
import pytest

from modelairlock.records.facts import Call, Fact, HiddenCode, Import, Span, Value
from modelairlock.records.text import hidden
from modelairlock.records.wording import counted, fact_in_words, inside, listed, size, value_in_words
from tests.outputs.canonical import HOSTILE


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_960, "10 kB"),
     (999_499, "999 kB"), (999_500, "1.0 MB"), (1_234_567_890, "1.2 GB"), (2 * 10**18, "2000 PB")],
)  # fmt: skip
def test_size(count: int, words: str) -> None:
    assert size(count) == words


def test_counts_and_lists() -> None:
    assert (counted(1, "file"), counted(1200, "file")) == ("1 file", "1,200 files")
    assert listed(["a", "b", "c"], 2) == "a, b, c"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_inside() -> None:
    assert inside("a.pt!x/data.pkl@3..9", "a.pt") == ("x/data.pkl", "3..9")
    assert inside("a@b.pt@3..9", "a@b.pt") == ("", "3..9")
    assert inside("hub/a.pt@3..9", "hub") == ("a.pt", "3..9")
    assert inside("other@1..2", "a.pt") == ("other", "1..2")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Value("str", "id\n"), r"'id\n'"),
        (Value("bytes", "x"), "b'x'"),
        (Value("str", "abc", cut=True), "'abc…'"),
        (Value("none"), "None"),
        (Value("bool", "True"), "True"),
        (Value("int", "7"), "7"),
        (Value("global", "system", "posix"), "posix.system"),
        (Value("tuple", parts=(Value("int", "1"), Value("list"))), "(1, [])"),
        (Value("dict", cut=True), "{…}"),
        (
            Value("dict", parts=(Value("str", "k"), Value("list"), Value("int", "1"), Value("none"))),
            "{'k': [], 1: None}",
        ),
        (Value("dict", parts=(Value("str", "k"),), cut=True), "{'k', …}"),
        (Value("call", parts=(Value("global", "f", "m"), Value("int", "1"))), "m.f(1)"),
        (Value("call"), "<call>"),
        (Value("persistent"), "<persistent>"),
    ],
)
def test_values(value: Value, words: str) -> None:
    assert value_in_words(value) == words


def test_values_end() -> None:
    value = Value("int", "1")
    for _ in range(500):
        value = Value("tuple", parts=(value, value))
    assert len(value_in_words(value)) < 200


def test_facts() -> None:
    called = Call(
        span=Span(0, 1), callable=Value("global", "system", "posix"), how="reduce", arguments=(Value("str", "id"),)
    )
    assert fact_in_words(called) == "calls posix.system('id')"
    assert fact_in_words(Import(span=Span(0, 1), module="os", qualname="x", opcode="GLOBAL", count=1000)) == (
        "imports os.x (1,000 times)"
    )
    hiding = HiddenCode(span=Span(0, 1), kind="frame", names=tuple("abcdefgh"), calls=True)
    assert fact_in_words(hiding) == "frame hides imports of a, b, c, d, e and 3 more"


@pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)
def test_every_kind_of_fact_has_words_fit_to_show(kind: type) -> None:
    samples = {
        "Span": Span(0, 1), "Value": Value("str", HOSTILE), "str": HOSTILE, "int": 3, "bool": True,
    }  # fmt: skip
    fields = {}
    for field in msgspec.structs.fields(kind):
        name = getattr(field.type, "__name__", "")
        if field.default is msgspec.NODEFAULT:
            fields[field.name] = samples.get(name, (HOSTILE,) if "tuple" in str(field.type) else HOSTILE)
    words = fact_in_words(kind(**fields))
    assert words
    assert not any(hidden(character) for character in words)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Value("str", "it's"), '"it\'s"'),
        (Value("str", "x'), which is harmless, and was ('"), "\"x'), which is harmless, and was ('\""),
        (Value("str", "both ' and \""), "'both \\' and \"'"),
        (Value("str", "C:\\n"), "'C:\\\\n'"),
        (Value("str", "é\u202e"), "'é\\u202e'"),
        (Value("str", "abc", cut=True), "'abc…'"),
        (Value("bytes", "\xff\xfe'"), 'b"\\xff\\xfe\'"'),
        (Value("list", parts=(Value("str", "sh"), Value("str", "-c"))), "['sh', '-c']"),
        (Value("list", cut=True), "[…]"),
    ],
)
def test_a_text_cannot_end_its_own_quotation(value: Value, words: str) -> None:
    assert value_in_words(value) == words
