"""Archives of torch.package: a zip with pickles and the Python source that they import.

A newcomer would expect weights. PackageImporter imports the packaged modules as Python code, by design; the members are
read for what they are, and the source stays a gap.
"""

from collections.abc import Iterator

from modelairlock.encodings.torch_archive import archive_facts, is_package
from modelairlock.encodings.zip import looks_like_zip, member_names
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def _claims(probe: Probe) -> bool:
    return looks_like_zip(probe) and is_package(member_names(probe))


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    yield from archive_facts(cursor)


FORMAT = Format(
    name="torch_package",
    summary="torch.package archive: pickles together with the Python source they import.",
    claims=_claims,
    read=_read,
    extensions=(".pt",),
    loaders=("torch.package.PackageImporter",),
    blind_spots=("The Python source is recognised and not judged: it stays a gap.",),
    builds_on=("zip", "torch"),
    references=("torch/package/package_importer.py",),
)
