"""`python -m tools.claims` lists what a format claims below a folder, and nothing else."""

from pathlib import Path

from tools.claims import claimed

from modelairlock.formats import onnx_tensor
from tests.build import onnx_builder as o


def test_files_of_the_format_are_told_from_others(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "input_0.pb").write_bytes(o.tensor(dims=(300, 300), raw=bytes(360_000)))
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "model.onnx").write_bytes(o.model())
    (tmp_path / "link").symlink_to("deep/input_0.pb")
    answers = {path.relative_to(tmp_path).as_posix(): said for path, said in claimed(onnx_tensor.FORMAT, tmp_path)}
    assert answers == {"deep/input_0.pb": True, "empty": False, "model.onnx": False}
