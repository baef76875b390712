"""Measures `airlock convert` against `cp`: ``python -m bench.convert [megabytes]``; needs numpy, h5py and torch.

Each file is real, made by its own package, and full of random bits. Every figure is of a whole process with all it
starts; files are in the page cache, both outputs are on the same disk, and each run is flushed. What counts is the
ratio in one minute on one machine, and that memory does not grow with the file. A conversion scans and hashes the file
before it copies, so there is a ratio to `cp` and the digest together as well.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.run import run

MEGABYTES = 1000
_TENSORS = 20


def _arrays(megabytes: int) -> Iterator[tuple[str, object]]:
    import numpy

    random = numpy.random.default_rng(1)
    for number in range(_TENSORS):
        yield f"layer{number}", random.integers(0, 2**32, megabytes * 250_000 // _TENSORS, "u4").view("f4")


def _torch(path: Path, megabytes: int) -> None:
    import torch

    torch.save({name: torch.from_numpy(one) for name, one in _arrays(megabytes)}, path)


def _npz(path: Path, megabytes: int) -> None:
    import numpy

    numpy.savez(path.open("wb"), **dict(_arrays(megabytes)))


def _h5(path: Path, megabytes: int) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, one in _arrays(megabytes):
            file[name] = one


def _chunked(path: Path, megabytes: int) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, one in _arrays(megabytes):
            file.create_dataset(name, data=one, chunks=(1 << 18,))


def _tensorflow(path: Path, megabytes: int) -> None:
    """As TensorFlow lays a checkpoint out, with its checksums."""
    from tests.build import tensorflow_builder as build

    entries = []
    with path.with_suffix(".data-00000-of-00001").open("wb") as file:
        for name, one in _arrays(megabytes):
            data = memoryview(one).tobytes()  # type: ignore[arg-type]  # an array
            place = file.tell()
            file.write(data)
            entries.append((name, build.entry(place, len(data), shape=(len(data) // 4,), data=data)))
    path.write_bytes(build.index(*sorted(entries)))


FILES: dict[str, Callable[[Path, int], None]] = {
    "torch.pt": _torch, "numpy.npz": _npz, "contiguous.h5": _h5, "chunked.h5": _chunked,
    "tensorflow.index": _tensorflow,
}  # fmt: skip


def main(megabytes: int) -> None:
    """Print a row for each kind of file."""
    print(
        f"{'file':18} {'cp':>6} {'sha256':>7} {'convert':>8} {'to cp':>6} {'to both':>8} {'MB/s':>6} {'memory MB':>10}"
    )
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        for name in FILES:
            path, out = Path(folder, name), Path(folder, "out")
            # In a process of its own: what it used is counted against whatever it starts.
            subprocess.run([sys.executable, "-m", "bench.convert", "make", name, str(path), str(megabytes)], check=True)
            whole = path if name != "tensorflow.index" else path.with_suffix(".data-00000-of-00001")
            copying = _least(lambda whole=whole, out=out: _copied(whole, out))
            hashing = _least(lambda whole=whole: _hashed(whole))
            airlock = [sys.executable, "-m", "modelairlock", "convert", "-q", "--force", str(path), str(out)]
            runs = [run(airlock, 600) for _ in range(3)]
            assert all(one.status == 0 for one in runs), runs
            best = min(one.wall for one in runs)
            memory = max(one.tree_mb for one in runs)
            print(
                f"{name:18} {copying:6.2f} {hashing:7.2f} {best:8.2f} {best / copying:6.2f} "
                f"{best / (copying + hashing):8.2f} {megabytes / best:6.0f} {memory:10.0f}",
                flush=True,
            )
            for one in Path(folder).iterdir():
                one.unlink()


def _least(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(3))


def _copied(path: Path, out: Path) -> float:
    """`cp` that flushes, as a conversion does, and that copies bytes in earnest."""
    started = time.monotonic()
    subprocess.run(["cp", "--reflink=never", str(path), str(out)], check=True)
    subprocess.run(["sync", str(out)], check=True)
    spent = time.monotonic() - started
    out.unlink()
    return spent


def _hashed(path: Path) -> float:
    """The digest, which every conversion reports."""
    started = time.monotonic()
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.monotonic() - started


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        FILES[sys.argv[2]](Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES)
