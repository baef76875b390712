"""Small pictures by hand: whole ones are complete, and nothing may follow them."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.formats.image import FORMAT
from modelairlock.records.coverage import Because
from tests.formats.everyday_help import because, claims, complete, cuts, read


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND")
JPEG = (
    b"\xff\xd8" + segment(0xE0, b"JFIF\0") + b"\xff" + segment(0xDB, bytes(65)) + segment(0xDA, bytes(10))
    + b"coded\xff\x00data\xff\xd0more" + segment(0xC4, bytes(20)) + segment(0xDA, bytes(10)) + b"scan" + b"\xff\xd9"
)  # fmt: skip
GIF = (
    b"GIF89a" + b"\1\0\1\0\x80\0\0" + bytes(6) + b"!\xf9\x04" + bytes(4) + b"\0"
    + b"," + bytes(8) + b"\x80" + bytes(6) + b"\2\2L\1\0" + b";"
)  # fmt: skip
WEBP = riff(b"VP8 " + struct.pack("<I", 5) + bytes(6), b"EXIF" + struct.pack("<I", 2) + b"ab")
BMP = b"BM" + struct.pack("<IIII", 60, 0, 54, 40) + bytes(42)
ICO = struct.pack("<HHH", 0, 1, 2) + (
    struct.pack("<8xII", 4, 38) + struct.pack("<8xII", 3, 42) + b"abcdefg"
)  # fmt: skip
PICTURES = {"png": PNG, "jpeg": JPEG, "gif": GIF, "webp": WEBP, "bmp": BMP, "ico": ICO}
everyone = pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)


@everyone
def test_whole_pictures_are_complete(data: bytes) -> None:
    reading = read(data, FORMAT)
    assert reading.formats == ("image",)
    assert complete(reading), reading.coverage.gaps
    assert reading.coverage.read_bytes == len(data)


@everyone
def test_nothing_may_follow(data: bytes) -> None:
    reading = read(data + b"PK\3\4", FORMAT)
    assert because(reading) == {Because.UNRECOGNISED}
    assert reading.coverage.gaps[0].start == len(data)


@everyone
def test_cut_anywhere_is_never_complete(data: bytes) -> None:
    for cut in cuts(data):
        assert not complete(read(cut, FORMAT))


def test_a_scan_longer_than_a_window_that_ends_in_half_a_marker() -> None:
    head = JPEG[: JPEG.index(b"coded")]
    for length in (262_142, 262_143, 262_144, 262_145, 600_000):
        assert complete(read(head + b"x" * length + b"\xff\xd9", FORMAT))
        assert complete(read(head + b"x" * length + b"\xff\x00\xff\xff\xd9", FORMAT))
        assert not complete(read(head + b"x" * length + b"\xff", FORMAT))


DAMAGED = {
    "png crc": PNG.replace(zlib.compress(bytes(99)), zlib.compress(bytes(98))),
    "png without a header": b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT") + chunk(b"IEND"),
    "png with two headers": PNG[:33] + chunk(b"IHDR", bytes(13)) + PNG[33:],
    "png length": PNG[:33] + b"\xff\xff\xff\xff" + PNG[37:],
    "jpeg segment": b"\xff\xd8\xff\xe0\0\1" + JPEG[6:],
    "jpeg junk": b"\xff\xd8" + segment(0xE0, b"") + b"junk\xff\xd9",
    "gif block": GIF[:-1] + b"?",
    "webp chunk": riff(b"VP8 " + struct.pack("<I", 500) + bytes(6)),
    "bmp size": b"BM" + struct.pack("<IIII", 0, 0, 54, 40) + bytes(42),
    "ico hole": struct.pack("<HHH", 0, 1, 1) + struct.pack("<8xII", 4, 30) + bytes(12),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_a_gap(data: bytes) -> None:
    assert claims(FORMAT, data)
    assert not complete(read(data, FORMAT))


@pytest.mark.parametrize(
    "data", [b"", b"BM" + bytes(60), b"\0\0\1\0\0\0" + bytes(60), b"\x89PNG", b"RIFF1234WAVE", b"<svg/>"]
)
def test_does_not_claim(data: bytes) -> None:
    assert not claims(FORMAT, data, "a.png")


def test_bytes_that_a_loader_takes_raw_are_no_picture() -> None:
    assert not claims(FORMAT, PNG, "a.png", role="raw")


@given(st.sampled_from([*PICTURES.values()]), st.integers(0, 1000), st.integers(0, 255), st.binary(max_size=20))
def test_any_bytes_end_well(data: bytes, at: int, value: int, tail: bytes) -> None:
    spoiled = bytearray(data)
    spoiled[at % len(spoiled)] = value
    read(bytes(spoiled) + tail, FORMAT)
    read(data[: at % len(data)] + tail, FORMAT)
