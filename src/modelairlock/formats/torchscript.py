"""TorchScript archives: a zip with pickles, raw storages, and a program in TorchScript under ``code/``.

The pickles are read and the storages passed over; the program is source code, which its own reader walks. A
newcomer would take such an archive for a checkpoint because both are called ``.pt``, and so did torch.load before 2.6:
it handed the archive to torch.jit.load before it looked at ``weights_only`` (CVE-2025-32434).
"""

from collections.abc import Iterator

from modelairlock.encodings.torch_archive import archive_facts, below_root, is_script
from modelairlock.encodings.zip import looks_like_zip, member_names
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Member, Role

_PICKLES = frozenset({"data.pkl", "constants.pkl", "traced_inputs.pkl", "bytecode.pkl", "mobile_debug_handles.pkl"})


def _claims(probe: Probe) -> bool:
    return looks_like_zip(probe) and is_script(member_names(probe))


def _role(record: str) -> Role:
    """The classes that these pickles name are those of the program, which torch.jit.load takes from the archive."""
    program = record.startswith("code/") and record.endswith((".py", ".debug_pkl"))
    return "torchscript" if program or record in _PICKLES else ""


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    missing = {"data.pkl", "constants.pkl", "code/"}
    for stated in archive_facts(cursor, "data", "constants", "traced_inputs", role_of=_role):
        yield stated
        if not isinstance(stated, Member):
            continue
        record = below_root(stated.name).lower()
        missing.discard("code/" if record.startswith("code/") and record.endswith(".py") else record)
        if record == "bytecode.pkl":
            detail = "bytecode.pkl: a program for the mobile interpreter, which nothing reads yet"
            yield Gap(start=cursor.size, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)
    if missing:
        # A checkpoint that has but one of them is taken for TorchScript by some versions of torch and not by others.
        detail = f"a TorchScript archive without {' or '.join(sorted(missing))}, which torch.jit.save always writes"
        yield Gap(start=cursor.size, end=cursor.size, because=Because.UNRECOGNISED, detail=detail)


FORMAT = Format(
    name="torchscript",
    summary="TorchScript archive as torch.jit.save writes it: pickles, raw storages and a program.",
    claims=_claims,
    read=_read,
    extensions=(".pt", ".pth", ".ptl", ".torchscript", ".jit"),
    loaders=("torch.jit.load", "torch.load before 2.6, even with weights_only=True (CVE-2025-32434)"),
    passes_over="The records under data/, constants/ and traced_inputs/: torch takes their bytes as numbers.",
    blind_spots=(
        "bytecode.pkl (.ptl) is read as a pickle; the program in it, for the mobile interpreter, stays a gap.",
        "Weights that were trained to misbehave.",
    ),
    builds_on=("zip", "torch"),
    references=("torch/csrc/jit/docs/serialization.md", "CVE-2025-32434"),
)
