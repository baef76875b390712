"""Packages of torch.export and AOTInductor (``.pt2``): a zip with JSON graphs, weights, pickles and native libraries.

Recognised, and every member read for what it is: pickled sample inputs and constants as pickles (CVE-2026-4538), a
compiled library as machine code, which stays a gap. A newcomer would take the graphs for harmless because they are
JSON; torch hands the expressions in them to sympy, which evaluates them.
"""

from collections.abc import Iterator

from modelairlock.encodings.torch_archive import archive_facts, is_export
from modelairlock.encodings.zip import looks_like_zip, member_names
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Role


def _claims(probe: Probe) -> bool:
    if not looks_like_zip(probe):
        return False
    return is_export(member_names(probe))


def _role(record: str) -> Role:
    graph = record.startswith("models/") or record == "serialized_exported_program.json"
    index = record.startswith(("data/weights/", "data/constants/"))
    return "torch-export" if record.endswith(".json") and (graph or index) else ""


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    yield from archive_facts(cursor, "data/weights", "data/constants", role_of=_role)


FORMAT = Format(
    name="torch_export",
    summary="torch.export package (.pt2), with or without AOTInductor libraries.",
    claims=_claims,
    read=_read,
    extensions=(".pt2",),
    loaders=("torch.export.load", "torch._inductor.aoti_load_package"),
    passes_over="The records under data/weights and data/constants that are no pickles: torch takes them as numbers.",
    blind_spots=("Machine code is told and not taken apart.", "Weights that were trained to misbehave."),
    builds_on=("zip", "torch"),
    references=("torch/csrc/export/pt2_archive_constants.h", "CVE-2026-4538"),
)
