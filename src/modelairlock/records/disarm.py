"""What crosses the wall when a file is to be converted: the question, and the plan that answers it.

A plan is data only. It says where the bytes of each tensor lie, never what they are, and whoever follows it copies
ranges it has checked against the file. `pipeline.convert_answer` decodes it, and believes nothing.
"""

from typing import Literal

import msgspec

#: caps that both sides of the wall keep to
MOST_TENSORS = 100_000
MOST_NOTES = 1_000
MOST_STORES = 200_000
MOST_DIMENSIONS = 32
MOST_SEGMENTS = 1_000
MOST_TEXTS = 10_000
#: files that one checkpoint may be spread over
MOST_FILES = 200
NOTE_CHARACTERS = 300
#: what is no tensor, as JSON
PLAIN_BYTES = 16 * 1024 * 1024
#: bytes of small arrays that a plan carries itself, because they lie nowhere in the file as they are
INLINE_BYTES = 8 * 1024 * 1024
#: decoded bytes that come through the wall in one piece
PIECE_BYTES = 8 * 1024 * 1024

#: who wrote the tensors, as safetensors files say it; loaders of transformers ask for it
Framework = Literal["", "pt", "np", "tf", "flax", "mlx"]


class Note(msgspec.Struct, frozen=True, array_like=True):
    """Something that is not carried over: where it stood, what it is, and why not."""

    where: str
    what: str
    why: str


class Stream(msgspec.Struct, frozen=True, array_like=True):
    """Compressed bytes ``start..end`` of the file, of which the first `size` decoded ones are needed."""

    start: int
    end: int
    method: str
    size: int


class Store(msgspec.Struct, frozen=True, array_like=True):
    """Numbers in one piece: ``start..end`` of the file, or of a stream once decoded, or carried along as `inline`.

    `file` tells which file, where there are several: 0 is the one that was planned.
    """

    start: int
    end: int
    stream: int = -1
    inline: bytes = b""
    file: int = 0


class Tile(msgspec.Struct, frozen=True, array_like=True):
    """A block of a tensor in one piece: the indices of its first element, and the store that holds it."""

    corner: tuple[int, ...]
    store: int


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A block of a tensor in one piece, of a shape of its own: its first element's indices, and its store."""

    corner: tuple[int, ...]
    shape: tuple[int, ...]
    store: int


class Sum(msgspec.Struct, frozen=True, array_like=True):
    """The CRC-32C that a store has if it is not damaged."""

    store: int
    crc32c: int


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A tensor of byte strings, which lie in ``start..end`` of `file` as TensorFlow writes them."""

    key: str
    shape: tuple[int, ...]
    start: int
    end: int
    file: int
    crc32c: int


class Tensor(msgspec.Struct, frozen=True, array_like=True):
    """One tensor of the output. `strides` and `offset` count elements from the start of its store."""

    key: str
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    store: int
    #: whether the file has the bytes of each number in the other order
    swap: bool = False
    #: what it is put together from, in place of one store; all are of the shape `tile`, and may reach over its edge
    tiles: tuple[Tile, ...] = ()
    tile: tuple[int, ...] = ()
    #: whether each tile has the first bytes of all its numbers first, then the second ones, as HDF5 shuffles them
    shuffled: bool = False
    #: what it is put together from, in place of one store or of tiles
    parts: tuple[Part, ...] = ()


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to which strings some `Text` stand for: `plain` is a JSON object of them by their keys."""

    plain: bytes = b""
    lost: tuple[Note, ...] = ()


def covers(shape: tuple[int, ...], parts: "tuple[Part, ...]") -> bool:
    """Whether the parts are the cells of a grid over a tensor of this shape, each there once."""
    cells = 1
    for axis, length in enumerate(shape):
        at, cuts = 0, sorted({(one.corner[axis], one.shape[axis]) for one in parts})
        for start, size in cuts:
            if start != at or size <= 0:
                return False
            at += size
        if at != length:
            return False
        cells *= len(cuts)
    return bool(parts) and cells == len(parts) == len({one.corner for one in parts})


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to make the output. With `refused` there is nothing to make, and it says why in one sentence."""

    format: str = ""
    framework: Framework = ""
    tensors: tuple[Tensor, ...] = ()
    stores: tuple[Store, ...] = ()
    streams: tuple[Stream, ...] = ()
    #: JSON of what is plain data and no tensor; empty if there is none
    plain: bytes = b""
    #: in place of tensors: what the output is put together from, which is then of the same format as the file
    segments: tuple[Store, ...] = ()
    #: checksums to be compared while numbers are copied
    sums: tuple[Sum, ...] = ()
    #: strings that are to be read out of other files
    texts: tuple[Text, ...] = ()
    #: neither tensor nor plain data: code, objects of classes
    dropped: tuple[Note, ...] = ()
    #: tensors and plain data that should be in the output and are not
    lost: tuple[Note, ...] = ()
    #: how many notes of each kind there were beyond `MOST_NOTES`
    more_dropped: int = 0
    more_lost: int = 0
    #: values that calls made which nobody here understands; they may be tensors
    unknown: int = 0
    refused: str = ""
