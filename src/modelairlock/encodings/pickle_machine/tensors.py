"""Whether a torch tensor lies within the storage it is built on, from the arguments of the call that builds it.

torch before 2.10 did not check (CVE-2026-24747); a tensor past its storage reads and writes foreign memory.
"""

from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.ledger import Ledger
from modelairlock.records.facts import TensorBeyondStorage
from modelairlock.records.span import Span

#: their first four arguments are storage, offset, size and stride, all counted in elements (torch/_utils.py)
TENSOR_BUILDERS = frozenset(
    ("torch._utils", name)
    for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor")
)

#: numbers in a file may be of any length; a fact holds 64 bits
MOST = 2**63 - 1


def tensor_beyond_storage(ledger: Ledger, at: int, arguments: tuple[int, ...]) -> TensorBeyondStorage | None:
    """The fact, if the tensor of this call is known to reach past its storage."""
    if len(arguments) < 4 or arguments[0] & v.KIND != v.PERSISTENT:
        return None
    pid = ledger.persistent[arguments[0] >> 4]
    if len(pid) < 5:
        return None
    window = ledger.window
    has = v.whole_number(window, pid[4])
    offset = v.whole_number(window, arguments[1])
    size, stride = _numbers(ledger, arguments[2]), _numbers(ledger, arguments[3])
    if has is None or offset is None or size is None or stride is None or len(size) != len(stride):
        return None
    steps = [(count - 1) * step for count, step in zip(size, stride, strict=True)]
    reaches = offset + sum(step for step in steps if step > 0) + 1
    lowest = offset + sum(step for step in steps if step < 0)
    if 0 in size or (lowest >= 0 and reaches <= has):
        return None
    key = ledger.text(pid[2]) or "?"
    return TensorBeyondStorage(
        span=Span(at, at + 1), key=key, reaches=min(reaches, MOST), has=max(-MOST, min(has, MOST))
    )


def _numbers(ledger: Ledger, value: int) -> list[int] | None:
    items = ledger.items(value)
    if items is None:
        return None
    numbers = [v.whole_number(ledger.window, item) for item in items[:64]]
    return None if len(items) > 64 or None in numbers else [number for number in numbers if number is not None]
