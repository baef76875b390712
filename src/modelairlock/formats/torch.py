"""PyTorch checkpoints: a zip with ``<root>/data.pkl``, and one record of raw numbers for each storage it names.

The pickle is an ordinary member and is read as one. What a newcomer would get wrong: a record is only raw numbers if
it lies where torch looks for storages; any other member is read for what it is, whatever it is called. Whether the
records have the sizes that the pickle states is for a rule to compare, since both are facts by then.
"""

from collections.abc import Iterator

from modelairlock.encodings.torch_archive import archive_facts, is_checkpoint, is_script
from modelairlock.encodings.zip import looks_like_zip, member_names
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def _claims(probe: Probe) -> bool:
    if not looks_like_zip(probe):
        return False
    names = member_names(probe)
    return is_checkpoint(names) and not is_script(names)


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    yield from archive_facts(cursor, "data")


FORMAT = Format(
    name="torch",
    summary="PyTorch checkpoint as torch.save writes it since 1.6: a zip with a pickle and raw storages.",
    claims=_claims,
    read=_read,
    extensions=(".pt", ".pth", ".ckpt"),
    loaders=("torch.load 1.6–2.13 (weights_only or not)",),
    passes_over="The records under data/: torch takes their bytes as numbers of a storage.",
    blind_spots=("Weights that were trained to misbehave.", "The CRC-32 of storages is not compared."),
    builds_on=("zip",),
    references=("torch/serialization.py", "CVE-2025-32434", "CVE-2026-24747"),
)
