"""Text that some loader may act on: settings, templates, markup. Nothing here reads these kinds yet.

What a newcomer would get wrong: a YAML tag, an XML entity, a Jinja template or a Modelfile can run code or fetch files
when the right program opens it, and text of protobuf (`.pbtxt`, `.prototxt`) may be a whole model: a graph of
TensorFlow, an ONNX model, a network of Caffe, whose Python layers import a module by name. Until there is a reader for
the kind, the whole file is a gap that says so.
"""

from collections.abc import Iterator

from modelairlock.encodings.plain_text import OTHER_EXTENSIONS, TEXT_BEGINS, TextKind, text_kind
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By content whether it is text, by name whether some program acts on it."""
    return text_kind(probe) is TextKind.OTHER


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """One gap."""
    detail = "text that some loader may act on; no reader for this kind yet"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="other_text",
    summary="settings, templates and markup, and models written as text (`.pbtxt`, `.prototxt`)",
    claims=claims,
    begins=TEXT_BEGINS,
    read=read,
    extensions=OTHER_EXTENSIONS,
    blind_spots=(
        "everything: the content is not read yet",
        "what a `.pbtxt` or `.prototxt` is: TensorFlow parses graphs from them, Caffe networks, onnx.load whole models,"
        " and others settings or names of classes",
    ),
)
