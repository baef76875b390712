"""A raw TAR writer: every header field can be overridden, and the checksum may lie.

`tar_file` pads members and ends with two zero blocks unless told otherwise. Fields are those of POSIX.1-1988 ustar;
a value given as ``bytes`` is written as it is, so base-256 numbers and damage need no special case.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

FILE, HARDLINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
OLD_REGULAR = b"\0"
PAX, PAX_GLOBAL, GNU_LONGNAME, GNU_LONGLINK, GNU_SPARSE = b"x", b"g", b"L", b"K", b"S"

#: name and width of each field, in order
FIELDS = (
    ("name", 100), ("mode", 8), ("uid", 8), ("gid", 8), ("size", 12), ("mtime", 12), ("checksum", 8), ("kind", 1),
    ("link", 100), ("magic", 6), ("version", 2), ("user", 32), ("group", 32), ("major", 8), ("minor", 8),
    ("prefix", 155),
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One member. `fields` overrides header fields by name (see `FIELDS`)."""

    name: str | bytes
    data: bytes = b""
    kind: bytes = FILE
    link: str | bytes = b""
    fields: Mapping[str, int | str | bytes] = field(default_factory=dict)
    pad: bool = True


def octal(value: int, width: int) -> bytes:
    return f"{value:0{width - 1}o}".encode() + b"\0"


def _cell(value: int | str | bytes, width: int) -> bytes:
    if isinstance(value, int):
        return octal(value, width)[:width]
    body = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return body[:width].ljust(width, b"\0")


def header(item: Item) -> bytes:
    """The 512-byte header of `item`, with a true checksum unless `fields` holds another."""
    values: dict[str, int | str | bytes] = {
        "name": item.name, "mode": 0o644, "uid": 0, "gid": 0, "size": len(item.data), "mtime": 0, "checksum": b" " * 8,
        "kind": item.kind, "link": item.link, "magic": b"ustar\0", "version": b"00", "user": b"", "group": b"",
        "major": 0, "minor": 0, "prefix": b"", **item.fields,
    }  # fmt: skip
    block = b"".join(_cell(values[key], width) for key, width in FIELDS).ljust(512, b"\0")
    if "checksum" in item.fields:
        return block
    return block[:148] + f"{sum(block):06o}".encode() + b"\0 " + block[156:]


def tar_file(*items: Item, end: bytes = b"\0" * 1024) -> bytes:
    """An archive of `items`; `end` is what stands after the last."""
    parts = []
    for item in items:
        parts += [header(item), item.data, b"\0" * (-len(item.data) % 512) if item.pad else b""]
    return b"".join(parts) + end


def pax(**records: str) -> Item:
    """An extended header for the member after it."""
    lines = b""
    for key, value in records.items():
        body = f" {key}={value}\n".encode()
        length = len(body) + 1
        while length != len(body) + len(str(length)):
            length += 1
        lines += str(length).encode() + body
    return Item("PaxHeaders/0", lines, PAX)


def base256(value: int, width: int = 12) -> bytes:
    """A number in GNU's binary form."""
    return b"\x80" + struct.pack(">Q", value).rjust(width - 1, b"\0")
