"""Copies tensors from where they lie to where they belong, in bounded memory, whatever their layout.

A tensor in one piece is copied as it is. Any other is gathered block by block: of its dimensions the one with the
widest steps is taken apart until what is left lies close enough together to be read in one go.
"""

import errno
import os
from array import array
from collections.abc import Callable, Iterator
from itertools import product, zip_longest
from math import prod
from typing import Literal, NamedTuple

#: of the output at a time, and of the input
_BLOCK = 16 * 1024 * 1024
#: reading so many bytes for nothing costs about as much as one more read
_WASTE = 8192
_CASTS: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
#: what makes numbers of so many bytes; `array` has a swap that runs at the speed of memory
_SWAPS = {2: "H", 4: "I", 8: "Q"}

Read = Callable[[int, int], bytes]
Tick = Callable[[int], None]


class Short(Exception):
    """The input ended before the tensor did: it is no longer the file that was planned."""


class Dimension(NamedTuple):
    """So many elements, so far apart in the input and in the block that is being filled."""

    length: int
    step: int
    put: int


def copy_piece(read: Read, start: int, length: int, fd: int, at: int, swap: int, tick: Tick) -> None:
    """Copy `length` bytes from `start` to position `at` of `fd`; with `swap`, each number of so many bytes turned."""
    for done in range(0, length, _BLOCK):
        data = _exactly(read, start + done, min(_BLOCK, length - done))
        put(fd, swapped(data, swap) if swap > 1 else data, at + done)
        tick(len(data))


def copy_range(source: int, start: int, length: int, fd: int, at: int, tick: Tick) -> int:
    """Have the kernel copy what it can of `length` bytes between two files; how many those were. Raises `Short`."""
    done = 0
    try:
        while done < length:
            count = os.copy_file_range(source, fd, min(_BLOCK, length - done), start + done, at + done)
            if not count:
                raise Short
            done += count
            tick(count)
    except (OSError, AttributeError) as problem:
        # Not between these two file systems, or not on this system: then by hand. A full disk is told by both.
        if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
            raise
    return done


def copy_strided(
    read: Read, start: int, shape: tuple[int, ...], strides: tuple[int, ...], width: int, fd: int, at: int, swap: int,
    tick: Tick,
) -> None:  # fmt: skip
    """Write the elements in order of their indices, however they lie from byte `start` on."""
    for block in _blocks(read, start, _merged(shape, strides), width, tick):
        data = bytes(block)
        put(fd, swapped(data, swap) if swap > 1 else data, at)
        at += len(block)
        tick(len(block))


def put_tile(
    data: bytes, tile: tuple[int, ...], corner: tuple[int, ...], shape: tuple[int, ...], width: int, fd: int, at: int
) -> None:
    """Put a tile where it belongs in a tensor that begins at `at`; what reaches over the edge is left out."""
    lengths = [min(step, length - start) for step, length, start in zip(tile, shape, corner, strict=True)]
    last, run = len(shape) - 1, lengths[-1]
    # Rows that are whole in both lie one after another in both.
    while last and lengths[last] == tile[last] == shape[last]:
        last -= 1
        run *= lengths[last]
    inner = [1] * len(shape)
    outer = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        inner[axis], outer[axis] = inner[axis + 1] * tile[axis + 1], outer[axis + 1] * shape[axis + 1]
    for indices in product(*map(range, lengths[:last])):
        source = sum(index * step for index, step in zip(indices, inner, strict=False))
        first = [start + index for start, index in zip_longest(corner, indices, fillvalue=0)]
        place = sum(index * step for index, step in zip(first, outer, strict=True))
        put(fd, data[source * width : (source + run) * width], at + place * width)


def copy_part(
    read: Read, start: int, part: tuple[int, ...], corner: tuple[int, ...], shape: tuple[int, ...], width: int, fd: int,
    at: int, swap: int, tick: Tick,
) -> None:  # fmt: skip
    """Put a part, which lies in one piece from byte `start` on, where it belongs in a tensor that begins at `at`."""
    last, run = len(shape) - 1, part[-1] if part else 1
    while last > 0 and part[last] == shape[last]:
        last -= 1
        run *= part[last]
    steps = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        steps[axis] = steps[axis + 1] * shape[axis + 1]
    outer = product(*map(range, part[: max(0, last)]))
    places = (
        at + width * sum((one + index) * step for one, index, step in zip_longest(corner, indices, steps, fillvalue=0))
        for indices in outer
    )
    size, whole = run * width, prod(part) * width
    if size > _BLOCK:
        for done in range(0, whole, size):
            copy_piece(read, start + done, size, fd, next(places), swap, tick)
        return
    # Many runs at a time: one read for each would take longer than the copying.
    batch = _BLOCK // size * size
    for done in range(0, whole, batch):
        data = _exactly(read, start + done, min(batch, whole - done))
        data = swapped(data, swap) if swap > 1 else data
        for first in range(0, len(data), size):
            put(fd, data[first : first + size], next(places))
        tick(len(data))


def unshuffled(data: bytes, width: int) -> bytes:
    """`data` with the bytes of each number together again."""
    count = len(data) // width
    whole = bytearray(data)
    for byte in range(width):
        whole[byte : count * width : width] = data[byte * count : (byte + 1) * count]
    return bytes(whole)


def put(fd: int, data: bytes, at: int) -> None:
    """Write all of `data` at position `at`. Raises OSError."""
    done = 0
    while done < len(data):
        done += os.pwrite(fd, memoryview(data)[done:], at + done)


def swapped(data: bytes, width: int) -> bytes:
    """`data` with the bytes of each number in the other order."""
    numbers = array(_SWAPS[width])
    if numbers.itemsize != width:
        turned = bytearray(data)
        for byte in range(width):
            turned[byte::width] = data[width - 1 - byte :: width]
        return bytes(turned)
    numbers.frombytes(data)
    numbers.byteswap()
    return numbers.tobytes()


def _exactly(read: Read, start: int, length: int) -> bytes:
    data = read(start, length)
    if len(data) != length:
        raise Short
    return data


def _merged(shape: tuple[int, ...], strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """The dimensions without those of one element, and those that lie within each other made one."""
    made: list[tuple[int, int]] = []
    for length, step in zip(shape, strides, strict=True):
        if length == 1:
            continue
        if made and made[-1][1] == length * step:
            made[-1] = (made[-1][0] * length, step)
        else:
            made.append((length, step))
    return made


def _blocks(read: Read, start: int, dimensions: list[tuple[int, int]], width: int, tick: Tick) -> Iterator[bytearray]:
    """The output in blocks, in order."""
    whole = width
    for length, _ in dimensions:
        whole *= length
    if whole <= _BLOCK or not dimensions:
        yield _block(read, start, dimensions, width, tick)
        return
    (length, step), rest = dimensions[0], dimensions[1:]
    rows = max(1, _BLOCK // (whole // length))
    for row in range(0, length, rows):
        count = min(rows, length - row)
        part = [(count, step), *rest] if count > 1 else rest
        yield from _blocks(read, start + row * step * width, part, width, tick)


def _block(read: Read, start: int, dimensions: list[tuple[int, int]], width: int, tick: Tick) -> bytearray:
    count, puts = 1, []
    for length, step in reversed(dimensions):
        puts.append(Dimension(length, step, count))
        count *= length
    block = bytearray(count * width)
    # The widest steps first: those are what gets taken apart.
    puts.sort(key=lambda one: -one.step)
    _fill(read, start, puts, width, memoryview(block).cast(_CASTS[width]), 0, tick)
    return block


def _fill(
    read: Read, start: int, dimensions: list[Dimension], width: int, block: memoryview, at: int, tick: Tick
) -> None:
    """Fill `block` from element `at` on."""
    extent = sum((one.length - 1) * one.step for one in dimensions) + 1
    if dimensions:
        (length, step, place), rest = dimensions[0], dimensions[1:]
        within = extent - (length - 1) * step
        if step and (step - within) * width > _WASTE:
            for index in range(length):
                _fill(read, start + index * step * width, rest, width, block, at + index * place, tick)
            return
        if extent * width > _BLOCK:
            half = length // 2
            for first, count in ((0, half), (half, length - half)):
                some = [Dimension(count, step, place), *rest] if count > 1 else rest
                _fill(read, start + first * step * width, some, width, block, at + first * place, tick)
            return
    data = memoryview(_exactly(read, start, extent * width)).cast(_CASTS[width])
    tick(0)
    _spread(data, 0, sorted(dimensions), block, at, tick)


def _spread(data: memoryview, source: int, dimensions: list[Dimension], block: memoryview, at: int, tick: Tick) -> None:
    """Copy what `dimensions` name; the longest, which stands last, in one go."""
    if not dimensions:
        block[at] = data[source]
        return
    if len(dimensions) > 1:
        length, step, place = dimensions[0]
        tick(0)
        for index in range(length):
            _spread(data, source + index * step, dimensions[1:], block, at + index * place, tick)
        return
    length, step, place = dimensions[0]
    end = at + (length - 1) * place + 1
    if step:
        block[at:end:place] = data[source : source + (length - 1) * step + 1 : step]
    else:
        one = data[source : source + 1].tobytes() * length
        block[at:end:place] = memoryview(one).cast(_CASTS[data.itemsize])
