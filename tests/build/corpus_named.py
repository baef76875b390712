"""What got past the readers of the study's formats: bytes told apart by their name or first letters alone (row 3.3)."""

import json

from tests.build import pickle_builder as p
from tests.build import skops_builder as s
from tests.build import zip_builder as z
from tests.build.sample import CANARY, Sample, system
from tests.build.zip_builder import Entry


def _bzip2_start(command: str = CANARY) -> bytes:
    """``BZh`` is BINBYTES and the first half of a length."""
    return b"BZh\0\0" + bytes(0x685A) + system(command) + p.STOP


def _pt2(name: str, data: bytes, **more: bytes) -> bytes:
    entries = [
        Entry("archive/archive_format", b"pt2"),
        Entry("archive/archive_version", b"0"),
        Entry(f"archive/{name}", data),
    ]
    return z.zip_file(*entries, *(Entry(f"archive/{key}", value) for key, value in more.items()))


def _old_function(_: str = CANARY) -> bytes:
    node = s.node("FunctionNode", "numpy", "exp", content={"module_path": "os", "function": "system"})
    return z.zip_file(Entry("schema.json", json.dumps({**node, "protocol": 0}).encode()))


_MANIFEST = {"schemaVersion": 2, "layers": [{"digest": "sha256:../../../../etc/x", "size": 1}], "x": {"y": [{}]}}
SAMPLES = (
    Sample("named-bzip2", "named", "C1", "model.bin", _bzip2_start, True, "pickle.load", "flagged"),
    Sample("named-shard", "named", "C1", "group1-shard1of1.bin", _bzip2_start, expects="flagged"),
    Sample("named-data", "named", "C1", "model.data-00000-of-00001", _bzip2_start, expects="flagged"),
    Sample("named-opaque", "named", "C10", "m.pt2", lambda c="": _pt2("data/constants/opaque_obj_0", b"cthis\nd\n0N")),
    Sample(
        "named-weight", "named", "C10", "m.pt2", lambda c=CANARY: _pt2("data/weights/weight_0", _bzip2_start(c)),
        expects="flagged",
    ),
    Sample("named-old-function", "named", "3.3", "model.skops", _old_function, expects="flagged"),
    Sample("named-manifest", "named", "3.3", "manifest.json", lambda c=CANARY: json.dumps(_MANIFEST).encode()),
    Sample("named-operators", "named", "3.3", "genai_config.json", lambda c=CANARY: b'{"custom_ops_library": "a.so"}'),
)  # fmt: skip
