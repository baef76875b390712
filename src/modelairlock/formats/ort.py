"""Models in onnxruntime's own format: the graph of an ONNX model, prepared and written as one flatbuffer.

What a newcomer would get wrong: the graph was optimized for one set of kernels before it was saved, so it has operators
that no ONNX file has (``com.microsoft.nchwc``), and it is no longer checked as an ONNX file would be.
"""

from collections.abc import Iterator

from modelairlock.encodings.ort_model import read_model
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By the identifier of the flatbuffer."""
    return probe.head[4:8] == b"ORTM"


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The flatbuffer, and whatever follows it."""
    yield from read_model(cursor)


FORMAT = Format(
    name="ort",
    summary="onnxruntime's own model format",
    claims=claims,
    read=read,
    extensions=(".ort",),
    loaders=(
        "onnxruntime.InferenceSession 1.3 and later (by the mark or by the name .ort), without"
        " register_custom_ops_library",
        "onnxruntime-web, onnxruntime on Android and iOS",
    ),
    passes_over="raw data of tensors of more than 4 KiB, and long lists of numbers",
    blind_spots=(
        "weights that were trained or altered to misbehave, and triggers built into the graph",
        "the file that tensors lie in when they are not in this one: the program that loads the model names it",
        "flaws of onnxruntime's kernels",
        "checkpoints for training, which have another mark (ODTC)",
    ),
    references=(
        "https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html",
        "https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/flatbuffers/schema/ort.fbs",
        "https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/flatbuffers/schema/README.md",
    ),
)
