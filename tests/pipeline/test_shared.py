"""A child that reads several files runs no decoder written in C, through which one file could speak for the rest."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import zipfile
import zlib
from pathlib import Path

import msgspec
import pytest

from modelairlock.encodings import compression, decoders, zip_members
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline import tree, worker
from modelairlock.pipeline.answer import HANDED_BACK, Job, Piece, answers, decode
from modelairlock.pipeline.tree import NotShared, read_tree
from modelairlock.reading import BytesSource
from tests.build.corpus import SAMPLES

PICKLE = pickle.dumps({"weights": [1, 2, 3]})


def zipped(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.pkl", PICKLE)
    return buffer.getvalue()


NATIVE = {
    "gzip": gzip.compress(PICKLE),
    "zlib": zlib.compress(PICKLE),
    "bzip2": bz2.compress(PICKLE),
    "xz": lzma.compress(PICKLE),
    "lzma": lzma.compress(PICKLE, lzma.FORMAT_ALONE),
    "zip, deflated": zipped(zipfile.ZIP_DEFLATED),
    "zip, stored": zipped(zipfile.ZIP_STORED),
    "in a pickle": pickle.dumps({"a": gzip.compress(PICKLE)}) + gzip.compress(PICKLE),
}


def answered(content: bytes, tmp_path: Path, *, shared: bool) -> bytes:
    (tmp_path / "x.pkl").write_bytes(content)
    piece = Piece("x.pkl", 0, len(content))
    job = msgspec.msgpack.encode(Job(pieces=(piece,), limits=DEFAULT_LIMITS, shared=shared))
    fd = os.open(tmp_path / "x.pkl", os.O_RDONLY)
    try:
        [answer] = answers(worker.read(fd, job), 1)
        return answer
    finally:
        os.close(fd)


@pytest.mark.parametrize("name", [name for name in NATIVE if name != "in a pickle"])
def test_compressed_files_are_handed_back_by_a_shared_child_only(name: str, tmp_path: Path) -> None:
    content = NATIVE[name]
    assert answered(content, tmp_path, shared=True) == HANDED_BACK
    assert decode(answered(content, tmp_path, shared=False), len(content), "x.pkl").formats


def test_others_are_read(tmp_path: Path) -> None:
    for content in (PICKLE, b"a text\n", b'{"a": 1}', b""):
        assert answered(content, tmp_path, shared=True) == answered(content, tmp_path, shared=False) != HANDED_BACK


@pytest.fixture
def trapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders written in C fail the test that lets them be called."""

    def plain_only(method: str, expected: int | None) -> object:
        assert method in tree._PLAIN, f"a shared child would run {method}"
        return real(method, expected)

    class NoZlib:
        error, crc32 = zlib.error, staticmethod(zlib.crc32)

    real = decoders.codec
    monkeypatch.setattr(compression, "codec", plain_only)
    monkeypatch.setattr(zip_members, "zlib", NoZlib)


@pytest.mark.slow
@pytest.mark.usefixtures("trapped")
def test_no_file_of_the_corpus_brings_a_shared_child_to_run_one() -> None:
    files = [(sample.file_name, sample.build()) for sample in SAMPLES]
    handed_back = 0
    for name, content in [*files, *((f"{name}.pkl", content) for name, content in NATIVE.items())]:
        try:
            read_tree(BytesSource(content), name, name, DEFAULT_LIMITS, strict=True, shared=True)
        except NotShared:
            handed_back += 1
    assert handed_back > len(NATIVE) - 2
