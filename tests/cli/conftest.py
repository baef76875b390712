"""The command line in process: what scanning finds is put in its place, so that only the door is tested."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from modelairlock.cli.group import airlock
from modelairlock.records.scan import ScanRecord
from tests.outputs.canonical import CLEAR_ONE

Run = Callable[..., Result]


class Scanned:
    """Stands in for ``scan_sources``: remembers what it was asked, answers with `record` or raises `error`."""

    def __init__(self) -> None:
        self.record: ScanRecord = CLEAR_ONE
        self.error: BaseException | None = None
        self.sources: tuple[str, ...] = ()
        self.options = None
        self.called = False
        self.unmatched: tuple[str, ...] = ()

    def __call__(
        self, sources, options, progress=None, *, spawned=None, warn=None, unmatched=None, meanwhile=None
    ) -> ScanRecord:
        self.called = True
        if meanwhile:
            meanwhile()
        for pattern in self.unmatched if unmatched else ():
            unmatched(pattern)
        self.sources, self.options = sources, options
        if self.error:
            raise self.error
        return self.record


@pytest.fixture(autouse=True)
def _quiet_environment(tmp_path, monkeypatch) -> None:
    """No settings from above, no cache of the person who runs the tests."""
    for name in ("AIRLOCK_DEBUG", "NO_COLOR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def scanned(monkeypatch) -> Scanned:
    stand_in = Scanned()
    monkeypatch.setattr("modelairlock.pipeline.scan.scan_sources", stand_in)
    return stand_in


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(airlock, arguments, prog_name="airlock")

    return invoke
