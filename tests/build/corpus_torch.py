"""Checkpoints of PyTorch: payloads in each of its forms, and tensors that lie about their storages (P16, C10, C11).

What the CVEs did is built as a shape only: nothing here overwrites memory, and the samples for them are never loaded.
"""

import struct
from collections.abc import Callable

from tests.build import corpus_damage, safetensors_builder
from tests.build import pickle_builder as p
from tests.build import tar_builder as tar
from tests.build import torch_builder as t
from tests.build import zip_builder as z
from tests.build.sample import CANARY, Sample, evil, harmless, python, system, written
from tests.build.zip_builder import Entry

Build = Callable[[str], bytes]


def _tar(**members: bytes) -> bytes:
    return tar.tar_file(*(tar.Item(name, data) for name, data in members.items()))


def _tar_storages(command: str, *, linked: bool = False) -> bytes:
    """torch's oldest format, as torch 2.13 still reads it: raw numbers between pickles; their count is opcodes too."""
    count = 0x58 | 0x10 << 8  # BINUNICODE of 16 bytes
    numbers = b"a" * 13
    hidden = evil(command, 2)
    rest = count * 4 - len(numbers) - 5
    numbers += b"B" + struct.pack("<I", rest + len(hidden)) + b"a" * rest
    storage = p.whole(p.push(("0", "cpu", p.global_("torch", "FloatStorage"))), 2)
    storages = p.whole(p.push(1), 2) + storage + struct.pack("<q", count) + numbers + hidden + p.STOP
    nothing = p.whole(p.push(0), 2)
    first = tar.Item("x" if linked else "storages", storages)
    link = [tar.Item("storages", kind=tar.HARDLINK, link="x")] if linked else []
    return tar.tar_file(first, tar.Item("tensors", nothing), tar.Item("pickle", nothing), *link)


def _script_with_setstate(c: str) -> bytes:
    """TorchScript whose `__setstate__` runs while loading and writes a file: no pickle call needed."""
    code = (
        "class Canary(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
        "  def __getstate__(self: __torch__.Canary) -> bool:\n    return True\n"
        "  def __setstate__(self: __torch__.Canary, state: bool) -> NoneType:\n"
        f'    ops.aten.save(1, "{written(c)}")\n'
        "    self.training = state\n    return None\n"
        "  def forward(self: __torch__.Canary, x: Tensor) -> Tensor:\n    return x\n"
    )
    module = p.Code(p.global_("__torch__", "Canary") + p.EMPTY_TUPLE + p.NEWOBJ + p.NEWTRUE + p.BUILD)
    return t.torchscript(code, p.whole(module, 2))


def _script_in_constants(c: str) -> bytes:
    return t.torchscript(constants=evil(c, 2))


def _package(c: str) -> bytes:
    """A torch.package: Python source that is imported when its pickle is loaded."""
    return z.zip_file(
        Entry("model/model/model.pkl", p.whole(p.global_("own", "x"), 3)),
        Entry("model/own.py", f"x = {python(c)}\n".encode()),
        Entry("model/.data/extern_modules", b"os\n"),
        Entry("model/.data/version", b"6\n"),
        Entry("model/.data/python_version", b"3.11.7"),
    )


def _pt2(c: str) -> bytes:
    return z.zip_file(
        Entry("model/archive_format", b"pt2"),
        Entry("model/archive_version", b"0"),
        Entry("model/models/model.json", b"{}"),
        Entry("model/data/sample_inputs/model.pt", t.checkpoint(evil(c, 2), {})),
        Entry("model/data/aotinductor/model/model.so", b"\x7fELF" + bytes(60)),
    )


def _mar(c: str) -> bytes:
    return z.zip_file(
        Entry("MAR-INF/MANIFEST.json", b'{"model": {"handler": "handler.py", "serializedFile": "m.pt"}}'),
        Entry("handler.py", python(c).encode()),
        Entry("m.pt", t.checkpoint(t.state())),
    )


LEGACY_EVIL: dict[str, Build] = {
    "magic": lambda c: t.legacy(magic=evil(c, 2)),
    # an expression yields the number, so that the stream is not recognised by its first bytes
    "magic-computed": lambda c: t.legacy(
        magic=p.whole(p.call(p.global_("builtins", "eval"), f"({python(c)}, {t.MAGIC})[1]"), 2)
    ),
    "protocol": lambda c: t.legacy(protocol=evil(c, 2)),
    "system-info": lambda c: t.legacy(system=evil(c, 2)),
    "object": lambda c: t.legacy(evil(c, 2)),
    "keys": lambda c: t.legacy(keys=evil(c, 2)),
}

#: run by torch.load: row, build
EXECUTED: dict[str, tuple[str, Build]] = {
    "legacy-magic": ("C11", LEGACY_EVIL["magic"]),
    "legacy-magic-computed": ("P16", LEGACY_EVIL["magic-computed"]),
    "legacy-protocol": ("C11", LEGACY_EVIL["protocol"]),
    "legacy-system-info": ("C11", LEGACY_EVIL["system-info"]),
    "legacy-object": ("C11", LEGACY_EVIL["object"]),
    "legacy-keys": ("C11", LEGACY_EVIL["keys"]),
    "legacy-plain-pickle": ("C11", lambda c: evil(c, 2)),
    "legacy-tar-pickle": ("C11", lambda c: t.legacy_tar(evil(c, 2))),
    "legacy-tar-storages": ("C11", lambda c: t.legacy_tar(harmless(2), storages=evil(c, 2))),
    "legacy-tar-tensors": ("C11", lambda c: t.legacy_tar(harmless(2), tensors=evil(c, 2))),
    "payload-among-tensors": ("P13", lambda c: t.checkpoint(t.state({"w": t.tensor(), "b": system(c)}))),
    "payload-in-persistent-id": (
        "P7", lambda c: t.checkpoint(p.whole(p.push(("storage", system(c), "0", "cpu", 4)) + p.BINPERSID, 2))),
    "payload-as-rebuild-argument": (
        "P5", lambda c: t.checkpoint(t.state({"w": t.tensor(), "x": t.tensor(shape=(system(c),))}))),
    "payload-in-nested-checkpoint": ("P12", lambda c: t.checkpoint(
        t.state({"w": p.call(p.global_("torch.storage", "_load_from_bytes"), t.legacy(evil(c, 2)))}))),
    # PyTorch unpickles a member from memory, where even a small frame can be straddled
    "frame-straddled": ("P8", lambda c: t.checkpoint(corpus_damage.straddle_argument(c))),
    "other-root": ("C10", lambda c: t.checkpoint(evil(c, 2), {}, root="a b/c".replace("/", "_"))),
    "protocol-0": ("P14", lambda c: t.checkpoint(evil(c, None), {})),
    "broken-behind": ("P10", lambda c: t.checkpoint(evil(c, 2)[:-1] + b"\xff", {})),
    "second-pickle-behind": ("P11", lambda c: t.checkpoint(evil(c, 2) + harmless(2), {})),
}  # fmt: skip


def _storage_item(target: p.Code) -> p.Code:
    return p.Code(target + p.binint1(0) + p.binfloat(1.0) + p.SETITEM)


#: not loaded: the shape of a CVE, or a carrier whose code runs later
SHAPES: dict[str, tuple[str, Build]] = {
    "constants-only": ("C10", lambda c: t.checkpoint(t.state(), None, Entry("archive/constants.pkl", harmless(2)))),
    "code-folder-only": (
        "C10", lambda c: t.checkpoint(t.state(), None, Entry("archive/code/__torch__.py", t.SCRIPT.encode()))),
    "torchscript-evil-constants": ("C10", _script_in_constants),
    "torchscript-save-in-forward": ("C10", lambda c: t.torchscript(
        t.SCRIPT.replace("return x", "ops.aten.save(x, \"/dev/null\")\n    return x"))),
    "torchscript-from-file": ("C10", lambda c: t.torchscript(
        t.SCRIPT.replace("return x", "return torch.from_file(\"/etc/hostname\", None, 1)"))),
    "torchscript-bytecode": (
        "C10", lambda c: t.torchscript(t.SCRIPT, None, None, Entry("archive/bytecode.pkl", evil(c, 2)))),
    "pt2": ("C10", _pt2),
    "mar": ("C10", _mar),
    "shared-object": (
        "C10", lambda c: t.checkpoint(t.state(), None, Entry("archive/lib.so", b"\x7fELF\x02\x01\x01" + bytes(57)))),
    "python-source": ("C10", lambda c: t.checkpoint(t.state(), None, Entry("archive/x.py", python(c).encode()))),
    "setitem-on-tensor": ("P5", lambda c: t.checkpoint(t.state({"w": _storage_item(t.tensor())}))),
    "setitems-on-tensor": ("P5", lambda c: t.checkpoint(t.state(
        {"w": p.Code(t.tensor() + p.MARK + p.binint1(0) + p.binfloat(1.0) + p.SETITEMS)}))),
    "setitem-on-storage": ("P5", lambda c: t.checkpoint(t.state({"w": _storage_item(t.storage())}))),
    "setitem-on-memoised-tensor": ("P5", lambda c: t.checkpoint(t.state(
        {"w": p.Code(t.tensor() + p.binput(9)), "x": _storage_item(p.Code(p.binget(9)))}))),
    "append-to-tensor": ("P5", lambda c: t.checkpoint(t.state({"w": p.Code(t.tensor() + p.NONE + p.APPEND)}))),
    "build-on-tensor": ("P5", lambda c: t.checkpoint(t.state({"w": p.build(t.tensor(), {"data": 1})}))),
    "storage-shorter-than-stated": ("P7", lambda c: t.checkpoint(t.state(), {"0": bytes(4)})),
    "storage-longer-than-stated": ("P7", lambda c: t.checkpoint(t.state(), {"0": bytes(64)})),
    "storage-missing": ("P7", lambda c: t.checkpoint(t.state(), {})),
    "storage-huge-count": ("P7", lambda c: t.checkpoint(t.state({"w": t.tensor(t.storage(numel=2**62))}))),
    "storage-negative-count": ("P7", lambda c: t.checkpoint(t.state({"w": t.tensor(t.storage(numel=-4))}))),
    "storage-key-traverses": ("P7", lambda c: t.checkpoint(t.state({"w": t.tensor(t.storage("../data.pkl"))}))),
    "storage-type-not-one": (
        "P7", lambda c: t.checkpoint(t.state({"w": t.tensor(t.storage(kind="load"))}))),
    "persistent-id-not-a-tuple": ("P7", lambda c: t.checkpoint(p.whole(p.push("0") + p.BINPERSID, 2))),
    "persistent-id-unknown": ("P7", lambda c: t.checkpoint(p.whole(p.push(("module", 1, "a", "b")) + p.BINPERSID, 2))),
    "persistent-id-of-number": ("P7", lambda c: t.checkpoint(
        p.whole(p.push((7, p.global_("torch", "FloatStorage"), "0", "cpu", 4)) + p.BINPERSID, 2))),
    "tensor-past-storage": ("P7", lambda c: t.checkpoint(t.state({"w": t.tensor(shape=(1000, 1000))}))),
    "tensor-offset-past": ("P7", lambda c: t.checkpoint(t.state({"w": t.tensor(offset=10**9)}))),
    "tensor-stride-past": ("P7", lambda c: t.checkpoint(t.state({"w": t.tensor(stride=(2**40, 1))}))),
    "tensor-negative-stride": ("P7", lambda c: t.checkpoint(t.state({"w": t.tensor(stride=(-2, 1))}))),
    "tensor-overflow": ("P7", lambda c: t.checkpoint(t.state({"w": t.tensor(shape=(2**62, 4), stride=(2**62, 4))}))),
    "legacy-storages-cut": ("C14", lambda c: t.legacy()[:-8]),
    "legacy-storage-count-lies": ("C11", lambda c: t.legacy(storages=((2**60, bytes(16)),))),
    "legacy-evil-behind-storages": ("C11", lambda c: t.legacy() + evil(c, 2)),
    "legacy-wrong-magic": ("C11", lambda c: t.legacy(magic=p.whole(p.long1(t.MAGIC + 1), 2))),
    "legacy-four-pickles": ("C11", lambda c: t.legacy(keys=b"", storages=())),
    "legacy-tar-sys-info": ("C11", lambda c: _tar(sys_info=evil(c, 2), pickle=harmless(2), storages=b"", tensors=b"")),
    "legacy-tar-link": ("C11", lambda c: tar.tar_file(
        tar.Item("storages", kind=tar.SYMLINK, link="/etc/passwd"), tar.Item("pickle", harmless(2)))),
    "dcp-metadata": ("P20", lambda c: evil(c, 4)),
    "no-data-pkl": ("C10", lambda c: z.zip_file(Entry("archive/version", b"3\n"), Entry("archive/data/0", bytes(16)))),
    "safetensors-named-pt-inside": ("C1", lambda c: t.checkpoint(
        t.state(), None, Entry("archive/x.safetensors", safetensors_builder.safetensors(suffix=evil(c))))),
}  # fmt: skip


def _defaulted(build: Build) -> Callable[..., bytes]:
    return lambda c=CANARY: build(c)


def _samples() -> list[Sample]:
    made = [
        Sample(
            f"torch-{name}", "torch", row, f"torch-{name}.pt", _defaulted(build), True, "torch.load", "flagged",
            needs="torch",
        )
        for name, (row, build) in EXECUTED.items()
    ]  # fmt: skip
    names = {"dcp-metadata": ".metadata", "pt2": "model.pt2", "mar": "model.mar"}
    made += [
        Sample(f"torch-{name}", "torch", row, names.get(name, f"torch-{name}.pt"), _defaulted(build))
        for name, (row, build) in SHAPES.items()
    ]
    script = Sample(
        "torch-torchscript-setstate", "torch", "C10", "setstate.pt", _defaulted(_script_with_setstate), True,
        "torch.jit.load", "flagged", "CVE-2025-32434: torch.load did the same before 2.6", needs="torch",
    )  # fmt: skip
    package = Sample(
        "torch-package", "torch", "C10", "package.pt", _defaulted(_package), True, "torch.package", "flagged",
        "Python source in the archive is imported", needs="torch",
    )  # fmt: skip
    made += [
        Sample("torch-tar-storages", "torch", "C11", "model.tar", _defaulted(_tar_storages), note="torch 2.13 runs it"),
        Sample("torch-tar-linked", "torch", "C11", "model.pt", lambda c=CANARY: _tar_storages(c, linked=True)),
    ]
    return [*made, script, package]


SAMPLES = tuple(_samples())
