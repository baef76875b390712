"""Cuts of messages of protobuf: between two fields of the outermost one, what is left is a message too."""

from collections.abc import Iterator

from modelairlock.encodings.protobuf import Window, fields
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource, Cursor, Format
from tests.reading_help import gaps_of, probe, tree


def torn(data: bytes) -> Iterator[bytes]:
    """Every cut of `data` inside a field of the outermost message."""
    window = Window(Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS)))
    borders = {field.end for field in fields(window, 0, len(data))}
    return (data[:end] for end in range(1, len(data)) if end not in borders)


def torn_everywhere(data: bytes, one: Format, name: str = "x") -> None:
    """`data` leaves no gap, and every such cut of it does, whoever claims it; most are claimed."""
    assert gaps_of(tree(data, one, name=name)) == []
    cuts = list(torn(data))
    claimed = [cut for cut in cuts if one.claims(probe(cut, name))]
    for cut in claimed:
        assert gaps_of(tree(cut, one, name=name)), f"cut at {len(cut)} of {len(data)}: nothing is missing"
    assert len(claimed) * 2 >= len(cuts)
