"""NumPy's .npy and .npz by hand, header text included, so that it can hold what NumPy would never write.

See the NEP 1 format: magic, version, header length, a Python literal padded with spaces to a newline, then the data.
"""

import struct

from tests.build import zip_builder

MAGIC = b"\x93NUMPY"


def header_text(descr: str = "'<f4'", order: str = "False", shape: str = "(2,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def npy(
    data: bytes = bytes(8),
    header: str | bytes | None = None,
    *,
    version: tuple[int, int] = (1, 0),
    length: int | None = None,
    magic: bytes = MAGIC,
    pad: bool = True,
) -> bytes:
    """An .npy of `data` under `header` (two little-endian float32 if None); `length` of the header may lie."""
    body = header_text() if header is None else header
    encoded = body.encode("utf-8" if version >= (3, 0) else "latin-1") if isinstance(body, str) else body
    width = 2 if version < (2, 0) else 4
    if pad:
        room = -(len(magic) + 2 + width + len(encoded) + 1) % 64
        encoded += b" " * room + b"\n"
    stated = len(encoded) if length is None else length
    return magic + bytes(version) + struct.pack("<H" if width == 2 else "<I", stated) + encoded + data


def object_npy(pickle: bytes, shape: str = "(1,)", **options: object) -> bytes:
    """An array of Python objects: `pickle` is what ``np.load(allow_pickle=True)`` would unpickle."""
    return npy(pickle, header_text("'|O'", shape=shape), **options)


def npz(*members: tuple[str, bytes], method: int = zip_builder.STORED) -> bytes:
    """A zip of named members, as ``np.savez`` lays them out."""
    return zip_builder.zip_file(*(zip_builder.Entry(name, data, method=method) for name, data in members))
