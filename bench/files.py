"""The files that are measured, made once and the same each time; large ones are sparse where bytes do not matter."""

import io
import json
import pickle
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from bench import big

GB = 1000**3


def safetensors(path: Path, size: int = GB, tensors: int = 360) -> None:
    """A header of `tensors` tensors over `size` bytes of zeros."""
    each = size // tensors // 4 * 4
    header = {
        f"layers.{n}.weight": {"dtype": "F32", "shape": [each // 4], "data_offsets": [n * each, (n + 1) * each]}
        for n in range(tensors)
    }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + tensors * each)


def torch_zip(path: Path, size: int = GB, tensors: int = 300) -> None:
    """A checkpoint of `tensors` tensors as torch.save writes it; the records are holes."""
    each = size // tensors // 64 * 64
    with path.open("wb") as file:
        entries: list[tuple[str, int, int, int]] = []
        _member(file, entries, "archive/data.pkl", _state_dict(tensors, each // 4))
        _member(file, entries, "archive/byteorder", b"little")
        for n in range(tensors):
            _member(file, entries, f"archive/data/{n}", each)
        _member(file, entries, "archive/version", b"3\n")
        _directory(file, entries)


def _state_dict(tensors: int, count: int) -> bytes:
    out = io.BytesIO()
    out.write(b"\x80\x02}(")
    for n in range(tensors):
        out.write(_text(f"layers.{n}.weight") + b"ctorch._utils\n_rebuild_tensor_v2\n((")
        out.write(_text("storage") + b"ctorch\nFloatStorage\n" + _text(str(n)) + _text("cpu"))
        out.write(b"J" + struct.pack("<i", count) + b"tQK\0" + b"J" + struct.pack("<i", count) + b"\x85K\x01\x85")
        out.write(b"\x89ccollections\nOrderedDict\n)RtR")
    out.write(b"u.")
    return out.getvalue()


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _member(file: io.BufferedWriter, entries: list[tuple[str, int, int, int]], name: str, body: bytes | int) -> None:
    at = file.tell()
    data = b"" if isinstance(body, int) else body
    size = body if isinstance(body, int) else len(body)
    # A CRC of a gigabyte of zeros would cost more than the benchmark; nothing here compares it for storages.
    crc = 0 if isinstance(body, int) else zlib.crc32(data)
    pad = -(at + 30 + len(name) + 4) % 64
    file.write(struct.pack("<4s5H3I2H", b"PK\x03\x04", 0, 0, 0, 0, 0, crc, size, size, len(name), 4 + pad))
    file.write(name.encode() + struct.pack("<2H", 0x4246, pad) + b"Z" * pad + data)
    file.seek(at + 30 + len(name) + 4 + pad + size)
    entries.append((name, at, size, crc))


def _directory(file: io.BufferedWriter, entries: list[tuple[str, int, int, int]]) -> None:
    most = 0xFFFFFFFF
    start = file.tell()
    for name, at, size, crc in entries:
        extra = struct.pack("<2HQ", 1, 8, at) if at >= most else b""  # zip64: where the entry is, in eight bytes
        sizes = (crc, size, size, len(name), len(extra), 0, 0, 0, 0, min(at, most))
        file.write(struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 0, 0, 0, 0, 0, 0, *sizes) + name.encode() + extra)
    end = file.tell()
    count = len(entries)
    if start >= most:
        file.write(struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, end - start, start))
        file.write(struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1))
    file.write(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, end - start, min(start, most), 0))


def _dicts(path: Path) -> None:
    rows = [{"id": n, "a": n * 2, "b": float(n), "c": str(n % 1000)} for n in range(1_000_000)]
    path.write_bytes(pickle.dumps(rows, 4))


def _ints(path: Path) -> None:
    path.write_bytes(pickle.dumps(list(range(5_000_000)), 4))


def _vocabulary(path: Path) -> None:
    path.write_bytes(pickle.dumps({f"token{n}": n for n in range(1_000_000)}, 2))


def _blobs(path: Path) -> None:
    import numpy

    dice = numpy.random.default_rng(7)
    path.write_bytes(pickle.dumps([dice.bytes(400_000) for _ in range(500)], 4))


def _arrays(path: Path) -> None:
    """As a random forest is: few opcodes, and 249 MB that are only numbers."""
    import numpy

    node = numpy.dtype([("left", "<i8"), ("right", "<i8"), ("feature", "<i8"), ("threshold", "<f8"), ("value", "<f8")])
    path.write_bytes(pickle.dumps([numpy.zeros(62_250, node) for _ in range(100)], 4))


def _squeezed(path: Path) -> None:
    """What joblib.dump(rows, path, compress=3) writes when there are no arrays: a pickle in zlib."""
    rows = [{"id": n, "a": n * 2, "b": float(n), "c": str(n % 1000)} for n in range(200_000)]
    path.write_bytes(zlib.compress(pickle.dumps(rows, 4), 3))


def _payloads(path: Path) -> None:
    """Thousand pickles, each of 2 MB of zeros (a hole) and a call of os.system; 2 GB together."""
    before, after = b"\x80\x04B" + struct.pack("<I", 2_000_000), b"0cos\nsystem\n\x8c\x02id\x85R."
    with path.open("wb") as file:
        for _ in range(1000):
            file.write(before)
            file.seek(2_000_000, io.SEEK_CUR)
            file.write(after)


def _small(path: Path) -> None:
    path.mkdir(exist_ok=True)
    import numpy

    dice = numpy.random.default_rng(7)
    for n in range(1000):
        (path / f"{n}.pkl").write_bytes(pickle.dumps({"w": dice.random(100), "id": n}, 4))


FILES: dict[str, Callable[[Path], None]] = {
    "1 GB torch checkpoint.pt": torch_zip,
    "8.6 GB torch checkpoint.pt": lambda path: torch_zip(path, 8_600_000_000, 600),
    "1 GB.safetensors": safetensors,
    "8.6 GB.safetensors": lambda path: safetensors(path, 8_600_000_000),
    "1M dicts.pkl": _dicts,
    "5M ints.pkl": _ints,
    "1M words.pkl": _vocabulary,
    "200 MB blobs.pkl": _blobs,
    "249 MB arrays.pkl": _arrays,
    "squeezed rows.joblib": _squeezed,
    "2 GB payloads.pkl": _payloads,
    "8.4 GB Keras weights.h5": big.h5,
    "8.6 GB.gguf": big.gguf_model,
    "8 GB ONNX with external data": big.onnx_folder,
    "6 GB SavedModel": big.saved_model,
    "1,000 small pickles": _small,
}


def paths(folder: Path) -> dict[str, Path]:
    """Where each file is, by its title."""
    return {title: folder / title.replace(" ", "-").replace(",", "") for title in FILES}


def main() -> None:
    """Make what is missing in the folder that is the first argument."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for title, path in paths(folder).items():
        if not path.exists():
            FILES[title](path)


if __name__ == "__main__":
    main()
