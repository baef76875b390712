"""One ONNX tensor in a file of its own, such as ``input_0.pb`` in the test data beside a model.

What a newcomer would get wrong: it has no mark, so it is recognised by its numbers being as many as it says. And it is
not numbers alone: like a tensor in a model, it may say that they lie in another file, which it names by path.
"""

from collections.abc import Iterator

from modelairlock.encodings.onnx_model import Model, facts_of
from modelairlock.encodings.onnx_tensor_probe import is_tensor
from modelairlock.reading import Cursor, Format
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The whole tensor; what was found before damage is told all the same."""
    return facts_of(cursor, Model.read_tensor)


FORMAT = Format(
    name="onnx_tensor",
    summary="ONNX tensor in a file of its own (`input_0.pb` of test data)",
    claims=is_tensor,
    read=read,
    extensions=(".pb",),
    loaders=(
        "onnx.load_tensor, and onnx.numpy_helper.to_array 1.21 and later (earlier versions open data files outside the"
        " folder: see onnx-data-outside-folder)",
        "onnx_test_runner and onnxruntime_perf_test of 2026 and later",
    ),
    passes_over="the numbers of the tensor, in raw_data and in the typed lists",
    blind_spots=(
        "tensors with fewer or more numbers than their type and shape take, unless they name another file: without a"
        " mark they could be anything, so they are unrecognised, and never CLEAR",
        "the file that holds external data, which has no mark of its own: scanned with this one it is told as its data,"
        " and is unrecognised without it; whether it is missing, or a link, is not looked at",
        "sequences, maps and optional values of ONNX's test data, which lie under the same names: unrecognised",
        "a file cut right behind its numbers, before its name or description: to protobuf it is whole",
    ),
    references=(
        "https://github.com/onnx/onnx/blob/main/onnx/onnx.proto",
        "https://github.com/onnx/onnx/blob/main/docs/ExternalData.md",
    ),
)
