"""HDF5 files written by hand, a block at a time, so that each can be wrong in one place.

`File` is of the new kind (superblock 2 or 3, headers with checksums, links as messages), `OldFile` of the old one
(superblock 0 or 1, symbol tables). Both hand out addresses; whoever builds puts parts in before what refers to them.
"""

from collections.abc import Sequence
from struct import pack

from modelairlock.encodings.hdf5.checksum import lookup3

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = (1 << 64) - 1

#: datatypes
FLOAT = bytes((0x11, 0x20, 0x1F, 0)) + pack("<IHHBBBBI", 4, 0, 32, 23, 8, 0, 23, 127)
BYTE = bytes((0x10, 0, 0, 0)) + pack("<IHH", 1, 0, 8)


def integer(size: int, *, first_bit: int = 0, bits: int = 0, big: bool = False) -> bytes:
    """A number of so many bytes, of which some bits may be its value only."""
    return bytes((0x10, int(big), 0, 0)) + pack("<IHH", size, first_bit, bits or 8 * size)


#: spaces
SCALAR = bytes((2, 0, 0, 0))


def string(size: int) -> bytes:
    """A text of a fixed size, filled up with zeros."""
    return bytes((0x13, 1, 0, 0)) + pack("<I", size)


def variable(base: bytes = BYTE, *, text: bool = True) -> bytes:
    """A text, or a sequence of another type, in the heap."""
    return bytes((0x19, int(text), 0, 0)) + pack("<I", 16) + base


def shape(*lengths: int) -> bytes:
    """A simple dataspace."""
    return bytes((2, len(lengths), 0, 1)) + pack(f"<{len(lengths)}Q", *lengths)


def attribute(name: str, kind: bytes, space: bytes, value: bytes) -> bytes:
    """The body of an attribute message of version 3."""
    raw = name.encode() + b"\0"
    return pack("<BBHHHB", 3, 0, len(raw), len(kind), len(space), 1) + raw + kind + space + value


def text_attribute(name: str, value: bytes) -> tuple[int, bytes]:
    """A message: a text of fixed size in the header itself."""
    return 0x0C, attribute(name, string(len(value)), SCALAR, value)


def link(name: bytes | str, address: int) -> tuple[int, bytes]:
    """A message: a hard link."""
    raw = name.encode() if isinstance(name, str) else name
    return 6, pack("<BBB", 1, 0, len(raw)) + raw + pack("<Q", address)


def soft(name: str, path: str) -> tuple[int, bytes]:
    """A message: a soft link."""
    raw, value = name.encode(), path.encode()
    return 6, pack("<BBBB", 1, 8, 1, len(raw)) + raw + pack("<H", len(value)) + value


def external(name: str, file: str, path: str, kind: int = 64) -> tuple[int, bytes]:
    """A message: a link to another file, or one of a kind that only its maker knows."""
    raw, value = name.encode(), b"\0" + file.encode() + b"\0" + path.encode() + b"\0"
    return 6, pack("<BBBB", 1, 8, kind, len(raw)) + raw + pack("<H", len(value)) + value


def filters(*numbers: int, name: bytes = b"named\0\0\0") -> tuple[int, bytes]:
    """A message: a pipeline, without parameters."""
    parts = [pack("<HH", one, len(name)) if one >= 256 else pack("<H", one) for one in numbers]
    rest = [pack("<HH", 0, 0) + (name if one >= 256 else b"") for one in numbers]
    return 0x0B, bytes((2, len(numbers))) + b"".join(a + b for a, b in zip(parts, rest, strict=True))


class File:
    """A file of the new kind. `user_block` stands before it; addresses count from behind it."""

    def __init__(self, user_block: bytes = b"", version: int = 2) -> None:
        self.user_block, self.version = user_block, version
        self.data = bytearray(48)

    def add(self, block: bytes) -> int:
        """Put a block in; its address."""
        self.data += bytes(-len(self.data) % 8)
        address = len(self.data)
        self.data += block
        return address

    def header(self, *messages: tuple[int, bytes], flags: int = 0) -> int:
        """An object header with these messages."""
        body = b"".join(pack("<BHB", kind, len(one), flags) + one for kind, one in messages)
        block = b"OHDR\x02\x02" + pack("<I", len(body)) + body
        return self.add(block + pack("<I", lookup3(block)))

    def folder(self, *messages: tuple[int, bytes]) -> int:
        """A group whose links are among these messages."""
        return self.header((2, b"\0\0" + pack("<QQ", UNDEFINED, UNDEFINED)), *messages)

    def heap(self, *objects: bytes) -> int:
        """A global heap with these objects, numbered from 1."""
        body = b"".join(
            pack("<HHIQ", number, 1, 0, len(one)) + one + bytes(-len(one) % 8) for number, one in enumerate(objects, 1)
        )
        free = max(4096 - 16 - len(body), 16)
        body += pack("<HHIQ", 0, 0, 0, free) + bytes(free - 16)
        return self.add(b"GCOL\x01\0\0\0" + pack("<Q", 16 + len(body)) + body)

    def dataset(
        self,
        data: bytes | None = None,
        kind: bytes = FLOAT,
        space: bytes = b"",
        *more: tuple[int, bytes],
        size: int = -1,
    ) -> int:
        """A contiguous dataset; without data it has no room in the file."""
        address = UNDEFINED if data is None else self.add(data)
        length = len(data or b"") if size < 0 else size
        layout = 8, bytes((3, 1)) + pack("<QQ", address, length)
        return self.header((1, space or shape(len(data or b"") // 4)), (3, kind), layout, *more)

    def variable_attribute(self, name: str, value: bytes) -> tuple[int, bytes]:
        """A message: a text in the heap."""
        return 0x0C, attribute(name, variable(), SCALAR, pack("<IQI", len(value), self.heap(value), 1))

    def whole(self, root: int, *, tail: bytes = b"", extension: int = UNDEFINED, base: int | None = None) -> bytes:
        """The file with the superblock in front, and something behind its end."""
        base = len(self.user_block) if base is None else base
        block = SIGNATURE + bytes((self.version, 8, 8, 0))
        block += pack("<QQQQ", base, extension, base + len(self.data), root)
        self.data[:48] = block + pack("<I", lookup3(block))
        return self.user_block + bytes(self.data) + tail


class OldFile(File):
    """A file of the old kind."""

    def __init__(self, user_block: bytes = b"", version: int = 0) -> None:
        super().__init__(user_block, version)
        self.data = bytearray(100 if version else 96)

    def header(self, *messages: tuple[int, bytes], flags: int = 0) -> int:
        """An object header of version 1: every body is filled up to eight bytes."""
        body = b"".join(
            pack("<HHBBBB", kind, len(one) + -len(one) % 8, flags, 0, 0, 0) + one + bytes(-len(one) % 8)
            for kind, one in messages
        )
        return self.add(pack("<BBHIII", 1, 0, len(messages), 1, len(body), 0) + body)

    def group(self, links: Sequence[tuple[str, int]] = (), *messages: tuple[int, bytes]) -> int:
        """A group with a symbol table; `links` in the order in which they shall stand there."""
        names, offsets = bytearray(8), []
        for name, _ in links:
            offsets.append(len(names))
            names += name.encode() + b"\0"
            names += bytes(-len(names) % 8)
        heap = self.add(b"HEAP\0\0\0\0" + pack("<QQ", len(names), 1))
        self.data += pack("<Q", len(self.data) + 8) + names
        entries = [pack("<QQIIQQ", at, one[1], 0, 0, 0, 0) for at, one in zip(offsets, links, strict=True)]
        # libhdf5 takes nodes as large as they may become.
        node = self.add((b"SNOD\x01\0" + pack("<H", len(links)) + b"".join(entries)).ljust(328, b"\0"))
        last = offsets[-1] if offsets else 0
        tree = self.add((b"TREE\0\0" + pack("<HQQQQQ", 1, UNDEFINED, UNDEFINED, 0, node, last)).ljust(544, b"\0"))
        return self.header((0x11, pack("<QQ", tree, heap)), *messages)

    def whole(self, root: int, *, tail: bytes = b"", extension: int = UNDEFINED, base: int | None = None) -> bytes:
        """See `File`."""
        base = len(self.user_block) if base is None else base
        block = SIGNATURE + bytes((self.version, 0, 0, 0, 0, 8, 8, 0)) + pack("<HHI", 4, 16, 0)
        block += pack("<HH", 32, 0) if self.version else b""
        block += pack("<QQQQ", base, extension, base + len(self.data), UNDEFINED)
        block += pack("<QQIIQQ", 0, root, 0, 0, 0, 0)
        self.data[: len(block)] = block
        return self.user_block + bytes(self.data) + tail


def small(version: int = 2, user_block: bytes = b"") -> bytes:
    """An honest small file: a group, a dataset, attributes of two kinds."""
    if version < 2:
        old = OldFile(user_block, version)
        weights = old.dataset(bytes(8), FLOAT, shape(2))
        inner = old.group([("kernel", weights)])
        return old.whole(old.group([("a", inner), ("b", weights)], text_attribute("name", b"text")))
    file = File(user_block, version)
    weights = file.dataset(bytes(8), FLOAT, shape(2))
    inner = file.folder(link("kernel", weights))
    return file.whole(
        file.folder(link("a", inner), text_attribute("name", b"text"), file.variable_attribute("long", b"some text"))
    )


def keras(config: bytes = b'{"class_name": "Sequential", "config": {"layers": []}}', *, inline: bool = False) -> bytes:
    """A legacy Keras model."""
    file = File()
    stated = text_attribute("model_config", config) if inline else file.variable_attribute("model_config", config)
    kernel = file.dataset(bytes(16), FLOAT, shape(2, 2))
    return file.whole(file.folder(stated, link("model_weights", file.folder(link("kernel:0", kernel)))))
