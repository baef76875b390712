"""What of the file system goes into the jail: code, and nothing of a home that holds an environment."""

import os
import sys
from pathlib import Path

import pytest

from modelairlock.isolation.jail import job, launcher
from modelairlock.isolation.jail.answers import INPUT
from modelairlock.isolation.jail.runtime import Runtime, inside, leads_inside, runtime
from modelairlock.records.errors import AirlockError


def environment(home: Path) -> Path:
    """A virtual environment in somebody's home, made from an interpreter in it."""
    base = home / ".pythons" / "3.12"
    for folder in (base / "bin", base / "lib", home / "venv" / "bin", home / "venv" / "lib", home / ".ssh"):
        folder.mkdir(parents=True)
    (base / "bin" / "python3.12").write_text("")
    (base / "bin" / "python3.12").chmod(0o755)
    (home / "venv" / "bin" / "python").symlink_to(base / "bin" / "python3.12")
    (home / "venv" / "pyvenv.cfg").write_text(f"home = {base}/bin\nversion = 3.12\n")
    (home / ".ssh" / "id").write_text("secret")
    return home / "venv" / "bin" / "python"


def test_the_places_of_code_of_an_environment_and_of_its_base(tmp_path) -> None:
    python = environment(tmp_path)
    readable = runtime(str(python)).readable
    for needed in ("venv/bin/python", "venv/lib/x.py", "venv/pyvenv.cfg", ".pythons/3.12/lib/os.py"):
        assert inside(str(tmp_path / needed), readable), needed
    for kept_out in (".ssh/id", "venv/secrets", ".pythons", "model.pkl"):
        assert not inside(str(tmp_path / kept_out), readable), kept_out
    assert not inside("/etc/passwd", readable)


def test_a_home_that_is_a_prefix_shows_its_code_alone(tmp_path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "secret").write_text("")
    python = tmp_path / "bin" / "python"
    python.symlink_to(os.path.realpath(sys.executable))
    assert not inside(str(tmp_path / "secret"), runtime(str(python)).readable)


def test_where_a_path_leads(tmp_path, monkeypatch) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    (inner / "lib").mkdir(parents=True)
    outer.mkdir()
    (inner / "out").symlink_to(outer)
    (inner / "home").symlink_to(inner / "lib")
    folders = (str(inner),)
    for path in ("lib/x", "lib/../lib/x", "./lib//x", "home/../lib", "lib/missing/../x", "out/../inner/lib"):
        assert leads_inside(f"{inner}/{path}", folders), path
    for path in ("out", "..", "../inner/lib/../../outer", "lib/../../outer", "out/../../etc/passwd"):
        assert not leads_inside(f"{inner}/{path}", folders), path
    looked: list[str] = []
    monkeypatch.setattr(os, "lstat", lambda path, **_: looked.append(path) or os.stat("/"))
    for path in ("/net/name.example.com/a/../b", f"{inner}/../../net/x/../{inner}/lib", f"/net/x/../..{inner}/lib"):
        assert not leads_inside(path, folders)
    assert not any("net" in path for path in looked)


def test_more_paths_can_be_named(tmp_path) -> None:
    assert inside(str(tmp_path / "x.py"), runtime(sys.executable, (str(tmp_path),)).readable)


def test_an_interpreter_that_is_not_there(tmp_path) -> None:
    with pytest.raises(AirlockError, match="no interpreter"):
        runtime(str(tmp_path / "python"))


def test_neither_root_nor_proc_as_a_whole() -> None:
    assert not {"/", "/proc", "/etc", "/home", "/root"} & set(runtime(sys.executable, ("/", "/proc")).readable)


def test_namespaces_are_spelt_out(tmp_path) -> None:
    arguments = launcher.jail_arguments(Runtime("/usr/bin/python3", ("/usr",)))
    assert "--unshare-all" not in arguments
    for wanted in (
        "--unshare-user",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--disable-userns",
        "--cap-drop",
    ):
        assert wanted in arguments
    assert "--bind" not in arguments


def test_only_loaders_of_the_table() -> None:
    with pytest.raises(ValueError, match="no loader is called"):
        job.loading("os.system", 0)
    table: dict = {}
    for name in ("loaders.py", "of_transformers.py"):
        exec(compile(job.text(name), name, "exec"), table)
    assert tuple(table["LOADERS"]) == job.LOADERS
    assert tuple(table["LIBRARIES"]) == job.LIBRARIES
    assert table["PATH"] == f"{INPUT}%d"


def test_a_model_does_not_choose_what_is_imported_unwatched() -> None:
    made = job.loading("pickle.load", 0, libraries=["evil", "os", "sklearn.ensemble._forest", "numpy; evil"])
    assert made.argument == "pickle.load sklearn"
