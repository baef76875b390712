"""Sources within sources end where they end."""

import pytest

from modelairlock.reading import BytesSource, SubSource

DIGITS = BytesSource(b"0123456789")


@pytest.mark.parametrize(
    ("start", "end", "content"),
    [(0, 4, b"0123"), (2, 9, b"23456789"[:7]), (8, 99, b"89"), (10, 12, b""), (50, 60, b""), (4, 2, b"")],
)
def test_a_window_ends_with_its_source(start: int, end: int, content: bytes) -> None:
    window = SubSource(DIGITS, start, end)
    assert (window.size, window.read(0, 99)) == (len(content), content)


def test_a_window_of_a_window_ends_with_it() -> None:
    inner = SubSource(SubSource(DIGITS, 1, 5), 2, 9)
    assert (inner.size, inner.read(0, 9), inner.read(1, 1), inner.read(2, 1)) == (2, b"34", b"4", b"")
