"""The header blocks of a tar and what stands in them: POSIX ustar, GNU, pax and the v7 format without a magic.

Numbers are octal text, or binary where the first byte says so; a checksum tells a header from anything else. A name
may come from four places: the field, the prefix before it, a GNU long-name block, a pax record.
"""

from typing import NamedTuple

from modelairlock.encodings.archive_names import decoded

BLOCK = 512
ZEROS = bytes(BLOCK)
_BLANK = b" " * 8
_ASCII = bytes(range(128))
_OCTAL = frozenset(b"01234567")

REGULAR, OLD_REGULAR, CONTIGUOUS = b"0", b"\x00", b"7"
HARDLINK, SYMLINK, DIRECTORY, SPARSE = b"1", b"2", b"5", b"S"
LONG_NAME, LONG_LINK, PAX, PAX_SOLARIS, PAX_GLOBAL = b"L", b"K", b"x", b"X", b"g"
VOLUME, MULTI_VOLUME = b"V", b"M"
LINK_KINDS = {HARDLINK: "hardlink", SYMLINK: "symlink", b"3": "device", b"4": "device", b"6": "fifo"}


class Header(NamedTuple):
    """One header block. `size` is what the block itself says; a pax record may say another."""

    name: str
    kind: bytes
    size: int
    target: str
    #: a GNU sparse header that more of the map follows
    extended: bool


def number(field: bytes) -> int | None:
    """The value of a numeric field, or nothing when it holds none: octal text, or GNU's base 256."""
    if field[0] in (0x80, 0xFF):
        value = int.from_bytes(field[1:], "big")
        return value - (1 << 8 * (len(field) - 1)) if field[0] == 0xFF else value
    text = field.partition(b"\x00")[0].strip()
    if not _OCTAL.issuperset(text):
        return None
    return int(text, 8) if text else 0


def checksum_fits(block: bytes) -> bool:
    """Whether the block's checksum is its sum, of unsigned bytes or, as old writers had it, of signed ones."""
    stated = number(block[148:156])
    plain = block[:148] + _BLANK + block[156:BLOCK]
    total = sum(plain)
    return stated == total or stated == total - 256 * len(plain.translate(None, _ASCII))


def header(block: bytes) -> Header | None:
    """The header in `block`, if it is one: a whole block that is not zero, with a fitting checksum and a size."""
    if len(block) < BLOCK or block == ZEROS or not checksum_fits(block):
        return None
    size = number(block[124:136])
    if size is None or size < 0:
        return None
    name, target = _text(block[:100]), _text(block[157:257])
    if block[257:263] == b"ustar\x00" and (prefix := _text(block[345:500])):
        name = f"{prefix}/{name}"
    return Header(name, block[156:157], size, target, block[482] != 0)


def _text(field: bytes) -> str:
    return decoded(field.partition(b"\x00")[0])


def pax_records(body: bytes) -> tuple[dict[str, str], bool]:
    """Keywords and values of a pax header (POSIX.1-2001), the last of a keyword; and whether all of it was records."""
    records: dict[str, str] = {}
    at = 0
    while at < len(body) and body[at : at + 1] != b"\x00":
        space = body.find(b" ", at, at + 12)
        length = body[at:space] if space > 0 else b""
        if not length.isdigit() or not space + 2 < at + int(length) <= len(body):
            return records, False
        end = at + int(length)
        keyword, equals, value = body[space + 1 : end - 1].partition(b"=")
        if not equals or body[end - 1 : end] != b"\n":
            return records, False
        records[decoded(keyword)] = decoded(value)
        at = end
    return records, True


def padded(size: int) -> int:
    """`size` filled up to whole blocks."""
    return -(-size // BLOCK) * BLOCK
