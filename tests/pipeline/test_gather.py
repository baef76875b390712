"""Copying tensors: whatever the layout, the same bytes as going through the indices one by one."""

import itertools
import os
import random
from pathlib import Path

import pytest

from modelairlock.pipeline import gather
from modelairlock.pipeline.gather import Short, copy_part, copy_piece, copy_strided, swapped


def one_by_one(data: bytes, start: int, shape: tuple[int, ...], strides: tuple[int, ...], width: int) -> bytes:
    places = (
        start + width * sum(index * step for index, step in zip(indices, strides, strict=True))
        for indices in itertools.product(*map(range, shape))
    )
    return b"".join(data[at : at + width] for at in places)


@pytest.mark.parametrize("block", [16, 64, 1 << 20])
@pytest.mark.parametrize("waste", [0, 16, 8192])
def test_it_is_as_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, waste: int) -> None:
    monkeypatch.setattr(gather, "_BLOCK", block)
    monkeypatch.setattr(gather, "_WASTE", waste)
    chosen = random.Random(block + waste)
    data = chosen.randbytes(20_000)
    fd = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    for _ in range(60):
        width = chosen.choice([1, 2, 4, 8])
        shape = tuple(chosen.randint(1, 6) for _ in range(chosen.randint(0, 4)))
        strides = tuple(chosen.choice([0, 1, 2, 7, 30, 60]) for _ in shape)
        start = width * chosen.randint(0, 50)
        swap = width if width > 1 and chosen.random() < 0.3 else 0
        expected = one_by_one(data, start, shape, strides, width)
        os.ftruncate(fd, 0)
        copy_strided(lambda at, count: data[at : at + count], start, shape, strides, width, fd, 5, swap, lambda _: None)
        written = os.pread(fd, 1 << 20, 5)
        assert written == (swapped(expected, swap) if swap else expected), (shape, strides, width, start)
    os.close(fd)


def test_bytes_are_swapped_in_place() -> None:
    assert swapped(b"abcdefgh", 2) == b"badcfehg"
    assert swapped(b"abcdefgh", 4) == b"dcbahgfe"
    assert swapped(b"abcdefgh", 8) == b"hgfedcba"


def test_an_input_that_ends_early_is_told(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    with pytest.raises(Short):
        copy_piece(lambda start, count: b"x", 0, 8, fd, 0, 0, lambda _: None)
    with pytest.raises(Short):
        copy_strided(lambda start, count: b"x", 0, (2, 2), (1, 2), 4, fd, 0, 0, lambda _: None)
    os.close(fd)


@pytest.mark.parametrize("block", [8, 24, 64, 1 << 20])
def test_parts_are_put_where_they_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """A tensor is cut into a grid of parts, written part by part, and is what it was."""
    monkeypatch.setattr(gather, "_BLOCK", block)
    chosen = random.Random(block)
    fd = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    for _ in range(40):
        width = chosen.choice([1, 2, 4, 8])
        shape = tuple(chosen.randint(1, 6) for _ in range(chosen.randint(0, 4)))
        count = width
        for length in shape:
            count *= length
        whole = chosen.randbytes(count)
        cuts = [sorted({0, length, *chosen.sample(range(length + 1), 1)}) for length in shape]
        swap = width if width > 1 and chosen.random() < 0.3 else 0
        os.ftruncate(fd, 0)
        for cell in itertools.product(*(itertools.pairwise(cut) for cut in cuts)):
            corner, part = tuple(low for low, _ in cell), tuple(high - low for low, high in cell)
            steps = [1] * len(shape)
            for axis in range(len(shape) - 2, -1, -1):
                steps[axis] = steps[axis + 1] * shape[axis + 1]
            first = width * sum(at * step for at, step in zip(corner, steps, strict=True))
            data = b"xyz" + one_by_one(whole, first, part, tuple(steps), width)
            read = lambda at, count, data=data: data[at : at + count]  # noqa: E731
            copy_part(read, 3, part, corner, shape, width, fd, 5, swap, lambda _: None)
        assert os.pread(fd, 1 << 20, 5) == (swapped(whole, swap) if swap else whole), (shape, cuts, width)
    os.close(fd)


def test_a_part_that_is_not_there_is_short(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    with pytest.raises(Short):
        copy_part(lambda at, count: b"", 0, (2,), (0,), (4,), 4, fd, 0, 0, lambda _: None)
    os.close(fd)
