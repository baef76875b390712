"""The records of a zip, each parsed by itself: end records, directory entries, local headers, extra fields.

Nothing here decides which record is right. A zip says everything twice, readers believe different halves, and
`encodings.zip` compares them. Section numbers are those of PKWARE's APPNOTE 6.3.10.
"""

from collections.abc import Callable, Generator, Iterator
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from modelairlock.encodings.window import Window
from modelairlock.reading import Cursor
from modelairlock.records.regex import regex

LOCAL_MAGIC, CENTRAL_MAGIC, END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END64_MAGIC, LOCATOR_MAGIC = b"PK\x06\x06", b"PK\x06\x07"
DESCRIPTOR_MAGIC, SIGNATURE_MAGIC = b"PK\x07\x08", b"PK\x05\x05"
END_BYTES = 22
#: where an end record may begin before the end of the file: Python's `zipfile` looks one byte further than there can be
TAIL_BYTES = 65536 + END_BYTES

LOCAL = Struct("<4sHHHHHIIIHH")
CENTRAL = Struct("<4sHHHHHHIIIHHHHHII")
END = Struct("<4sHHHHIIH")
END64 = Struct("<4sQHHIIQQQQ")
LOCATOR = Struct("<4sIQI")
FULL = 0xFFFFFFFF
#: the flag that says: sizes and CRC-32 stand behind the data (4.4.4, bit 3)
DESCRIPTOR = 0x0008
_LEFT_OUT = bytes(12)
_WIDE = Struct("<Q")
_FIELD = Struct("<HH")
_NARROW = Struct("<II")
_NOT_ASCII = regex(rb"(?:[\x80-\xff]|#U[0-9a-fA-F]{4}|#L[0-9a-fA-F]{6}|[?_])+")
_PIECE = 1024 * 1024
#: the longest directory entry
ENTRY_BYTES = 46 + 3 * 65535
#: end records that are told of; honest files have one, or a few more in stored archives near their end
_ENDS = 16
#: places that are looked at for them, the last first: readers take the last, or the last that makes sense
_PLACES = 1024

#: 4.4.5; what is not here has a name of its own all the same, so that a gap can say it
METHODS = {
    0: "stored", 8: "deflate", 9: "deflate64", 12: "bzip2", 14: "lzma-zip", 20: "zstd", 93: "zstd", 95: "xz",
    98: "ppmd", 99: "encrypted",
}  # fmt: skip


class End(NamedTuple):
    """An end record and where it puts the directory. `shift` is what offsets in it lack of positions in the file.

    `end` is behind its comment, which may say that it is longer than the file.
    """

    position: int
    end: int
    #: of the directory
    start: int
    stop: int
    shift: int
    entries: int
    #: where the zip64 records begin, else `position`
    records: int


class Central(NamedTuple):
    """An entry of the directory (4.3.12), with zip64 values in place."""

    at: int
    made_by: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    raw: bytes
    extra: bytes
    external: int
    offset: int
    #: flags, method, CRC-32, sizes and name length as they stand, to compare with a local header's
    twin: bytes


class Local(NamedTuple):
    """A local header (4.3.7), with zip64 values in place. `data` is where the encoded bytes begin."""

    at: int
    data: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    raw: bytes
    extra: bytes


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and body of each extra field (4.5.1); what does not fit is left out, as readers do."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = _FIELD.unpack_from(extra, at)
        yield tag, extra[at + 4 : at + 4 + length]
        at += 4 + length


def widened(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """`values` with each 0xffffffff replaced from the zip64 field, in its order (4.5.3)."""
    body = next((body for tag, body in extra_fields(extra) if tag == 1), b"")
    given = [wide for (wide,) in _WIDE.iter_unpack(body[: len(body) & ~7])]
    return tuple(given.pop(0) if value == FULL and given else value for value in values)


def zip64_unasked(central: Central) -> bool:
    """Whether a zip64 field says other sizes than the plain ones though none of those asks for it: readers differ."""
    packed, size = _NARROW.unpack_from(central.twin, 8)
    if FULL in (packed, size) or b"\x01\x00" not in central.extra:
        return False
    body = next((body for tag, body in extra_fields(central.extra) if tag == 1), b"")
    wide = [value for (value,) in _WIDE.iter_unpack(body[: len(body) & ~7])]
    return any(value not in (packed, size, central.offset) for value in wide)


UNICODE_PATH = b"\x75\x70"


def unicode_name(extra: bytes, raw: bytes) -> str | None:
    """The name in a Unicode path field (4.6.9), when a reader would take it and it is another than `raw` in UTF-8.

    Archivers write the field for names that are not ASCII, so there only its ASCII characters are compared.
    """
    for tag, body in extra_fields(extra):
        if tag == 0x7075 and len(body) > 5 and body[0] == 1 and int.from_bytes(body[1:5], "little") == crc32(raw):
            name = body[5:]
            same = name == raw if raw.isascii() and b"#U" not in raw else _ascii(name) == _ascii(raw)
            return None if same else name.decode("utf-8", "backslashreplace")
    return None


def _ascii(name: bytes) -> bytes:
    return _NOT_ASCII.sub(b"?", name)


def descriptor_length(seen: bytes, crc: int, packed: int, size: int) -> int:
    """The length of the data descriptor that `seen` begins with, 0 if none that says these numbers (4.3.9)."""
    check = crc.to_bytes(4, "little")
    bodies = [check + _WIDE.pack(packed) + _WIDE.pack(size)]
    if packed <= FULL and size <= FULL:
        bodies.append(check + _NARROW.pack(packed, size))
    for body in bodies:
        for whole in (DESCRIPTOR_MAGIC + body, body):
            if seen.startswith(whole):
                return len(whole)
    return 0


def descriptor_at(seen: bytes, packed: int) -> int:
    """The length of a signed data descriptor for `packed` encoded bytes, 0 if `seen` begins with none."""
    if len(seen) < 16 or seen[:4] != DESCRIPTOR_MAGIC:
        return 0
    if len(seen) >= 24 and _WIDE.unpack_from(seen, 8)[0] == packed:
        return 24
    return 16 if _NARROW.unpack_from(seen, 8)[0] == packed & FULL else 0


def twin_header(window: Window, central: Central, at: int) -> tuple[int, int]:
    """Where data and member end begin behind a local header at `at` that says just what the directory says, else zeros.

    Sizes that a local header leaves to the descriptor behind the data count as said when they stand there, in the
    form that torch, Java and Info-ZIP write.
    """
    twin, length = central.twin, 30 + len(central.raw)
    head = window.peek(at, length)
    if head[:4] != LOCAL_MAGIC or head[6:10] != twin[:4] or head[26:28] != twin[16:] or head[30:] != central.raw:
        return 0, 0
    extra = head[28] | head[29] << 8
    data = at + length + extra
    if extra and len(window.peek(at, length + extra)) < length + extra:
        return 0, 0
    end = data + central.packed
    if not central.flags & DESCRIPTOR:
        return (data, end) if head[14:26] == twin[4:16] else (0, 0)
    # Twelve zeros, or all of it: anything in between is for a slower look.
    if head[14:26] not in (_LEFT_OUT, twin[4:16]) or window.peek(end, 16) != DESCRIPTOR_MAGIC + twin[4:16]:
        return 0, 0
    return data, end + 16


def local_header(window: Window, at: int) -> Local | None:
    """The local header at `at`, if there is a whole one."""
    head = window.peek(at, 30)
    if len(head) < 30 or head[:4] != LOCAL_MAGIC:
        return None
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL.unpack(head)
    names = window.peek(at + 30, name_length + extra_length)
    if len(names) < name_length + extra_length:
        return None
    extra = names[name_length:]
    if size == FULL or packed == FULL:
        size, packed = widened(extra, (size, packed))
    return Local(at, at + 30 + len(names), flags, method, crc, packed, size, names[:name_length], extra)


def directory(cursor: Cursor, end: End) -> Generator[Central, None, int]:
    """The entries of a directory, read a piece at a time; returns the position where they stop. Counts them as read."""
    at, buffer, base = end.start, b"", end.start
    while True:
        offset = at - base
        if len(buffer) - offset < ENTRY_BYTES and base + len(buffer) < end.stop:
            cursor.budget.check_time(at)
            buffer, base, offset = cursor.peek(at, min(_PIECE, end.stop - at)), at, 0
        if offset + 46 > len(buffer) or buffer[offset : offset + 4] != CENTRAL_MAGIC:
            break
        central, length = _central(buffer, offset, at)
        if offset + length > len(buffer):
            break
        yield central
        at += length
    cursor.consumed(end.start, at)
    return at


def _central(buffer: bytes, offset: int, at: int) -> tuple[Central, int]:
    """The entry at `offset` and its length."""
    (
        _, made_by, _, flags, method, _, _, crc, packed, size, name, extra_length, comment, _, _, external, header,
    ) = CENTRAL.unpack_from(buffer, offset)  # fmt: skip
    name_end = offset + 46 + name
    raw, extra = buffer[offset + 46 : name_end], buffer[name_end : name_end + extra_length]
    if extra and FULL in (size, packed, header):
        size, packed, header = widened(extra, (size, packed, header))
    twin = buffer[offset + 8 : offset + 12] + buffer[offset + 16 : offset + 30]
    central = Central(at, made_by, flags, method, crc, packed, size, raw, extra, external, header, twin)
    return central, 46 + name + extra_length + comment


Peek = Callable[[int, int], bytes]


def end_records(peek: Peek, size: int) -> list[End]:
    """Every end record near the end of the file that a reader might believe, the last first.

    One is believed when a directory lies where it says, counted from the start of the file or back from the record:
    readers do either (Python's `zipfile` the second), and where the two differ both are listed. What it says of the
    number of entries proves nothing, because `zipfile` does not look at it.
    """
    base = max(0, size - TAIL_BYTES)
    tail = peek(base, size - base)
    found: list[End] = []
    offset, places = tail.rfind(END_MAGIC), 0
    while offset >= 0 and places < _PLACES and len(found) < _ENDS:
        places += 1
        if offset + END_BYTES <= len(tail):
            found.extend(_believable(peek, base + offset, tail[offset : offset + END_BYTES], size))
        offset = tail.rfind(END_MAGIC, 0, offset + len(END_MAGIC) - 1)
    return found


class _Says(NamedTuple):
    """What one end record says of the directory, and before which position the directory would end."""

    entries: int
    length: int
    start: int
    records: int


def _believable(peek: Peek, position: int, record: bytes, size: int) -> Iterator[End]:
    _, _, _, _, count, length, start, comment = END.unpack(record)
    end = position + END_BYTES + comment
    known: set[tuple[int, int, int, int]] = set()
    for says in _sayings(peek, position, _Says(count, length, start, position)):
        behind = says.records - says.length
        for at in (behind, says.start):
            shift = behind - says.start if at == behind else 0
            key = (at, says.length, shift, says.entries)
            if key not in known and _directory_at(peek, at, says, size):
                known.add(key)
                yield End(position, end, at, at + says.length, shift, says.entries, says.records)


def _sayings(peek: Peek, position: int, plain: _Says) -> Iterator[_Says]:
    """What readers take an end record to say: some go by a zip64 record whenever there is one, others value by value.

    Where that record lies is for the locator to say (4.3.15), but Python's `zipfile` takes the one right before it.
    """
    locator = peek(position - LOCATOR.size, LOCATOR.size)
    wide: list[_Says] = []
    if len(locator) == LOCATOR.size and locator[:4] == LOCATOR_MAGIC:
        for at in dict.fromkeys((LOCATOR.unpack(locator)[2], position - LOCATOR.size - END64.size)):
            record = peek(at, END64.size)
            if len(record) == END64.size and record[:4] == END64_MAGIC:
                _, _, _, _, _, _, _, count, length, start = END64.unpack(record)
                wide.append(_Says(count, length, start, at))
    yield from wide
    asked = plain.entries == 0xFFFF or FULL in (plain.length, plain.start)
    for one in wide:
        yield _Says(
            one.entries if asked else plain.entries,
            one.length if plain.length == FULL else plain.length,
            one.start if plain.start == FULL else plain.start,
            position,
        )
    if not wide:
        yield plain


def _directory_at(peek: Peek, at: int, says: _Says, size: int) -> bool:
    """Whether a directory begins at `at`. It may even lie behind its end record, as torch's miniz does not mind."""
    if at < 0 or at + says.length > size:
        return False
    if says.length == 0:
        return says.entries == 0 and at <= says.records
    return peek(at, 4) == CENTRAL_MAGIC
