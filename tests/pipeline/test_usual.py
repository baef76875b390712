"""Honest runs: once for each environment, of our own files, and never of the file that is judged."""

import os
import pickle
import sys
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from modelairlock.isolation import jail
from modelairlock.pipeline import usual
from modelairlock.pipeline.baseline import FOLDER
from modelairlock.pipeline.detonate import detonate
from modelairlock.pipeline.usual import Usual
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JailResult, Outcome
from modelairlock.records.scan import Verdict
from tests.pipeline.test_baseline import HABIT, ran


class Runs:
    """Stands in for the jail: what honest runs did, and what they were given."""

    def __init__(self, result: JailResult) -> None:
        self.result = result
        self.jobs: list[jail.Job] = []
        self.given: list[bytes] = []

    def __call__(self, job: jail.Job, **_: object) -> JailResult:
        self.jobs.append(job)
        self.given += [os.pread(fd, 100, 0) for fd in job.inputs]
        return self.result


def runs(monkeypatch: pytest.MonkeyPatch, result: JailResult) -> Runs:
    made = Runs(result)
    monkeypatch.setattr(usual.jail, "run", made)
    return made


def test_once_for_an_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = runs(monkeypatch, ran(HABIT))
    first = Usual(sys.executable, Level.CONFINED, tmp_path)
    assert first.of("pickle.load", Level.STRICT) == first.of("pickle.load", Level.STRICT) == {HABIT}
    assert Usual("", Level.CONFINED, tmp_path).of("pickle.load", Level.STRICT) == {HABIT}
    assert len(seen.jobs) == 1
    assert "honest" in seen.jobs[0].phases
    assert seen.given == [b"\x80\x04]\x94."], "a file of ours, not the one that was to be loaded"


@pytest.mark.parametrize(
    ("result", "level"),
    [
        (ran(HABIT, outcome=Outcome.LIMIT_WALL), Level.STRICT),
        (ran(HABIT), Level.CONFINED),
        (ran(HABIT, dropped=3), Level.STRICT),
    ],
)
def test_what_is_not_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, result: JailResult, level: Level
) -> None:
    """A run that did not end well excuses nothing, and one behind other walls says nothing for the next time."""
    runs(monkeypatch, result)
    found = Usual(sys.executable, Level.CONFINED, tmp_path).of("pickle.load", level)
    assert bool(found) is (level is Level.CONFINED)
    assert not (tmp_path / FOLDER).exists() or not list((tmp_path / FOLDER).iterdir())


def test_an_interpreter_that_went_away_excuses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = runs(monkeypatch, ran(HABIT))
    assert Usual(str(tmp_path / "python"), Level.CONFINED, tmp_path).of("pickle.load", Level.STRICT) == frozenset()
    assert seen.jobs == []


def test_an_honest_run_that_cannot_be_had_excuses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuses(*_: object, **__: object) -> JailResult:
        raise AirlockError("torch.load cannot be had")

    monkeypatch.setattr(usual.jail, "run", refuses)
    assert Usual(sys.executable, Level.CONFINED, tmp_path).of("torch.load", Level.STRICT) == frozenset()


def test_without_a_file_of_its_own_a_loader_is_given_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = runs(monkeypatch, ran())
    Usual(sys.executable, Level.CONFINED, None).of("keras.load_model", Level.STRICT)
    assert seen.jobs[0].inputs == ()


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
def test_a_hostile_file_cannot_have_its_ways_recorded(tmp_path: Path) -> None:
    """It opens what could be a habit, and what never is; neither becomes usual, however often it is loaded."""

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            tries = "\nfor p in ('/etc/mime.types', '/etc/passwd'):\n    try: open(p)\n    except OSError: pass\n"
            return exec, (tries,)

    model = tmp_path / "m.pkl"
    model.write_bytes(pickle.dumps(Payload()))
    cache = tmp_path / "cache"
    for _ in range(2):
        [one] = detonate([model], interpreter=sys.executable, cache_folder=cache).detonations
        assert one.verdict is Verdict.FLAGGED
        assert [event.arguments[0] for event in one.events] == ["/etc/mime.types", "/etc/passwd"]
        [file] = (cache / FOLDER).iterdir()
        assert msgspec.json.decode(file.read_bytes())["usual"] == []


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
@pytest.mark.parametrize(
    ("loader", "makers", "last"),
    [
        ("keras.load_model", "torch keras", "Sequential (keras) was called"),
        ("xgboost.Booster", "sklearn xgboost", "Booster (booster) was used"),
    ],
)
def test_the_honest_models_are_made_used_and_let_go_of(loader: str, makers: str, last: str) -> None:
    if find_spec(loader.partition(".")[0]) is None:
        pytest.skip(f"there is nothing to load with {loader}")
    ours = jail.honest(jail.used(jail.loading(loader, -1, sys.executable)))
    # What is told of a use is cut after some hundred letters, and keras imports scikit-learn as well.
    fewer = f"for _one in {{*_USE['_MAKERS']}} - {{*{makers!r}.split()}}: del _USE['_MAKERS'][_one]\n"
    result = jail.run(msgspec.structs.replace(ours, inputs=(), code=ours.code + fewer), detonate=True)
    notes = {phase.name: phase.note for phase in result.phases}
    assert result.outcome in {Outcome.COMPLETED, Outcome.COMPLETED_WITH_VIOLATIONS}, result.detail
    assert notes["honest"] == makers
    assert "raised" not in notes["inference"]
    assert notes["inference"].partition(last)[2].endswith("came back"), notes["inference"]
