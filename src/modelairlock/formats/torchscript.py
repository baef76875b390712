"""TorchScript archives: a zip with pickles, raw storages, and a program in TorchScript under ``code/``.

The pickles are read and the storages passed over; the program is source code, which its own reader accounts for. A
newcomer would take such an archive for a checkpoint because both are called ``.pt``, and so did torch.load before 2.6:
it handed the archive to torch.jit.load before it looked at ``weights_only`` (CVE-2025-32434).
"""

from collections.abc import Iterator

from modelairlock.encodings.torch_archive import archive_facts, is_script
from modelairlock.encodings.zip import looks_like_zip, member_names
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact


def _claims(probe: Probe) -> bool:
    return looks_like_zip(probe) and is_script(member_names(probe))


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    yield from archive_facts(cursor, "data", "constants")
    # The source under code/ states its own facts and gaps; an archive without any is no more vouched for.
    detail = "a TorchScript program: what its classes and operators do is not judged yet"
    yield Gap(start=cursor.size, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="torchscript",
    summary="TorchScript archive as torch.jit.save writes it: pickles, raw storages and a program.",
    claims=_claims,
    read=_read,
    extensions=(".pt", ".pth", ".ptl", ".torchscript", ".jit"),
    loaders=("torch.jit.load", "torch.load before 2.6, even with weights_only=True (CVE-2025-32434)"),
    passes_over="The records under data/ and constants/: torch takes their bytes as numbers of a storage.",
    blind_spots=("The program under code/ is recognised and not judged yet: it stays a gap.",),
    builds_on=("zip", "torch"),
    references=("torch/csrc/jit/docs/serialization.md", "CVE-2025-32434"),
)
