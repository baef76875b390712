"""safetensors by hand: header text, its length and the buffer are free to disagree.

Layout: 8 bytes little-endian header length, JSON, then the buffer; `data_offsets` count from the buffer's start.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any


def tensor(start: int, end: int, shape: tuple[int, ...], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


def safetensors(
    header: Mapping[str, Any] | str | bytes | None = None,
    buffer: bytes = bytes(16),
    *,
    length: int | None = None,
    suffix: bytes = b"",
) -> bytes:
    """A file of `header` (one 2x2 float32 tensor if None) and `buffer`; text is taken as it is, keys twice and all."""
    if header is None:
        header = {"w": tensor(0, 16, (2, 2))}
    body = header.encode() if isinstance(header, str) else header
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + buffer + suffix
