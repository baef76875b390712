"""onnxruntime, skops, xgboost in the jail: honest models are quiet; hostile ones are seen, or refused by the loader.

Honest models of skops and xgboost are in tests/pipeline/test_load_isolated_kinds.py; the other loaders of the table are
tried in test_benign.py and test_corpus.py, transformers in test_of_transformers.py.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from modelairlock.isolation.jail import Folder, loading, run
from modelairlock.pipeline.model_folder import beside
from modelairlock.records.attempts import idle
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JailLimits, JailResult, Outcome
from modelairlock.sources.local import File, walk
from tests.build import corpus
from tests.build.onnx_builder import external, graph, model, node
from tests.isolation.jail.serving_help import serving
from tests.isolation.jail.world import INTERPRETER, MODES, SECRET, calls

pytestmark = [
    pytest.mark.jail,
    pytest.mark.frameworks,
    pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's"),
]
ONNX, SKOPS, XGBOOST = "onnxruntime.InferenceSession", "skops.io.load", "xgboost.Booster"
numpy = pytest.importorskip("numpy")
onnxruntime = pytest.importorskip("onnxruntime")
PACKAGES = str(Path(onnxruntime.__file__).parent.parent)


def loaded(loader: str, path: Path, named: tuple[str, ...] = (), mode: str = "strict") -> JailResult:
    def result(given: int | Folder) -> JailResult:
        job = loading(loader, given, sys.executable)
        if mode == "confined":
            job = msgspec.structs.replace(job, interpreter=INTERPRETER, import_from=(PACKAGES,))
        return run(job, require=Level(mode), limits=JailLimits(), detonate=True, enabled_layers=MODES[mode])

    if named:
        [file] = [entry for entry in walk(path) if isinstance(entry, File)]
        with Folder(beside(file, named), file.name) as folder:
            return result(folder)
    fd = os.open(path, os.O_RDONLY)
    try:
        return result(fd)
    finally:
        os.close(fd)


def quiet(result: JailResult) -> bool:
    assert (result.outcome, result.events) == (Outcome.COMPLETED, ()), (result.detail, result.output, result.events)
    return True


def onnx(folder: Path) -> Path:
    (folder / "model.onnx").write_bytes(model())
    return folder / "model.onnx"


def ort(folder: Path) -> Path:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "model.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(model(), options)
    return folder / "model.ort"


def booster(folder: Path, name: str) -> Path:
    xgboost = pytest.importorskip("xgboost")
    rows = xgboost.DMatrix([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    xgboost.train({"max_depth": 1}, rows, 2).save_model(folder / name)
    return folder / name


def added(location: str) -> bytes:
    """A model that adds to what it is given what lies in another file."""
    return model(graph((node("Add", ("x", "w"), ("y",)),), (external(location),)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [onnx, ort])
def test_honest_models(make: Callable[[Path], Path], mode: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    assert quiet(loaded(ONNX, path, mode=mode))


@pytest.mark.parametrize("mode", MODES)
def test_an_honest_model_with_its_data_in_another_file(mode: str, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/w.data").write_bytes(bytes(16))
    (tmp_path / "model.onnx").write_bytes(added("below/w.data"))
    assert quiet(loaded(ONNX, tmp_path / "model.onnx", ("below/w.data",), mode))


@pytest.mark.parametrize("location", ["../secret", "@DIR@/secret", "link", "/etc/passwd"])
def test_a_model_that_names_data_outside_of_its_folder(location: str, tmp_path: Path) -> None:
    root = tmp_path / "model"
    root.mkdir()
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o644)
    (root / "link").symlink_to("../secret")
    (root / "w.data").write_bytes(bytes(16))
    location = location.replace("@DIR@", str(tmp_path))
    (root / "model.onnx").write_bytes(added(location))
    result = loaded(ONNX, root / "model.onnx", (location, "w.data"))
    assert result.outcome is Outcome.LOADER_ERROR, (result.outcome, result.output)
    assert SECRET not in msgspec.json.encode(result).decode()


def test_an_honest_booster_that_is_asked_in_a_container(tmp_path: Path) -> None:
    """Without namespaces the files of the control group are there, and xgboost asks them for processors each time."""
    data = booster(tmp_path, "model.json").read_bytes()
    with serving(data, "confined", XGBOOST, seconds=60) as session:
        assert session.call("predict", (numpy.zeros((2, 2), dtype="f4"),), {}).shape == (2,)
        assert all(idle(event.syscall, event.arguments) for event in session.events), session.events


def test_a_booster_that_was_cut_short_is_an_error_of_its_loader(tmp_path: Path) -> None:
    path = booster(tmp_path, "model.ubj")
    path.write_bytes(path.read_bytes()[:-9])
    result = loaded(XGBOOST, path)
    assert (result.outcome, result.events) == (Outcome.LOADER_ERROR, ()), (result.detail, result.output)


@pytest.mark.parametrize("name", ["onnx-custom-library", "onnx-compiled", "onnx-python", "onnx-network"])
def test_operators_of_libraries_that_nobody_registered(name: str, tmp_path: Path) -> None:
    [sample] = [one for one in corpus.SAMPLES if one.name == name]
    (tmp_path / "model.onnx").write_bytes(sample.build())
    assert loaded(ONNX, tmp_path / "model.onnx").outcome is Outcome.LOADER_ERROR


def test_a_hostile_type_of_skops_is_seen(tmp_path: Path) -> None:
    """All types are trusted, as careless users trust them: this one calls ``os.system`` with a key of a dict."""
    [sample] = [one for one in corpus.SAMPLES if one.name == "skops-key-types"]
    (tmp_path / "model.skops").write_bytes(sample.build())
    result = loaded(SKOPS, tmp_path / "model.skops")
    assert "execve" in calls(result), (result.outcome, result.detail)
