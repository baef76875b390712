"""PyTorch checkpoints by hand: the zip form, the five-pickle stream before 1.6, the tar before 0.1.10, TorchScript.

Everything `torch.save` writes can be had honestly with `checkpoint(state({"w": tensor()}))`; every part is a parameter.
A newcomer would get wrong that ``torch.load`` finds its members by the directory's names below the *first* member's
folder, and that the legacy stream needs all five pickles, in order, with raw storages after the last.
"""

import struct
from collections.abc import Mapping

from tests.build import pickle_builder as p
from tests.build import tar_builder, zip_builder
from tests.build.zip_builder import Entry

#: `torch.serialization.MAGIC_NUMBER`
MAGIC = 0x1950A86A20F9469CFC6C
ORDERED_DICT = p.call(p.global_("collections", "OrderedDict"))


def storage(key: str = "0", numel: int = 4, kind: str = "FloatStorage", *, view: bool = False) -> p.Code:
    """A persistent id; `view` adds the legacy stream's sixth part."""
    parts = ("storage", p.global_("torch", kind), key, "cpu", numel, *([None] if view else []))
    return p.Code(p.push(parts) + p.BINPERSID)


def tensor(
    stored: p.Code | None = None,
    offset: int = 0,
    shape: tuple[int, ...] = (2, 2),
    stride: tuple[int, ...] = (2, 1),
    function: str = "_rebuild_tensor_v2",
) -> p.Code:
    stored = storage() if stored is None else stored
    return p.call(p.global_("torch._utils", function), stored, offset, shape, stride, False, ORDERED_DICT)


def state(items: Mapping[str, object] | None = None, protocol: int = 2) -> bytes:
    """The pickle of a dict of tensors (or of whatever `items` holds)."""
    return p.whole(p.push({"w": tensor()} if items is None else items), protocol)


def aligned(name: str, data: bytes, at: int, boundary: int = 64) -> Entry:
    """A stored member whose data start on `boundary`, by an extra field ``FB`` full of ``Z``, as PyTorch writes it."""
    room = -(at + 30 + len(name) + 4) % boundary
    return Entry(name, data, extra=zip_builder.extra_field(0x4246, b"Z" * room))


def members(
    pickle: bytes, storages: Mapping[str, bytes] | None = None, root: str = "archive", version: bytes = b"3\n"
) -> list[Entry]:
    """The members of an honest checkpoint, each data aligned to 64 bytes."""
    parts = [(f"{root}/data.pkl", pickle), (f"{root}/byteorder", b"little")]
    parts += [
        (f"{root}/data/{key}", data) for key, data in ({"0": bytes(16)} if storages is None else storages).items()
    ]
    parts += [(f"{root}/version", version), (f"{root}/.data/serialization_id", b"0" * 40)]
    entries, at = [], 0
    for name, data in parts:
        entry = aligned(name, data, at)
        at += 30 + len(name) + len(entry.extra) + len(data)
        entries.append(entry)
    return entries


def checkpoint(
    pickle: bytes | None = None,
    storages: Mapping[str, bytes] | None = None,
    *extra: Entry,
    root: str = "archive",
    version: bytes = b"3\n",
    **options: object,
) -> bytes:
    """A zip checkpoint with `extra` members at the end; `options` go to `zip_builder.zip_file`."""
    entries = members(state() if pickle is None else pickle, storages, root, version)
    return zip_builder.zip_file(*entries, *extra, **options)


def legacy(
    pickle: bytes | None = None,
    *,
    magic: bytes | None = None,
    protocol: bytes | None = None,
    system: bytes | None = None,
    keys: bytes | None = None,
    storages: tuple[tuple[int, bytes], ...] = ((4, bytes(16)),),
) -> bytes:
    """The five-pickle stream; each pickle can be replaced, `storages` are (element count, bytes)."""
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = (
        p.whole(p.long1(MAGIC), 2) if magic is None else magic,
        p.whole(p.binint2(1001), 2) if protocol is None else protocol,
        p.whole(p.push(info), 2) if system is None else system,
        state({"w": tensor(storage(view=True))}) if pickle is None else pickle,
        p.whole(p.push(["0"]), 2) if keys is None else keys,
    )
    return b"".join(parts) + b"".join(struct.pack("<q", count) + data for count, data in storages)


def legacy_tar(pickle: bytes, storages: bytes | None = None, tensors: bytes | None = None) -> bytes:
    """The tar form: one storage-less checkpoint, whose three pickled members can be replaced."""
    nothing = p.whole(p.binint1(0), 2)
    return tar_builder.tar_file(
        tar_builder.Item("sys_info", p.whole(p.push({"protocol_version": 1000}), 2)),
        tar_builder.Item("pickle", pickle),
        tar_builder.Item("tensors", nothing if tensors is None else tensors),
        tar_builder.Item("storages", nothing + p.whole(p.push([]), 2) if storages is None else storages),
    )


SCRIPT = """class Canary(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def forward(self: __torch__.Canary, x: Tensor) -> Tensor:
    return x
"""


def torchscript(
    code: str = SCRIPT,
    pickle: bytes | None = None,
    constants: bytes | None = None,
    *extra: Entry,
    root: str = "archive",
) -> bytes:
    """An archive such as ``torch.jit.save`` writes: `code` below ``code/``, an object pickle and a constants pickle."""
    module = p.Code(p.global_("__torch__", "Canary") + p.EMPTY_TUPLE + p.NEWOBJ + p.push({"training": True}) + p.BUILD)
    pickle = p.whole(module, 2) if pickle is None else pickle
    constants = p.whole(p.EMPTY_TUPLE, 2) if constants is None else constants
    extra = (Entry(f"{root}/code/__torch__.py", code.encode()), Entry(f"{root}/constants.pkl", constants), *extra)
    return checkpoint(pickle, {}, *extra, root=root)
