"""ONNX models: a graph of operators and its numbers, as one protobuf message.

What a newcomer would get wrong: the format has no code, and yet a model can reach further than its numbers: tensors may
lie in files that it names by path, and operators may be of a set that the loader gets from a library. Both may stand
deep inside: in a branch, a function, a sparse tensor, the default of an attribute.
"""

from collections.abc import Iterator

from modelairlock.encodings.onnx_model import Model, facts_of
from modelairlock.encodings.onnx_probe import is_model
from modelairlock.reading import Cursor, Format
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The whole message; what was found before damage is told all the same."""
    return facts_of(cursor, Model.read)


FORMAT = Format(
    name="onnx",
    summary="ONNX model",
    claims=is_model,
    read=read,
    extensions=(".onnx",),
    loaders=(
        "onnx.load 1.21 and later (earlier versions open data files outside the folder: see onnx-data-outside-folder)",
        "onnxruntime.InferenceSession of 2026 and later, without register_custom_ops_library",
        "OpenVINO read_model, TensorRT's parser, converters to other formats",
    ),
    passes_over="the numbers of tensors, in raw_data and in the typed lists, and long lists of numbers in attributes",
    blind_spots=(
        "what the numbers do: a backdoor in the weights looks like any other weights, and one in the graph is told only"
        " where it compares a part of the input right before the output",
        "the files that hold external data, which have no mark of their own: one that is scanned with its model is told"
        " as its data, and is unrecognised without it; whether one is missing, or a link, is not looked at",
        "how much memory and time running the model takes, apart from shapes that are written down",
        "flaws of a loader's own code for an operator that it has",
        "a file cut right behind its opset, before its functions or metadata: to protobuf it is whole",
        "models written as JSON or text, and single graphs or functions in files of their own",
    ),
    references=(
        "https://github.com/onnx/onnx/blob/main/onnx/onnx.proto",
        "https://github.com/onnx/onnx/blob/main/docs/ExternalData.md",
        "https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md",
        "CVE-2022-25882, CVE-2024-27318, CVE-2025-51480",
        "CVE-2026-27489, CVE-2026-34445, CVE-2026-34446, CVE-2026-34447",
    ),
)
