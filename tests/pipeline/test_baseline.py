"""What is remembered of honest files: for whom it counts, and that nobody else can write it."""

import json
import os
import sys
from pathlib import Path

import msgspec
import pytest

from modelairlock.pipeline import baseline
from modelairlock.pipeline.baseline import FOLDER, Identity, habits, identity, record, recorded
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Certainty, Event, JailResult, Outcome

HABIT = ("openat", ("/etc/mime.types", "O_RDONLY", "0o0"))
WHOSE = Identity(
    job="torch.load", interpreter="/p 1 2", installed="d", level=Level.STRICT, jail="j", kernel="k", version="v"
)


def ran(*calls: tuple[str, tuple[str, ...]], outcome: Outcome = Outcome.COMPLETED, **fields: object) -> JailResult:
    events = tuple(
        Event(seq=1, at_seconds=0, phase="inference", thread=1, syscall=call, arguments=arguments, action="EACCES",
              certainty=Certainty.DENIED)
        for call, arguments in calls
    )  # fmt: skip
    return JailResult(level=Level.STRICT, layers=(), outcome=outcome, events=events, **fields)


def test_only_habits_are_kept_of_an_honest_run() -> None:
    worse = [
        ("execve", ("/bin/sh", "['sh']")), ("connect", ("3", "10.0.0.1:80")), ("clone", ("VM|VFORK",)),
        ("openat", ("/srv/someone/.ssh/id_rsa", "O_RDONLY", "0o0")), ("ptrace", ("0x10", "1")),
    ]  # fmt: skip
    assert habits(ran(HABIT, *worse, outcome=Outcome.COMPLETED_WITH_VIOLATIONS)) == {HABIT}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_run_that_did_not_end_well_says_nothing(outcome: Outcome) -> None:
    assert (habits(ran(HABIT, outcome=outcome)) is None) is not outcome.value.startswith("completed")
    assert habits(ran(HABIT, outcome=outcome, dropped=1)) is None


def test_it_is_remembered_for_the_same_and_nobody_else(tmp_path: Path) -> None:
    assert recorded(tmp_path, WHOSE) is None
    record(tmp_path, WHOSE, frozenset({HABIT}))
    assert recorded(tmp_path, WHOSE) == {HABIT}
    record(tmp_path, WHOSE, frozenset())
    assert recorded(tmp_path, WHOSE) == frozenset()
    [file] = (tmp_path / FOLDER).iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    for field in msgspec.structs.fields(Identity):
        value = Level.CONFINED if field.name == "level" else "other"
        assert recorded(tmp_path, msgspec.structs.replace(WHOSE, **{field.name: value})) is None, field.name


def changed(folder: Path, change: object) -> Path:
    record(folder, WHOSE, frozenset({HABIT}))
    [file] = (folder / FOLDER).iterdir()
    found = json.loads(file.read_bytes())
    change(found)
    file.write_text(json.dumps(found))
    return file


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["usual"].append(["execve", ["/bin/sh", "['sh', '-c', 'id']"]]),
        lambda found: found["usual"].append(["connect", ["3", "10.0.0.1:80"]]),
        lambda found: found["usual"].append(["openat", ["/srv/someone/.aws/credentials", "O_RDONLY", "0o0"]]),
        lambda found: found["identity"].update(version="other"),
        lambda found: found.update(more=1),
        lambda found: found.update(schema="modelairlock/baseline/2"),
        lambda found: found.update(usual=[["openat"]]),
        lambda found: found.update(usual=[["openat", ["/tmp/x" * 100_000, "O_RDONLY"]]]),
    ],
)
def test_what_is_written_there_is_not_believed(tmp_path: Path, change: object) -> None:
    changed(tmp_path, lambda _: None)
    assert recorded(tmp_path, WHOSE) == {HABIT}
    changed(tmp_path, change)
    assert recorded(tmp_path, WHOSE) is None


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 100_000, b"{" + b" " * 300_000 + b"}"])
def test_damage(tmp_path: Path, data: bytes) -> None:
    changed(tmp_path, lambda _: None).write_bytes(data)
    assert recorded(tmp_path, WHOSE) is None


def test_a_file_of_somebody_elses(tmp_path: Path) -> None:
    file = changed(tmp_path, lambda _: None)
    file.chmod(0o666)
    assert recorded(tmp_path, WHOSE) is None
    file.chmod(0o600)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert recorded(tmp_path, WHOSE) is None
    file.unlink()
    os.mkfifo(file)
    assert recorded(tmp_path, WHOSE) is None, "and nothing waits for a writer"


def test_a_folder_of_somebody_elses(tmp_path: Path) -> None:
    record(tmp_path, WHOSE, frozenset())
    (tmp_path / FOLDER).chmod(0o777)
    with pytest.raises(AirlockError, match="others can write"):
        recorded(tmp_path, WHOSE)
    with pytest.raises(AirlockError, match="others can write"):
        record(tmp_path, WHOSE, frozenset())


def test_a_disk_that_is_full_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(baseline.os, "replace", full)
    record(tmp_path, WHOSE, frozenset({HABIT}))
    assert list((tmp_path / FOLDER).iterdir()) == []


def environment(folder: Path) -> str:
    packages = folder / "lib" / "python3.11" / "site-packages"
    (packages / "torch-2.0.dist-info").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text("version = 3.11.7\n")
    return str(folder / "bin" / "python")


def test_the_identity_follows_the_environment(tmp_path: Path) -> None:
    python = environment(tmp_path)
    packages = tmp_path / "lib" / "python3.11" / "site-packages"

    def now(job: str = "torch.load", level: Level = Level.STRICT, code: str = "code") -> Identity:
        return identity(job, python, level, code)

    first = now()
    assert first == now()
    assert os.path.realpath(sys.executable) in first.interpreter
    seen = {first, now(job="joblib.load"), now(level=Level.CONFINED), now(code="other")}
    (packages / "numpy-2.0.dist-info").mkdir()
    seen.add(now())
    (packages / "torch-2.0.dist-info").rename(packages / "torch-2.1.dist-info")
    seen.add(now())
    (tmp_path / "pyvenv.cfg").write_text("version = 3.12.0\n")
    seen.add(now())
    assert len({one.name for one in seen}) == 7
