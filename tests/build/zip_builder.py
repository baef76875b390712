"""A raw ZIP writer whose local headers, central directory and end records can be made to disagree in any field.

`zip_file` writes an honest archive from entries; every lie is an override by field name (`LOCAL`, `CENTRAL`, `END`,
`END64`, `LOCATOR`), so a test shows only what is wrong with its file. Numbers are cut to the field's width, never
checked. `packed` replaces what would be the compressed data. Fields are those of PKWARE's APPNOTE 6.3.10, sections
4.3 and 4.5.
"""

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

STORED, DEFLATED, DEFLATE64, BZIP2, LZMA, ZSTD, XZ, AES = 0, 8, 9, 12, 14, 93, 95, 99
ENCRYPTED, DESCRIPTOR, PATCHED, STRONG, UTF8 = 0x1, 0x8, 0x20, 0x40, 0x800

LOCAL = (
    ("signature", "I"), ("version", "H"), ("flags", "H"), ("method", "H"), ("time", "H"), ("date", "H"), ("crc", "I"),
    ("packed_size", "I"), ("size", "I"), ("name_length", "H"), ("extra_length", "H"),
)  # fmt: skip
CENTRAL = (
    ("signature", "I"), ("made_by", "H"), ("version", "H"), ("flags", "H"), ("method", "H"), ("time", "H"),
    ("date", "H"), ("crc", "I"), ("packed_size", "I"), ("size", "I"), ("name_length", "H"), ("extra_length", "H"),
    ("comment_length", "H"), ("disk", "H"), ("internal", "H"), ("external", "I"), ("offset", "I"),
)  # fmt: skip
END = (
    ("signature", "I"), ("disk", "H"), ("central_disk", "H"), ("entries_here", "H"), ("entries", "H"),
    ("central_size", "I"), ("central_offset", "I"), ("comment_length", "H"),
)  # fmt: skip
END64 = (
    ("signature", "I"), ("record_size", "Q"), ("made_by", "H"), ("version", "H"), ("disk", "I"), ("central_disk", "I"),
    ("entries_here", "Q"), ("entries", "Q"), ("central_size", "Q"), ("central_offset", "Q"),
)  # fmt: skip
LOCATOR = (("signature", "I"), ("end_disk", "I"), ("end_offset", "Q"), ("disks", "I"))

Overrides = Mapping[str, Any]
Layout = tuple[tuple[str, str], ...]
_BITS = {"H": 16, "I": 32, "Q": 64}


@dataclass(frozen=True)
class Entry:
    """One member. `local` and `central` override fields of its two headers, ``name``/``extra``/``comment`` included."""

    name: str | bytes
    data: bytes = b""
    method: int = STORED
    #: bytes to stand where the compressed data would, for methods nobody can write here or for damage
    packed: bytes | None = None
    flags: int = 0
    extra: bytes = b""
    external: int = 0o100644 << 16
    local: Overrides = field(default_factory=dict)
    central: Overrides = field(default_factory=dict)
    #: bytes after the data; `descriptor()` makes the honest ones
    trailer: bytes = b""
    #: sizes and offset in a zip64 extra field, with 0xffffffff in their place
    zip64: bool = False
    #: whether the member has a local header and data at all / an entry in the directory
    in_local: bool = True
    in_central: bool = True


def record(layout: Layout, values: Overrides) -> bytes:
    """`values` written in the order and widths of `layout`, each cut to its width."""
    return b"".join(struct.pack("<" + kind, int(values[key]) % (1 << _BITS[kind])) for key, kind in layout)


def text(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def extra_field(tag: int, body: bytes, length: int | None = None) -> bytes:
    """One extra field (APPNOTE 4.5); `length` may lie."""
    return struct.pack("<HH", tag, len(body) if length is None else length) + body


def descriptor(data: bytes, packed: bytes | None = None, *, signed: bool = True, wide: bool = False) -> bytes:
    """A data descriptor (APPNOTE 4.3.9), with or without its optional signature, 4- or 8-byte sizes."""
    sizes = struct.pack("<QQ" if wide else "<II", len(data if packed is None else packed), len(data))
    return (b"PK\x07\x08" if signed else b"") + struct.pack("<I", zlib.crc32(data)) + sizes


def compress(data: bytes, method: int) -> bytes:
    """`data` by `method`; unchanged for a method that is not written here."""
    if method == DEFLATED:
        squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return squeezer.compress(data) + squeezer.flush()
    if method == BZIP2:
        return bz2.compress(data)
    if method == LZMA:
        # zip wants a 2-byte version and the properties with their length before a raw LZMA1 stream (APPNOTE 5.8.8)
        filters = [{"id": lzma.FILTER_LZMA1, "preset": 6}]
        body = lzma.compress(data, lzma.FORMAT_RAW, filters=filters)
        return struct.pack("<BBHB", 9, 4, 5, 0x5D) + struct.pack("<I", 1 << 23) + body
    if method == XZ:
        return lzma.compress(data)
    return data


def _values(entry: Entry, packed: bytes, offset: int) -> dict[str, Any]:
    version = 45 if entry.zip64 else 20
    return {
        "version": version, "made_by": 0x0300 | version, "flags": entry.flags, "method": entry.method, "time": 0,
        "date": 0x21, "crc": zlib.crc32(entry.data), "packed_size": len(packed), "size": len(entry.data), "disk": 0,
        "internal": 0, "external": entry.external, "offset": offset, "name": entry.name, "extra": entry.extra,
        "comment": b"",
    }  # fmt: skip


def _widen(values: dict[str, Any], keys: tuple[str, ...]) -> None:
    values["extra"] = extra_field(1, b"".join(struct.pack("<Q", values[key]) for key in keys)) + text(values["extra"])
    values.update(dict.fromkeys(keys, 0xFFFFFFFF))


def _header(
    layout: tuple[tuple[str, str], ...], signature: int, values: dict[str, Any], tail: tuple[str, ...]
) -> bytes:
    full = {"signature": signature, **{f"{key}_length": len(text(values[key])) for key in tail}, **values}
    return record(layout, full) + b"".join(text(values[key]) for key in tail)


def local_header(entry: Entry, packed: bytes) -> bytes:
    """The local file header of `entry`, with its overrides."""
    values = _values(entry, packed, 0)
    if entry.zip64:
        _widen(values, ("size", "packed_size"))
    return _header(LOCAL, 0x04034B50, {**values, **entry.local}, ("name", "extra"))


def central_header(entry: Entry, packed: bytes, offset: int) -> bytes:
    """The directory's record of `entry`, with its overrides."""
    values = _values(entry, packed, offset)
    if entry.zip64:
        _widen(values, ("size", "packed_size", "offset"))
    return _header(CENTRAL, 0x02014B50, {**values, **entry.central}, ("name", "extra", "comment"))


def end_record(entries: int, size: int, offset: int, comment: bytes = b"", overrides: Overrides | None = None) -> bytes:
    """The end-of-central-directory record (APPNOTE 4.3.16)."""
    values = {
        "disk": 0, "central_disk": 0, "entries_here": entries, "entries": entries, "central_size": size,
        "central_offset": offset, "comment": comment, **(overrides or {}),
    }  # fmt: skip
    return _header(END, 0x06054B50, values, ("comment",))


def end64_records(entries: int, size: int, offset: int, at: int, end64: Overrides, locator: Overrides) -> bytes:
    """The zip64 end record, standing at `at`, and the locator that points to it (APPNOTE 4.3.14, 4.3.15)."""
    values = {
        "signature": 0x06064B50, "record_size": 44, "made_by": 45, "version": 45, "disk": 0, "central_disk": 0,
        "entries_here": entries, "entries": entries, "central_size": size, "central_offset": offset, **end64,
    }  # fmt: skip
    where = {"signature": 0x07064B50, "end_disk": 0, "end_offset": at, "disks": 1, **locator}
    return record(END64, values) + record(LOCATOR, where)


def zip_file(
    *entries: Entry,
    prefix: bytes = b"",
    suffix: bytes = b"",
    comment: bytes = b"",
    shift: int | None = None,
    gap: bytes = b"",
    order: Iterable[int] | None = None,
    end: Overrides | None = None,
    zip64: bool = False,
    end64: Overrides | None = None,
    locator: Overrides | None = None,
) -> bytes:
    """An archive of `entries` between `prefix` and `suffix`.

    `shift` is what offsets count from the start of the file: the length of `prefix` if None (so they are true), 0 for
    an archive put behind something without repair. `gap` stands between the last member and the directory; `order`
    is the directory's. With `zip64` the end record holds sentinels and the zip64 records the truth; `end`, `end64`
    and `locator` override single fields.
    """
    shift = len(prefix) if shift is None else shift
    body, headers = bytearray(), []
    for entry in entries:
        packed = compress(entry.data, entry.method) if entry.packed is None else entry.packed
        headers.append(central_header(entry, packed, shift + len(body)))
        if entry.in_local:
            body += local_header(entry, packed) + packed + entry.trailer
    kept = [index for index in (range(len(entries)) if order is None else order) if entries[index].in_central]
    directory = b"".join(headers[index] for index in kept)
    body += gap
    start = shift + len(body)
    count, size, records, at = len(kept), len(directory), b"", start
    if zip64:
        records = end64_records(len(kept), len(directory), start, start + len(directory), end64 or {}, locator or {})
        count, size, at = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    closing = end_record(count, size, at, comment, end)
    return prefix + bytes(body) + directory + records + closing + suffix
