"""The numbers of TensorFlow checkpoints (``*.data-00000-of-00001``) and of TensorFlow.js (``group1-shard1of2.bin``).

What a newcomer would get wrong: neither has a mark. Where each tensor begins stands in the file beside it, the
``.index`` or ``model.json``, and a format sees no neighbours; so these are claimed by their whole name, and whatever
else the bytes are is claimed by its own format as well. The loaders take them as elements of tensors and as nothing
else: strings among them are compared and looked up, and what a graph does with a string of a variable counts as
computed there.
"""

import re
from collections.abc import Iterator

from modelairlock.encodings.plain_text import base_name
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex

_NAME = regex(r".+\.data-\d{5}-of-\d{5}|group\d+-shard\d+of\d+(?:\.bin)?", re.DOTALL)


def claims(probe: Probe) -> bool:
    """By the name alone, and never a text: a pointer to the file, a page that says it was not found."""
    if probe.role or not _NAME.fullmatch(base_name(probe.name)):
        return False
    return bool(probe.head) and not _reads_as_text(probe.head)


def _reads_as_text(head: bytes) -> bool:
    """Numbers hardly ever consist of nothing but printable characters; what does is for others to name."""
    start = head[:64]
    return all(byte in b"\t\n\r" or 0x20 <= byte < 0x7F for byte in start)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Nothing: all of it is numbers."""
    cursor.pass_over(0, cursor.size)
    yield from ()


FORMAT = Format(
    name="tensorflow_data",
    summary="The numbers of a TensorFlow checkpoint or TensorFlow.js model, which lie beside its index.",
    claims=claims,
    read=read,
    loaders=(
        "tf.train.load_checkpoint",
        "tf.saved_model.load",
        "tf.loadGraphModel, tf.loadLayersModel (TensorFlow.js)",
    ),
    passes_over="All of it: loaders cut it up by the index and take the pieces as elements of tensors.",
    blind_spots=(
        "Whether the extents in the index beside it fit its size.",
        "Strings that variables hold: words of a vocabulary, names of objects.",
        "Weights that were trained to misbehave.",
    ),
    references=(
        "https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto",
        "https://github.com/tensorflow/tfjs/tree/master/tfjs-core/src/io",
    ),
)
