"""A folder to scan, and a real wall."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelairlock.isolation import Wall
from tests.pipeline.stand_in import FUNCTION

MEMORY = 64 * 1024 * 1024


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "m").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def wall() -> Iterator[Wall]:
    with Wall(FUNCTION, memory_bytes=MEMORY) as real:
        yield real
