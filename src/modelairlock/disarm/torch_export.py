"""Packages of torch.export (``.pt2``): JSON says which record holds the numbers of which tensor.

What a newcomer would get wrong: a record may be a pickle, as the JSON says (``use_pickle``), and then torch unpickles
it without a guard. Such tensors are lost here. The graph, sample inputs and compiled libraries are left behind.
"""

import json

from modelairlock.disarm.archive import members_of
from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.numbers import TORCH_DTYPES, WIDEST
from modelairlock.disarm.torch_calls import within
from modelairlock.disarm.torch_zip import content_of, refuse_big, root_of_any
from modelairlock.disarm.values import Storage, View
from modelairlock.encodings.torch_archive import below_root
from modelairlock.reading import Budget, Malformed, OverLimit, Source, Unsupported
from modelairlock.records.disarm import MOST_DIMENSIONS, Plan, Store
from modelairlock.records.facts import Member

_FOLDERS = (("data/weights/", "_weights_config.json"), ("data/constants/", "_constants_config.json"))
#: torch/_export/serde/schema.py, ``ScalarType``
_DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
    9: "complex32", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16", 29: "float8_e4m3fn",
    30: "float8_e5m2", 31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz", 33: "float8_e8m0fnu", 34: "uint32", 35: "uint64",
}  # fmt: skip
_STRIDED = 7
_CONFIG_BYTES = 64 * 1024 * 1024
_ODD = "it is not described as torch.export does"


def plan_torch_export(source: Source, budget: Budget) -> Plan:
    """The plan. Raises `ReadProblem`."""
    members = members_of(source, budget)
    root = root_of_any(members)
    refuse_big(source, members.get(f"{root}/byteorder"), budget)
    harvest = Harvest("pt")
    records = {below_root(name): member for name, member in members.items()}

    def locate(storage: Storage) -> Store | str:
        member = records[storage.key]
        return Store(*member.span) if member.method == "stored" else f"its record is packed by {member.method:.40}"

    harvest.look_in(locate)
    configs = [(name, *pair) for name in records for pair in _FOLDERS if name.startswith(pair[0])
               and name.endswith(pair[1])]  # fmt: skip
    models = {name.removeprefix(folder).removesuffix(end) for name, folder, end in configs}
    if not configs:
        raise Unsupported(0, "not yet converted: packages of torch.export before 2.9, whose weights are pickles")
    used = {"archive_format", "archive_version", "byteorder"}
    for name, folder, end in configs:
        used.add(name)
        prefix = f"{name.removeprefix(folder).removesuffix(end)}." if len(models) > 1 else ""
        used |= _tensors(harvest, _config(source, records[name], budget), folder, prefix, records)
    left = [name for name in records if name not in used and not name.startswith(".data/")]
    harvest.drop("models", f"a program, and what belongs to it, in {len(left)} members", "it holds no weights")
    return harvest.plan("torch_export", None)


def _config(source: Source, member: Member, budget: Budget) -> dict[str, object]:
    inner = content_of(source, member, budget)
    if inner.size > _CONFIG_BYTES:
        raise OverLimit(member.span.start, f"{member.name:.80} is more than {_CONFIG_BYTES} bytes")
    try:
        said = json.loads(inner.read(0, inner.size), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Malformed(member.span.start, "JSON", type(error).__name__) from None
    config = said.get("config") if isinstance(said, dict) else None
    if not isinstance(config, dict):
        raise Malformed(member.span.start, "the configuration of weights", "something else")
    return config


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    return made


def _tensors(
    harvest: Harvest, config: dict[str, object], folder: str, prefix: str, records: dict[str, Member]
) -> set[str]:
    """Every tensor of one configuration; the records they are in."""
    storages: dict[str, Storage] = {}
    for name, one in config.items():
        key = f"{prefix}{name}"
        said = one if isinstance(one, dict) else {}
        record = f"{folder}{said.get('path_name')}"
        if record not in records:
            harvest.lose(key, "a tensor", "the archive has not the record that it is said to be in")
        elif said.get("use_pickle") is not False:
            harvest.lose(key, "a tensor or object", "it is in a pickle inside the archive")
        else:
            view = _view(said.get("tensor_meta"), record, records[record], storages)
            if isinstance(view, str):
                harvest.lose(key, "a tensor", view)
            else:
                harvest.view(key, view)
    return set(storages)


def _view(meta: object, record: str, member: Member, storages: dict[str, Storage]) -> View | str:
    said = meta if isinstance(meta, dict) else {}
    shape, strides = _numbers(said.get("sizes")), _numbers(said.get("strides"))
    offset = _numbers([said.get("storage_offset")])
    dtype, width = TORCH_DTYPES.get(_DTYPES.get(_plain(said.get("dtype")), ""), ("", 0))
    if not dtype:
        return "its type has no place in safetensors"
    if said.get("layout") != _STRIDED or shape is None or strides is None or not offset or len(shape) != len(strides):
        return _ODD
    size = member.size_bytes or 0
    kept = storages.setdefault(record, Storage(record, dtype, width, size // width))
    if (kept.dtype, size % width) != (dtype, 0):
        return "its record is described in two ways, or does not hold whole numbers"
    if not within(shape, strides, offset[0], kept.elements):
        # An empty record stands for zeros, whatever the shape; nothing but an empty tensor is written so.
        return "it reaches beyond its record"
    return View(kept, dtype, width, shape, strides, offset[0])


def _plain(value: object) -> int:
    return value if type(value) is int else -1


def _numbers(value: object) -> tuple[int, ...] | None:
    """``[{"as_int": 3}, …]`` as numbers; None if one of them is none, or an expression."""
    if not isinstance(value, list) or len(value) > MOST_DIMENSIONS:
        return None
    found = [_plain(one.get("as_int")) if isinstance(one, dict) else -1 for one in value]
    return tuple(found) if all(0 <= one < WIDEST for one in found) else None
