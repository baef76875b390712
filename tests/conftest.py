"""What all tests share: in the full run, what needs frameworks or real models fails where it would be skipped.

`make test` sets MODELAIRLOCK_ALL, because it has installed and fetched all that: a skip there is a hole in the proof.
Other skips (another system, no user namespaces) stay skips, and are listed with their reasons.
"""

import importlib
import os
import sys
from collections.abc import Generator

import pytest

from modelairlock.reading import LIBRARIES
from modelairlock.records.isolation import Level

# Trees are read in this process, which must have at hand what the full worker has.
for _name in LIBRARIES:
    importlib.import_module(_name)

INSTALLED = {"frameworks", "models"}
#: what the `frameworks` extra of pyproject.toml leaves out: torchvision comes for CUDA from the index, and
#: does not import beside a torch for processors; add one there, and drop it here
#: tensorflow is as large as all the rest: install tensorflow-cpu to have its tables compared
LEFT_OUT = ("torchvision is not installed", "No module named 'tensorflow'")
#: what a machine lacks cannot be installed: see tests/isolation/jail/conftest.py
NO_JAIL = {mode: f"no {mode} jail on this machine" for mode in ("strict", "confined")}
ALL = bool(os.environ.get("MODELAIRLOCK_ALL"))


@pytest.fixture(scope="session")
def jailed_python() -> None:
    """For tests that open a model in the jail with the very Python they run in: skipped where it has none.

    Without namespaces root refuses an interpreter that lies in its own home, for one.
    """
    from modelairlock.isolation import jail

    found = jail.probe(sys.executable)
    if found.level.rank < Level.CONFINED.rank:
        lacking = "; ".join(f"{one.name}: {one.reason}" for one in found.layers if one.state != "enforced")
        pytest.skip(f"{NO_JAIL['confined']} ({lacking})")


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if reason.endswith(LEFT_OUT) or any(missing in reason for missing in NO_JAIL.values()):
        return
    report.outcome = "failed"
    report.longrepr = f"skipped in the full run, which installs and fetches everything: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    needs = INSTALLED & {marker.name for marker in item.iter_markers()}
    if ALL and needs and report.skipped and not hasattr(report, "wasxfail"):
        _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if ALL and report.skipped and "could not import" in str(report.longrepr):
        _refuse(report)
    return report
