"""The public API: what is promised, and that importing it costs next to nothing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import modelairlock
from modelairlock import AirlockError, Level, Limits, ScanRecord, Verdict
from modelairlock.pipeline import scan as pipeline_scan
from tests.pipeline.stand_in import FUNCTION

ROOT = Path(__file__).resolve().parent.parent
PROMISED = [
    "AirlockError", "Because", "ConversionRecord", "DetonateRecord", "Finding", "Gap", "IsolatedModel", "Level",
    "Limits", "ScanRecord", "Severity", "Subject", "Verdict", "__version__", "convert", "detonate", "load_isolated",
    "scan",
]  # fmt: skip


def fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_is_promised() -> None:
    assert modelairlock.__all__ == PROMISED
    assert dir(modelairlock) == sorted(PROMISED)
    for name in PROMISED:
        assert getattr(modelairlock, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = modelairlock.nothing


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert modelairlock.__version__ == project["version"], "set __version__ in src/modelairlock/__init__.py"


def test_importing_it_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import modelairlock; dir(modelairlock); modelairlock.__version__;"
        "print(sorted(set(sys.modules) - before))"
    )
    assert fresh(code) == "['modelairlock']"


def test_a_name_imports_only_what_it_needs() -> None:
    code = "import sys; from modelairlock import Verdict; print('modelairlock.pipeline' in sys.modules)"
    assert fresh(code) == "False"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pipeline_scan, "READ", FUNCTION)
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    return path


def test_scan_takes_one_place_or_several(model: Path) -> None:
    for sources in (model, str(model), [model], (str(model), model)):
        record = modelairlock.scan(sources, jobs=1, limits=Limits(depth=3))
        assert isinstance(record, ScanRecord)
        assert record.verdict is Verdict.CLEAR
        assert {subject.path for subject in record.subjects} == {str(model)}


def test_options_are_written_as_people_write_them(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(pipeline_scan, "scan_sources", lambda sources, options: asked.append(options))
    modelairlock.scan(
        model, exclude="*.pkl", require="strict", limits={"seconds": 1, "expanded-bytes": "2G"}, cache_folder="c"
    )
    modelairlock.scan(model, exclude=["a", "b"], require=Level.WEAK, limits=Limits(seconds=2.5), jobs=3, hash=False)
    modelairlock.scan(model, exclude=None, require=None, limits=None, jobs=None)
    first, second, third = asked
    assert (first.exclude, first.require, first.cache_folder) == (("*.pkl",), Level.STRICT, Path("c"))
    assert first.limits == Limits(seconds=1.0, expanded_bytes=2 * 10**9)
    assert (second.exclude, second.require, second.jobs, second.hash) == (("a", "b"), Level.WEAK, 3, False)
    assert second.limits == Limits(seconds=2.5)
    assert third == pipeline_scan.Options()


@pytest.mark.parametrize(
    "options",
    [
        {"unsafe": True}, {"excludes": "*"}, {"exclude": 3}, {"exclude": [3]}, {"exclude": b"*"}, {"jobs": 0},
        {"jobs": -1}, {"jobs": "2"}, {"jobs": True}, {"jobs": 1.5}, {"hash": 1}, {"hash": "no"}, {"cache": "yes"},
        {"require": "total"}, {"require": 3}, {"require": []}, {"limits": 3}, {"limits": "seconds=1"},
        {"limits": {"second": 1}}, {"limits": {"seconds": -1}}, {"limits": {"seconds": "abc"}}, {"limits": {3: 4}},
        {"limits": {"seconds": None}}, {"limits": {"seconds": float("nan")}}, {"limits": {"seconds": True}},
        {"limits": {"facts": 0}}, {"limits": {"facts": 0.5}}, {"limits": {"facts": 2**64}}, {"limits": {"facts": [1]}},
        {"limits": Limits(depth=-1)}, {"limits": Limits(depth="x")}, {"cache_folder": 3}, {"started": 3},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_meant_is_an_airlock_error_with_a_hint(model: Path, options: dict) -> None:
    with pytest.raises(AirlockError) as raised:
        modelairlock.scan(model, **options)
    assert raised.value.hint
    [name] = options
    assert name.removesuffix("s") in str(raised.value)


def test_a_mistyped_option_is_suggested(model: Path) -> None:
    with pytest.raises(AirlockError) as raised:
        modelairlock.scan(model, requires="strict")
    assert raised.value.hint == "Did you mean require?"


@pytest.mark.parametrize("sources", [3, None, [3], [], b"x", [b"x"]], ids=str)
def test_what_is_no_source(sources: object) -> None:
    with pytest.raises(AirlockError, match="the source is"):
        modelairlock.scan(sources)


def test_a_record_goes_to_json_and_back(model: Path) -> None:
    record = modelairlock.scan(model)
    assert ScanRecord.from_json(record.to_json()) == record
    assert ScanRecord.from_json(record.to_json().encode()) == record
    for text in ("", "{}", b"\xff", "[" * 100_000, '{"schema": "modelairlock/scan/2"}'):
        with pytest.raises(AirlockError, match="no scan report") as raised:
            ScanRecord.from_json(text)
        assert raised.value.hint


def test_python_dash_m_is_airlock_too() -> None:
    done = subprocess.run([sys.executable, "-m", "modelairlock", "--version"], capture_output=True, text=True)
    assert done.stdout == f"airlock {modelairlock.__version__}\n"


def test_convert_takes_what_people_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelairlock.pipeline import convert as pipeline_convert

    asked = []
    monkeypatch.setattr(pipeline_convert, "convert", lambda *given: asked.append(given))
    modelairlock.convert(tmp_path / "a", "b", strip=True, require="strict", limits={"expanded_bytes": "2G"})
    modelairlock.convert(
        "a", tmp_path / "b", load_in_jail=True, interpreter=tmp_path / "python", limits=Limits(depth=3)
    )
    (source, target, first, _), (_, _, second, _) = asked
    assert (source, target) == (str(tmp_path / "a"), "b")
    assert (first.strip, first.force, first.require, first.limits.expanded_bytes) == (
        True,
        False,
        Level.STRICT,
        2 * 10**9,
    )
    assert (second.load_in_jail, second.interpreter, second.limits) == (True, str(tmp_path / "python"), Limits(depth=3))


@pytest.mark.parametrize(
    "given",
    [
        {"path": 3}, {"out": b"x"}, {"out": None}, {"force": 1}, {"strip": "yes"}, {"load_in_jail": None},
        {"interpreter": 5}, {"require": "much"}, {"limits": 3}, {"limits": {"second": 1}}, {"limits": {"seconds": -1}},
        pytest.param({"limits": Limits(seconds=-1)}, id="Limits"),
    ],
    ids=str,
)  # fmt: skip
def test_what_convert_cannot_mean_is_an_airlock_error_with_a_hint(given: dict) -> None:
    with pytest.raises(AirlockError, match=r"^(convert: |interpreter is)") as raised:  # and not that there is no "a"
        modelairlock.convert(**{"path": "a", "out": "b", **given})
    assert raised.value.hint


def test_convert_writes_a_file_and_says_so(tmp_path: Path) -> None:
    from tests.build import torch_builder

    checkpoint = torch_builder.checkpoint(torch_builder.state({"w": torch_builder.tensor()}), {"0": bytes(16)})
    (tmp_path / "in.pt").write_bytes(checkpoint)
    heard = []
    told = modelairlock.convert(
        tmp_path / "in.pt", tmp_path / "out", progress=lambda done, whole: heard.append((done, whole))
    )
    assert isinstance(told, modelairlock.ConversionRecord)
    assert (told.outcome, told.how, [one.key for one in told.tensors]) == ("converted", "read", ["w"])
    assert heard[-1] == (16, 16)
    with pytest.raises(AirlockError, match="already"):
        modelairlock.convert(tmp_path / "in.pt", tmp_path / "out")
    with pytest.raises(AttributeError):
        told.outcome = "partly"


def test_detonate_takes_what_people_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelairlock.pipeline import detonate as pipeline_detonate

    asked = []
    monkeypatch.setattr(pipeline_detonate, "detonate", lambda sources, **given: asked.append((sources, given)))
    modelairlock.detonate(tmp_path, loader="torch.load", require="strict", limits={"wall_seconds": 5})
    [(sources, given)] = asked
    assert [str(one) for one in sources] == [str(tmp_path)]
    assert (given["loader"], given["require"], given["limits"].wall_seconds) == ("torch.load", Level.STRICT, 5)
    modelairlock.detonate(tmp_path)
    assert asked[1][1]["limits"] is None, "limits that are fixed would not grow with the file"
    for bad in ({"require": "weak"}, {"limits": 3}, {"interpreter": b"x"}):
        with pytest.raises(AirlockError) as raised:
            modelairlock.detonate(tmp_path, **bad)
        assert raised.value.hint


def test_nothing_of_numpy_is_needed_to_convert() -> None:
    code = "import sys; import modelairlock.pipeline.arguments; print('numpy' in sys.modules, 'torch' in sys.modules)"
    assert fresh(code) == "False False"
