"""What numpy, joblib and scikit-learn write comes out bit for bit as they load it."""

import io
import pickle
from pathlib import Path

import pytest

from tests.disarm.convert_help import contents, converted, kept, left_over, plain

numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.slow
DTYPES = {
    "?": "BOOL", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16", "f2": "F16", "i4": "I32", "u4": "U32", "f4": "F32",
    "i8": "I64", "u8": "U64", "f8": "F64", "c8": "C64",
}  # fmt: skip


def numbers(shape: tuple[int, ...], dtype: str = "f4") -> "numpy.ndarray":
    kind = numpy.dtype(dtype)
    count = int(numpy.prod(shape, dtype=int))
    raw = numpy.random.default_rng(count).integers(0, 2 if kind.kind == "b" else 256, count * kind.itemsize, "u1")
    return raw.view(kind).reshape(shape)


def arrays() -> dict[str, "numpy.ndarray"]:
    made = {f"kind_{name}": numbers((3, 5), name) for name in DTYPES}
    made |= {f"big_{name}": numbers((3, 5), f">{name}") for name in DTYPES if name != "?"}
    made["fortran"] = numpy.asfortranarray(numbers((40, 30, 2)))
    made["fortran_big"] = numpy.asfortranarray(numbers((40, 30), ">f8"))
    made["point"], made["empty"] = numbers(()), numbers((0, 4))
    made["long"] = numbers((100_000,))
    return made


def same(path: Path, expected: dict[str, "numpy.ndarray"]) -> None:
    found = contents(path)
    assert set(found) == set(expected)
    for key, array in expected.items():
        dtype, shape, data = found[key]
        assert dtype == DTYPES[array.dtype.str.lstrip("<>|=").replace("b1", "?")], key
        assert shape == array.shape
        assert data == array.astype(array.dtype.newbyteorder("<")).tobytes(), key


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_in_a_pickle(tmp_path: Path, protocol: int) -> None:
    state = {"a": arrays(), "number": numpy.float32(1.5), "count": numpy.int64(7), "yes": numpy.bool_(True)}
    told = converted(tmp_path, pickle.dumps(state, protocol))
    assert told.outcome == "converted", told
    same(tmp_path / "out.safetensors", {f"a.{key}": array for key, array in state["a"].items()})
    assert plain(tmp_path) == {"number": 1.5, "count": 7, "yes": True}


def test_one_array(tmp_path: Path) -> None:
    for name, array in arrays().items():
        stream = io.BytesIO()
        numpy.save(stream, array)
        told = converted(tmp_path, stream.getvalue(), force=True)
        assert told.outcome == "converted", (name, told)
        same(tmp_path / "out.safetensors", {"tensor": array})


@pytest.mark.parametrize("save", ["savez", "savez_compressed"])
def test_a_zip_of_arrays(tmp_path: Path, save: str) -> None:
    stream = io.BytesIO()
    getattr(numpy, save)(stream, **arrays())
    told = converted(tmp_path, stream.getvalue())
    assert told.outcome == "converted", told
    same(tmp_path / "out.safetensors", arrays())
    assert not left_over(tmp_path)


def test_what_has_no_place_in_safetensors_is_said(tmp_path: Path) -> None:
    stream = io.BytesIO()
    lost = {
        "text": numpy.array(["a", "bc"]),
        "when": numpy.array(["2020-01-01"], "M8[D]"),
        "wide": numbers((2,), "c16"),
        "fields": numpy.zeros(2, [("a", "f4")]),
        "objects": numpy.array([{}, None], object),
    }
    numpy.savez(stream, fine=numbers((2,)), **lost)
    told = converted(tmp_path, stream.getvalue())
    assert told.outcome == "partly"
    assert {one.where for one in told.lost} == set(lost)
    assert set(kept(tmp_path)) == {"fine"}
    told = converted(tmp_path, pickle.dumps({"fine": numbers((2,)), **lost}), force=True)
    assert told.outcome == "partly"
    assert {one.where for one in told.lost} == {"when", "wide", "fields"}
    assert plain(tmp_path) == {"text": ["a", "bc"], "objects": [{}, None]}


@pytest.mark.frameworks
@pytest.mark.parametrize(
    "compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 1), ("lzma", 1), ("lz4", 1)], ids=str
)
def test_joblib(tmp_path: Path, compress: object) -> None:
    joblib = pytest.importorskip("joblib")
    state = {"a": arrays(), "n": [1, "x"]}
    joblib.dump(state, tmp_path / "in.pt", compress=compress)
    told = converted(tmp_path, tmp_path / "in.pt")
    assert told.outcome == "converted", told
    same(tmp_path / "out.safetensors", {f"a.{key}": array for key, array in state["a"].items()})
    assert plain(tmp_path) == {"n": [1, "x"]}
    assert not left_over(tmp_path)


@pytest.mark.frameworks
@pytest.mark.parametrize("compress", [0, 3])
def test_a_model_of_scikit_learn_gives_the_arrays_in_it(tmp_path: Path, compress: int) -> None:
    joblib = pytest.importorskip("joblib")
    linear = pytest.importorskip("sklearn.linear_model")
    pipeline = pytest.importorskip("sklearn.pipeline")
    scaling = pytest.importorskip("sklearn.preprocessing")
    model = pipeline.make_pipeline(scaling.StandardScaler(), linear.LogisticRegression())
    model.fit(numpy.arange(40.0).reshape(10, 4), [0, 1] * 5)
    joblib.dump(model, tmp_path / "in.pt", compress=compress)
    told = converted(tmp_path, tmp_path / "in.pt")
    assert told.outcome == "partly", told
    assert "sklearn.pipeline.Pipeline" in {one.what for one in told.dropped}
    found = kept(tmp_path)
    assert found["steps.1.1.coef_"][2] == model[1].coef_.tobytes()
    assert found["steps.0.1.mean_"][2] == model[0].mean_.tobytes()
    step = plain(tmp_path)["steps"][1][1]
    assert (step["$object"], step["C"], step["solver"]) == (
        "sklearn.linear_model._logistic.LogisticRegression", 1.0, "lbfgs"
    )  # fmt: skip


@pytest.mark.frameworks
@pytest.mark.parametrize("compress", [0, 3])
def test_arrays_of_texts_objects_and_fields_do_not_end_it(tmp_path: Path, compress: int) -> None:
    joblib = pytest.importorskip("joblib")
    fields = numpy.zeros(3, [("a", "f4"), ("b", "i8")])
    mixed = numpy.zeros(2, [("a", "O"), ("b", "i8")])
    state = [numbers((3,)), fields, numpy.array(["ä", "bc"]), numpy.array([b"x"]), numpy.array([1, "y"], object), mixed,
             {numpy.int64(5): numbers((2,)), 1.5: "half", True: "yes"}, numbers((4,))]  # fmt: skip
    joblib.dump(state, tmp_path / "in.pt", compress=compress)
    told = converted(tmp_path, tmp_path / "in.pt", strip=True)
    assert (told.outcome, {one.where for one in told.lost}) == ("partly", {"1"})
    same(tmp_path / "out.safetensors", {"0": state[0], "6.5": state[6][5], "7": state[7]})
    assert plain(tmp_path) == [None, None, ["ä", "bc"], [{"$bytes": "eA=="}], [1, "y"],
                               [[0, 0], [0, 0]],
                               {"1.5": "half", "True": "yes"}, None]  # fmt: skip
