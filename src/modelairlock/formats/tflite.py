"""TFLite (LiteRT) models: one flatbuffer of graphs, tensors and buffers, often with a zip of labels behind it.

What a newcomer would get wrong: the graph has no code of its own, and yet an operator may be any: a custom one is
whatever the program that loads the model registers under its name, and a Flex one is a kernel of TensorFlow, with all
that those can do to files.
"""

from collections.abc import Iterator

from modelairlock.encodings.tflite_model import read_model
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By the identifier of the flatbuffer. Bytes that a loader takes raw may be one too."""
    return probe.head[4:8] == b"TFL3"


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The flatbuffer, buffers behind it, and the zip at the end."""
    yield from read_model(cursor)


FORMAT = Format(
    name="tflite",
    summary="TensorFlow Lite (LiteRT) model",
    claims=claims,
    read=read,
    extensions=(".tflite", ".lite"),
    loaders=(
        "ai_edge_litert.interpreter.Interpreter, tf.lite.Interpreter (Python), which verify offsets before they load",
        "FlatBufferModel::BuildFromFile (C++, Android, TFLite Micro), which does not",
        "tf.lite.Interpreter of the full tensorflow package, or a program with the Flex delegate, for Flex operators",
        "MediaPipe Tasks and TFLite Support, which read the zip behind the model",
    ),
    passes_over="the buffers of tensors, and longer lists of numbers (scales, sparse indices)",
    blind_spots=(
        "weights that were trained or altered to misbehave",
        "what metadata buffers say (TFLITE_METADATA: names of inputs, labels, licences): they are only looked at for"
        " files of other formats",
        "flaws of a loader's own kernels, apart from the sizes, indices and zeros that are written down",
        "which files a Flex operator is fed with, where that is computed",
        "programs for accelerators in custom options (Edge TPU, vendors' delegates): a gap names the operator",
        "the files that external buffers lie in",
        "that the zip with labels is missing, from a file that was cut right in front of it",
    ),
    builds_on=("zip",),
    references=(
        "https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs",
        "https://ai.google.dev/edge/litert/conversion/tensorflow/metadata",
        "CVE-2020-15206 to CVE-2020-15214, CVE-2021-29591, CVE-2021-29601, CVE-2021-29603, CVE-2021-29606",
        "CVE-2022-23557 to CVE-2022-23561, CVE-2023-27579",
    ),
)
