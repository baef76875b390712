"""The parent's side of a plan: decode strictly, believe nothing, and say what is wrong with it.

The plan comes from a process that has read hostile bytes. Everything in it is a number to be checked against the file
or a name to be checked against the rules for names; what passes can do no more than copy bytes of the file around.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from modelairlock.encodings.decoders import METHODS
from modelairlock.limits import Limits
from modelairlock.pipeline.answer import RESULT_BYTES, ProtocolBroken, decoded
from modelairlock.records.disarm import (
    INLINE_BYTES,
    MOST_DIMENSIONS,
    MOST_NOTES,
    MOST_SEGMENTS,
    MOST_STORES,
    MOST_TENSORS,
    MOST_TEXTS,
    PLAIN_BYTES,
    Note,
    Plan,
    Store,
    Stream,
    Tensor,
    Text,
    Texts,
    covers,
)
from modelairlock.records.tensors import BITS, is_odd
from modelairlock.records.typed import msgpack_decoder

_WIDEST = 1 << 62
_MOST_DEEP = 200
_PADDING = 2 * 1024 * 1024
#: one tile is in memory at a time
TILE_BYTES = 64 * 1024 * 1024
_decode = msgpack_decoder(Plan)
_decode_texts = msgpack_decoder(Texts)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the worker: the plan for a file, or (with a stream) its decoded bytes, piece by piece."""

    name: str = ""
    limits: Limits
    stream: Stream | None = None
    drop_template: bool = False
    #: sizes of the files that hold the numbers of this one
    beside: tuple[int, ...] = ()
    #: strings to be read out of this file, in place of a plan
    texts: tuple[Text, ...] = ()


def decode_plan(data: bytes, size: int, *beside: int) -> Plan:
    """The plan in `data` for a file of `size` bytes (and others of the sizes `beside`), or `ProtocolBroken`."""
    plan = decoded(_decode, data, "a plan", RESULT_BYTES)
    counts = len(plan.tensors) > MOST_TENSORS or max(len(plan.stores), len(plan.streams)) > MOST_STORES
    if counts or max(len(plan.dropped), len(plan.lost)) > MOST_NOTES or min(plan.more_dropped, plan.more_lost) < 0:
        raise ProtocolBroken("a plan of too many parts")
    sizes = (size, *beside)
    _check_places(plan.streams, plan.stores, sizes)
    _check_tensors(plan)
    _check_segments(plan, size)
    _check_more(plan, sizes)
    return plan


def _check_more(plan: Plan, sizes: tuple[int, ...]) -> None:
    """What there is of checkpoints that are spread over several files."""
    if len(plan.texts) > MOST_TEXTS or len(plan.sums) > len(plan.stores):
        raise ProtocolBroken("a plan of too many parts")
    if plan.texts and (plan.plain or len({text.key for text in plan.texts}) < len(plan.texts)):
        raise ProtocolBroken("strings beside other plain data, or two of one name")
    for one in plan.sums:
        if not 0 <= one.store < len(plan.stores) or not 0 <= one.crc32c < 1 << 32:
            raise ProtocolBroken("a checksum of nothing")
    for text in plan.texts:
        if not 0 <= text.file < len(sizes) or not 0 <= text.start <= text.end <= sizes[text.file] or is_odd(text.key):
            raise ProtocolBroken("strings outside their file, or of a name that must not be")


def decode_texts(data: bytes, asked: int) -> tuple[dict[str, Any], tuple[Note, ...], int]:
    """Strings by their names, what is lost of the `asked` ones, and how many bytes of JSON it was.

    Raises `ProtocolBroken`.
    """
    made = decoded(_decode_texts, data, "strings", RESULT_BYTES)
    plain = decode_plain(made.plain)
    # each may be lost, and then all of them together
    if len(made.lost) > asked + 1 or not isinstance(plain, dict | None):
        raise ProtocolBroken("strings that are none")
    return plain or {}, made.lost, len(made.plain)


def _check_segments(plan: Plan, size: int) -> None:
    """Whether the output is the file less some of its parts; a few bytes may be others."""
    if len(plan.segments) > MOST_SEGMENTS or (plan.segments and plan.tensors):
        raise ProtocolBroken("a plan of too many parts")
    if any(one.stream >= 0 or one.file for one in plan.segments):
        raise ProtocolBroken("a part of a stream, or of another file")
    _check_places((), plan.segments, (size,))
    if sum(one.end - one.start for one in plan.segments) > size + _PADDING:
        raise ProtocolBroken("parts that are more than the file")


def decode_plain(data: bytes) -> Any:
    """The JSON of what is no tensor, as values; None if there is none. Raises `ProtocolBroken`."""
    if not data:
        return None
    value = decoded(msgspec.json.decode, data, "plain data", PLAIN_BYTES)
    _check_depth([value])
    return value


def _check_depth(level: list[Any]) -> None:
    for _ in range(_MOST_DEEP):
        level = [
            part
            for value in level
            if isinstance(value, dict | list)
            for part in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise ProtocolBroken("plain data nested too deep")


def _check_places(streams: Sequence[Stream], stores: Sequence[Store], sizes: tuple[int, ...]) -> None:
    for stream in streams:
        if not 0 <= stream.start <= stream.end <= sizes[0] or not 0 <= stream.size < _WIDEST:
            raise ProtocolBroken("a stream outside the file")
        if stream.method not in METHODS:
            raise ProtocolBroken("a stream of a method that there is not")
    inline = 0
    for store in stores:
        if not -1 <= store.stream < len(streams) or (store.inline and store.stream >= 0):
            raise ProtocolBroken("a store in no stream")
        if not 0 <= store.file < len(sizes) or (store.file and (store.inline or store.stream >= 0)):
            raise ProtocolBroken("a store in no file")
        inline += len(store.inline)
        size = sizes[store.file] if store.stream < 0 else streams[store.stream].size
        whole = len(store.inline) if store.inline else size
        if not 0 <= store.start <= store.end <= whole:
            raise ProtocolBroken("a store outside its bytes")
    if inline > INLINE_BYTES:
        raise ProtocolBroken("too many bytes in the plan itself")


def _check_tensors(plan: Plan) -> None:
    keys = {tensor.key for tensor in plan.tensors}
    if len(keys) < len(plan.tensors) or "__metadata__" in keys or any(map(is_odd, keys)):
        raise ProtocolBroken("names of tensors that must not be")
    for tensor in plan.tensors:
        if tensor.dtype not in BITS:
            raise ProtocolBroken("a tensor of no known type")
        if tensor.tiles:
            _check_tiles(tensor, plan.stores)
        elif tensor.parts:
            _check_parts(tensor, plan.stores)
        elif 0 <= tensor.store < len(plan.stores):
            store = plan.stores[tensor.store]
            _check_shape(tensor, store.end - store.start)
        else:
            raise ProtocolBroken("a tensor of no known place")


def _check_parts(tensor: Tensor, stores: Sequence[Store]) -> None:
    """Whether the parts make up the tensor, and each has its bytes."""
    _check_numbers(tensor)
    axes = len(tensor.shape)
    for one in tensor.parts:
        if len(one.corner) != axes or len(one.shape) != axes or not 0 <= one.store < len(stores):
            raise ProtocolBroken("a part of no known place")
        numbers = (*one.corner, *one.shape)
        if any(not 0 <= number < _WIDEST for number in numbers):
            raise ProtocolBroken("a part that no machine can hold")
    if not covers(tensor.shape, tensor.parts) or BITS[tensor.dtype] < 8:
        raise ProtocolBroken("parts that do not make up their tensor")
    for one in tensor.parts:
        size = tensor_bytes(msgspec.structs.replace(tensor, shape=one.shape))
        if stores[one.store].end - stores[one.store].start != size:
            raise ProtocolBroken("a part that is not as large as its bytes")


def _check_tiles(tensor: Tensor, stores: Sequence[Store]) -> None:
    """Whether the tiles cover the tensor, each part of it once."""
    shape, tile, width = tensor.shape, tensor.tile, BITS[tensor.dtype] // 8
    _check_numbers(tensor)
    whole, grid = width, 1
    if not width or not shape or len(tile) != len(shape) or any(not 0 < step < _WIDEST for step in tile):
        raise ProtocolBroken("tiles of no shape")
    for length, step in zip(shape, tile, strict=True):
        whole, grid = whole * step, grid * -(-length // step)
    if whole > TILE_BYTES or grid != len(tensor.tiles) or len({one.corner for one in tensor.tiles}) != grid:
        raise ProtocolBroken("tiles that do not cover their tensor, or are too large")
    for one in tensor.tiles:
        fits = len(one.corner) == len(shape) and 0 <= one.store < len(stores)
        if not fits or stores[one.store].end - stores[one.store].start != whole:
            raise ProtocolBroken("a tile of no known place or size")
        for at, length, step in zip(one.corner, shape, tile, strict=True):
            if not 0 <= at < length or at % step:
                raise ProtocolBroken("a tile outside its tensor")


def _check_shape(tensor: Tensor, room: int) -> None:
    _check_numbers(tensor)
    if 0 in tensor.shape:
        return
    last = tensor.offset + sum((length - 1) * step for length, step in zip(tensor.shape, tensor.strides, strict=True))
    bits = BITS[tensor.dtype]
    if bits < 8:
        if tensor.offset or tensor_bytes(tensor) > room or not in_order(tensor):
            raise ProtocolBroken("a tensor of parts of bytes that is not in one piece")
    elif (last + 1) * (bits // 8) > room:
        raise ProtocolBroken("a tensor that reaches beyond its store")


def _check_numbers(tensor: Tensor) -> None:
    numbers = (*tensor.shape, *tensor.strides, tensor.offset)
    if len(tensor.shape) != len(tensor.strides) or len(tensor.shape) > MOST_DIMENSIONS:
        raise ProtocolBroken("a tensor whose shape and steps do not fit")
    if any(not 0 <= number < _WIDEST for number in numbers) or tensor_bytes(tensor) > _WIDEST:
        raise ProtocolBroken("a tensor that no machine can hold")


def tensor_bytes(tensor: Tensor) -> int:
    """How many bytes the tensor takes in the output; more than `_WIDEST` if it is too large to say."""
    count = 1
    for length in tensor.shape:
        if not length:
            return 0
        count = min(count * length, 2 * _WIDEST)
    bits = count * BITS[tensor.dtype]
    if bits % 8:
        raise ProtocolBroken("a tensor that ends within a byte")
    return bits // 8


def in_order(tensor: Tensor) -> bool:
    """Whether the tensor's elements lie one after another."""
    step = 1
    for length, stride in zip(tensor.shape[::-1], tensor.strides[::-1], strict=True):
        if length != 1 and stride != step:
            return False
        step *= length
    return True
