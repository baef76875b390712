"""What torch itself saves comes out bit for bit as torch itself loads it."""

import collections
import io
import pickle
import zipfile
from pathlib import Path

import pytest

from tests.disarm.convert_help import converted, left_over, plain

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")
pytestmark = pytest.mark.frameworks

DTYPES = [
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32",
    "uint64", "bool", "complex64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
    "float8_e8m0fnu",
]  # fmt: skip


def saved(value: object, **options: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def numbers(shape: tuple[int, ...], dtype: str = "float32") -> "torch.Tensor":
    """Random bits of a type, NaNs with their payload included."""
    kind = getattr(torch, dtype)
    count = torch.Size(shape).numel()
    if kind is torch.bool:
        return torch.randint(0, 2, shape).bool()
    raw = torch.randint(0, 256, (count * kind.itemsize,), dtype=torch.uint8)
    return raw.view(kind).reshape(shape)


def same(tmp_path: Path, expected: dict[str, "torch.Tensor"]) -> None:
    """Whether the output holds exactly these tensors, bit for bit, as the reference reads it."""
    loaded = safetensors_torch.load_file(tmp_path / "out.safetensors")
    assert set(loaded) == set(expected)
    for key, tensor in expected.items():
        assert loaded[key].dtype == tensor.dtype
        assert loaded[key].shape == tensor.shape
        bits = tensor.detach().contiguous().flatten().view(torch.uint8) if tensor.numel() else tensor
        assert torch.equal(loaded[key].flatten().view(torch.uint8) if tensor.numel() else loaded[key], bits), key


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_every_type(tmp_path: Path, zipped: bool) -> None:
    state = {name: numbers((3, 5), name) for name in DTYPES}
    told = converted(tmp_path, saved(state, _use_new_zipfile_serialization=zipped))
    assert told.outcome == "converted", told
    same(tmp_path, state)
    assert not left_over(tmp_path)


def layouts() -> dict[str, "torch.Tensor"]:
    base = numbers((7, 6, 5))
    return {
        "plain": base,
        "transposed": base.permute(2, 0, 1),
        "columns": base[:, :, 2],
        "steps": base[::2, 1::3, ::2],
        "offset": base.flatten()[11:],
        "expanded": numbers((4, 1)).expand(4, 9),
        "scalar_expanded": torch.tensor(2.5).expand(3, 3),
        "windows": numbers((20,)).unfold(0, 6, 2),
        "channels_last": numbers((2, 3, 4, 5)).to(memory_format=torch.channels_last),
        "bytes": numbers((5, 4), "uint8").t(),
        "halves": numbers((5, 4), "bfloat16").t(),
        "complex": numbers((5, 4), "complex64").t(),
        "doubles": numbers((5, 4), "float64").t(),
        "point": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "empty_inside": torch.zeros(3, 0, 2).permute(2, 0, 1),
        "ones": numbers((1, 5, 1)).transpose(0, 2),
    }


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_every_layout(tmp_path: Path, zipped: bool) -> None:
    state = layouts()
    assert converted(tmp_path, saved(state, _use_new_zipfile_serialization=zipped)).outcome == "converted"
    same(tmp_path, state)


def test_large_and_laid_out_against_the_grain(tmp_path: Path) -> None:
    wide = numbers((3000, 3500))
    state = {"t": wide.t(), "block": wide[:, 100:300].t(), "column": wide[:, 7], "row": wide[9]}
    assert converted(tmp_path, saved(state)).outcome == "converted"
    same(tmp_path, state)


def test_a_module_s_state_dict_nested_and_tied(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.Linear(4, 9), torch.nn.BatchNorm1d(9))
    module[1].weight = module[0].weight
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.zeros(2, dtype=torch.long)).sum().backward()
    optimizer.step()
    state = {
        "model": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "name": "näme\n", "lr": 0.1,
        "parameter": torch.nn.Parameter(numbers((2,))), "size": torch.Size([1, 2]), "device": torch.device("cpu"),
        "list": [numbers((1,)), (numbers((2,)), None)], "set": {1}, "big": 2**80, "dtype": torch.bfloat16,
    }  # fmt: skip
    told = converted(tmp_path, saved(state))
    assert told.outcome == "converted", told
    assert ("model.0.weight", "model.1.weight") in told.shared
    expected = {f"model.{key}": tensor for key, tensor in module.state_dict().items()}
    for number, one in optimizer.state_dict()["state"].items():
        expected |= {f"optimizer.state.{number}.{key}": value for key, value in one.items()}
    expected |= {"parameter": state["parameter"], "list.0": state["list"][0], "list.1.0": state["list"][1][0]}
    same(tmp_path, expected)
    beside = plain(tmp_path)
    assert (beside["epoch"], beside["name"], beside["lr"], beside["size"]) == (3, "näme\n", 0.1, [1, 2])
    assert (beside["big"], beside["dtype"], beside["device"]) == ({"$integer": str(2**80)}, "torch.bfloat16", "cpu")
    assert beside["optimizer"]["param_groups"][0]["params"] == [0, 1, 2, 3]
    assert beside["model"]["$attributes"]["_metadata"]["2"] == {"version": 2}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_attributes_of_tensors_are_carried_over_too(tmp_path: Path, zipped: bool) -> None:
    parameter, tensor = torch.nn.Parameter(numbers((2,))), numbers((3,))
    parameter.note, parameter.mask, tensor.scale = "kept", numbers((4,)), 0.5
    state = {"parameter": parameter, "tensor": tensor, "bare": torch.nn.Parameter(numbers((5,)))}
    assert converted(tmp_path, saved(state, _use_new_zipfile_serialization=zipped)).outcome == "converted"
    same(tmp_path, {**state, "parameter.$attributes.mask": parameter.mask})
    assert plain(tmp_path) == {
        "parameter": {"$attributes": {"note": "kept"}},
        "tensor": {"$attributes": {"scale": 0.5}},
    }


def test_a_pickled_module_gives_the_names_of_its_state_dict(tmp_path: Path) -> None:
    module = torch.nn.Sequential(
        collections.OrderedDict(a=torch.nn.Linear(2, 3, bias=False), b=torch.nn.BatchNorm1d(3))
    )
    module.a.register_buffer("passing", numbers((2,)), persistent=False)
    told = converted(tmp_path, saved(module))
    assert told.outcome == "partly"
    assert {one.what for one in told.dropped} >= {"torch.nn.modules.container.Sequential"}
    same(tmp_path, dict(module.state_dict()))


def test_what_has_no_place_in_safetensors_is_said(tmp_path: Path) -> None:
    state = {
        "fine": numbers((2,)),
        "wide": torch.zeros(2, dtype=torch.complex128),
        "sparse": torch.eye(3).to_sparse(),
        "quantised": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        "conjugated": numbers((2,), "complex64").conj(),
    }
    told = converted(tmp_path, saved(state))
    assert told.outcome == "partly"
    assert {one.where for one in told.lost} == set(state) - {"fine"}
    same(tmp_path, {"fine": state["fine"]})


def test_tensors_with_attributes_of_their_own(tmp_path: Path) -> None:
    tensor, parameter = numbers((3,)), torch.nn.Parameter(numbers((2,)))
    tensor.note, parameter.note = "mine", 1
    assert converted(tmp_path, saved({"t": tensor, "p": parameter})).output
    same(tmp_path, {"t": tensor, "p": parameter})


def test_a_tensor_alone(tmp_path: Path) -> None:
    tensor = numbers((4,))
    assert converted(tmp_path, saved(tensor)).outcome == "converted"
    same(tmp_path, {"tensor": tensor})


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("size", [3, 5000])
def test_tensors_in_a_plain_pickle(tmp_path: Path, protocol: int, size: int) -> None:
    state = {"a": numbers((size, 2)), "t": numbers((2, size)).t(), "h": numbers((size,), "bfloat16")}
    told = converted(tmp_path, pickle.dumps(state, protocol))
    assert told.outcome == "converted", told
    same(tmp_path, state)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("order", ["little", "big", None])
def test_the_byte_order_of_the_archive(tmp_path: Path, order: str | None, packed: int) -> None:
    """As torch itself takes it; a module of its own was written on another machine."""
    state = {"f": numbers((3, 2)), "t": numbers((3, 2), "int64").t(), "c": numbers((4,), "complex64"),
             "b": numbers((4,), "bfloat16"), "u": numbers((5,), "uint8")}  # fmt: skip
    turned = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(state))) as given, zipfile.ZipFile(turned, "w", packed) as archive:
        for name in given.namelist():
            if not name.endswith("/byteorder"):
                archive.writestr(name, given.read(name))
            elif order:
                archive.writestr(name, order)
    (tmp_path / "in.pt").write_bytes(turned.getvalue())
    told = converted(tmp_path, tmp_path / "in.pt")
    assert told.outcome == "converted", told
    same(tmp_path, torch.load(tmp_path / "in.pt"))


def test_the_stream_format_is_little_endian_whatever_it_says(tmp_path: Path) -> None:
    data = saved({"w": numbers((4,))}, _use_new_zipfile_serialization=False)
    other = data.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89")
    assert other != data
    converted(tmp_path, other)
    same(tmp_path, torch.load(tmp_path / "in.pt"))
