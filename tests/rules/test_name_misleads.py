"""Names that promise data and hold code are findings; honest names and names that promise nothing are quiet."""

import bz2
import gzip
import lzma
import pickle
import zlib
from typing import Any, cast

import pytest

from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.tree import formats, read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.rule import Context
from modelairlock.rules.name_misleads import _CODE, _INERT, _QUIET, RULE
from tests.build.npy_builder import npy, npz
from tests.build.safetensors_builder import safetensors

PICKLE = pickle.dumps({"a": [1, 2, 3] * 50})
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
GIF = b"GIF89a" + b"\1\0\1\0\0\0\0" + b";"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"


def judged(data: bytes, name: str) -> list[Finding]:
    reading = read_tree(BytesSource(data), name, name, DEFAULT_LIMITS, strict=True)
    return [found for found in RULE.check(reading, Context(profiles=cast(Any, None))) if isinstance(found, Finding)]


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "config.json", "notes.txt", "README.md", "a.npy", "a.npz", "m.onnx", "m.gguf", "a.png",
     "weights.h5", "a.yaml", "dir/MODEL.SAFETENSORS", "t.csv"],
)  # fmt: skip
def test_a_pickle_under_a_name_of_data(name: str) -> None:
    (finding,) = judged(PICKLE, name)
    assert finding.severity is Severity.MEDIUM
    assert finding.message.endswith("and the content is pickle: loading it can run code")


def test_code_inside_a_container_under_a_name_of_data() -> None:
    (finding,) = judged(npz(("archive.txt", b"hello"), ("x", PICKLE)), "model.safetensors")
    assert finding.severity is Severity.MEDIUM
    assert finding.message == (
        "the name ends in .safetensors, and the content is zip, with pickle inside: loading it can run code"
    )
    (finding,) = judged(gzip.compress(PICKLE), "a.npy")
    assert finding.severity is Severity.MEDIUM
    (finding,) = judged(ELF, "vocab.txt")
    assert finding.severity is Severity.MEDIUM


def test_wrong_but_harmless_is_information() -> None:
    for data, name in [(GIF, "a.json"), (safetensors(), "m.npy"), (safetensors(), "m.pt"), (npy(), "m.safetensors")]:
        (finding,) = judged(data, name)
        assert finding.severity is Severity.INFO


HONEST = {
    "model.pkl": PICKLE, "a.pkl": gzip.compress(PICKLE), "b.pkl": zlib.compress(PICKLE),
    "c.joblib": bz2.compress(PICKLE), "d.joblib": lzma.compress(PICKLE),
    "e.z": zlib.compress(PICKLE), "a.npy.gz": gzip.compress(npy()),
    "pytorch_model.bin": PICKLE, "model.bin": safetensors(), "noext": PICKLE, "x.dat": PICKLE, "x.model": PICKLE,
    "optimizer.pt": PICKLE, "a.pth": PICKLE, "a.ckpt": PICKLE, "b.pt": npz(("data.pkl", PICKLE)), "a.npy": npy(),
    "a.npz": npz(("a.npy", npy())), "a.safetensors": safetensors(), "config.json": b"{}", "a.txt": b"hello",
    "a.gif": GIF, "p.safetensors": POINTER, "requirements.txt": b"numpy\n", "package.json": b"{}",
    "CMakeLists.txt": b"project(x)\n",
    "run.sh": b"#!/bin/sh\n", "latin1.txt": b"caf\xe9\n", "unknown.onnx": b"\x08\x07\x12", "lib.so": ELF,
    "empty.txt": b"", "tool.md": b"#!/bin/sh\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_honest_names_are_quiet(name: str) -> None:
    assert not judged(HONEST[name], name)


CONTAINERS = {
    "skops",
    "zip",
    "tar",
    "gzip",
    "bz2",
    "xz",
    "lzma",
    "zlib",
    "zstd",
    "lz4",
    "seven_zip",
    "rar",
    "keras",
    "hdf5",
}


def test_every_format_is_known_to_run_code_or_not() -> None:
    undecided = {known.name for known in formats()} - _CODE - _INERT - _QUIET - CONTAINERS
    assert not undecided, (
        f"say of {undecided} in rules/name_misleads.py: _CODE if loading it can run code, _INERT if it cannot; "
        "or name it in CONTAINERS here if its members tell"
    )
