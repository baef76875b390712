"""The worker's control group: it stops what the watch would miss, it is in force before the model is opened, it goes.

This machine has one version of control groups. What the other one's tree looks like is told by files here; both have
been run for real (docs/guide/limits-and-isolation.md says where).
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelairlock.isolation.jail import answers, cgroup, cgroup_places, tree
from modelairlock.isolation.jail.cgroup_places import CONTROLLERS, PREFIX, NoGroup, Place
from modelairlock.records.isolation import Level
from modelairlock.records.jail import CGROUP, JAIL_LAYERS, JailLayer, JailLimits, JailResult, Outcome
from tests.isolation.jail.world import LIMITS, ORDINARY, WHO, load, survivors

WITHOUT = tuple(name for name in JAIL_LAYERS if name != CGROUP)
#: each is within the limit, together they are not
BOMB = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1 << 20) * 60)
        time.sleep(3)
        os._exit(0)
time.sleep(2)
print('survived')
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")


def _here() -> str:
    """Why this process gets no group for a worker; empty if it does."""
    if sys.platform != "linux":
        return "control groups are Linux's"
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        cgroup.enter(sleeper.pid).close()
    except NoGroup as error:
        return str(error)
    finally:
        sleeper.kill()
        sleeper.wait()
    return ""


needs_group = pytest.mark.skipif(bool(_here()), reason=f"no control group can be had here: {_here()}")


def layer(result: JailResult) -> JailLayer:
    return next(one for one in result.layers if one.name == CGROUP)


def left() -> list[str]:
    """The groups that this process, or one that is dead, has made and not removed."""
    version, own = cgroup_places.own()
    folders = {place.folder for parents in cgroup_places.candidates(version, own) for place in parents.values()}
    names = [name for folder in folders for name in os.listdir(folder) if name.startswith(PREFIX)]
    owners = {name: name.split("-")[1] for name in names}
    return [name for name, pid in owners.items() if int(pid) == os.getpid() or not os.path.exists(f"/proc/{pid}")]


@pytest.fixture
def delegated() -> Iterator[None]:
    """This process, and what it starts, in groups that were given to the ordinary user."""
    version, own = cgroup_places.own()
    made = {place.folder: f"{place.folder}/delegated-{os.getpid()}" for place in own.values()}
    if version == 2:
        pytest.skip("in version 2 this process would have to leave its group first")
    for folder in made.values():
        os.mkdir(folder)
        os.chown(folder, ORDINARY, ORDINARY)
        os.chown(f"{folder}/cgroup.procs", ORDINARY, ORDINARY)
        cgroup_places.write(folder, "cgroup.procs", str(os.getpid()))
    yield
    for before, folder in made.items():
        cgroup_places.write(before, "cgroup.procs", str(os.getpid()))
        os.rmdir(folder)


@needs_group
@pytest.mark.jail
def test_a_bomb_of_several_processes_that_nobody_watches(monkeypatch) -> None:
    """The layer is missed when it is gone."""
    monkeypatch.setattr(tree, "memory", lambda _process: 0)
    without = load(BOMB, detonate=True, enabled_layers=WITHOUT)
    assert "survived" in without.output, without.detail
    assert layer(without).state == "disabled"
    stopped = load(BOMB, detonate=True)
    assert layer(stopped).state == "enforced"
    assert layer(stopped).verified == cgroup.VERIFIED
    assert stopped.outcome is Outcome.LIMIT_MEMORY, stopped.detail
    assert "the limit of its control group" in stopped.detail
    assert "survived" not in stopped.output
    assert survivors() == []
    assert left() == []


@needs_group
@pytest.mark.skipif("root" not in WHO, reason="delegates a group")
@pytest.mark.jail
def test_an_ordinary_user_in_a_group_that_is_delegated(monkeypatch, delegated) -> None:
    monkeypatch.setattr(tree, "memory", lambda _process: 0)
    result = load(BOMB, who="ordinary", detonate=True)
    assert (layer(result).state, result.level) == ("enforced", Level.STRICT), layer(result)
    assert (result.outcome, "control group" in result.detail) == (Outcome.LIMIT_MEMORY, True)


@pytest.mark.skipif("root" not in WHO, reason="takes powers away from root")
@pytest.mark.jail
def test_an_ordinary_user_without_one_has_the_watch() -> None:
    if layer(load("1", who="ordinary")).state == "enforced":
        pytest.skip("this user may make groups")
    result = load(BOMB, who="ordinary", detonate=True)
    assert layer(result).state == "unavailable"
    assert "ermission" in layer(result).reason
    assert result.level is Level.STRICT
    assert result.outcome is Outcome.LIMIT_MEMORY
    assert "control group" not in result.detail


@needs_group
@pytest.mark.jail
def test_threads_that_nobody_counts(monkeypatch) -> None:
    monkeypatch.setattr(answers, "count_threads", lambda _process: 0)
    source = """
import threading, time
threading.stack_size(1 << 18)
started = 0
try:
    for _ in range(200):
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
        started += 1
except RuntimeError as error:
    print(error)
print('started', started)
"""
    assert "started 200" in load(source, enabled_layers=WITHOUT).output
    result = load(source)
    assert "can't start new thread" in result.output
    assert f"started {LIMITS.threads}" in result.output
    assert left() == []


@needs_group
@pytest.mark.jail
@pytest.mark.parametrize("source", ["1", "import os; os.kill(os.getpid(), 11)", "import os; os._exit(3)", "while 1: 1"])
def test_nothing_of_it_is_left(source) -> None:
    limits = JailLimits(wall_seconds=1, memory_bytes=128 << 20)
    assert layer(load(source, limits=limits)).state == "enforced"
    assert left() == []


@needs_group
@pytest.mark.jail
def test_a_worker_that_is_not_in_its_group_is_given_nothing(monkeypatch) -> None:
    monkeypatch.setattr(cgroup_places, "membership", lambda *_: "/elsewhere")
    result = load("print('opened')")
    assert (layer(result).state, result.outcome) == ("failed", Outcome.ISOLATION_LOST)
    assert "the worker is not in its memory group" in layer(result).reason
    assert result.output == ""
    assert left() == []


@needs_group
@pytest.mark.jail
def test_a_limit_that_does_not_hold_is_not_called_enforced(monkeypatch) -> None:
    real = cgroup_places.write
    monkeypatch.setattr(
        cgroup_places, "write", lambda folder, name, value: real(folder, name, value) if "procs" in name else None
    )
    result = load("1")
    assert layer(result).state == "unavailable"
    assert "its limits could not be set: memory." in layer(result).reason
    assert result.outcome is Outcome.COMPLETED
    assert left() == []


@needs_group
def test_what_is_left_in_a_group_is_ended() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        cage = cgroup.enter(sleeper.pid)
        assert left() != []
        assert cage.close()
        assert sleeper.wait(5) == -signal.SIGKILL
    assert left() == []


@needs_group
def test_groups_of_the_dead_are_swept() -> None:
    version, own = cgroup_places.own()
    parents = next(iter(cgroup_places.candidates(version, own)))
    dead = subprocess.Popen(["true"])
    dead.wait()
    folders = [f"{parents['memory'].folder}/{PREFIX}{pid}-00000000" for pid in (dead.pid, os.getppid())]
    for folder in folders:
        os.mkdir(folder)
    try:
        cgroup_places.sweep([parents])
        assert [os.path.exists(folder) for folder in folders] == [False, True]
    finally:
        for folder in folders:
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(folder)


@needs_group
@pytest.mark.jail
def test_who_is_killed_leaves_what_the_next_one_sweeps() -> None:
    pid = os.fork()
    if pid == 0:
        load("import time; time.sleep(20)")
        os._exit(0)
    deadline = time.monotonic() + 20
    _, own = cgroup_places.own()
    folder = own["memory"].folder
    while not any(f"{PREFIX}{pid}-" in name for name in os.listdir(folder)) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert survivors() == []
    load("1")
    assert left() == []


class Tree:
    """What version 2 looks like to a process in the group `at`, in plain files."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, root: str = "/") -> None:
        self.folder = folder
        mounts = folder / "mountinfo"
        mounts.write_text(f"30 23 0:26 {root} {folder}/cg rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n")
        monkeypatch.setattr(cgroup_places, "_MOUNTS", str(mounts))

    def group(self, path: str, subtree: str = "") -> Place:
        place = self.folder / "cg" / path.strip("/")
        place.mkdir(parents=True, exist_ok=True)
        (place / "cgroup.procs").write_text("")
        (place / "cgroup.subtree_control").write_text(subtree)
        return Place(path, str(place))


def test_version_2_beside_the_own_group(tmp_path, monkeypatch) -> None:
    made = Tree(tmp_path, monkeypatch)
    above = made.group("/user.slice", "memory pids\n")
    own = made.group("/user.slice/shell")
    assert cgroup_places.placed("/user.slice/shell", "") == own
    candidates = cgroup_places.candidates(2, dict.fromkeys(CONTROLLERS, own))
    assert [one["memory"] for one in candidates] == [own, above]
    assert cgroup_places.opened(2, candidates[1]) == dict.fromkeys(CONTROLLERS, above)


def test_version_2_with_memory_alone(tmp_path, monkeypatch) -> None:
    above = Tree(tmp_path, monkeypatch).group("/a", "memory\n")
    # A real file takes words one by one; this one is closed to writing.
    monkeypatch.setattr(cgroup_places, "write", lambda *_: None)
    assert cgroup_places.opened(2, dict.fromkeys(CONTROLLERS, above)) == {"memory": above}


def test_version_2_where_nothing_is_handed_on(tmp_path, monkeypatch) -> None:
    own = Tree(tmp_path, monkeypatch).group("/a")
    monkeypatch.setattr(cgroup_places, "write", lambda *_: None)
    with pytest.raises(OSError, match="hands no memory controller on"):
        cgroup_places.opened(2, dict.fromkeys(CONTROLLERS, own))


def test_the_mount_shows_a_part_of_the_tree(tmp_path, monkeypatch) -> None:
    """As in a container without a namespace of control groups."""
    made = Tree(tmp_path, monkeypatch, root="/docker/1234")
    place = made.group("/")
    assert cgroup_places.placed("/docker/1234", "").folder == place.folder
    assert cgroup_places.placed("/docker/1234/x", "").folder == f"{place.folder}/x"
    for path in ("/docker/12345", "/docker", "/"):
        with pytest.raises(NoGroup, match="is not in what is mounted"):
            cgroup_places.placed(path, "")
    # What lies above the mount is not looked at.
    assert len(cgroup_places.candidates(2, {"memory": Place("/", place.folder)})) == 1


def test_no_groups_are_mounted(tmp_path, monkeypatch) -> None:
    (tmp_path / "none").write_text("30 23 0:26 / /proc rw - proc proc rw\n")
    monkeypatch.setattr(cgroup_places, "_MOUNTS", str(tmp_path / "none"))
    with pytest.raises(NoGroup, match="no control groups are mounted here"):
        cgroup_places.own()


def test_no_systemd_of_the_user_to_ask(monkeypatch) -> None:
    monkeypatch.setattr(cgroup_places, "_BUSCTL", "/nonexistent")
    with pytest.raises(NoGroup, match="no systemd of this user"):
        cgroup_places.scope(1, "x", 1)


@pytest.mark.parametrize(
    ("found", "told"), [("max\n", "memory.max is max, not 65536"), ("0", "is 0"), ("65537", "is 65537")]
)
def test_a_limit_is_read_back(tmp_path, monkeypatch, found: str, told: str) -> None:
    (tmp_path / "memory.max").write_text(found)
    monkeypatch.setattr(cgroup_places, "write", lambda *_: None)
    with pytest.raises(ValueError, match=told):
        cgroup._set(str(tmp_path), "memory.max", 65536, 4096)
    (tmp_path / "memory.max").write_text("61440\n")
    cgroup._set(str(tmp_path), "memory.max", 65536, 4096)
