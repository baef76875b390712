"""A tar archive: every member is read anew, and links and devices are facts of their own.

What a newcomer would get wrong: unpacking a tar writes wherever its names and links say, and what one reader takes for
the end another reads over. `encodings.tar` states both; rules judge.
"""

from collections.abc import Iterator

from modelairlock.encodings.tar import looks_like_tar, read_archive
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Link, Member

#: members of torch.load's oldest format, which it still tries first on all that is no zip: pickles with raw numbers
#: between them. Who reads them as pickles one after another can be led to take the next pickle for a string.
_TORCHS = frozenset({"storages", "tensors"})


def claims(probe: Probe) -> bool:
    """By a first header whose checksum fits; one of the old v7 kind, without a magic, must look like one besides."""
    return looks_like_tar(probe)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """All members and links, up to the last byte."""
    for stated in read_archive(cursor):
        yield stated
        if isinstance(stated, Member | Link) and stated.name in _TORCHS:
            detail = (
                f"{stated.name!r}: torch.load takes it for pickles with raw numbers between, which is not read here"
            )
            yield Gap(start=stated.span.start, end=stated.span.end, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="tar",
    summary="Tar archive",
    claims=claims,
    read=read,
    extensions=(".tar",),
    loaders=("tarfile (Python)", "GNU tar", "bsdtar"),
    blind_spots=(
        "Sparse files and parts of multi-volume archives are gaps.",
        "Owners, modes, times, access lists and other pax records than path, linkpath and size are not looked at.",
        "An archive without any member is not recognised.",
        "Storages and tensors of PyTorch's oldest format (before 0.1.10) are gaps.",
    ),
    references=(
        "POSIX.1-2001 pax",
        "https://www.gnu.org/software/tar/manual/html_node/Standard.html",
        "CVE-2025-62518",
    ),
)
