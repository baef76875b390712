"""``tfhub_module.pb`` of the older modules of TensorFlow Hub: which format the folder has, and nothing more.

Two bytes have no mark, so it is claimed by its name and its whole content.
"""

from collections.abc import Iterator

from modelairlock.encodings.plain_text import base_name
from modelairlock.encodings.protobuf import Window
from modelairlock.encodings.tensorflow.schema import account
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex

_WHOLE = regex(rb"\x08[\x00-\x7f](?:\x12[\x01-\x7f][\w.-]+)*")


def claims(probe: Probe) -> bool:
    """By the name, and by every byte."""
    named = probe.whole and not probe.role and base_name(probe.name) == "tfhub_module.pb"
    return named and _WHOLE.fullmatch(probe.head) is not None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """A number, and names of features."""
    yield from account(Window(cursor), 0, cursor.size, "HubModule")


FORMAT = Format(
    name="tfhub_module",
    summary="TensorFlow Hub's note of a module's format (`tfhub_module.pb`).",
    claims=claims,
    read=read,
    extensions=(".pb",),
    loaders=("tensorflow_hub.Module, tensorflow_hub.load",),
    references=("https://github.com/tensorflow/hub/blob/master/tensorflow_hub/module_def.proto",),
)
