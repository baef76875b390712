"""TorchScript and torch.export: tensors bit for bit under the names of ``state_dict()``, without the code."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.build import pickle_builder as p
from tests.build import torch_builder
from tests.disarm.convert_help import converted, plain, planned

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")
pytestmark = [
    pytest.mark.frameworks,
    pytest.mark.filterwarnings("ignore"),  # torch finds TorchScript deprecated
]


class Inner(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = torch.nn.Linear(3, 2)
        self.register_buffer("steps", torch.arange(4))
        self.table = torch.nn.Parameter(torch.randn(4, 6).half()[::2, 1:4].t())
        self.brain = torch.nn.Parameter(torch.randn(3).bfloat16())
        self.words = ["a", "b"]
        self.sizes = {"x": 1}
        self.ints = [1, 2]
        self.loose = torch.ones(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lin(x) + torch.tensor([1.0, 2.0])


class Outer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.norm = torch.nn.BatchNorm1d(2)
        self.tied = self.inner.lin.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.inner(x))


def same(tmp_path: Path, expected: dict[str, "torch.Tensor"], more: set[str]) -> None:
    loaded = safetensors_torch.load_file(tmp_path / "out.safetensors")
    assert set(loaded) == set(expected) | more
    for key, tensor in expected.items():
        assert (loaded[key].dtype, loaded[key].shape) == (tensor.dtype, tensor.shape), key
        bits = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        assert torch.equal(loaded[key].reshape(-1).view(torch.uint8), bits), key


def script(model: "torch.nn.Module", *, traced: bool) -> bytes:
    model.eval()
    made = torch.jit.trace(model, torch.ones(2, 3)) if traced else torch.jit.script(model)
    out = io.BytesIO()
    torch.jit.save(made, out)
    return out.getvalue()


@pytest.mark.parametrize("traced", [False, True], ids=["scripted", "traced"])
def test_torchscript(tmp_path: Path, traced: bool) -> None:
    data = script(Outer(), traced=traced)
    state = torch.jit.load(io.BytesIO(data)).state_dict()
    told = converted(tmp_path, data)
    assert (told.outcome, told.format, told.lost) == ("partly", "torchscript", ())
    assert "code" in [one.where for one in told.dropped]
    # Attributes that are no parameters, and constants of the code, are not in a state dict, and are in the file.
    same(tmp_path, state, {"CONSTANTS.0"} if traced else {"inner.loose"})
    if not traced:
        assert plain(tmp_path)["inner"]["words"] == ["a", "b"]
        assert plain(tmp_path)["inner"]["sizes"] == {"x": 1}
        assert plain(tmp_path)["inner"]["ints"] == [1, 2]
    told = converted(tmp_path, data, force=True, strip=True)
    assert told.outcome == "converted", "what was asked to be left behind is no loss"


class Doubling(torch.nn.Module):
    """Keeps something else than it has."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w", torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.w

    @torch.jit.export
    def __getstate__(self) -> dict[str, torch.Tensor]:
        return {"w": self.w * 2}

    @torch.jit.export
    def __setstate__(self, state: dict[str, torch.Tensor]) -> None:
        self.training = True
        self.w = state["w"] / 2


class Around(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before = torch.nn.Linear(3, 3)
        self.kept = Doubling()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.kept(self.before(x))


def test_a_class_that_makes_its_attributes_itself_is_lost(tmp_path: Path) -> None:
    data = script(Around(), traced=False)
    assert torch.jit.load(io.BytesIO(data)).state_dict()["kept.w"].tolist() == [1, 1, 1]
    told = converted(tmp_path, data)
    assert {one.key for one in told.tensors} == {"before.weight", "before.bias"}
    [lost] = [one for one in told.lost if one.where == "kept"]
    assert "__setstate__" in lost.why
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as given, zipfile.ZipFile(out, "w") as archive:
        for name in given.namelist():
            archive.writestr(name, given.read(name).replace(b"\nclass ", b"\nclass \\\n"))
    assert "__setstate__" in planned(out.getvalue()).refused


def test_constants_and_attributes_with_one_key_are_two_storages(tmp_path: Path) -> None:
    data = script(Outer(), traced=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    assert {"data/0", "constants/0"} <= names
    converted(tmp_path, data)
    loaded = safetensors_torch.load_file(tmp_path / "out.safetensors")
    assert loaded["CONSTANTS.0"].tolist() == [1.0, 2.0]


def test_exported_programs(tmp_path: Path) -> None:
    model = Outer().eval()
    out = io.BytesIO()
    torch.export.save(torch.export.export(model, (torch.ones(2, 3),)), out)
    told = converted(tmp_path, out.getvalue(), "in.pt2")
    assert (told.format, told.lost) == ("torch_export", ()), told
    constants = {one.key for one in told.tensors if "lifted" in one.key or one.key == "inner.loose"}
    same(tmp_path, torch.export.load(io.BytesIO(out.getvalue())).state_dict, constants)
    assert ("inner.lin.weight", "tied") in {tuple(sorted(keys)) for keys in told.shared}


def _changed(data: bytes, name: str, change: object) -> bytes:
    """A copy of a package whose JSON `name` is changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for one in old.infolist():
            content = old.read(one)
            if one.filename.endswith(name):
                said = json.loads(content)
                change(said["config"])
                content = json.dumps(said).encode()
            new.writestr(one.filename, content)
    return out.getvalue()


def test_what_a_package_says_is_checked() -> None:
    out = io.BytesIO()
    model = torch.nn.Linear(3, 2)
    torch.export.save(torch.export.export(model, (torch.ones(2, 3),)), out)

    def change(**fields: object) -> bytes:
        def done(config: dict) -> None:
            config["weight"] |= {key: value for key, value in fields.items() if key in config["weight"]}
            meta = config["weight"]["tensor_meta"]
            meta |= {key: value for key, value in fields.items() if key in meta}

        return _changed(out.getvalue(), "_weights_config.json", done)

    assert {one.key for one in planned(change()).tensors} == {"weight", "bias"}
    for fields in (
        {"use_pickle": True},
        {"path_name": "../weight_0"},
        {"path_name": "weight_9"},
        {"dtype": 11},
        {"dtype": "7"},
        {"layout": 2},
        {"sizes": [{"as_int": 3}, {"as_int": 3}]},
        {"sizes": [{"as_int": -3}, {"as_int": 2}]},
        {"sizes": [{"as_expr": "__import__('os')"}]},
        {"sizes": [{"as_int": 1 << 62}, {"as_int": 1 << 62}]},
        {"sizes": [{"as_int": True}, {"as_int": 1}]},
        {"storage_offset": {"as_int": 7}},
        {"storage_offset": None},
        {"strides": [{"as_int": 1}]},
    ):
        plan = planned(change(**fields))
        assert [one.key for one in plan.tensors] == ["bias"], fields
        assert [one.where for one in plan.lost] == ["weight"], fields


def test_a_checkpoint_that_some_take_for_torchscript_is_neither() -> None:
    data = torch_builder.checkpoint(torch_builder.state({"w": torch_builder.tensor()}), {"0": bytes(16)})
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for one in old.infolist():
            new.writestr(one.filename, old.read(one))
        root = old.namelist()[0].partition("/")[0]
        new.writestr(f"{root}/constants.pkl", b"\x80\x02)" + p.STOP)
    plan = planned(out.getvalue())
    assert {one.key for one in plan.tensors} == {"w"}, "it is TorchScript to torch.jit.load, with this tensor"
    assert plan.format == "torchscript"
