"""Pictures: the structure of PNG, JPEG, GIF, WebP, BMP and ICO, read to the end that each format states.

What a newcomer would get wrong: a viewer stops at the end mark, and whatever was glued on behind it still lies in the
file, ready for a reader that starts from the back (a zip, for one). So the end is looked for, and the rest is a gap.
Pixels and metadata are not decoded.
"""

import zlib
from collections.abc import Callable, Iterator

from modelairlock.reading import Cursor, Format, Malformed, Probe, first_bytes
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex
from modelairlock.records.text import counted

_PIECE = 1 << 18
_PNG = b"\x89PNG\r\n\x1a\n"
_GIF = (b"GIF87a", b"GIF89a")
_ICO = (b"\0\0\1\0", b"\0\0\2\0")
#: in the scan of a JPEG a marker is what is neither a stuffed zero, a restart, nor a fill byte (T.81, B.1.1)
_MARKER = regex(rb"\xff[^\x00\xd0-\xd7\xff]")
#: sizes of the header behind a BMP's file header
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)

Ends = Callable[[Cursor], int]


def claims(probe: Probe) -> bool:
    """By magic numbers, and for weak ones by the sizes beside them. Bytes that a loader takes raw are no picture."""
    return probe.role != "raw" and _kind(probe.head, probe.size) is not None


def _kind(head: bytes, size: int) -> Ends | None:
    if head.startswith(_PNG):
        return _png
    if head[:3] == b"\xff\xd8\xff":
        return _jpeg
    if head.startswith(_GIF):
        return _gif
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp
    if head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return _bmp
    count = int.from_bytes(head[4:6], "little")
    first = int.from_bytes(head[18:22], "little")
    return _ico if head.startswith(_ICO) and 0 < count < 256 and 6 + 16 * count <= first < size else None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The picture, then a gap for what follows it."""
    ends = _kind(cursor.peek(0, 64), cursor.size)
    if ends is None:
        raise Malformed(0, "a picture", repr(cursor.peek(0, 16)))
    end = ends(cursor)
    if end < cursor.size:
        detail = f"{counted(cursor.size - end, 'byte')} after the end of the picture"
        yield Gap(start=end, end=cursor.size, because=Because.UNRECOGNISED, detail=detail)


def _skim(cursor: Cursor, start: int, length: int, checksum: int = 0) -> int:
    """Read ``start..start + length`` in pieces; the CRC-32 of it, begun with `checksum`."""
    for at in range(start, start + length, _PIECE):
        cursor.budget.check_time(at)
        checksum = zlib.crc32(cursor.read(at, min(_PIECE, start + length - at)), checksum)
    return checksum


def _png(cursor: Cursor) -> int:
    cursor.read(0, len(_PNG))
    at = len(_PNG)
    while True:
        head = cursor.read(at, 8)
        length = int.from_bytes(head[:4], "big")
        if (at == len(_PNG)) != (head[4:] == b"IHDR"):
            raise Malformed(at + 4, "IHDR as the first chunk and no other", repr(head[4:]))
        if length >= 2**31 or not head[4:].isalpha():
            raise Malformed(at, "a PNG chunk", repr(head))
        crc = _skim(cursor, at + 8, length, zlib.crc32(head[4:]))
        stored = int.from_bytes(cursor.read(at + 8 + length, 4), "big")
        if crc != stored:
            raise Malformed(at, f"the CRC {crc:08x} of a chunk", f"{stored:08x}")
        at += 12 + length
        if head[4:] == b"IEND":
            return at


def _jpeg(cursor: Cursor) -> int:
    cursor.read(0, 2)
    at = 2
    while True:
        cursor.budget.check_time(at)
        mark = cursor.read(at, 2)
        if mark[0] != 0xFF or mark[1] == 0:
            raise Malformed(at, "a JPEG marker", repr(mark))
        if mark[1] == 0xFF:
            at += 1
            continue
        at += 2
        if mark[1] == 0xD9:
            return at
        if mark[1] in (0x01, *range(0xD0, 0xD9)):
            continue
        length = int.from_bytes(cursor.read(at, 2), "big")
        if length < 2:
            raise Malformed(at, "a segment of at least 2 bytes", str(length))
        cursor.read(at + 2, length - 2)
        at += length
        if mark[1] == 0xDA:
            at = _jpeg_scan(cursor, at)


def _jpeg_scan(cursor: Cursor, at: int) -> int:
    """Where the next marker stands that ends the coded data."""
    while True:
        cursor.budget.check_time(at)
        piece = cursor.peek(at, _PIECE)
        found = _MARKER.search(piece)
        # A last byte of 0xFF may be the first half of a marker, so it is looked at again.
        length = found.start() if found else len(piece) - 1
        if length < 0 or (not found and at + len(piece) >= cursor.size):
            cursor.read(at, len(piece) + 1)
        cursor.read(at, length)
        at += length
        if found:
            return at


def _gif(cursor: Cursor) -> int:
    at = 13 + _colours(cursor.read(0, 13)[10])
    _skim(cursor, 13, at - 13)
    while True:
        cursor.budget.check_time(at)
        block = cursor.read(at, 1)
        if block == b";":
            return at + 1
        if block == b",":
            colours = _colours(cursor.read(at + 1, 9)[8])
            cursor.read(at + 10, colours + 1)
            at += 11 + colours
        elif block == b"!":
            cursor.read(at + 1, 1)
            at += 2
        else:
            raise Malformed(at, "a GIF block", repr(block))
        while length := cursor.read(at, 1)[0]:
            cursor.read(at + 1, length)
            at += 1 + length
        at += 1


def _colours(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(cursor: Cursor) -> int:
    stated = int.from_bytes(cursor.read(0, 12)[4:8], "little")
    end = 8 + stated + stated % 2
    at = 12
    while at < end:
        head = cursor.read(at, 8)
        length = int.from_bytes(head[4:], "little")
        length += length % 2
        if at + 8 + length > end:
            raise Malformed(at, f"a chunk that ends by byte {end}", f"one of {length} bytes")
        _skim(cursor, at + 8, length)
        at += 8 + length
    return end


def _bmp(cursor: Cursor) -> int:
    size = int.from_bytes(cursor.read(0, 18)[2:6], "little")
    if size < 26:
        raise Malformed(2, "the size of the file", str(size))
    _skim(cursor, 18, size - 18)
    return size


def _ico(cursor: Cursor) -> int:
    """Pictures one after another; between them may be no holes."""
    count = int.from_bytes(cursor.read(0, 6)[4:6], "little")
    directory = cursor.read(6, 16 * count)
    parts = sorted(
        (int.from_bytes(directory[at + 12 : at + 16], "little"), int.from_bytes(directory[at + 8 : at + 12], "little"))
        for at in range(0, len(directory), 16)
    )
    end = 6 + 16 * count
    for start, length in parts:
        if start != end:
            raise Malformed(end, f"the next picture at byte {end}", f"one at {start}")
        _skim(cursor, start, length)
        end = start + length
    return end


FORMAT = Format(
    name="image",
    summary="pictures: PNG, JPEG, GIF, WebP, BMP, ICO",
    claims=claims,
    begins=first_bytes(_PNG, b"\xff", *_GIF, b"R", b"B", *_ICO),
    read=read,
    extensions=(".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".ico"),
    loaders=("browsers and viewers",),
    blind_spots=(
        "flaws of the library that decodes the pixels",
        "data hidden in pixels, colour profiles and metadata",
    ),
    references=(
        "https://www.w3.org/TR/png-3/",
        "https://www.w3.org/Graphics/JPEG/itu-t81.pdf",
        "https://www.w3.org/Graphics/GIF/spec-gif89a.txt",
        "https://www.rfc-editor.org/rfc/rfc9649 (WebP)",
    ),
)
