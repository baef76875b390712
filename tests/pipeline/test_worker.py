"""What runs behind the wall says what it says before it: nothing is left to import, and no codec to look up."""

import os
from pathlib import Path

import msgspec
import pytest

from modelairlock.catalog import names
from modelairlock.isolation import Task, Wall
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline import READ
from modelairlock.pipeline.answer import RESULT_BYTES, Job, decode
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.reading import Reading
from tests.build.everyday import EVERYDAY
from tests.reading_help import walk

FILES = [(format_, name, data) for format_, files in EVERYDAY.items() for name, data in files]


def test_every_format_has_an_everyday_file() -> None:
    missing = set(names("modelairlock.formats")) - set(EVERYDAY)
    assert not missing, f"add an honest file of each to tests/build/everyday.py: {sorted(missing)}"


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Reading]:
    """What the worker says of each file, all of them read by one child, as a scan of a folder would."""
    folder = tmp_path_factory.mktemp("everyday")
    descriptors = [_opened(folder / str(at), data) for at, (_, _, data) in enumerate(FILES)]
    tasks = [
        Task(fd, msgspec.msgpack.encode(Job(path=name, name=name, limits=DEFAULT_LIMITS)))
        for fd, (_, name, _) in zip(descriptors, FILES, strict=True)
    ]
    with Wall(READ, memory_bytes=DEFAULT_LIMITS.worker_bytes, result_bytes=RESULT_BYTES) as wall:
        outcomes = wall.run(tasks, seconds=60)
    for fd in descriptors:
        os.close(fd)
    found = {}
    for (format_, name, data), outcome in zip(FILES, outcomes, strict=True):
        assert outcome.result is not None, f"{name} ({format_}): {outcome.failure}"
        found[format_, name] = decode(outcome.result, len(data), name)
    return found


def _opened(path: Path, data: bytes) -> int:
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY)


@pytest.mark.parametrize(("format_", "name", "data"), FILES, ids=[f"{format_}-{name}" for format_, name, _ in FILES])
def test_the_wall_changes_nothing_that_is_read(
    readings: dict[tuple[str, str], Reading], format_: str, name: str, data: bytes
) -> None:
    before = read_tree(BytesSource(data), name, name, DEFAULT_LIMITS, strict=True)
    assert format_ in before.formats
    behind = readings[format_, name]
    gaps = [(one.path, gap.detail) for one in walk(behind) for gap in one.coverage.gaps]
    assert behind == before, f"import what it needs before the wall is up (pipeline/worker.py): {gaps}"
