"""`make docs` writes what the code says, `--check` names what is stale, and neither touches what is written by hand."""

import sys
from pathlib import Path

import pytest
import tools.docs as docs

BY_HAND = "guide/by-hand.md"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    folder = tmp_path / "docs"
    (folder / "guide").mkdir(parents=True)
    (folder / BY_HAND).write_text("mine\n")
    docs.generate(folder)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["docs", *arguments])
    return docs.main()


def test_what_was_generated_is_fresh(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert docs.stale(fresh) == []
    assert run(monkeypatch, "--check") == 0
    assert (fresh / BY_HAND).read_text() == "mine\n"


def test_check_names_stale_pages_and_the_command_that_mends_them(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (fresh / "gaps.md").write_text("changed by hand\n")
    (fresh / "rules" / "gone-rule.md").write_text("of a rule that is no more\n")
    (fresh / "cli" / "scan.md").unlink()
    assert run(monkeypatch, "--check") == 1
    assert (fresh / "gaps.md").read_text() == "changed by hand\n", "--check must change nothing"
    said = capsys.readouterr().out.splitlines()
    assert said[:-1] == ["stale: docs/cli/scan.md", "stale: docs/gaps.md", "stale: docs/rules/gone-rule.md"]
    assert "make docs" in said[-1]
    assert run(monkeypatch) == 0
    assert docs.stale(fresh) == []
    assert not (fresh / "rules" / "gone-rule.md").exists()
    assert (fresh / BY_HAND).exists()


def test_every_page_is_a_page() -> None:
    for place, text in docs.pages().items():
        assert text.startswith(("# ", "{")), f"{place} begins with {text[:40]!r}"
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


def test_a_table_keeps_its_columns_whatever_is_in_a_cell() -> None:
    assert docs.table(("a", "b"), ("x|y", "one\n two")) == "| a | b |\n| --- | --- |\n| x\\|y | one two |"
