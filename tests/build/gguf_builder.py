"""GGUF and GGML by hand: every count, length, offset and order is free to lie.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. A value is a pair of its type's number and its bytes
or number; `key` and `tensor` make the parts, `gguf` puts them together.
"""

import struct
from typing import NamedTuple

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
_CODES = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}


class Dialect(NamedTuple):
    """How numbers are written."""

    big: bool = False
    version: int = 3
    magic: bytes = b"GGUF"

    def pack(self, code: str, value: float) -> bytes:
        return struct.pack((">" if self.big else "<") + code, value)

    def size(self, value: int) -> bytes:
        return self.pack("I" if self.version == 1 else "Q", value)

    def text(self, value: str | bytes, length: int | None = None) -> bytes:
        raw = value.encode() if isinstance(value, str) else value
        return self.size(len(raw) if length is None else length) + raw


LITTLE = Dialect()


def plain(kind: int, value: float, d: Dialect = LITTLE) -> bytes:
    """A value with its type before it."""
    return d.pack("I", kind) + d.pack(_CODES[kind], value)


def string(value: str | bytes, d: Dialect = LITTLE, length: int | None = None) -> bytes:
    return d.pack("I", STRING) + d.text(value, length)


def array(kind: int, items: list, d: Dialect = LITTLE, count: int | None = None) -> bytes:
    """A list; items that are bytes are taken as they are."""
    return d.pack("I", ARRAY) + elements(kind, items, d, count)


def elements(kind: int, items: list, d: Dialect = LITTLE, count: int | None = None) -> bytes:
    written = b"".join(
        d.text(one) if kind == STRING else one if isinstance(one, bytes) else d.pack(_CODES[kind], one) for one in items
    )
    return d.pack("I", kind) + d.size(len(items) if count is None else count) + written


def key(name: str | bytes, value: bytes, d: Dialect = LITTLE) -> bytes:
    return d.text(name) + value


def tensor(
    name: str | bytes, shape: tuple[int, ...], kind: int = 0, offset: int = 0, d: Dialect = LITTLE, dims: int = -1
) -> bytes:
    """One entry of the table."""
    head = d.text(name) + d.pack("I", len(shape) if dims < 0 else dims)
    return head + b"".join(map(d.size, shape)) + d.pack("I", kind) + d.pack("Q", offset)


ARCHITECTURE = key("general.architecture", string("llama"))


def gguf(
    keys: list[bytes] | None = None,
    tensors: list[bytes] | None = None,
    data: bytes = bytes(32),
    *,
    alignment: int = 32,
    d: Dialect = LITTLE,
    counts: tuple[int, int] | None = None,
) -> bytes:
    """A file; with nothing said, one key and one tensor of 32 bytes. `counts` are those of tensors and keys."""
    keys = [key("general.architecture", string("llama", d), d)] if keys is None else keys
    tensors = [tensor("w", (8,), d=d)] if tensors is None else tensors
    said = (len(tensors), len(keys)) if counts is None else counts
    head = d.magic + d.pack("I", d.version) + d.size(said[0]) + d.size(said[1]) + b"".join(keys) + b"".join(tensors)
    return head + bytes(-len(head) % alignment) + data


def words(*said: str) -> list[bytes]:
    """Keys of a tokenizer with these words, and their scores."""
    return [
        ARCHITECTURE,
        key("tokenizer.ggml.tokens", array(STRING, list(said))),
        key("tokenizer.ggml.scores", array(F32, [0.0] * len(said))),
    ]
