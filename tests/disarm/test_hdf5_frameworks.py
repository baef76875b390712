"""Weights in HDF5, as h5py and Keras write them, come out bit for bit."""

import io
import random
from pathlib import Path

import msgspec
import pytest

from modelairlock.pipeline.convert_answer import decode_plan
from tests.disarm.convert_help import contents, converted, kept, left_over, plain, planned

numpy = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.frameworks

DTYPES = {
    "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16", "i4": "I32", "u4": "U32", "i8": "I64", "u8": "U64", "f2": "F16",
    "f4": "F32", "f8": "F64",
}  # fmt: skip


def numbers(shape: tuple[int, ...], dtype: str = "f4") -> "numpy.ndarray":
    kind = numpy.dtype(dtype)
    count = int(numpy.prod(shape, dtype=int))
    return numpy.random.default_rng(count).integers(0, 256, count * kind.itemsize, "u1").view(kind).reshape(shape)


LAYOUTS = {
    "contiguous": {},
    "chunked": {"chunks": (3, 4, 2)},
    "whole": {"chunks": (10, 9, 8)},
    "rows": {"chunks": (1, 9, 8)},
    "gzip": {"chunks": (4, 4, 8), "compression": "gzip"},
    "shuffled": {"chunks": (4, 5, 3), "compression": "gzip", "shuffle": True},
    "shuffled_only": {"chunks": (4, 5, 3), "shuffle": True},
    "summed": {"chunks": (4, 5, 3), "compression": "gzip", "shuffle": True, "fletcher32": True},
}


def same(path: Path, expected: dict[str, "numpy.ndarray"]) -> None:
    found = contents(path)
    assert set(found) == set(expected)
    for key, array in expected.items():
        assert found[key] == (
            DTYPES[array.dtype.str[1:]], array.shape, array.astype(array.dtype.newbyteorder("<")).tobytes()
        ), key  # fmt: skip


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("user_block", [0, 1024])
def test_every_type_and_layout(tmp_path: Path, libver: str, user_block: int) -> None:
    expected = {}
    with h5py.File(tmp_path / "in.pt", "w", libver=libver, userblock_size=user_block) as file:
        for name in DTYPES:
            for order in "<>":
                expected[f"kinds.{name}{order}"] = file.create_dataset(
                    f"kinds/{name}{order}", data=numbers((3, 5), order + name)
                )[:]
        for name, options in LAYOUTS.items():
            if libver == "latest" and name not in ("contiguous", "whole"):
                continue
            for dtype in ("<f4", ">f8", "u1"):
                data = numbers((10, 9, 8), dtype)
                file.create_dataset(f"{name}/{dtype}", data=data, **options)
                expected[f"{name}.{dtype}"] = data
        expected["point"] = numpy.float32(2.5)
        file["point"] = expected["point"]
        expected["empty"] = file.create_dataset("empty", (0, 3), "f4")[:]
        file["linked"] = file["kinds/f4<"]
        expected["linked"] = expected["kinds.f4<"]
        file.attrs["text"], file.attrs["list"], file.attrs["n"] = "häuser", ["a", "bc"], 3
        file["kinds"].attrs["fixed"] = numpy.bytes_("abc")
    told = converted(tmp_path, tmp_path / "in.pt")
    assert told.outcome == "converted", told.lost
    same(tmp_path / "out.safetensors", {key: numpy.asarray(array) for key, array in expected.items()})
    assert plain(tmp_path) == {
        "attributes": {"/": {"text": "häuser", "list": ["a", "bc"], "n": 3}, "/kinds": {"fixed": "abc"}}
    }
    assert not left_over(tmp_path)


def test_what_is_not_there_or_not_read_is_lost(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in.pt", "w") as file:
        file["fine"] = numbers((3,))
        file.create_dataset("unwritten", (3,), "f4")
        partly = file.create_dataset("partly", (8,), "f4", chunks=(4,), fillvalue=7)
        partly[:4] = 1
        file.create_dataset("packed", data=numbers((8,)), chunks=(4,), compression="lzf")
        file["text"] = "text"
        file["soft"] = h5py.SoftLink("/fine")
        file["outside"] = h5py.ExternalLink("/etc/passwd", "/x")
        file["fields"] = numpy.zeros(2, [("a", "f4")])
        file["wide"] = numpy.zeros(2, "c16")
        file.create_dataset("external", (4,), "f4", external=[("/etc/passwd", 0, 16)])
    told = converted(tmp_path, tmp_path / "in.pt", strip=True)
    assert told.outcome == "partly", told
    wheres = {one.where.strip("/") for one in told.lost}
    assert wheres >= {"unwritten", "partly", "packed", "text", "soft", "outside", "fields", "wide", "external"}
    assert set(kept(tmp_path)) == {"fine"}


def test_damaged_anywhere_it_is_refused_or_sound() -> None:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["a/b"] = numbers((3, 4))
        file.create_dataset("c", data=numbers((10, 9), "f8"), chunks=(4, 4), compression="gzip", shuffle=True)
        file.attrs["text"], file.attrs["list"] = "text", ["a", "b"]
    whole = stream.getvalue()
    chosen = random.Random(1)
    for _ in range(1500):
        turned = bytearray(whole)
        for _ in range(chosen.randint(1, 4)):
            turned[chosen.randrange(len(turned))] = chosen.choice([0, 1, 2, 127, 128, 255, chosen.randrange(256)])
        plan = planned(bytes(turned))
        decode_plan(msgspec.msgpack.encode(plan), len(turned))
    for end in range(0, len(whole), 50):
        assert planned(whole[:end]).refused, end


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.weights.h5"])
def test_a_model_of_keras(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    save = model.save_weights if "weights" in name else model.save
    save(tmp_path / name)
    told = converted(tmp_path, tmp_path / name)
    assert told.output, told
    found = sorted(data for _, _, data in kept(tmp_path).values())
    weights = sorted(numpy.asarray(one).tobytes() for one in model.get_weights())
    assert [one for one in weights if one not in found] == []
    if name == "model.keras":
        assert plain(tmp_path)["config.json"]["class_name"] == "Sequential"
    assert told.outcome == "converted", told.lost


def test_chunks_that_the_library_does_not_find_are_not_given_out(tmp_path: Path) -> None:
    """It searches the tree by halves: a key in the wrong place hides a chunk, which is then read as the fill value."""
    place = tmp_path / "x.h5"
    with h5py.File(place, "w", libver="earliest") as file:
        file.create_dataset("a", data=numpy.arange(1.0, 21).reshape(4, 5), chunks=(2, 3))
    honest = place.read_bytes()
    [tensor] = planned(honest).tensors
    assert len(tensor.tiles) == 4
    keys = honest.index(b"TREE\x01") + 24  # each a size, a mask and three places, with an address behind it
    for number, axis, value in ((4, 0, 0), (1, 0, 4), (1, 2, 8), (0, 2, 64)):
        at = keys + 40 * number + 8 + 8 * axis
        changed = honest[:at] + value.to_bytes(8, "little") + honest[at + 8 :]
        place.write_bytes(changed)
        with h5py.File(place) as file:
            assert (file["a"][()] == 0).any(), (number, axis)
        plan = planned(changed)
        assert not plan.tensors
        assert plan.refused or plan.lost


def test_a_chunk_that_does_not_fit_its_own_checksum_gives_nothing(tmp_path: Path) -> None:
    """All its bytes come out before zlib says so, and h5py does not give them either."""
    path = tmp_path / "in.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("w", data=numbers((1000,)), chunks=(1000,), compression="gzip")
    with h5py.File(path) as file:
        chunk = file["w"].id.get_chunk_info(0)
    whole = bytearray(path.read_bytes())
    assert converted(tmp_path, path, force=True).outcome == "converted"
    whole[chunk.byte_offset + chunk.size - 1] ^= 1
    path.write_bytes(whole)
    with h5py.File(path) as file, pytest.raises(OSError, match="read"):
        file["w"][:]
    told = converted(tmp_path, path, force=True)
    assert (told.outcome, "damaged" in told.reason) == ("not-converted", True), told
