"""The header blocks of a tar and what stands in them: POSIX ustar, GNU, pax and the v7 format without a magic.

Numbers are octal text, or binary where the first byte says so; a checksum tells a header from anything else. A name
may come from four places: the field, the prefix before it, a GNU long-name block, a pax record.

What a newcomer would get wrong: being strict here hides archives. Python's `tarfile`, and torch.load by way of it, ask
for no magic and take whatever `int` does for a number, so the same is taken here.
"""

import re
from typing import NamedTuple

from modelairlock.encodings.archive_names import decoded
from modelairlock.records.regex import regex

BLOCK = 512
ZEROS = bytes(BLOCK)
_BLANK = b" " * 8
_ASCII = bytes(range(128))
#: numbers as every writer writes them: blanks, octal digits, blanks, then nothing that counts
_PLAIN_NUMBER = regex(rb" *[0-7]* *(?:\x00.*)?", re.DOTALL)
#: bsdtar takes the digits in front and leaves the rest
_DIGITS = regex(rb"[ \t]*([0-7]+)")

REGULAR, OLD_REGULAR, CONTIGUOUS = b"0", b"\x00", b"7"
HARDLINK, SYMLINK, DIRECTORY, SPARSE = b"1", b"2", b"5", b"S"
LONG_NAME, LONG_LINK, PAX, PAX_SOLARIS, PAX_GLOBAL = b"L", b"K", b"x", b"X", b"g"
VOLUME, MULTI_VOLUME = b"V", b"M"
LINK_KINDS = {HARDLINK: "hardlink", SYMLINK: "symlink", b"3": "device", b"4": "device", b"6": "fifo"}
#: kinds whose bytes in place of a prefix are something else
_NO_PREFIX = (LONG_NAME, LONG_LINK, SPARSE)
#: a pax record as Python before 3.11.10 finds it, with an end to how far a keyword is looked for
_PAX = regex(rb"([0-9]{1,20}) ([^=]{1,4096})=")
#: records that are looked at behind a damaged one
_DAMAGED = 256


class Header(NamedTuple):
    """One header block. `size` is what the block itself says; a pax record may say another."""

    #: as Python has it: with the prefix whatever the magic is
    name: str
    kind: bytes
    size: int
    target: str
    #: a GNU sparse header that more of the map follows
    extended: bool
    #: a folder by its kind, or by the slash that the oldest writers end its name with
    folder: bool
    #: the name where a prefix counts only behind the magic of POSIX, when that is another one
    other_name: str
    #: not every reader takes the field of the size for the same number
    odd_size: bool


def number(field: bytes) -> int | None:
    """The value of a numeric field as Python's `tarfile` takes it: octal text in any spelling, or GNU's base 256."""
    if field[0] in (0x80, 0xFF):
        value = int.from_bytes(field[1:], "big")
        return value - (1 << 8 * (len(field) - 1)) if field[0] == 0xFF else value
    try:
        return int(field.partition(b"\x00")[0].decode("ascii").strip() or "0", 8)
    except ValueError:
        return None


def checksum_fits(block: bytes) -> bool:
    """Whether the block's checksum is its sum, of unsigned bytes or, as old writers had it, of signed ones."""
    field = block[148:156]
    digits = _DIGITS.match(field)
    stated = {number(field), int(digits[1], 8) if digits else None} - {None}
    if not stated:
        return False
    plain = block[:148] + _BLANK + block[156:BLOCK]
    total = sum(plain)
    return not stated.isdisjoint((total, total - 256 * len(plain.translate(None, _ASCII))))


def blank_checksum(block: bytes) -> bool:
    """Whether the checksum is 0: the signed sum of bytes that are no header may be just that."""
    return number(block[148:156]) == 0


def header(block: bytes) -> Header | None:
    """The header in `block`, if it is one: a whole block that is not zero, with a fitting checksum and a size."""
    if len(block) < BLOCK or block == ZEROS or not checksum_fits(block):
        return None
    size = number(block[124:136])
    if size is None or size < 0:
        return None
    name, kind = _text(block[:100]), block[156:157]
    folder = kind == DIRECTORY or (kind == OLD_REGULAR and name.endswith("/"))
    other = ""
    if kind not in _NO_PREFIX and (prefix := _text(block[345:500])):
        # GNU tar keeps times of incremental dumps there.
        if block[257:263] != b"ustar\x00" and not prefix.isdecimal():
            other = name
        name = f"{prefix}/{name}"
    odd = block[124] not in (0x80, 0xFF) and not _PLAIN_NUMBER.fullmatch(block[124:136])
    return Header(name, kind, size, _text(block[157:257]), block[482] != 0, folder, other, odd)


def _text(field: bytes) -> str:
    return decoded(field.partition(b"\x00")[0])


def pax_records(blocks: bytes, size: int) -> tuple[dict[str, str], bool]:
    """Keywords and values of a pax header (POSIX.1-2001), the last of a keyword; and whether all of it was records.

    Python reads on behind the `size` of the header to the end of its `blocks`, and until 3.11.10 asked neither for the
    line feed at the end of a record nor for a length that fits.
    """
    records: dict[str, str] = {}
    at, whole, damaged = 0, True, 0
    while damaged < _DAMAGED and (match := _PAX.match(blocks, at)):
        length = int(match[1])
        end = at + length
        if not length:
            break
        whole = whole and match.end() < end <= size and blocks[end - 1 : end] == b"\n"
        damaged += not whole
        records[decoded(match[2])] = decoded(blocks[match.end() : max(end - 1, match.end())])
        at = end
    return records, whole and (at >= size or blocks[at] == 0)


def padded(size: int) -> int:
    """`size` filled up to whole blocks."""
    return -(-size // BLOCK) * BLOCK
