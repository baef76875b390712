"""Several numpy arrays in one zip, as ``numpy.savez`` writes them.

What a newcomer would get wrong: numpy looks only at a member's first bytes. One that is no array is handed to the
caller raw, whatever its name; one whose elements are objects is a pickle. So every member is read anew.
"""

from collections.abc import Iterator

from modelairlock.encodings.zip import looks_like_zip, member_names, read_archive
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """A zip that shows nothing but ``.npy`` members; under the name ``.npz`` one such member is enough."""
    if not looks_like_zip(probe):
        return False
    arrays = [name.endswith(".npy") for name in member_names(probe).names]
    return any(arrays) if probe.extension == ".npz" else bool(arrays) and all(arrays)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The archive and its members."""
    yield from read_archive(cursor)


FORMAT = Format(
    name="npz",
    summary="numpy arrays in a zip",
    claims=claims,
    read=read,
    extensions=(".npz",),
    loaders=("numpy.load",),
    passes_over="what the npy reader passes over in each member",
    blind_spots=("members that are no arrays are given to the caller as bytes; what the caller does is not known",),
    builds_on=("zip",),
    references=("https://numpy.org/doc/stable/reference/generated/numpy.savez.html",),
)
