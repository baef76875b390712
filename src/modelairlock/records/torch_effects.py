"""What is known of PyTorch's operators that do more than compute, and whether an operator is vouched for.

An operator that is neither vouched for nor known here is one of a library beside torch, of a newer torch, or none at
all: what it does is written in code that is not part of the file.
"""

from typing import NamedTuple

from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.torch_operators import VOUCHED

#: the function that torch.jit.load calls for an object whose class has one
AT_LOAD = "__setstate__"


class Effect(NamedTuple):
    """What an operator does: `effect` completes "…, which …". `at_load` is for what loading calls."""

    effect: str
    severity: Severity
    at_load: Severity


_WRITES = Effect("writes a file at a path of its choice", Severity.HIGH, Severity.HIGH)
_MAPS = Effect(
    "reads a file of its choice, or makes one and writes to it (shared=True)", Severity.MEDIUM, Severity.HIGH
)
_READS = Effect("reads a file of its choice", Severity.MEDIUM, Severity.HIGH)
_REMOTE = Effect("has other processes or machines work for it", Severity.MEDIUM, Severity.HIGH)
_PRINTS = Effect("prints to the console", Severity.INFO, Severity.LOW)

_EXACT: dict[tuple[str, str], Effect] = {
    ("aten", "save"): _WRITES,
    ("aten", "from_file"): _MAPS,
    ("aten", "_print"): _PRINTS,
    ("prim", "Print"): _PRINTS,
    ("prim", "rpc_async"): _REMOTE,
    ("prim", "rpc_remote"): _REMOTE,
    ("prim", "rpc_sync"): _REMOTE,
    ("image", "read_file"): _READS,
    ("image", "write_file"): _WRITES,
    ("torchaudio", "sox_io_save_audio_file"): _WRITES,
    ("torchaudio", "sox_io_load_audio_file"): _READS,
    ("torchaudio", "sox_effects_apply_effects_file"): _READS,
    ("debugprims", "load_tensor"): _READS,
}
#: sets of operators that all talk to others
_TALKING = frozenset({"c10d", "_c10d_functional", "_c10d_functional_autograd", "_dtensor", "symm_mem"})
_FILE_NAMES = {"save": _WRITES, "from_file": _MAPS}


def effect_of(fact: Operator) -> Effect | None:
    """What is known of the operator beyond computing. A method may be an operator of its name on a tensor."""
    if fact.domain == "method":
        return _FILE_NAMES.get(fact.name)
    if fact.domain in _TALKING:
        return _REMOTE
    return _EXACT.get((fact.domain, fact.name))


def is_vouched(fact: Operator) -> bool:
    """Whether somebody has looked at it and found that it computes and no more."""
    return fact.name in VOUCHED.get(fact.domain, ())
