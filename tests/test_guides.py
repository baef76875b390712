"""What the guides say, tried out."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.build.pickle_builder import STOP

GUIDES = Path(__file__).resolve().parent.parent / "docs" / "guide"


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (GUIDES / guide).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_python_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    Path("more").mkdir()
    Path("models/honest.pkl").write_bytes(b"\x80\x04}" + STOP)
    Path("models/evil.pkl").write_bytes(b"cposix\nsystem\n(X\x02\x00\x00\x00idtR.")  # never loaded
    Path("models/cut.pkl").write_bytes(b"\x80\x04}")
    Path("more/model.pt").write_bytes(b"\x80\x04}" + STOP)
    names: dict = {}
    for block in blocks("python.md", "python"):
        exec(compile(block, "python.md", "exec"), names)  # ours, and no model's
    said = capsys.readouterr().out
    for part in (
        "flagged models/evil.pkl",
        "critical runs-harmful-code",
        "truncated models/cut.pkl",
        "no limit called",
    ):
        assert part in said, said
    assert names["may_be_loaded"]("models/honest.pkl")
    assert not names["may_be_loaded"]("models/evil.pkl")
    assert not names["may_be_loaded"]("models/cut.pkl")
    assert not names["may_be_loaded"]("models/gone.pkl")


def test_the_settings_guide_has_every_key(tmp_path: Path) -> None:
    from modelairlock.cli.commands.scan import command
    from modelairlock.cli.settings import options_by_key

    [example] = blocks("settings.md", "toml")
    assert set(tomllib.loads(example)) == set(options_by_key(command)), "docs/guide/settings.md lists all keys"
