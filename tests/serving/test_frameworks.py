"""Real models behind the real server, asked by a client that is not ours: bit for bit what they answer here."""

import json
import sys
from pathlib import Path

import pytest

numpy = pytest.importorskip("numpy")
pytest.importorskip("uvicorn")
from modelairlock.records.errors import AirlockError  # noqa: E402 - all of these need numpy
from modelairlock.serving import opening  # noqa: E402
from tests.build import onnx_builder  # noqa: E402
from tests.serving.serving_help import server  # noqa: E402
from tests.test_guides import blocks  # noqa: E402

pytestmark = [
    pytest.mark.frameworks,
    pytest.mark.jail,
    pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's"),
    pytest.mark.usefixtures("jailed_python"),
]
X = numpy.random.default_rng(7).normal(size=(40, 12))


def given(http, array, name: str = "x", datatype: str = "FP64", **more):
    one = http.InferInput(name, [*array.shape], datatype)
    one.set_data_from_numpy(array, **more)
    return one


def no_framework_in(process_id: int) -> bool:
    maps = Path(f"/proc/{process_id}/maps").read_text()
    return not [name for name in ("torch", "sklearn", "scipy", "keras", "tensorflow") if f"/{name}/" in maps]


def the_guide_is_right(one, capsys) -> None:
    """Its examples, asked at our port."""
    [example] = blocks("serving.md", "json")
    status, _, said = one.send("POST", "/v2/models/churn/infer", example.encode())
    assert status == 200, said
    assert json.loads(said)["outputs"][0]["shape"] == [1, 2]
    [script] = blocks("serving.md", "python")
    capsys.readouterr()
    exec(compile(script.replace(":8090", f":{one.port}"), "serving.md", "exec"), {})  # ours, and no model's
    assert capsys.readouterr().out == "(4, 2)\n"


def test_scikit_learn(tmp_path, capsys) -> None:
    http = pytest.importorskip("tritonclient.http")
    joblib = pytest.importorskip("joblib")
    linear = pytest.importorskip("sklearn.linear_model")
    words = pytest.importorskip("sklearn.feature_extraction.text")
    pipeline = pytest.importorskip("sklearn.pipeline")
    fitted = linear.LogisticRegression().fit(X, X[:, 0] > 0)
    joblib.dump(fitted, tmp_path / "churn.joblib")
    with server(tmp_path / "churn.joblib", "--workers", "2") as one:
        assert one.said[0].startswith("CLEAR by its scan")
        client = http.InferenceServerClient(f"127.0.0.1:{one.port}")
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("churn")
        assert not client.is_model_ready("other")
        assert client.get_server_metadata()["name"] == "modelairlock"
        assert client.get_model_metadata("churn")["airlock"]["loader"] == "joblib.load"
        answer = client.infer("churn", [given(http, X)], parameters={"method": "predict_proba"}, request_id="a1")
        assert (answer.as_numpy("output") == fitted.predict_proba(X)).all()
        assert answer.get_response()["id"] == "a1"
        wanted = [http.InferRequestedOutput("output", binary_data=False)]
        answer = client.infer("churn", [given(http, X, binary_data=False)], outputs=wanted)
        assert (answer.as_numpy("output") == fitted.predict(X)).all()
        with pytest.raises(http.InferenceServerException, match=r"own words.*3 features") as raised:
            client.infer("churn", [given(http, X[:, :3].copy())])
        assert raised.value.status() == "422"
        waiting = [
            client.async_infer("churn", [given(http, X + number)], parameters={"method": "decision_function"})
            for number in range(30)
        ]
        for number, each in enumerate(waiting):
            assert (each.get_result().as_numpy("output") == fitted.decision_function(X + number)).all()
        client.close()
        the_guide_is_right(one, capsys)
        assert no_framework_in(one.process.pid)
        told = json.loads(one.get("/v2/models/churn")[2])["airlock"]
        assert (told["verdict"], told["violations"], told["restarts"]) == ("clear", {}, 0)
    texts = ["good and fine", "bad and broken", "fine day", "broken thing"] * 3
    reader = pipeline.make_pipeline(words.TfidfVectorizer(), linear.LogisticRegression())
    reader.fit(texts, ["up", "down"] * 6)
    joblib.dump(reader, tmp_path / "mood.joblib")
    with server(tmp_path / "mood.joblib") as one:
        tensor = {"name": "x", "shape": [3], "datatype": "BYTES", "data": ["so fine", "bröken", ""]}
        status, _, said = one.send("POST", "/v2/models/mood/infer", json.dumps({"inputs": [tensor]}).encode())
        assert status == 200, said
        [output] = json.loads(said)["outputs"]
        assert (output["datatype"], output["data"]) == ("BYTES", reader.predict(tensor["data"]).tolist())


def test_torch(tmp_path) -> None:
    http = pytest.importorskip("tritonclient.http")
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    made = torch.nn.Sequential(torch.nn.Linear(12, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)).eval()
    torch.save(made, tmp_path / "net.pt")
    rows = X.astype("float32")
    with server(tmp_path / "net.pt", "--seconds", "60") as one:
        client = http.InferenceServerClient(f"127.0.0.1:{one.port}", network_timeout=60)
        answer = client.infer("net", [given(http, rows, datatype="FP32")]).as_numpy("output")
        assert numpy.array_equal(answer, made(torch.from_numpy(rows)).detach().numpy())
        half = given(http, rows.astype("float16"), datatype="FP16")
        with pytest.raises(http.InferenceServerException, match=r"own words.*dtype"):
            client.infer("net", [half])
        client.close()
        assert no_framework_in(one.process.pid)
        assert one.counts()["airlock_ready"] == 1


def test_keras(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    http = pytest.importorskip("tritonclient.http")
    keras = pytest.importorskip("keras")
    left, right = keras.Input((12,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    made = keras.Model([left, right], {"sum": keras.layers.Dense(1)(joined), "more": keras.layers.Dense(3)(joined)})
    made.save(tmp_path / "two.v1.keras")
    rows, others = X.astype("float32"), X[:, :2].astype("float32").copy()
    with server(tmp_path / "two.v1.keras", "--seconds", "60", "--method", "__call__") as one:
        assert one.address.endswith("/v2/models/two")
        client = http.InferenceServerClient(f"127.0.0.1:{one.port}", network_timeout=60)
        inputs = [given(http, rows, "left", "FP32"), given(http, others, "right", "FP32")]
        answer = client.infer("two", inputs, parameters={"inputs_as": "dict"})
        expected = made({"left": rows, "right": others})
        for name in ("sum", "more"):
            wanted = keras.ops.convert_to_numpy(expected[name])
            assert numpy.allclose(answer.as_numpy(name), wanted, atol=1e-6)
        answer = client.infer("two", inputs, parameters={"inputs_as": "dict", "method": "predict", "option.verbose": 0})
        assert answer.as_numpy("sum").shape == (40, 1)
        client.close()
        assert no_framework_in(one.process.pid)


def test_numbers_beside_a_model_of_onnx_must_stay_as_they_were(tmp_path) -> None:
    pytest.importorskip("onnxruntime")
    numbers = tmp_path / "w.data"
    numbers.write_bytes(bytes(16))
    node = onnx_builder.node("MatMul", ("x", "w"), ("y",))
    graph = onnx_builder.graph((node,), (onnx_builder.external("w.data"),))
    (tmp_path / "model.onnx").write_bytes(onnx_builder.model(graph))
    opened = opening.opened(opening.Wanted(path=str(tmp_path / "model.onnx")), lambda _: None)
    try:
        opened.still()
        numbers.write_bytes(b"\x01" * 16)
        with pytest.raises(AirlockError, match="has changed"):
            opened.still()
        with pytest.raises(AirlockError, match="has changed"):
            opened.reopen()
    finally:
        for one in opened.models:
            one.close()
