"""What runs behind the wall for a conversion: it plans, and it decodes what is compressed. It never writes a file.

The questions of one run come one after another to one process. One that names a stream begins it anew; one that names
nothing goes on with the last, so that a stream of any length comes out in pieces and never lies in memory whole.
"""

import codecs
import os

import msgspec

from modelairlock.disarm.planning import plan
from modelairlock.disarm.tensorflow_texts import read_texts
from modelairlock.encodings.compression import inflate
from modelairlock.encodings.decoders import METHODS, codec
from modelairlock.pipeline.convert_answer import Ask
from modelairlock.pipeline.descriptor import Descriptor
from modelairlock.reading import Budget, Source
from modelairlock.records.disarm import PIECE_BYTES
from modelairlock.records.span import Span
from modelairlock.records.speakable import speakable
from modelairlock.records.typed import msgpack_decoder

_decode = msgpack_decoder(Ask)
_encode = msgspec.msgpack.Encoder().encode

# Nothing can be imported behind the wall: every codec has to be at hand before.
for _text in ("ascii", "cp437", "latin-1", "raw-unicode-escape", "unicode-escape", "utf-8"):
    codecs.lookup(_text)
for _method in METHODS:
    codec(_method, None).new()


class _Going:
    """The stream that is being decoded in this process."""

    source: Source | None = None
    at = 0
    size = 0


def answer(fd: int, payload: bytes) -> bytes:
    """The plan, or the strings, that `payload` (an `Ask`) wants, or the next piece of a stream."""
    if not payload:
        return _next()
    ask = _decode(payload)
    source = Descriptor(fd, 0, os.lseek(fd, 0, os.SEEK_END))
    if ask.texts:
        return _encode(read_texts(source, ask.texts, ask.limits))
    if ask.stream is None:
        made = plan(source, ask.name, ask.limits, drop_template=ask.drop_template, beside=ask.beside)
        try:
            return _encode(made)
        except UnicodeEncodeError:
            return _encode(speakable(made))
    stream = ask.stream
    budget = Budget(ask.limits, source.size)
    inflated = inflate(source, Span(stream.start, stream.end), stream.method, budget, stream.size)
    # A stream whose own checksum does not fit gives nothing, though all its bytes came out.
    _Going.source = None if inflated.damage else inflated
    _Going.at, _Going.size = 0, stream.size
    return _next()


def _next() -> bytes:
    """What comes next, up to one piece; nothing once the stream has ended, or has given what was asked for."""
    if _Going.source is None:
        return b""
    data = _Going.source.read(_Going.at, min(PIECE_BYTES, _Going.size - _Going.at))
    _Going.at += len(data)
    return data
