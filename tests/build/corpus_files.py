"""Whole files that are not what they seem: names, wrappers, bombs, polyglots, damage (C1, C2, C7, C9, C14, P20).

The bombs are small: one squeezed megabyte, repeated. Where a loader would have to be told to open such a file, nothing
executes; the point is that none of them may be called clear.
"""

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable

import lz4.frame

from tests.build import npy_builder as n
from tests.build import pickle_builder as p
from tests.build import safetensors_builder as s
from tests.build import tar_builder as tar
from tests.build import torch_builder as t
from tests.build import zip_builder as z
from tests.build.sample import CANARY, Sample, evil, harmless
from tests.build.tar_builder import Item
from tests.build.zip_builder import Entry

Build = Callable[[str], bytes]
MEGABYTE = bytes(1 << 20)

#: C1: the same pickle under every name
EXTENSIONS = (
    "txt", "json", "onnx", "h5", "keras", "gguf", "safetensors", "md", "png", "bin", "dat", "pt", "pth", "ckpt", "npy",
    "npz", "joblib", "tflite", "pb", "yaml", "csv", "model", "weights", "zip", "gz", "tar", "skops", "nemo", "html",
    "PKL", "pkl.bak", "cfg",
)  # fmt: skip


def seven_zip(data: bytes) -> bytes:
    """The signature header of 7-Zip (7zFormat.txt) with `data` stored behind it and an empty database."""
    database = b"\x01\x00"
    start = struct.pack("<QQI", len(data), len(database), zlib.crc32(database))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + data + database


def zstd_frame(blocks: bytes, size: int | None = None) -> bytes:
    """A Zstandard frame (RFC 8878) around hand-made blocks; without `size` it states a window of 1 MiB."""
    return b"\x28\xb5\x2f\xfd" + (b"\x00\x50" if size is None else b"\xe0" + struct.pack("<Q", size)) + blocks


def zstd_stored(data: bytes) -> bytes:
    return zstd_frame((1 | len(data) << 3).to_bytes(3, "little") + data)


def zstd_bomb(blocks: int) -> bytes:
    """RLE blocks of 128 KiB, four bytes each."""
    block = (0 | 1 << 1 | (128 * 1024) << 3).to_bytes(3, "little") + b"\0"
    last = (1 | 1 << 1 | 1 << 3).to_bytes(3, "little") + b"\0"
    return zstd_frame(block * blocks + last)


def png(extra: bytes = b"") -> bytes:
    """One grey pixel, with `extra` behind the end."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"") + extra


def _gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


WRAPPERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gz", _gz),
    "bzip2": ("bz2", bz2.compress),
    "xz": ("xz", lzma.compress),
    "lzma": ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    "zlib": ("z", zlib.compress),
    "lz4": ("lz4", lz4.frame.compress),
    "zstd": ("zst", zstd_stored),
    "zip": ("zip", lambda data: z.zip_file(Entry("model.pkl", data))),
    "zip-deflated": ("zip", lambda data: z.zip_file(Entry("model.pkl", data, z.DEFLATED))),
    "tar": ("tar", lambda data: tar.tar_file(Item("model.pkl", data))),
    "tar-gzip": ("tar.gz", lambda data: _gz(tar.tar_file(Item("model.pkl", data)))),
    "tar-xz": ("tar.xz", lambda data: lzma.compress(tar.tar_file(Item("model.pkl", data)))),
    "tar-in-zip-in-gzip": (
        "gz", lambda data: _gz(z.zip_file(Entry("a.tar", tar.tar_file(Item("m", data)), z.DEFLATED)))),
    "gzip-of-checkpoint": ("gz", lambda data: _gz(t.checkpoint(data, {}))),
    "two-gzip-members": ("gz", lambda data: _gz(harmless()) + _gz(data)),
    "split-over-gzip-members": ("gz", lambda data: _gz(data[:9]) + _gz(data[9:])),
    "gzip-with-a-name": ("gz", lambda data: b"\x1f\x8b\x08\x08" + bytes(6) + b"../x.txt\0" + _gz(data)[10:]),
    "gzip-twenty-deep": ("gz", lambda data: _deep(_gz, data, 20)),
    "7z-named-pt": ("pt", seven_zip),
    "rar-named-pt": ("pt", lambda data: b"Rar!\x1a\x07\x01\x00" + bytes(20) + data),
    "cab": ("pt", lambda data: b"MSCF" + bytes(32) + data),
    "cpio": ("pt", lambda data: b"070701" + b"0" * 104 + data),
    "ar": ("pt", lambda data: b"!<arch>\n" + b"model.pkl/".ljust(58) + b"`\n" + data),
    "compress": ("pt", lambda data: b"\x1f\x9d\x90" + data),
}  # fmt: skip


def _deep(wrap: Callable[[bytes], bytes], data: bytes, depth: int) -> bytes:
    for _ in range(depth):
        data = wrap(data)
    return data


def _zip_bomb() -> bytes:
    """Four gigabytes of zeros in deflate blocks that are all alike; the CRC is left wrong."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = squeezer.compress(MEGABYTE) + squeezer.flush(zlib.Z_FULL_FLUSH)
    packed = block * 4000 + b"\x03\x00"
    entry = Entry("zeros", b"", z.DEFLATED, packed=packed, local={"size": 4000 << 20}, central={"size": 4000 << 20})
    return z.zip_file(entry)


def _overlap_bomb() -> bytes:
    """Many directory entries for one kernel, as in Fifield's "A better zip bomb" (WOOT 2019), without the quoting."""
    data = MEGABYTE * 4
    squeezed = z.compress(data, z.DEFLATED)
    same = {"offset": 0, "size": len(data), "packed_size": len(squeezed), "crc": zlib.crc32(data)}
    first = Entry("0", data, z.DEFLATED, packed=squeezed)
    return z.zip_file(first, *(Entry(f"{i}", b"", z.DEFLATED, in_local=False, central=same) for i in range(1, 3000)))


def _recursive_zip() -> bytes:
    data = z.zip_file(Entry("zeros", MEGABYTE * 8, z.DEFLATED))
    for level in range(6):
        data = z.zip_file(*(Entry(f"{level}-{i}.zip", data, z.DEFLATED) for i in range(6)))
    return data


BOMBS: dict[str, tuple[str, Build]] = {
    "zip": ("zip", lambda c: _zip_bomb()),
    "zip-overlapping": ("zip", lambda c: _overlap_bomb()),
    "zip-recursive": ("zip", lambda c: _recursive_zip()),
    "zip-many-entries": ("zip", lambda c: z.zip_file(*(Entry(f"{i}", b"") for i in range(20_000)))),
    "zip-in-checkpoint": ("pt", lambda c: t.checkpoint(t.state(), None, Entry("archive/bomb.zip", _zip_bomb()))),
    "gzip": ("gz", lambda c: _gz(MEGABYTE) * 4000),
    "bzip2": ("bz2", lambda c: bz2.compress(MEGABYTE * 40) * 100),
    "xz": ("xz", lambda c: lzma.compress(MEGABYTE * 40) * 100),
    "lz4": ("lz4", lambda c: lz4.frame.compress(MEGABYTE * 4) * 1000),
    "zstd": ("zst", lambda c: zstd_bomb(32_000)),
    "nested-gzip": ("gz", lambda c: _gz(_gz(MEGABYTE) * 4000)),
    "joblib": ("joblib", lambda c: _gz(p.proto(4) + p.binbytes8(b"", 4000 << 20)) + _gz(MEGABYTE) * 4000),
    "tar-sparse-size": ("tar", lambda c: tar.tar_file(Item("x", fields={"size": tar.base256(2**60)}))),
    "npy-gzip": ("npy.gz", lambda c: _gz(n.npy(b"", n.header_text(shape="(1000000000,)"))) + _gz(MEGABYTE) * 4000),
}


def _json_zip(c: str) -> bytes:
    return b'{"a": "' + t.checkpoint(evil(c, 2), {}, prefix=b'{"a": "')[7:]


POLYGLOTS: dict[str, tuple[str, Build]] = {
    "pickle-then-zip": ("pkl", lambda c: t.checkpoint(t.state(), prefix=evil(c))),
    "harmless-pickle-then-evil-zip": ("pkl", lambda c: t.checkpoint(evil(c, 2), {}, prefix=harmless())),
    "zip-in-pickle-string": ("pkl", lambda c: p.whole(p.push(t.checkpoint(evil(c, 2), {})))),
    "png-then-zip": ("png", lambda c: t.checkpoint(evil(c, 2), {}, prefix=png())),
    "png-then-pickle": ("png", lambda c: png(evil(c))),
    "json-then-zip": ("json", _json_zip),
    "json-then-pickle": ("json", lambda c: b'{"a": 1}' + evil(c)),
    "safetensors-then-zip": ("safetensors", lambda c: t.checkpoint(evil(c, 2), {}, prefix=s.safetensors())),
    "safetensors-holding-zip": ("safetensors", lambda c: _holding(t.checkpoint(evil(c, 2), {}))),
    "npy-then-zip": ("npy", lambda c: t.checkpoint(evil(c, 2), {}, prefix=n.npy())),
    "tar-and-pickle": ("tar", lambda c: tar.tar_file(Item(b"cos\nsystem\n(S'true'\ntR.", harmless()))),
    "zip-and-tar": ("tar", lambda c: t.checkpoint(evil(c, 2), {}, prefix=tar.tar_file(Item("a.txt", b"hello")))),
    "gzip-then-zip": ("gz", lambda c: t.checkpoint(evil(c, 2), {}, prefix=_gz(harmless()))),
    "html-then-zip": ("html", lambda c: t.checkpoint(evil(c, 2), {}, prefix=b"<html><script>/*")),
    "script-then-zip": ("pt", lambda c: t.checkpoint(evil(c, 2), {}, prefix=b"#!/usr/bin/env python3\n")),
    "elf": ("pt", lambda c: b"\x7fELF\x02\x01\x01" + bytes(57) + evil(c)),
    "mz": ("pt", lambda c: b"MZ" + bytes(62) + evil(c)),
    "pdf-then-pickle": ("pdf", lambda c: b"%PDF-1.7\n%%EOF\n" + evil(c)),
}  # fmt: skip


def _holding(inner: bytes) -> bytes:
    return s.safetensors({"w": s.tensor(0, len(inner), (len(inner),), "U8")}, inner)


TENSORS: dict[str, bytes] = {
    "overlap": s.safetensors({"a": s.tensor(0, 16, (2, 2)), "b": s.tensor(8, 16, (2,))}),
    "hole": s.safetensors({"a": s.tensor(0, 4, (1,)), "b": s.tensor(12, 16, (1,))}),
    "hole-holds-pickle": s.safetensors({"a": s.tensor(len(evil()), len(evil()) + 4, (1,))}, evil() + bytes(4)),
    "same-name-twice": s.safetensors(
        '{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"w":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}}'
    ),
    "trailing-pickle": s.safetensors(suffix=evil()),
    "trailing-byte": s.safetensors(suffix=b"\0"),
    "buffer-short": s.safetensors(buffer=bytes(8)),
    "header-past-the-end": s.safetensors(length=10**6),
    "header-over-100-megabytes": s.safetensors(length=100_000_001),
    "header-2-to-the-63": s.safetensors(length=2**63),
    "header-zero": s.safetensors(b"", length=0),
    "header-not-json": s.safetensors(b"{" + b"x" * 63),
    "header-not-an-object": s.safetensors(b"[1]"),
    "header-deep": s.safetensors(b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "header-huge-number": s.safetensors('{"w":{"dtype":"F32","shape":[' + "9" * 5000 + '],"data_offsets":[0,16]}}'),
    "header-nan": s.safetensors('{"w":{"dtype":"F32","shape":[NaN],"data_offsets":[0,16]}}'),
    "header-not-utf-8": s.safetensors(b'{"\xff":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'),
    "header-starts-with-space": s.safetensors(b'   {"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'),
    "dtype-unknown": s.safetensors({"w": s.tensor(0, 16, (2, 2), "O")}),
    "shape-negative": s.safetensors({"w": s.tensor(0, 16, (-2, -2))}),
    "shape-overflow": s.safetensors({"w": s.tensor(0, 16, (2**62, 2**62))}),
    "shape-and-size-differ": s.safetensors({"w": s.tensor(0, 16, (3, 3))}),
    "offsets-reversed": s.safetensors({"w": s.tensor(16, 0, (2, 2))}),
    "offsets-past-the-end": s.safetensors({"w": s.tensor(0, 10**9, (2, 2))}),
    "metadata-not-text": s.safetensors({"__metadata__": {"a": [1]}, "w": s.tensor(0, 16, (2, 2))}),
}


def _tar_names() -> dict[str, bytes]:
    return {
        "traversal": tar.tar_file(Item("../../modelairlock-canary", b"x")),
        "absolute": tar.tar_file(Item("/modelairlock-canary", b"x")),
        "prefix-traversal": tar.tar_file(Item("x", b"x", fields={"prefix": "../.."})),
        "pax-path": tar.tar_file(tar.pax(path="../x"), Item("honest", b"x")),
        "pax-size": tar.tar_file(tar.pax(size="5000"), Item("honest", b"x")),
        "gnu-long-name": tar.tar_file(Item("././@LongLink", b"../x\0", tar.GNU_LONGNAME), Item("honest", b"x")),
        "symlink": tar.tar_file(Item("link", kind=tar.SYMLINK, link="/etc/passwd")),
        "symlink-then-through-it": tar.tar_file(Item("l", kind=tar.SYMLINK, link=".."), Item("l/x", b"x")),
        "hardlink": tar.tar_file(Item("link", kind=tar.HARDLINK, link="/etc/passwd")),
        "character-device": tar.tar_file(Item("device", kind=tar.CHARACTER, fields={"major": 1, "minor": 3})),
        "block-device": tar.tar_file(Item("device", kind=tar.BLOCK, fields={"major": 8, "minor": 0})),
        "fifo": tar.tar_file(Item("fifo", kind=tar.FIFO)),
        "unknown-kind": tar.tar_file(Item("x", b"x", b"Z")),
        "sparse": tar.tar_file(Item("x", b"x", tar.GNU_SPARSE)),
        "checksum-wrong": tar.tar_file(Item("x", b"x"), Item("model.pkl", evil(), fields={"checksum": 1})),
        "size-negative": tar.tar_file(Item("x", b"x", fields={"size": b"\xff" * 12})),
        "size-not-octal": tar.tar_file(Item("x", b"x", fields={"size": b"99999999999\0"})),
        "size-past-the-end": tar.tar_file(Item("x", b"x", fields={"size": 10**6})),
        "duplicate": tar.tar_file(Item("model.pkl", harmless()), Item("model.pkl", evil())),
        "behind-the-end": tar.tar_file(Item("a", b"x")) + tar.tar_file(Item("model.pkl", evil())),
        "no-end": tar.tar_file(Item("a", b"x"), end=b""),
        "pickle-in-padding": tar.tar_file(Item("a", b"x" + bytes(11) + evil(), fields={"size": 1})),
        "directory-with-data": tar.tar_file(Item("d/", evil(), tar.DIRECTORY)),
        "set-user-id": tar.tar_file(Item("x", b"x", fields={"mode": 0o4777})),
    }


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123456\n"
DAMAGE: dict[str, tuple[str, bytes]] = {
    "zero-bytes": ("pt", b""),
    "zero-bytes-safetensors": ("safetensors", b""),
    "one-byte": ("pkl", b"\x80"),
    "one-stop": ("pkl", b"."),
    "lfs-pointer-pt": ("pt", LFS),
    "lfs-pointer-safetensors": ("safetensors", LFS),
    "all-zeros": ("bin", bytes(4096)),
    "random": ("bin", bytes(i * 73 % 251 for i in range(4096))),
    "text": ("pt", b"this is not a model\n"),
    "html-error-page": ("pt", b"<!DOCTYPE html><html><body>404</body></html>"),
    "pickle-cut": ("pkl", harmless()[:-7]),
    "pickle-cut-stop": ("pkl", harmless()[:-1]),
    "zip-cut": ("pt", t.checkpoint()[:-100]),
    "zip-end-only": ("pt", z.end_record(0, 0, 0)),
    "zip-local-only": ("pt", t.checkpoint()[:300]),
    "gzip-cut": ("gz", _gz(harmless())[:-9]),
    "gzip-header-only": ("gz", _gz(b"")[:10]),
    "xz-cut": ("xz", lzma.compress(harmless())[:-13]),
    "safetensors-cut": ("safetensors", s.safetensors()[:-3]),
    "safetensors-cut-header": ("safetensors", s.safetensors()[:20]),
    "npy-cut": ("npy", n.npy()[:-1]),
    "tar-cut": ("tar", tar.tar_file(Item("a", bytes(2000)))[:1500]),
    "7z-header-only": ("7z", seven_zip(b"")[:32]),
}


def _defaulted(build: Build) -> Callable[..., bytes]:
    return lambda c=CANARY: build(c)


def _fixed(name: str, row: str, ext: str, file: bytes) -> Sample:
    return Sample(name, "files", row, f"{name}.{ext}", lambda c=CANARY: file)


def _samples() -> list[Sample]:
    made = [
        Sample(f"named-{ext}", "files", "C1", f"model.{ext}", _defaulted(evil), True, "pickle.load", "flagged")
        for ext in EXTENSIONS
    ]
    made += [
        Sample("named-nothing", "files", "C1", "model", _defaulted(evil), True, "pickle.load", "flagged"),
        Sample("named-dot-file", "files", "C1", ".metadata", _defaulted(evil), True, "pickle.load", "flagged"),
        Sample(
            "named-text-pickle-md", "files", "P14", "README.md",
            lambda c=CANARY: f"cos\nsystem\n(S'{c}'\ntR.".encode(), True, "pickle.load", "flagged",
        ),
        Sample(
            "numpy-load-of-a-pickle", "files", "P20", "weights.dat", _defaulted(evil), True, "numpy.load", "flagged",
            needs="numpy",
        ),
        Sample(
            "joblib-load-of-a-pickle", "files", "P20", "weights.bin", _defaulted(evil), True, "joblib.load", "flagged",
            needs="joblib",
        ),
    ]  # fmt: skip
    for name, (ext, wrap) in WRAPPERS.items():
        build = _defaulted(lambda c, wrap=wrap: wrap(evil(c)))
        made.append(Sample(f"wrapped-{name}", "files", "C2", f"wrapped-{name}.{ext}", build))
    for name, (ext, make) in BOMBS.items():
        made.append(Sample(f"bomb-{name}", "files", "C9", f"bomb-{name}.{ext}", _defaulted(make), note="slow to read"))
    for name, (ext, make) in POLYGLOTS.items():
        made.append(Sample(f"polyglot-{name}", "files", "C7", f"polyglot-{name}.{ext}", _defaulted(make)))
    made += [_fixed(f"safetensors-{name}", "3.3", "safetensors", file) for name, file in TENSORS.items()]
    made += [_fixed(f"tar-{name}", "C9", "tar", file) for name, file in _tar_names().items()]
    made += [_fixed(f"damaged-{name}", "C14", ext, file) for name, (ext, file) in DAMAGE.items()]
    return made


SAMPLES = tuple(_samples())
