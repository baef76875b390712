"""Converting in tests: through the wall and onto the disk, or only as far as the plan; and reading what came out."""

import json
from pathlib import Path

from modelairlock.disarm.planning import plan
from modelairlock.limits import Limits
from modelairlock.pipeline.convert import Wanted, convert
from modelairlock.reading import BytesSource
from modelairlock.records.conversion import ConversionRecord
from modelairlock.records.disarm import Plan


def planned(data: bytes, name: str = "x.pt", **limits: float) -> Plan:
    """The plan for `data`, made in this process."""
    return plan(BytesSource(data), name, Limits(**limits))


def converted(tmp_path: Path, data: bytes | Path, name: str = "in.pt", **wanted: object) -> ConversionRecord:
    """`data`, converted to ``out.safetensors`` in `tmp_path`."""
    source = data if isinstance(data, Path) else tmp_path / name
    if not isinstance(data, Path):
        source.write_bytes(data)
    return convert(str(source), str(tmp_path / "out.safetensors"), Wanted(**wanted))


def contents(path: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Type, shape and bytes of each tensor of a safetensors file."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    described = json.loads(data[8 : 8 + length])
    described.pop("__metadata__", None)
    found, last = {}, 0
    for key, one in sorted(described.items(), key=lambda item: item[1]["data_offsets"]):
        start, end = one["data_offsets"]
        assert start == last, "holes or overlaps"
        last = end
        found[key] = one["dtype"], tuple(one["shape"]), data[8 + length + start : 8 + length + end]
    assert 8 + length + last == len(data)
    return found


def kept(tmp_path: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """The tensors that were written."""
    return contents(tmp_path / "out.safetensors")


def plain(tmp_path: Path) -> object:
    """What is no tensor."""
    return json.loads((tmp_path / "out.safetensors.json").read_text("ascii"))["data"]


def left_over(tmp_path: Path) -> set[str]:
    """Files that nobody asked for."""
    return {path.name for path in tmp_path.iterdir()} - {"in.pt", "out.safetensors", "out.safetensors.json"}
