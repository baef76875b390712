"""Further models of `load_isolated`: onnxruntime, skops, xgboost, and folders of transformers with the code in them."""

import os
import pickle
import sys
from pathlib import Path

import pytest

import modelairlock
from modelairlock import AirlockError
from modelairlock.pipeline import load_isolated as home
from tests.build import onnx_builder, transformers_builder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
numpy = pytest.importorskip("numpy")
# they need numpy too
from tests.pipeline.test_load_isolated import RANDOM, X, Y, equal, quiet  # noqa: E402


@pytest.mark.parametrize(
    "options", [{"trusted": "sklearn.svm.SVC"}, {"trusted": 3}, {"trusted": ["a,b"]}, {"trusted": [b"x"]}], ids=str
)
def test_types_to_trust_are_names(options: dict, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({}))
    with pytest.raises(AirlockError, match="trusted is") as raised:
        modelairlock.load_isolated(tmp_path / "model.pkl", "pickle.load", **options)
    assert "get_untrusted_types" in raised.value.hint


def test_transformers_loads_folders_and_no_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(AirlockError, match="loads folders"):
        modelairlock.load_isolated(tmp_path / "config.json", "transformers")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(AirlockError, match="is not one file"):
        modelairlock.load_isolated(tmp_path, "onnxruntime.InferenceSession")


def test_a_loader_that_is_named_is_taken_whatever_the_scan_says(tmp_path: Path) -> None:
    """Else the error would ask for the very name that was given."""
    (tmp_path / "model").write_bytes(b"\x00 not known to any reader \xff")
    fd, loader, _ = home._opened(tmp_path / "model", home.ONNX)
    os.close(fd)
    assert loader == home.ONNX
    with pytest.raises(AirlockError, match="is no model that can be asked"):
        home._opened(tmp_path / "model", "auto")


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
@pytest.mark.parametrize("kind", ["onnx", "ort", "beside"])
def test_onnxruntime(kind: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    weights = RANDOM.normal(size=(2, 2)).astype("f4")
    inside = onnx_builder.tensor("w", (2, 2), raw=weights.tobytes())
    (tmp_path / "w.data").write_bytes(weights.tobytes())
    made = onnx_builder.external("w.data") if kind == "beside" else inside
    node = onnx_builder.node("MatMul", ("x", "w"), ("y",))
    path = tmp_path / f"model.{'ort' if kind == 'ort' else 'onnx'}"
    data = onnx_builder.model(onnx_builder.graph((node,), (made,)))
    if kind == "ort":
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(path)
        options.add_session_config_entry("session.save_model_format", "ORT")
        onnxruntime.InferenceSession(data, options)
    else:
        path.write_bytes(data)
    given = X[:2, :2].astype("f4")
    [expected] = onnxruntime.InferenceSession(str(path)).run(None, {"x": given})
    with modelairlock.load_isolated(path, seconds=60) as isolated:
        assert isolated.loader == "onnxruntime.InferenceSession"
        for answer in (isolated(x=given), isolated(given), isolated.predict({"x": given})):
            assert list(answer) == ["y"]
            equal(answer["y"], expected)
        [answer] = isolated.run(["y"], {"x": given})
        equal(answer, expected)
        with pytest.raises(AirlockError, match=r"INVALID_ARGUMENT|Unexpected input data type"):
            isolated(x=given.astype("f8"))
        with pytest.raises(AirlockError, match="3 arrays were given; it takes x"):
            isolated(given, given, given)
        isolated._session._life._watch.launched.process.kill()
        equal(isolated(x=given)["y"], expected)
        assert quiet(isolated)


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
def test_skops_trusts_what_its_caller_trusts(tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(5, random_state=1).fit(X, Y)
    skops.dump(model, tmp_path / "model.skops")
    types = skops.get_untrusted_types(file=tmp_path / "model.skops")
    with pytest.raises(AirlockError, match="Untrusted types") as raised:
        modelairlock.load_isolated(tmp_path / "model.skops", seconds=60)
    assert "trusted=" in raised.value.hint
    with modelairlock.load_isolated(tmp_path / "model.skops", trusted=types, seconds=60) as isolated:
        assert isolated.loader == "skops.io.load"
        equal(isolated.predict_proba(X), model.predict_proba(X))
        assert quiet(isolated)


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
def test_xgboost(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    columns = {"feature_names": [*"abc"], "feature_types": ["q", "q", "c"], "enable_categorical": True}
    rows = numpy.concatenate([X[:, :2], numpy.arange(len(X))[:, None] % 3], axis=1).astype("f4")
    matrix = xgboost.DMatrix(rows, Y, **columns)
    booster = xgboost.train({"tree_method": "hist", "max_cat_to_onehot": 1}, matrix, 3)
    booster.save_model(tmp_path / "model.ubj")
    with modelairlock.load_isolated(tmp_path / "model.ubj", seconds=60) as isolated:
        assert isolated.loader == "xgboost.Booster"
        equal(isolated.predict(rows), booster.predict(matrix))
        equal(
            isolated(rows, output_margin=True, iteration_range=(0, 1)),
            booster.predict(matrix, output_margin=True, iteration_range=(0, 1)),
        )
        with pytest.raises(AirlockError, match="expected 2, got 3"):
            isolated.predict(rows[:, :2])
        assert quiet(isolated)
    booster.save_model(tmp_path / "model.json")
    with pytest.raises(AirlockError, match=r"json_text\) is no model") as raised:
        modelairlock.load_isolated(tmp_path / "model.json")
    assert "xgboost.Booster" in raised.value.hint


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
def test_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.manual_seed(4)
    folder = transformers_builder.in_cache(transformers_builder.gpt2(tmp_path / "gpt2"), tmp_path / "cache")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with modelairlock.load_isolated(folder, seconds=120) as isolated, torch.no_grad():
        assert isolated.loader == "transformers"
        words = isolated.tokenizer("hello world a b")
        assert words["input_ids"].tolist() == tokenizer("hello world a b", return_tensors="np")["input_ids"].tolist()
        ids = torch.from_numpy(words["input_ids"])
        answer = isolated(input_ids=words["input_ids"], output_hidden_states=True)
        expected = model(input_ids=ids, output_hidden_states=True)
        assert sorted(answer) == ["hidden_states", "logits"], "the cache is no array"
        equal(answer["logits"], expected.logits.numpy())
        equal(answer["hidden_states"][1], expected.hidden_states[1].numpy())
        made = isolated.generate(input_ids=words["input_ids"], max_new_tokens=5, do_sample=False)
        equal(made, model.generate(input_ids=ids, max_new_tokens=5, do_sample=False).numpy())
        assert isolated.decode(made[0]) == tokenizer.decode(made[0])
        assert isolated.decode(made) == tokenizer.batch_decode(made)
        with pytest.raises(AirlockError, match="the call failed"):
            isolated(input_ids=numpy.ones((1, 1000), dtype="i8"))
        assert quiet(isolated)


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
def test_code_of_a_transformers_folder_that_tries_something_is_the_end_of_it(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    folder = transformers_builder.with_code(tmp_path / "own", transformers_builder.HOSTILE)
    with pytest.raises(AirlockError, match=r"while it was loaded \(completed_with_violations\): it tried clone"):
        modelairlock.load_isolated(folder, seconds=60)
