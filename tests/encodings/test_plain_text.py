"""What counts as text, and which kind a name makes of it."""

import pytest

from modelairlock.encodings.plain_text import (
    INERT_EXTENSIONS,
    JSON_EXTENSIONS,
    OTHER_EXTENSIONS,
    SCRIPT_EXTENSIONS,
    TextKind,
    base_name,
    is_text,
    text_kind,
)
from tests.formats.everyday_help import probe


def test_an_extension_has_one_kind() -> None:
    every = [*INERT_EXTENSIONS, *JSON_EXTENSIONS, *OTHER_EXTENSIONS, *SCRIPT_EXTENSIONS]
    assert len(every) == len(set(every))
    assert all(extension == extension.lower() and extension.startswith(".") for extension in every)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"a\tb\r\n\x0c", True), ("é".encode(), True), (b"\xc3", False), (b"\0", False), (b"\x7f", False), (b"", False),
     ("é".encode("utf-16"), True), ("é".encode("latin-1"), False), (b"\xff\xfe\0\xd8", False)],
)  # fmt: skip
def test_is_text(data: bytes, expected: bool) -> None:
    assert is_text(probe(data)) is expected


def test_a_character_cut_by_the_head_is_no_damage() -> None:
    assert is_text(probe(b"a" + "é".encode() * 40_000))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.md", TextKind.INERT), ("a.json", TextKind.JSON), ("a.py", TextKind.SCRIPT), ("a.yml", TextKind.OTHER),
     ("package.json", TextKind.SCRIPT), ("requirements.txt", TextKind.OTHER), ("a.pkl", None), ("a", None)],
)  # fmt: skip
def test_kind_by_name(name: str, kind: TextKind | None) -> None:
    assert text_kind(probe(b"words", name)) is kind
    assert text_kind(probe(b"words", name, role="raw")) is None
    assert text_kind(probe(b"wo\0rds", name)) is None


def test_base_name() -> None:
    assert base_name("A\\b/LICENSE") == "license"
