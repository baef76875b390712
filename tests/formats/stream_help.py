"""What every format must do that is nothing but a compressed stream: five checks, each with one `Stream`."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from modelairlock.reading import Format
from modelairlock.records.coverage import Because
from tests.reading_help import cut_everywhere, gaps_of, probe, read, tree

TEXT = b"an ordinary text, " * 20


class Stream(NamedTuple):
    """A format, how to make a file of it, and what its reader must say of the file."""

    format: Format
    pack: Callable[[bytes], bytes]
    method: str
    extension: str


def hit(one: Stream) -> None:
    data = one.pack(TEXT)
    assert one.format.claims(probe(data))
    result = read(one.format, data, f"folder/model{one.extension}")
    said = [(member.name, member.method, member.span) for member in result.members]
    assert said == [("model", one.method, (0, len(data)))]
    assert result.gaps == []
    reading = tree(data, one.format)
    assert gaps_of(reading) == []
    assert reading.members[0].coverage.read_bytes == len(TEXT)


def streams_one_after_another_are_one(one: Stream) -> None:
    reading = tree(one.pack(TEXT) + one.pack(b"second"), one.format)
    assert gaps_of(reading) == []
    assert [member.coverage.size_bytes for member in reading.members] == [len(TEXT) + 6]


def miss(one: Stream) -> None:
    for data in (b"", b"\x80\x04K\x01.", b"PK\x03\x04", b"plain text", bytes(600), one.pack(TEXT)[1:]):
        assert not one.format.claims(probe(data))


def cut_at_every_byte(one: Stream) -> None:
    cut_everywhere(one.pack(TEXT[:40]), one.format)


def what_follows_is_a_gap(one: Stream) -> None:
    data = one.pack(TEXT)
    gaps = gaps_of(tree(data + b"cos\nsystem\n", one.format))
    assert [(gap.start, gap.end, gap.because) for gap in gaps] == [(len(data), len(data) + 11, Because.UNRECOGNISED)]


CHECKS = (hit, streams_one_after_another_are_one, miss, cut_at_every_byte, what_follows_is_a_gap)
#: ``@as_a_stream`` on a test that takes ``check`` and calls it with its `Stream`
as_a_stream = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
