"""Which folders are models, and which files of them are shown: links out of them are not."""

import json
import os
from pathlib import Path

import pytest

from modelairlock.pipeline import model_folder as room
from modelairlock.pipeline.model_folder import beside, is_settings, whole
from modelairlock.reading import Unreadable
from modelairlock.sources.local import File, walk
from tests.build.transformers_builder import in_cache


def file(path: Path) -> File:
    [found] = [entry for entry in walk(path) if isinstance(entry, File)]
    return found


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("config.json", '{"model_type": "bert"}', True),
        ("config.json", '{"architectures": []}', True),
        ("config.json", '{"auto_map": {}}', True),
        ("config.json", '{"model\\u005ftype": "bert"}', True),
        ("config.json", '{"_class_name": "Unet"}', False),
        ("config.json", "", False),
        ("tokenizer_config.json", '{"auto_map": {}}', True),
        ("tokenizer_config.json", '{"model_type": "bert"}', False),
        ("video_preprocessor_config.json", '{"auto_map": {}}', True),
        ("other.json", '{"model_type": "bert"}', False),
        ("config.json", " " * (5 << 20), True),
    ],
)
def test_what_makes_a_folder_a_model(name: str, text: str, found: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert is_settings(file(tmp_path / name)) is found


def test_a_configuration_that_was_replaced_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    listed = file(tmp_path / "config.json")
    (tmp_path / "config.json").rename(tmp_path / "other")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Unreadable):
        is_settings(listed)


def names(folder: Path) -> dict[str, str]:
    return {one.name: one.place for one in whole(str(folder))}


def test_a_folder_is_shown_without_what_leads_out_of_it(tmp_path: Path) -> None:
    root = tmp_path / "m\udcff\\"
    (root / "below/__pycache__").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("secret")
    for name in ("config.json", "below/a.bin", "below/__pycache__/x.pyc"):
        (root / name).write_text(name)
    (root / "same.bin").symlink_to("below/a.bin")
    (root / "below/config.json").symlink_to("../config.json")
    (root / "out").symlink_to("../secret")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to("../elsewhere")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    assert names(root) == {
        "config.json": str(root / "config.json"),
        "below/a.bin": str(root / "below/a.bin"),
        "same.bin": str(root / "below/a.bin"),
        "below/config.json": str(root / "config.json"),
    }


def test_names_that_are_written_alike_are_two(tmp_path: Path) -> None:
    """Else a harmless file would be loaded in place of the one that transformers opens."""
    (tmp_path / "m\udcff.py").write_text("evil")
    (tmp_path / "m\\udcff.py").write_text("harmless")
    (tmp_path / "below\udcff").mkdir()
    (tmp_path / "below\udcff/a.bin").write_text("")
    shown = {"m\udcff.py", "m\\udcff.py", "below\udcff/a.bin"}
    assert names(tmp_path) == {name: str(tmp_path / name) for name in shown}
    (tmp_path / "x\udcff.py").symlink_to("m\udcff.py")
    with pytest.raises(Unreadable, match="is no UTF-8"):
        whole(str(tmp_path))


def test_what_is_beside_a_file_is_not_looked_for_in_another_folder(tmp_path: Path) -> None:
    for name in ("m\udcff", "m\\udcff"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.onnx").write_text(name.encode("utf-8", "backslashreplace").decode())
        with pytest.raises(Unreadable, match="is no UTF-8"):
            beside(file(tmp_path / name / "m.onnx"), ["data"])


def test_a_snapshot_of_the_hub_leads_to_its_blobs_and_nowhere_else(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text(json.dumps({"model_type": "bert"}))
    snapshot = in_cache(own, tmp_path / "cache")
    (tmp_path / "cache/models--org--other/blobs").mkdir(parents=True)
    (tmp_path / "cache/models--org--other/blobs/secret").write_text("secret")
    (snapshot / "other").symlink_to("../../../models--org--other/blobs/secret")
    assert list(names(snapshot)) == ["config.json"]
    assert names(snapshot)["config.json"].endswith("/blobs/" + "0" * 40)
    (snapshot / "model.onnx").write_bytes(b"")
    found = beside(file(snapshot / "model.onnx"), ["config.json", "other"])
    assert [one.name for one in found] == ["model.onnx", "config.json"]


def test_too_many_files_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_FILES", 2)
    for name in "abc":
        (tmp_path / name).write_text(name)
    with pytest.raises(Unreadable, match="more than 2 files"):
        whole(str(tmp_path))
    assert len(beside(file(tmp_path / "a"), ["b", "c"])) == 2


def test_only_what_a_file_names_in_its_own_folder_is_shown_with_it(tmp_path: Path) -> None:
    root = tmp_path / "models"
    (root / "data").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    for name in ("m.onnx", "a.data", "data/b", "other"):
        (root / name).write_text(name)
    (root / "link").symlink_to("../secret")
    (root / "inner").symlink_to("data/b")
    (root / "up").symlink_to("..")
    hostile = ["../secret", "/etc/passwd", "link", "up/secret", "data", "", ".", "..", "a\0b", "x" * 5000, "m.onnx/x"]
    found = beside(file(root / "m.onnx"), [*hostile, "a.data", "./data/b", "inner", "m.onnx", "gone"])
    assert {one.name: one.place for one in found} == {
        "m.onnx": str(root / "m.onnx"),
        "a.data": str(root / "a.data"),
        "data/b": str(root / "data/b"),
        "inner": str(root / "data/b"),
    }
