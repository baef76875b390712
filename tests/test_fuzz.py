"""The fuzz entry finds every format, has seeds for it, and runs."""

import random

import pytest
from fuzz.fuzz_format import mutations, names, plain, seeds, target

from modelairlock.catalog import names as offered


def test_every_format_is_a_target() -> None:
    assert names() == list(offered("modelairlock.formats"))


def test_seeds_are_files_of_the_format() -> None:
    assert len(seeds("pickle")) > 50
    assert all(seed.startswith(b"\x93NUMPY") for seed in seeds("npy"))


def test_a_crash_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelairlock.pipeline.answer.decode", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        target()(b"N.")


def test_mutations_differ() -> None:
    stream = mutations([b"hello world" * 9], random.Random(7))
    assert len({next(stream) for _ in range(200)}) > 150


@pytest.mark.slow
def test_it_runs() -> None:
    assert plain("pickle", 1.0) > 10
