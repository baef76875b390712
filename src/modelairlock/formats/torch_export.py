"""Packages of torch.export and AOTInductor (``.pt2``): a zip with JSON graphs, weights, pickles and native libraries.

Recognised, and every member read for what it is: pickled sample inputs and constants as pickles (CVE-2026-4538), a
compiled library as machine code, which stays a gap. A newcomer would take the graphs for harmless because they are
JSON; torch hands the expressions in them to sympy, which evaluates them. Nothing here reads graphs, so there is always
a gap.
"""

from collections.abc import Iterator

from modelairlock.encodings.torch_archive import archive_facts, is_export
from modelairlock.encodings.zip import looks_like_zip, member_names
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact


def _claims(probe: Probe) -> bool:
    if not looks_like_zip(probe):
        return False
    return is_export(member_names(probe))


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    yield from archive_facts(cursor)
    detail = "a torch.export package: what its graphs make torch evaluate is not judged yet"
    yield Gap(start=cursor.size, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="torch_export",
    summary="torch.export package (.pt2), with or without AOTInductor libraries.",
    claims=_claims,
    read=_read,
    extensions=(".pt2",),
    loaders=("torch.export.load", "torch._inductor.aoti_load_package"),
    blind_spots=("Graphs (JSON) and weights are recognised only; what no reader claims stays a gap.",),
    builds_on=("zip", "torch"),
    references=("torch/csrc/export/pt2_archive_constants.h", "CVE-2026-4538"),
)
