"""The index of a TensorFlow checkpoint (``*.index``): which tensor lies where in the files of numbers beside it.

What a newcomer would get wrong: it is a sorted table in the manner of LevelDB, read from its end: a footer names the
index block, that names the others. Keys share beginnings with the key before them, so a block is walked in order, and
a block may be compressed by Snappy. Blocks that the index does not name are bytes that nobody reads, and a gap.
"""

from collections.abc import Iterator

from modelairlock.encodings.protobuf import fields_in
from modelairlock.encodings.tensorflow.schema import TABLES, known
from modelairlock.encodings.tensorflow.table import (
    FOOTER,
    MAGIC,
    Block,
    read_block,
    read_entries,
    read_footer,
    read_handle,
)
from modelairlock.reading import (
    Cursor,
    Format,
    Malformed,
    Probe,
)
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact

#: elements of a bundle's entry: a tensor's shard, offset and size
_SHARD, _OFFSET, _SIZE = 3, 4, 5
_INT64 = 2**63


def claims(probe: Probe) -> bool:
    """By the last eight bytes."""
    return probe.size >= FOOTER and probe.tail.endswith(MAGIC)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The footer, the two indexes, and every block."""
    meta, index = read_footer(cursor)
    for _, value in read_entries(read_block(cursor, meta)):
        yield Gap(
            start=meta.offset, end=meta.offset, because=Because.UNSUPPORTED, detail=f"a meta block {value[:20]!r}"
        )
    shards, first, last = 0, True, 0
    for _, value in read_entries(read_block(cursor, index)):
        handle, _ = read_handle(value, 0, index.offset)
        if handle.offset < last:
            raise Malformed(index.offset, f"blocks one after another, from {last} on", f"one at {handle.offset}")
        last = handle.offset + handle.size
        block = read_block(cursor, handle)
        for key, entry in read_entries(block):
            cursor.budget.check_time(handle.offset)
            if first:
                shards, first = _header(key, entry, block), False
            else:
                yield from _tensor(key, entry, block, shards)
    if first:
        raise Malformed(index.offset, "the header of a checkpoint", "no entry at all")


def _header(key: bytes, value: bytes, block: Block) -> int:
    """How many files of numbers there are."""
    if key or not known(value, 0, len(value), TABLES["BundleHeader"]):
        raise Malformed(block.position, "the header of a checkpoint", repr(key[:40])[1:])
    return dict(_numbers(value)).get(1, 0)


def _tensor(key: bytes, value: bytes, block: Block, shards: int) -> Iterator[Gap]:
    """A tensor, or a slice of one, whose extents fit the arithmetic of its readers."""
    start, end = block.position, block.position
    if not known(value, 0, len(value), TABLES["BundleEntry"]):
        detail = f"{key[:80]!r} is described by fields that no tensor has"
        yield Gap(start=start, end=end, because=Because.UNRECOGNISED, detail=detail)
        return
    said = dict(_numbers(value))
    offset, size = said.get(_OFFSET, 0), said.get(_SIZE, 0)
    if said.get(_SHARD, 0) >= max(shards, 1) or offset >= _INT64 or size >= _INT64 or offset + size >= _INT64:
        detail = f"{key[:80]!r} lies at {offset}..{offset + size} of file {said.get(_SHARD, 0)} of {shards}"
        yield Gap(start=start, end=end, because=Because.MALFORMED, detail=detail)


def _numbers(value: bytes) -> Iterator[tuple[int, int]]:
    """The fields of a message in memory, which was found to be whole, that are numbers."""
    for field in fields_in(value):
        yield field.number, field.value


FORMAT = Format(
    name="tensorflow_index",
    summary="The index of a TensorFlow checkpoint (`.index`): names, types, shapes and places of its tensors.",
    claims=claims,
    read=read,
    extensions=(".index",),
    loaders=("tf.train.load_checkpoint, tf.train.Checkpoint.restore", "tf.saved_model.load"),
    blind_spots=(
        "Checksums of blocks and tensors are not compared.",
        "Tensors that share bytes of a file of numbers, or reach past its end: TensorFlow checks that itself.",
    ),
    references=(
        "https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto",
        "https://github.com/google/leveldb/blob/main/doc/table_format.md",
    ),
)
