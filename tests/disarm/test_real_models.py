"""Real models come out as their framework loads them."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelairlock.disarm.numbers import TORCH_DTYPES
from tests.disarm.convert_help import contents, converted
from tests.real_models import every_real_model

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")
pytestmark = [pytest.mark.models, pytest.mark.frameworks]

TORCH = (".pt", ".pth", ".ckpt", ".bin")
#: loaded by torch, and no module that would have to be run
CHECKPOINTS = [path for path in every_real_model() if path.suffix in TORCH]
ARCHIVES = [path for path in every_real_model() if path.suffix == ".npz"]
OBJECTS = [path for path in every_real_model() if path.suffix in (".pkl", ".joblib", ".h5")]


def flat(value: object, path: str = "") -> Iterator[tuple[str, "torch.Tensor"]]:
    if isinstance(value, torch.Tensor):
        yield path or "tensor", value
    elif isinstance(value, dict | list | tuple):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(item, f"{path}.{key}" if path else str(key))


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: "/".join(path.parts[-2:]))
def test_checkpoints(tmp_path: Path, path: Path) -> None:
    told = converted(tmp_path, path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        assert told.outcome in ("partly", "refused", "not-converted"), "torch itself would have to run it"
        return
    assert told.outcome == "converted", (told.reason, told.lost[:3], told.dropped[:3])
    found = contents(tmp_path / "out.safetensors")
    expected = dict(flat(loaded))
    assert set(found) == set(expected)
    for key, tensor in expected.items():
        assert found[key][1] == tuple(tensor.shape)
        assert found[key][0] == TORCH_DTYPES[str(tensor.dtype).removeprefix("torch.")][0]
        bits = bytes(tensor.contiguous().flatten().view(torch.uint8).numpy()) if tensor.numel() else b""
        assert found[key][2] == bits, key


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.name)
def test_archives_of_numpy(tmp_path: Path, path: Path) -> None:
    assert converted(tmp_path, path).outcome == "converted"
    found = contents(tmp_path / "out.safetensors")
    with numpy.load(path) as loaded:
        assert {key: (loaded[key].shape, loaded[key].tobytes()) for key in loaded.files} == {
            key: (shape, data) for key, (_, shape, data) in found.items()
        }


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: "/".join(path.parts[-2:]))
def test_pickled_estimators_give_tensors_or_a_reason(tmp_path: Path, path: Path) -> None:
    told = converted(tmp_path, path, strip=True)
    if told.output is None:
        assert told.reason in ("there are no tensors in it",), told.reason
    else:
        contents(tmp_path / "out.safetensors")
