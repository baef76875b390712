"""Numbers of bytes on the command line, written as those of ``--limits`` are."""

import click
import pytest

from modelairlock.cli.sizes import Size


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4096", 4096), ("512M", 512 * 10**6), ("512MB", 512 * 10**6), ("2Gi", 2 << 30), ("1.5Gi", 3 << 29)],
)
def test_sizes(text: str, expected: int) -> None:
    assert Size(1).convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["", "-1G", "1e9", "4GiG", "1.G", "inf", "1001Gi", "4095", "9" * 30])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no size from 4Ki to 1000Gi"):
        Size(4096).convert(text, None, None)
