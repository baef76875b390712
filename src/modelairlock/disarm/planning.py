"""From bytes to a plan: which of the room's readers takes a file, by its content."""

from modelairlock.disarm.torch_zip import plan_torch_zip
from modelairlock.encodings.torch_archive import is_checkpoint
from modelairlock.encodings.zip import looks_like_zip, member_names
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Probe, ReadProblem, Source, Unsupported
from modelairlock.records.disarm import Plan

_HEAD, _TAIL = 65536, 66 * 1024


def plan(source: Source, name: str, limits: Limits) -> Plan:
    """What to copy to make safetensors of `source`; `refused` says why there is nothing to copy."""
    budget = Budget(limits, source.size)
    try:
        return _plan(source, name, budget)
    except ReadProblem as problem:
        detail = problem.detail
        return Plan(refused=detail if detail.startswith("not yet") else f"at byte {problem.position}: {detail}"[:300])
    except MemoryError:
        return Plan(refused="reading it takes more memory than there is (limit: worker_bytes)")


def _plan(source: Source, name: str, budget: Budget) -> Plan:
    head = source.read(0, min(_HEAD, source.size))
    tail = source.read(max(0, source.size - _TAIL), min(_TAIL, source.size))
    probe = Probe(head, tail, source.size, name, source=source, kept={})
    if looks_like_zip(probe) and is_checkpoint(member_names(probe)):
        return plan_torch_zip(source, budget)
    raise Unsupported(0, "not yet converted: files of this kind")
