"""``keras_metadata.pb`` of a SavedModel that Keras 2 saved: for each layer the JSON by which Keras builds it anew.

What a newcomer would get wrong: the graph already computes all that the model does. This file is for Keras, which
prefers it: a Lambda layer in it is Python bytecode, and `load_model` unmarshals it. Each configuration is an artifact
of its own and is read as Keras reads it.
"""

from collections.abc import Iterator

from modelairlock.encodings.plain_text import base_name
from modelairlock.encodings.protobuf import LEN, VARINT, Window, fields
from modelairlock.encodings.tensorflow.objects import keras_config
from modelairlock.encodings.tensorflow.schema import account, consume, unknown
from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex

_BEGINS = regex(
    rb"\x0a[\x80-\xff]{0,4}[\x00-\x7f](?:\x10[\x80-\xff]{0,4}[\x00-\x7f])?\x1a[\x80-\xff]?[\x01-\x7f][\w.:-]{1,400}"
    rb"\x22[\x80-\xff]?[\x01-\x7f]_tf_keras_[a-z_]+"
)


def claims(probe: Probe) -> bool:
    """The first object has a path and one of Keras's own identifiers, or the file has the name that Keras opens."""
    if probe.role or probe.head[:1] != b"\x0a":
        return False
    return base_name(probe.name) == "keras_metadata.pb" or _BEGINS.match(probe.head) is not None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every object; its configuration is a member."""
    window = Window(cursor)
    for node in fields(window, 0, cursor.size, torn=True):
        if node.number != 1 or node.wire != LEN:
            yield unknown(node, "SavedMetadata")
            continue
        for field in fields(window, node.start, node.end, torn=True):
            if field.number == 5 and field.wire == LEN:
                yield keras_config(field, f"object-{node.start}.json")
            elif field.number in (3, 4) and field.wire == LEN:
                consume(window, field)
            elif field.number == 6 and field.wire == LEN:
                yield from account(window, field.start, field.end, "Versions")
            elif not (field.number == 2 and field.wire == VARINT):
                yield unknown(field, "SavedObject")


FORMAT = Format(
    name="keras_metadata",
    summary="Keras 2's metadata of a SavedModel (`keras_metadata.pb`): the configuration of every layer.",
    claims=claims,
    begins=first_bytes(b"\n"),
    read=read,
    extensions=(".pb",),
    loaders=("tf_keras.models.load_model and keras.models.load_model 2.5-2.15 on a SavedModel folder",),
    blind_spots=("Whether the configurations fit the graph beside them.",),
    references=(
        "https://github.com/keras-team/tf-keras/blob/master/tf_keras/protobuf/saved_metadata.proto",
        "CVE-2024-3660: Keras before 2.13 unmarshals the code of Lambda layers unasked",
    ),
)
