"""Honest-looking files whose bytes are an archive as well: a tar from the first byte on, or a zip found from the end.

What a newcomer would get wrong: Python's `tarfile`, which torch.load asks first, wants no magic, only a checksum that
fits, so nearly any format with some free bytes among its first 512 can begin a tar. And `zipfile` looks for an end
record in the last 64 KiB of anything.
"""

import json
import struct
import zlib

from tests.build import npy_builder, zip_builder
from tests.build import tar_builder as tar
from tests.build.tar_builder import Item
from tests.build.zip_builder import Entry

BLOCK = 512


def first_block(head: bytes, size: int = 0, *, pad: bytes = b"\0", checksum: str = "{:06o}", free: int = 0) -> bytes:
    """A tar header without a magic, filled with `pad`, that begins with `head`; `free` bytes of `head` may be numbers.

    `checksum` spells the sum: readers that go by `int(field, 8)` take more spellings than archivers write.
    """
    block = bytearray(pad * BLOCK)
    block[: len(head)] = head
    for start, width, value in ((100, 8, 0o644), (108, 8, 0), (116, 8, 0), (124, 12, size), (136, 12, 0)):
        if start >= free:
            block[start : start + width] = f"{value:0{width - 1}o}".encode() + b" "
    block[156:157] = tar.FILE
    block[148:156] = b" " * 8
    block[148:156] = checksum.format(sum(block)).encode().ljust(7, b" ") + b" "
    return bytes(block)


def storages(pickle: bytes) -> bytes:
    """What stands behind the first header: the member that torch.load unpickles first, and the end."""
    return tar.tar_file(Item("storages", pickle))


def _length(wanted: int) -> int:
    """The least length from `wanted` on whose first byte no decoder of UTF-8 minds, nor takes for a null."""
    while not 0 < wanted & 0xFF < 0x80:
        wanted += 1
    return wanted


def pickle_and_tar(rest: bytes, checksum: str = "{:06o}") -> bytes:
    """A pickle of one byte string, which holds all of a tar but the first five bytes of its first name."""
    length = _length(BLOCK - 5 + len(rest))
    return (
        first_block(b"B" + struct.pack("<I", length), checksum=checksum) + rest.ljust(length - BLOCK + 5, b"\0") + b"."
    )


def safetensors_and_tar(rest: bytes) -> bytes:
    """Weights whose header is the first member of a tar, and whose one tensor is the rest of it."""
    tensor = {"dtype": "U8", "shape": [len(rest)], "data_offsets": [0, len(rest)]}
    end = ('"},"t":' + json.dumps(tensor) + "}").encode()
    header = b'{"__metadata__":{"a":"'.ljust(2 * BLOCK - 8 - len(end)) + end
    block = struct.pack("<Q", len(header)) + header[: BLOCK - 8]
    return first_block(block, BLOCK, pad=b" ") + header[BLOCK - 8 :] + rest


def text_and_tar(rest: bytes) -> bytes:
    """A text whose first line is the name of a tar's first member; `rest` has to be text as well."""
    return first_block(b"# A nice model\n" + b"Lorem ipsum dolor sit amet " * 3, pad=b" ") + rest


def npy_and_tar(rest: bytes) -> bytes:
    """An array of bytes that are a tar but for the name of its first member; the fields before its size are blank."""
    size = 384 + len(rest)
    head = npy_builder.npy(b"", npy_builder.header_text("'|u1'", shape=f"({size},)"))
    return first_block(head, free=136) + rest


def in_safetensors(archive: bytes, metadata: str = "") -> bytes:
    """Weights whose one tensor is an archive."""
    said = {"__metadata__": {"a": metadata}} if metadata else {}
    tensor = {"dtype": "U8", "shape": [len(archive)], "data_offsets": [0, len(archive)]}
    header = json.dumps({**said, "t": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + archive


def in_png(archive: bytes) -> bytes:
    """One grey pixel, with an archive in a private chunk before the end."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"prVt", archive) + chunk(b"IEND", b"")


def zip_with_a_decoy(at: int, *entries: Entry) -> bytes:
    """A zip64 archive that will stand at `at`: its locator names an empty record, `zipfile` takes the one before it."""
    honest = zip_builder.zip_file(*entries)
    end = honest.rfind(b"PK\x05\x06")
    count, size, start = len(entries), *struct.unpack("<II", honest[end + 12 : end + 20])
    decoy = zip_builder.end64_records(0, 0, 0, 0, {"entries": 1, "central_size": 46, "central_offset": 1 << 20}, {})[
        :56
    ]
    records = zip_builder.end64_records(count, size, start, 0, {}, {"end_offset": at})
    return decoy + honest[:end] + records + zip_builder.end_record(count, 0xFFFFFFFF, 0xFFFFFFFF)
