"""Accounts of the hub's client: what it writes, to the last byte, under the names it writes it to."""

import pytest

from modelairlock.catalog import catalog
from modelairlock.formats.hub_bookkeeping import _TAG, FORMAT
from modelairlock.reading import Format
from tests.formats.everyday_help import claims, complete, cuts, read

COMMIT = b"11c5a3d5811f50298f278a704980280950aedb10"
NOTE = COMMIT + b"\n" + b"4d" * 32 + b"\n1712656091.123\n"
NAME = "model.safetensors.metadata"


def example() -> bytes:
    return NOTE


OWN = [
    ("main", COMMIT),
    ("v1.0", COMMIT),
    ("model.safetensors.metadata", NOTE),
    ("config.json.metadata", COMMIT + b"\n" + COMMIT + b"\n1712656091\n"),
    ("CACHEDIR.TAG", _TAG),
]


@pytest.mark.parametrize(("name", "data"), OWN)
def test_what_the_client_writes_is_complete_and_nothing_else_claims_it(name: str, data: bytes) -> None:
    reading = read(data, *catalog("modelairlock.formats", Format), name=name)
    assert reading.formats == ("hub_bookkeeping",)
    assert complete(reading)
    assert not reading.facts


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("main", NOTE),
        ("main", COMMIT.upper()),
        ("main", COMMIT + b"\n"),
        ("main", b"cposix\nsystem\n(X\x02\x00\x00\x00\x00idtR."),
        ("model.pt", COMMIT),
        ("README", COMMIT),
        ("requirements.txt", COMMIT),
        ("x.metadata", COMMIT),
        ("x.metadata", NOTE + b"more"),
        ("x.metadata", NOTE.replace(b"1712656091", b"c" * 10)),
        ("metadata.pt", NOTE),
        ("CACHEDIR.TAG", _TAG + b"# more\n"),
        ("cachedir.tag", _TAG),
        ("x.lock", b""),
        ("main", b""),
        ("main", b"1" * 41),
        ("main", b"1" * 10_000),
    ],
)
def test_what_is_only_like_it_is_not_claimed(name: str, data: bytes) -> None:
    assert not claims(FORMAT, data, name)


@pytest.mark.parametrize("role", ["raw", "dormant", "source"])
def test_a_part_that_a_loader_has_a_use_for_is_not_claimed(role: str) -> None:
    assert not claims(FORMAT, COMMIT, "main", role)


@pytest.mark.parametrize(("name", "data"), OWN)
def test_damaged_is_never_complete(name: str, data: bytes) -> None:
    formats = catalog("modelairlock.formats", Format)
    for cut in cuts(data):
        assert not complete(read(cut, *formats, name=name)), cut
    for at in range(0, len(data), 7):
        torn = data[:at] + b"\x00" + data[at + 1 :]
        assert not complete(read(torn, *formats, name=name)), torn
