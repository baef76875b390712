"""Virtual datasets: a list, in the heap, of files and datasets whose elements show up in this one.

What a newcomer would get wrong: selections stand between the names, and to find the next name each must be walked
over. The file ``.`` is this very file.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed, Unsupported

_NONE, _POINTS, _HYPERSLABS, _ALL = range(4)
#: sources of one dataset
_MOST = 100_000


class Source(NamedTuple):
    """A file and a dataset in it, as they stand there; both may hold ``%b`` for a number."""

    file: str
    dataset: str


def sources(store: Store, fields: Fields) -> Iterator[Source]:
    """Every source of the list at `fields`."""
    at = fields.position
    version = fields.number(1)
    if version != 0:
        raise Unsupported(at, f"version {version} of a list of virtual sources")
    count = store.length(fields)
    if count > _MOST:
        raise Malformed(at, f"at most {_MOST} virtual sources", str(count))
    for _ in range(count):
        store.count(fields.position)
        file, dataset = fields.text(), fields.text()
        yield Source(file.decode("utf-8", "backslashreplace"), dataset.decode("utf-8", "backslashreplace"))
        _selection(fields)
        _selection(fields)
    fields.skip(4)


def _selection(fields: Fields) -> None:
    at = fields.position
    kind, version = fields.number(4), fields.number(4)
    if kind in (_NONE, _ALL):
        fields.skip(8)
    elif version == 1:
        fields.skip(4)
        fields.skip(fields.number(4))
    elif kind == _POINTS and version == 2:
        width = fields.number(1)
        rank = fields.number(4)
        fields.skip(fields.number(width) * rank * width)
    elif kind == _HYPERSLABS and version in (2, 3):
        _hyperslabs(fields, version)
    else:
        raise Unsupported(at, f"a selection of kind {kind} and version {version}")


def _hyperslabs(fields: Fields, version: int) -> None:
    flags = fields.number(1)
    if version == 2:
        fields.skip(4)
    width = 8 if version == 2 else fields.number(1)
    rank = fields.number(4)
    regular = bool(flags & 1)
    fields.skip(4 * rank * width if regular else fields.number(width) * 2 * rank * width)
