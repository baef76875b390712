"""Safetensors to safetensors: the same tensors behind a header of our own, without anybody's metadata."""

import json

from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.numbers import WIDEST
from modelairlock.disarm.plain import is_text, plain_name, plain_value
from modelairlock.reading import Budget, Malformed, OverLimit, Source
from modelairlock.records.disarm import MOST_DIMENSIONS, Framework, Plan, Store
from modelairlock.records.tensors import BITS

_HEADER_BYTES = 32 * 1024 * 1024
_METADATA = "__metadata__"
_FRAMEWORKS: dict[object, Framework] = {"pt": "pt", "np": "np", "tf": "tf", "flax": "flax", "mlx": "mlx"}


def is_safetensors(head: bytes) -> bool:
    """Whether a header of JSON with its length before it begins here."""
    return 2 <= int.from_bytes(head[:8], "little") < 1 << 40 and head[8:].lstrip(b" \t\r\n")[:1] == b"{"


def plan_safetensors(source: Source, _budget: Budget, _stream: int = -1) -> Plan:
    """The plan. Raises `ReadProblem`."""
    length = int.from_bytes(source.read(0, 8), "little")
    if length > _HEADER_BYTES:
        raise OverLimit(0, f"a header of {length} bytes, and {_HEADER_BYTES} are read for a conversion")
    try:
        described = json.loads(source.read(8, length), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Malformed(8, "a header of JSON", type(error).__name__) from None
    if not isinstance(described, dict):
        raise Malformed(8, "a JSON object", type(described).__name__)
    metadata = described.pop(_METADATA, {})
    framework = _FRAMEWORKS.get(metadata.get("format")) if isinstance(metadata, dict) else None
    harvest = Harvest(framework or "")
    for key, one in described.items():
        _tensor(harvest, key, one, 8 + length, source.size)
    texts: dict[str, object] = {}
    for key, text in metadata.items() if isinstance(metadata, dict) else ():
        if not isinstance(text, str) or not is_text(key):
            harvest.lose(f"{_METADATA}.{key}", "metadata", "the format has only texts there, under names that are text")
        elif key != "format":
            texts[plain_name(key)] = plain_value(text)
    return harvest.plan("safetensors", {_METADATA: texts} if texts else None)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    return made


def _tensor(harvest: Harvest, key: str, one: object, base: int, size: int) -> None:
    described = one if isinstance(one, dict) else {}
    dtype, shape, offsets = described.get("dtype"), described.get("shape"), described.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        harvest.lose(key, "a tensor", f"its type {dtype!r:.40} is not known")
        return
    lengths, places = _numbers(shape, MOST_DIMENSIONS), _numbers(offsets, 2)
    if lengths is None or places is None or len(places) != 2:
        harvest.lose(key, "a tensor", "it is not described by a shape and two offsets")
        return
    bits, (start, end) = BITS[dtype], (base + places[0], base + places[1])
    for length in lengths:
        bits = min(bits * length, WIDEST) if length else 0
    if not start <= end <= size or (end - start) * 8 != bits:
        harvest.lose(key, "a tensor", "its shape needs other bytes than it is given, or they are not in the file")
        return
    harvest.numbers(key, dtype, lengths, Store(start, end))


def _numbers(value: object, most: int) -> tuple[int, ...] | None:
    if not isinstance(value, list) or len(value) > most:
        return None
    plain = tuple(one for one in value if type(one) is int and 0 <= one < WIDEST)
    return plain if len(plain) == len(value) else None
