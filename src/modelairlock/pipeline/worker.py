"""What runs behind the wall: one function that reads an artifact through an open descriptor and nothing else."""

import codecs
import os

import msgspec

from modelairlock.encodings.decoders import METHODS, codec
from modelairlock.pipeline.answer import HANDED_BACK, NOT_HERE, Job, Piece
from modelairlock.pipeline.descriptor import Descriptor
from modelairlock.pipeline.tree import NotHere, NotShared, formats, read_tree
from modelairlock.records.speakable import speakable
from modelairlock.records.typed import msgpack_decoder

_encode = msgspec.msgpack.Encoder().encode
_decode_job = msgpack_decoder(Job)

#: what readers decode text with; one that is missing here fails `tests/pipeline/test_worker.py`
_TEXTS = (
    "ascii", "cp437", "latin-1", "raw-unicode-escape", "unicode-escape", "utf-16", "utf-16-be", "utf-16-le", "utf-32",
    "utf-32-be", "utf-32-le", "utf-8",
)  # fmt: skip

# Every reader and every codec is imported when this module is: once the wall is up there is nothing left to import.
formats()
for _text in _TEXTS:
    codecs.lookup(_text)
for _method in METHODS:
    codec(_method, None).new()


def read(fd: int, payload: bytes) -> bytes:
    """Read what lies behind `fd` as `payload` (a `Job`) says; the answer is for `answer.answers`."""
    job = _decode_job(payload)
    # lseek, because fstat goes by way of newfstatat, which could open paths and is not on the wall's list
    size = os.lseek(fd, 0, os.SEEK_END)
    return _encode([_read(fd, piece, size, job) for piece in job.pieces])


def _read(fd: int, piece: Piece, size: int, job: Job) -> bytes:
    """A `Reading` of one artifact, or `HANDED_BACK`. A file that shrank is told as what it has become."""
    source = Descriptor(fd, piece.start, max(0, min(piece.size, size - piece.start)))
    try:
        reading = read_tree(source, piece.name, piece.name, job.limits, shared=job.shared)
    except NotShared:
        return HANDED_BACK
    except NotHere:
        return NOT_HERE
    try:
        return _encode(reading)
    except UnicodeEncodeError:  # one string with half a character must not hide the file's other facts
        return _encode(speakable(reading))
