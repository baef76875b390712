"""Machine code is recognised by more than two bytes, and held."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.formats.native_library import FORMAT
from tests.formats.everyday_help import claims, complete, cuts, read

ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
PE = (b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0").ljust(100, b"\0")
KNOWN = {
    "ELF": ELF,
    "PE": PE,
    "Mach-O": b"\xcf\xfa\xed\xfe" + bytes(28),
    "Mach-O, fat": b"\xca\xfe\xba\xbe\0\0\0\x02" + bytes(40),
    "Java": b"\xca\xfe\xba\xbe\0\0\0\x41" + bytes(40),
    "archive": b"!<arch>\n" + bytes(60),
    "WebAssembly": b"\0asm\1\0\0\0" + bytes(8),
}


@pytest.mark.parametrize("data", KNOWN.values(), ids=KNOWN)
def test_is_held(data: bytes) -> None:
    reading = read(data, FORMAT, name="weights.bin")
    assert reading.formats == ("native_library",)
    assert reading.coverage.gaps[0].detail.startswith("machine code (")


@pytest.mark.parametrize("data", [b"", b"MZ", b"MZ" + bytes(100), b"\x7fELF", b"\x7fELF\x09\x01\x01" + bytes(50)])
def test_does_not_claim(data: bytes) -> None:
    assert not claims(FORMAT, data, "a.so")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the interpreter is an ELF file there")
def test_a_real_one() -> None:
    with open(sys.executable, "rb") as file:
        assert claims(FORMAT, file.read(70_000))


def test_damaged_is_never_complete() -> None:
    for data in KNOWN.values():
        for cut in cuts(data):
            assert not complete(read(cut, FORMAT))


@given(st.binary(max_size=80))
def test_any_bytes_end_well(tail: bytes) -> None:
    assert not complete(read(b"MZ" + tail, FORMAT))
