"""A folder as an input: it can be read by whoever runs in the jail, and nothing beside it, and nothing is changed."""

import contextlib
import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelairlock.isolation.jail import Folder, FolderFile, Job, run
from modelairlock.isolation.jail import folder as room
from modelairlock.records.doctor import advice
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JAIL_LAYERS, JailResult, Outcome
from tests.isolation.jail.world import INTERPRETER, LIMITS, MODES, SECRET, WHO, as_user, calls

linux = pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")


def listed(path: Path, name: str = "") -> FolderFile:
    state = path.stat()
    return FolderFile(
        name=name or path.name, place=str(path), device=state.st_dev, inode=state.st_ino, size=state.st_size
    )


@contextlib.contextmanager
def shown(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "config.json").write_text('{"a": 1}')
    (tmp_path / "blob").write_bytes(b"x" * 5000)
    with Folder([listed(tmp_path / "config.json"), listed(tmp_path / "blob", "below/weights.bin")]) as folder:
        yield folder


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Folder]:
    """`tmp_path` is closed to all but root, as homes are: the files are shown all the same."""
    with shown(tmp_path) as folder:
        yield folder


def test_the_stand_in_has_names_and_sizes_and_no_content(model: Folder) -> None:
    place = Path(model.place)
    assert sorted(str(one.relative_to(place)) for one in place.rglob("*")) == [
        "below", "below/weights.bin", "config.json",
    ]  # fmt: skip
    assert (place / "below/weights.bin").read_bytes() == bytes(5000)
    assert not any(one.is_symlink() for one in place.rglob("*"))
    outer = place.parents[2]
    assert stat.S_IMODE(outer.stat().st_mode) == 0o711, "others of the machine may not list what somebody loads"
    model.close()
    model.close()
    assert not outer.exists()


def test_only_what_was_listed_is_found(model: Folder) -> None:
    for path in ("config.json", "./config.json", "below/../config.json", "below//weights.bin"):
        assert model.file(f"{model.place}/{path}") is not None, path
    for path in ("", "below", "other", "../model", "../../x", "config.json/x"):
        assert model.file(f"{model.place}/{path}") is None, path
    assert model.file("config.json") is None
    assert model.file(f"{model.place}-other/config.json") is None


def test_a_file_that_was_replaced_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    one = listed(path)
    os.close(room.opened(one))
    path.rename(tmp_path / "b")
    for replace in (lambda: path.symlink_to("b"), lambda: os.mkfifo(path), lambda: path.write_text("another")):
        replace()
        with pytest.raises(OSError, match=r".") as raised:
            room.opened(one)
        assert raised.value.errno in {errno.ESTALE, errno.ELOOP}
        path.unlink()


def test_where_it_cannot_be_made_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a").write_text("a")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(room.os, "ftruncate", full)
    with pytest.raises(AirlockError, match="No space left") as raised:
        Folder([listed(tmp_path / "a")])
    assert "TMPDIR" in raised.value.hint
    assert os.listdir(tmp_path) == ["a"]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(AirlockError, match="No such file"):
        Folder([listed(tmp_path / "a")])
    with pytest.raises(AirlockError, match="64 folders deep"):
        Folder([listed(tmp_path / "a", "b/" * 1000 + "a")])


CODE = """
import os
def tries(what):
    try:
        found = what()
        return found if isinstance(found, (str, int, list)) else "worked"
    except OSError as error:
        return os.strerror(error.errno)
def load(state, inputs, argument):
    place = os.environ["AIRLOCK_MODEL"]
    for what in (@WHAT@):
        print(tries(what))
PHASES = {"import": lambda *_: None, "load": load}
"""
READS = """
    lambda: open(place + "/config.json").read(), lambda: len(open(place + "/below/../below/weights.bin").read()),
    lambda: sorted(os.listdir(place)), lambda: os.path.getsize(place + "/below/weights.bin"),
    lambda: os.read(os.open("weights.bin", os.O_RDONLY, dir_fd=os.open(place + "/below", os.O_RDONLY)), 2).decode(),
    lambda: open(place + "/tokenizer.json"), lambda: os.open(place + "/config.json", os.O_RDONLY | os.O_DIRECTORY),
"""
READ = """{"a": 1}
5000
['below', 'config.json']
5000
xx
No such file or directory
Not a directory
"""


def tried(folder: Folder, what: str, mode: str = "strict", who: str = WHO[0]) -> JailResult:
    job = Job(
        code=CODE.replace("@WHAT@", what), phases=("import", "load"), folder=folder, interpreter=INTERPRETER,
        variables=((room.VARIABLE, folder.path),),
    )  # fmt: skip
    return as_user(who, lambda: run(job, require=Level(mode), limits=LIMITS, enabled_layers=MODES[mode]))


@linux
@pytest.mark.jail
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("who", WHO)
def test_it_is_read_and_that_is_no_attempt(mode: str, who: str) -> None:
    # The parent opens what the jail asks for, so it must be allowed to: pytest's own folders are root's alone.
    with tempfile.TemporaryDirectory(prefix="model-") as name, shown(Path(name)) as model:
        Path(name).chmod(0o755)
        result = tried(model, READS, mode, who)
    assert (result.outcome, result.events) == (Outcome.COMPLETED, ()), (result.detail, result.output, result.events)
    assert result.output == READ


WRITES = """
    lambda: open(place + "/config.json", "w"), lambda: open(place + "/new", "w"), lambda: os.mkdir(place + "/new"),
    lambda: os.unlink(place + "/config.json"), lambda: os.rename(place + "/config.json", place + "/new"),
    lambda: os.symlink("/etc/passwd", place + "/new"), lambda: os.chmod(place + "/config.json", 0o777),
    lambda: os.truncate(place + "/config.json", 0), lambda: os.utime(place + "/config.json"),
    lambda: os.ftruncate(os.open(place + "/config.json", os.O_RDONLY), 0),
    lambda: os.fchmod(os.open(place + "/config.json", os.O_RDONLY), 0o777),
"""


@linux
@pytest.mark.jail
@pytest.mark.parametrize("mode", MODES)
def test_writing_is_refused_and_seen(mode: str, model: Folder, tmp_path: Path) -> None:
    before = [(one.name, one.stat().st_mtime_ns, one.read_bytes()) for one in sorted(tmp_path.iterdir())]
    stand_in = sorted(os.listdir(model.place))
    result = tried(model, WRITES, mode)
    assert result.outcome is Outcome.COMPLETED_WITH_VIOLATIONS
    assert "worked" not in result.output
    assert calls(result) >= {
        "openat", "mkdir", "unlink", "rename", "symlink", "chmod", "truncate", "utimensat", "ftruncate", "fchmod",
    } or os.uname().machine != "x86_64"  # fmt: skip
    assert len(result.events) == 11
    assert result.events[0].arguments[0] == "/airlock/model-0/config.json", "the same name in every run"
    assert [(one.name, one.stat().st_mtime_ns, one.read_bytes()) for one in sorted(tmp_path.iterdir())] == before
    assert sorted(os.listdir(model.place)) == stand_in


@linux
@pytest.mark.jail
@pytest.mark.parametrize("mode", MODES)
def test_nothing_beside_it_is_reached(mode: str, model: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o644)
    result = tried(
        model,
        f"""
    lambda: open(place + "/../../../secret").read(), lambda: open({str(tmp_path / "secret")!r}).read(),
    lambda: open({str(tmp_path / "config.json")!r}).read(), lambda: open(place + "/../../..{tmp_path}/secret").read(),
    lambda: os.open("../secret", os.O_RDONLY, dir_fd=os.open(place, os.O_RDONLY)),
    lambda: os.open({str(tmp_path)!r}, os.O_RDONLY), lambda: open(place + "/../../../../../etc/passwd").read(),
""",
        mode,
    )
    assert SECRET not in result.output
    assert set(result.output.split("\n")) <= {"Permission denied", "No such file or directory", ""}
    assert len(result.events) >= 5


@linux
@pytest.mark.jail
def test_what_was_exchanged_since_it_was_listed_is_not_shown(tmp_path: Path) -> None:
    path, secret = tmp_path / "config.json", tmp_path / "secret"
    path.write_text("{}")
    secret.write_text(SECRET)
    with Folder([listed(path)]) as folder:
        path.unlink()
        path.symlink_to(secret)
        result = tried(folder, 'lambda: open(place + "/config.json").read(),')
    assert SECRET not in result.output
    assert result.events == (), "it is not the model that did it"


@linux
@pytest.mark.jail
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root becomes nobody")
def test_a_temporary_folder_that_nobody_may_pass_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "closed"))
    with shown(tmp_path) as folder:
        result = tried(folder, READS, "confined")
        assert "the folder for temporary files lies in" in result.detail
        assert [one.name for one in result.layers] == list(JAIL_LAYERS)
        assert [advice(one) for one in result.layers[2:]] == [""] * 4, "nobody knows what is wrong with these"
        assert tried(folder, READS, "strict").output == READ
