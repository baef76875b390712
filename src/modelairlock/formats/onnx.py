"""ONNX models: a graph of operators and its numbers, as one protobuf message."""

from collections.abc import Iterator

from modelairlock.encodings.onnx_model import Model
from modelairlock.encodings.onnx_probe import is_model
from modelairlock.reading import Cursor, Format, ReadProblem
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The whole message; what was found before damage is told all the same."""
    model = Model(cursor)
    try:
        model.read()
    except ReadProblem:
        yield from model.stated()
        raise
    yield from model.stated()


FORMAT = Format(
    name="onnx",
    summary="ONNX model",
    claims=is_model,
    read=read,
    extensions=(".onnx",),
)
