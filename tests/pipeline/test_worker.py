"""What runs behind the wall says what it says before it: nothing is left to import, and no codec to look up."""

import os
import pickle
from pathlib import Path

import msgspec
import pytest

from modelairlock.catalog import names
from modelairlock.isolation import Task, Wall
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline import READ, READ_FULL, worker
from modelairlock.pipeline.answer import NOT_HERE, RESULT_BYTES, Job, Piece, answers, decode
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
    """What the worker says of each file, all of them read by one child, as a scan of a folder would.

    What it hands back for want of a library is read by the full worker, likewise.
    """
    folder = tmp_path_factory.mktemp("everyday")
    descriptors = [_opened(folder / str(at), data) for at, (_, _, data) in enumerate(FILES)]
    tasks = [
        Task(fd, msgspec.msgpack.encode(Job(pieces=(Piece(name, 0, len(data)),), limits=DEFAULT_LIMITS)))
        for fd, (_, name, data) in zip(descriptors, FILES, strict=True)
    ]
    found: dict[tuple[str, str], Reading] = {}
    for read in (READ, READ_FULL):
        left = [at for at, (format_, name, _) in enumerate(FILES) if (format_, name) not in found]
        with Wall(read, memory_bytes=DEFAULT_LIMITS.worker_bytes, result_bytes=RESULT_BYTES) as wall:
            outcomes = wall.run([tasks[at] for at in left], seconds=60)
        for at, outcome in zip(left, outcomes, strict=True):
            format_, name, data = FILES[at]
            assert outcome.result is not None, f"{name} ({format_}): {outcome.failure}"
            answer = answers(outcome.result, 1)[0]
            if answer != NOT_HERE:
                found[format_, name] = decode(answer, len(data), name)
    for fd in descriptors:
        os.close(fd)
    return found


def _opened(path: Path, data: bytes) -> int:
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY)


@pytest.mark.parametrize(("format_", "name", "data"), FILES, ids=[f"{format_}-{name}" for format_, name, _ in FILES])
def test_the_wall_changes_nothing_that_is_read(
    readings: dict[tuple[str, str], Reading], format_: str, name: str, data: bytes
) -> None:
    before = read_tree(BytesSource(data), name, name, DEFAULT_LIMITS, strict=True)
    assert any(format_ in one.formats for one in walk(before))
    behind = readings[format_, name]
    gaps = [(one.path, gap.detail) for one in walk(behind) for gap in one.coverage.gaps]
    assert behind == before, f"import what it needs before the wall is up (pipeline/worker.py): {gaps}"


def test_a_piece_ends_where_it_is_said_to_end(tmp_path: Path) -> None:
    contents = [b"a text\n", pickle.dumps({"a": 1}), b"", b"another text\n"]
    starts = [sum(map(len, contents[:at])) for at in range(len(contents))]
    fd = _opened(tmp_path / "x", b"".join(contents))
    pieces = tuple(
        Piece(str(at), start, len(data)) for at, (start, data) in enumerate(zip(starts, contents, strict=True))
    )
    job = msgspec.msgpack.encode(
        Job(pieces=(*pieces, Piece("gone", 30, 999), Piece("far", 9999, 9)), limits=DEFAULT_LIMITS)
    )
    *found, gone, far = answers(worker.read(fd, job), len(pieces) + 2)
    os.close(fd)
    for at, (answer, data) in enumerate(zip(found, contents, strict=True)):
        alone = read_tree(BytesSource(data), str(at), str(at), DEFAULT_LIMITS, strict=True)
        assert decode(answer, len(data), str(at)) == alone
    rest = sum(map(len, contents)) - 30
    assert decode(gone, rest, "gone").coverage.size_bytes == rest
    assert decode(far, 0, "far").coverage.gaps
