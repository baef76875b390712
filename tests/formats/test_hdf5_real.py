"""HDF5 of gigabytes, and the same files read by h5py."""

import io
import os
import time
from pathlib import Path
from struct import pack

import pytest

from modelairlock.encodings.hdf5 import hdf5_facts
from modelairlock.formats.hdf5 import FORMAT
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import Budget, BytesSource, Cursor
from tests.build import hdf5_builder as h
from tests.build.hdf5_builder import File
from tests.formats.test_hdf5 import examples
from tests.reading_help import read


class Sparse:
    """A huge file: `head`, and zeros behind it."""

    def __init__(self, head: bytes, size: int) -> None:
        self.head, self.size, self.fetched = head, size, 0

    def read(self, start: int, length: int) -> bytes:
        self.fetched += length
        return self.head[start : start + length].ljust(min(length, self.size - start), b"\0")


def test_eight_gigabytes_cost_their_structure() -> None:
    file = File()
    room = 14_000_000
    layers = []
    start = 1 << 20
    for number in range(600):
        layout = 8, bytes((3, 1)) + pack("<QQ", start + number * room, room)
        kernel = file.header((1, h.shape(room // 4)), (3, h.FLOAT), layout)
        layers.append(h.link(f"layer {number}", file.folder(h.link("kernel", kernel))))
    root = file.folder(*layers)
    size = start + 600 * room
    file.data += bytes(start - len(file.data))
    head = bytearray(file.whole(root))
    superblock = head[:28] + pack("<Q", size) + head[36:44]
    head[:48] = superblock + pack("<I", h.lookup3(bytes(superblock)))
    source = Sparse(bytes(head), size)
    began = time.process_time()
    reading = read_tree(source, "m", "m.h5", DEFAULT_LIMITS, [FORMAT], strict=True)
    assert time.process_time() - began < 1
    assert reading.coverage.complete, reading.coverage.gaps[:3]
    assert reading.coverage.passed_over_bytes == 600 * room
    assert source.fetched < 20_000_000


@pytest.mark.frameworks
def test_agrees_with_h5py_on_every_storage(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    from tests.build import hdf5_oracle as oracle

    for way_name, way in oracle.ways():
        for maker in oracle.MAKERS:
            try:
                path = oracle.made(h5py, tmp_path, maker, way)
            except (OSError, ValueError):
                continue  # not every version can hold everything
            with h5py.File(path, "r") as opened:
                expected = oracle.names_in(h5py, opened)
            found: set[tuple[str, str]] = set()
            cursor = Cursor(BytesSource(path.read_bytes()), "x.h5", Budget(DEFAULT_LIMITS))
            list(hdf5_facts(cursor, lambda kind, name, found=found: found.add((kind, name))))
            assert found == expected, (way_name, maker.__name__)
            assert read(FORMAT, path.read_bytes()).gaps == [], (way_name, maker.__name__)
            os.unlink(path)


@pytest.mark.frameworks
def test_h5py_opens_what_is_built_by_hand() -> None:
    h5py = pytest.importorskip("h5py")
    for name, data in examples().items():
        with h5py.File(io.BytesIO(data), "r") as file:
            found: list[str] = []
            file.visit(found.append)
            assert found, name
