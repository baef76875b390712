"""The fuzz entry finds every format, starts from files of it, and runs."""

import random
from pathlib import Path

import pytest
from fuzz import fuzz_format
from fuzz.fuzz_format import mutations, names, plain, target
from fuzz.seeds import NoSeeds, seeds

from modelairlock.catalog import find
from modelairlock.catalog import names as offered
from modelairlock.pipeline import judge
from modelairlock.reading import Format
from tests.reading_help import probe

FORMATS = names()


@pytest.fixture(autouse=True)
def _back_to_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # a target makes rules raise for the rest of the process, and leaves what it crashes at in the checkout
    monkeypatch.setattr(judge, "_strict", judge._strict)
    monkeypatch.setattr(fuzz_format, "CRASHES", tmp_path / "crashes")


def test_every_format_is_a_target() -> None:
    assert list(offered("modelairlock.formats")) == FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_starts_from_files_of_its_own(name: str) -> None:
    try:
        start = seeds(name)
    except NoSeeds as missing:
        pytest.fail(str(missing))
    claims = find("modelairlock.formats", name, Format).claims
    claimed = sum(claims(probe(data, start.name, start.role)) for data in start.files)
    assert claimed * 2 >= len(start.files), f"{start.name} does not suit most of them: set NAME beside example()"


def test_seeds_are_files_of_the_format() -> None:
    assert len(seeds("pickle").files) > 50
    assert all(seed.startswith(b"\x93NUMPY") for seed in seeds("npy").files)


def test_nothing_to_start_from_says_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("tests.formats.test_hub_bookkeeping.example")
    with pytest.raises(NoSeeds, match=r"write `def example\(\) -> bytes` in tests/formats/test_hub_bookkeeping.py"):
        seeds.__wrapped__("hub_bookkeeping")


def test_what_the_parent_refuses_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.reading_help.decode", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        target("pickle")(b"N.")
    [crash] = fuzz_format.CRASHES.iterdir()
    assert (crash.name.partition("-")[0], crash.read_bytes()) == ("pickle", b"N.")


def test_a_format_reads_what_it_does_not_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.reading_help.read", lambda one, *_: pytest.fail(one.name))
    with pytest.raises(pytest.fail.Exception, match="npy"):
        target("npy")(b"no array")


def test_mutations_differ() -> None:
    stream = mutations([b"hello world" * 9], random.Random(7))
    assert len({next(stream) for _ in range(200)}) > 150


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_it_runs(name: str) -> None:
    assert plain(name, 0.5)
