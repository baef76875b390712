"""``fingerprint.pb``, which a SavedModel has since TensorFlow 2.11: hashes of its own parts.

Nothing in it is more than a number and one identifier; it is claimed as a whole, to the last byte.
"""

import re
from collections.abc import Iterator

from modelairlock.encodings.protobuf import Window
from modelairlock.encodings.tensorflow.schema import account
from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex

_MOST_BYTES = 256
_NUMBER = rb"[\x80-\xff]{0,9}[\x00-\x7f]"
#: the hashes in order, a version, and in later versions an identifier
_WHOLE = regex(
    rb"(?:\x08" + _NUMBER + rb")?\x10" + _NUMBER + rb"\x18" + _NUMBER + rb"(?:\x20" + _NUMBER + rb")?"
    rb"(?:\x28" + _NUMBER + rb")?\x32[\x00-\x10](?:[\x08\x10\x18]" + _NUMBER + rb")*(?:\x3a[\x01-\x40][\w-]+)?",
    re.DOTALL,
)


def claims(probe: Probe) -> bool:
    """All of it is hashes and a version."""
    return probe.whole and probe.size <= _MOST_BYTES and not probe.role and _WHOLE.fullmatch(probe.head) is not None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every field is one that a fingerprint has."""
    yield from account(Window(cursor), 0, cursor.size, "Fingerprint")


FORMAT = Format(
    name="tensorflow_fingerprint",
    summary="TensorFlow's fingerprint of a SavedModel (`fingerprint.pb`).",
    claims=claims,
    begins=first_bytes(b"\x08", b"\x10"),
    read=read,
    extensions=(".pb",),
    loaders=("tf.saved_model.load 2.11-2.21",),
    blind_spots=("Whether the hashes are those of the files beside it.",),
    references=("https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/fingerprint.proto",),
)
