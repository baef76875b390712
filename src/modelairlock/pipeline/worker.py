"""What runs behind the wall: one function that reads an artifact through an open descriptor and nothing else."""

import codecs
import os
from collections.abc import Iterator

import msgspec

from modelairlock.encodings.decoders import METHODS, codec
from modelairlock.limits import Limits
from modelairlock.pipeline.answer import HANDED_BACK, NOT_HERE, Job, Piece
from modelairlock.pipeline.descriptor import Descriptor
from modelairlock.pipeline.tree import NotHere, NotShared, formats, read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.speakable import speakable
from modelairlock.records.typed import msgpack_decoder

_encode = msgspec.msgpack.Encoder().encode
_decode_job = msgpack_decoder(Job)

#: what readers decode text with; one that is missing here fails `tests/pipeline/test_worker.py`
_TEXTS = (
    "ascii", "cp437", "latin-1", "raw-unicode-escape", "unicode-escape", "utf-16", "utf-16-be", "utf-16-le", "utf-32",
    "utf-32-be", "utf-32-le", "utf-8",
)  # fmt: skip

#: as many times as it takes until nothing gets any faster
WARM = 40
#: an ordered dict with an array of three zeros and a list
_SAMPLE = (
    b"\x80\x04\x95\xe8\x00\x00\x00\x00\x00\x00\x00\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94(\x8c\x01w"
    b"\x94\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05num"
    b"py\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x03\x85\x94h\x08\x8c\x05dtype\x94\x93\x94\x8c\x02"
    b"f8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b\x89C\x18"
    + bytes(24)
    + b"\x94t\x94b\x8c\x01b\x94]\x94(G?\xf8\x00\x00\x00\x00\x00\x00M,\x01\x8c\x01x\x94N\x88K\x01K\x02\x86\x94eu."
)
_LIMITS = Limits()

# Every reader and every codec is imported when this module is: once the wall is up there is nothing left to import.
formats()
for _text in _TEXTS:
    codecs.lookup(_text)
for _method in METHODS:
    codec(_method, None).new()


def warm_up() -> Iterator[None]:
    """Read a harmless pickle over and over: what runs often runs faster, and children inherit that."""
    for _ in range(WARM):
        _encode(read_tree(BytesSource(_SAMPLE), "sample.pkl", "sample.pkl", _LIMITS, shared=True))
        yield


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
