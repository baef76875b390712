"""What a member's name would do on extraction."""

import pytest

from modelairlock.encodings.archive_names import decoded, folded, oddities


@pytest.mark.parametrize("name", ["a", "a/b.txt", "a..b/c", "é/ü.pkl", "a/...", "folder/", ".hidden", "ab:c"])
def test_ordinary_names_have_nothing_to_say(name: str) -> None:
    assert list(oddities(name)) == []


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("/a", ["archive-name-absolute"]),
        ("\\a", ["archive-name-absolute", "archive-name-backslash"]),
        ("c:a", ["archive-name-drive"]),
        ("a/../b", ["archive-name-traversal"]),
        ("..", ["archive-name-traversal"]),
        ("a\\..\\b", ["archive-name-traversal", "archive-name-backslash"]),
        ("a\x00b", ["archive-name-null"]),
        ("a\nb", ["archive-name-control"]),
    ],
)
def test_odd_names_are_told(name: str, kinds: list[str]) -> None:
    assert [kind for kind, _ in oddities(name)] == kinds


def test_names_are_decoded_whatever_they_are() -> None:
    assert decoded("é".encode()) == "é"
    assert decoded(b"\x82") == "é"
    assert all(decoded(bytes([value])) for value in range(256))


def test_names_fold_as_file_systems_fold_them() -> None:
    assert folded("A") == folded("a")
    assert folded("e\u0301") == folded("é") == folded("É")
