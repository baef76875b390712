"""From bytes to a plan: which of the room's readers takes a file, by its content."""

from collections.abc import Callable

import msgspec

from modelairlock.disarm import gguf
from modelairlock.disarm.archive import members_of
from modelairlock.disarm.hdf5 import plan_hdf5
from modelairlock.disarm.keras import WEIGHTS, plan_keras
from modelairlock.disarm.npy import MAGIC, plan_npy, plan_npz
from modelairlock.disarm.pickles import plan_pickle
from modelairlock.disarm.safetensors import is_safetensors, plan_safetensors
from modelairlock.disarm.tensorflow import is_index, plan_tensorflow
from modelairlock.disarm.torch_export import plan_torch_export
from modelairlock.disarm.torch_legacy import is_legacy, plan_torch_legacy
from modelairlock.disarm.torch_script import plan_torch_script
from modelairlock.disarm.torch_zip import plan_torch_zip
from modelairlock.encodings.compression import inflate
from modelairlock.encodings.decoders import codec
from modelairlock.encodings.hdf5.superblock import begins as hdf5_begins
from modelairlock.encodings.torch_archive import below_root, is_checkpoint, is_export, is_script
from modelairlock.encodings.zip import looks_like_zip, member_names
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Probe, ReadProblem, Source, Unsupported
from modelairlock.records.disarm import Plan, Stream
from modelairlock.records.span import Span

_HEAD, _TAIL = 65536, 66 * 1024


def plan(
    source: Source, name: str, limits: Limits, *, drop_template: bool = False, beside: tuple[int, ...] = ()
) -> Plan:
    """What to copy to make safetensors of `source`; `refused` says why there is nothing to copy.

    With `drop_template`, what to copy of a GGUF file so that it is one without its chat templates. `beside` has the
    sizes of the files that hold a checkpoint's numbers; they are files 1, 2 … of the plan.
    """
    budget = Budget(limits, source.size)
    try:
        return _without_template(source, budget) if drop_template else _plan(source, name, budget, beside)
    except ReadProblem as problem:
        # That something is not in the file at all has no place in it.
        place = f"at byte {problem.position}: " if problem.position else ""
        return Plan(refused=f"{place}{problem.detail}"[:300])
    except MemoryError:
        return Plan(refused="reading it takes more memory than there is (limit: worker_bytes)")


def _plan(source: Source, name: str, budget: Budget, beside: tuple[int, ...]) -> Plan:
    head = source.read(0, min(_HEAD, source.size))
    tail = source.read(max(0, source.size - _TAIL), min(_TAIL, source.size))
    probe = Probe(head, tail, source.size, name, source=source, kept={})
    if looks_like_zip(probe):
        return _archive(source, probe, budget)
    if hdf5_begins(probe):
        return plan_hdf5(source, budget)
    found = _plain(head)
    if found:
        return found(source, budget)
    if is_index(source):
        return plan_tensorflow(source, budget, beside)
    for method in _METHODS:
        if codec(method, None).follows(head[:16]):
            return _compressed(source, method, budget)
    if head[:1] in _OLD_PICKLES:
        return plan_pickle(source, budget)
    raise _not_yet(head)


def _without_template(source: Source, budget: Budget) -> Plan:
    if source.read(0, 4) != gguf.MAGIC:
        raise Unsupported(0, "it is no GGUF file: only those have a chat template to drop")
    return gguf.plan_gguf(source, budget)


def _archive(source: Source, probe: Probe, budget: Budget) -> Plan:
    names = member_names(probe)
    # The names of an archive inside are among them: a package of torch.export has checkpoints in it.
    if is_export(names) and "data.pkl" not in map(below_root, members_of(source, budget)):
        return plan_torch_export(source, budget)
    if is_script(names):
        return plan_torch_script(source, budget)
    if is_checkpoint(names):
        return plan_torch_zip(source, budget)
    if WEIGHTS in names.names:
        return plan_keras(source, budget)
    if any(name.endswith(".npy") for name in names.names):
        return plan_npz(source, budget)
    raise Unsupported(0, "not yet converted: archives of this kind")


def _plain(head: bytes) -> Callable[..., Plan] | None:
    """What reads a file that is not compressed and no archive."""
    if head.startswith(MAGIC):
        return plan_npy
    if is_legacy(head):
        return plan_torch_legacy
    if is_safetensors(head):
        return plan_safetensors
    return plan_pickle if len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5 else None


def _compressed(source: Source, method: str, budget: Budget) -> Plan:
    """A file that is nothing but one compressed stream: joblib's, or anything that was packed as a whole."""
    inner = inflate(source, Span(0, source.size), method, budget)
    if inner.damage:
        raise Unsupported(0, f"what is compressed is damaged: {inner.damage}")
    head = inner.read(0, min(_HEAD, inner.size))
    found = _plain(head)
    if found is None or found is plan_safetensors:
        raise _not_yet(head)
    made = found(inner, budget, 0)
    if made.streams:
        raise Unsupported(0, "not yet converted: streams within streams")
    size = max((store.end for store in made.stores if store.stream == 0), default=0)
    return msgspec.structs.replace(made, streams=(Stream(0, source.size, method, size),))


def _not_yet(head: bytes) -> Unsupported:
    what = "files of this kind"
    if head.startswith(gguf.MAGIC):
        what = "GGUF, except to GGUF without its chat template (--drop-template)"
    elif head[257:262] == b"ustar":
        what = "tar archives, as torch before 0.1.10 wrote them"
    return Unsupported(0, f"not yet converted: {what}")


_METHODS = ("zlib", "gzip", "bzip2", "xz", "lz4-frame", "zstd")
#: what protocols 0 and 1 begin a container or an object with
_OLD_PICKLES = (b"(", b"}", b"]", b"c")
