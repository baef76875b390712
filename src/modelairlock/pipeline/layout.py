"""The safetensors file that a plan makes: which tensor lies where, and the header that says so.

Tensors with wide elements come first, as the reference writes them, so that each begins at a multiple of its width:
torch maps them in place.
"""

import json
from collections.abc import Sequence

from modelairlock.pipeline.convert_answer import tensor_bytes
from modelairlock.records.disarm import Tensor
from modelairlock.records.tensors import BITS

#: the largest header that the reference reader takes
HEADER_BYTES = 100_000_000


def laid_out(tensors: Sequence[Tensor]) -> list[tuple[Tensor, int, int]]:
    """Each tensor with where its bytes begin and end behind the header."""
    made, at = [], 0
    for tensor in sorted(tensors, key=lambda one: (-BITS[one.dtype], one.key)):
        end = at + tensor_bytes(tensor)
        made.append((tensor, at, end))
        at = end
    return made


def header(places: Sequence[tuple[Tensor, int, int]], framework: str) -> bytes:
    """The beginning of the file, up to the first tensor's first byte."""
    described: dict[str, object] = {"__metadata__": {"format": framework}} if framework else {}
    for tensor, start, end in places:
        described[tensor.key] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": (start, end)}
    text = json.dumps(described, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
