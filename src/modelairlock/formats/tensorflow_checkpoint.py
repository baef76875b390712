"""The file called ``checkpoint``, in which TensorFlow's savers note which checkpoint is the latest.

What a newcomer would get wrong: the paths in it are often absolute, from the machine that trained the model, and
`tf.train.latest_checkpoint` opens what they name. What it finds there is read as a checkpoint: numbers.
"""

from collections.abc import Iterator

from modelairlock.encodings.plain_text import TextKind, base_name, text_kind
from modelairlock.reading import Cursor, Format, Malformed, OverLimit, Probe, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Reference
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

_MOST_BYTES = 1 << 20
_BEGINS = regex(rb'model_checkpoint_path: "')
_LINE = regex(
    rb'(?:(model_checkpoint_path|all_model_checkpoint_paths): "((?:[^"\\\n]|\\.)*)"'
    rb"|(?:all_model_checkpoint_timestamps|last_preserved_timestamp): [0-9.eE+-]+)?\n?"
)


def claims(probe: Probe) -> bool:
    """By its first key; a name that belongs to another kind of text is that text."""
    kind = text_kind(probe)
    plain = kind is None or (kind is TextKind.OTHER and base_name(probe.name) == "checkpoint")
    return not probe.role and plain and _BEGINS.match(probe.head) is not None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every line, and what it names."""
    if cursor.size > _MOST_BYTES:
        raise OverLimit(0, f"a list of checkpoints of {cursor.size} bytes")
    data, at = cursor.peek(0, cursor.size), 0
    while at < len(data):
        match = _LINE.match(data, at)
        if match is None or match.end() == at:
            raise Malformed(at, "the path of a checkpoint", repr(data[at : at + 20])[1:])
        cursor.consumed(at, match.end())
        if match[1]:
            target = match[2].decode("utf-8", "replace")[: cursor.limits.text_characters]
            yield Reference(span=Span(*match.span(2)), kind="tensorflow-checkpoint", target=target, where="checkpoint")
        at = match.end()


FORMAT = Format(
    name="tensorflow_checkpoint",
    summary="TensorFlow's note of the latest checkpoint (a text file called `checkpoint`).",
    claims=claims,
    begins=first_bytes(b"m"),
    read=read,
    loaders=("tf.train.latest_checkpoint, tf.train.CheckpointManager",),
    blind_spots=("The checkpoints that it names, where they are not part of the scan.",),
    references=(
        "https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/training/checkpoint_state.proto",
    ),
)
