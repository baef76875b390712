"""The door of `load_isolated`: real models answer bit for bit as they do here, and mistakes are explained."""

import contextlib
import gc
import importlib.util
import operator
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

import modelairlock
from modelairlock import AirlockError, IsolatedModel, Level
from modelairlock.isolation.jail import values
from modelairlock.pipeline import load_isolated as home
from modelairlock.records.attempts import IDLE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
numpy = pytest.importorskip("numpy")

RANDOM = numpy.random.default_rng(7)
X = RANDOM.normal(size=(300, 12))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


@pytest.mark.parametrize(
    "options",
    [
        {"loader": "numpy.load"}, {"loader": "os.system"}, {"require": "weak"}, {"require": "none"}, {"require": 3},
        {"limits": 3}, {"limits": {"second": 1}}, {"limits": {"files": -1}}, {"limits": {"files": "x"}},
        {"limits": {"wall_seconds": float("nan")}}, {"seconds": 0}, {"seconds": "1"}, {"seconds": float("inf")},
        {"seconds": True}, {"on_violation": "go on"}, {"on_violation": []}, {"call_bytes": 0}, {"restarts": -1},
        {"queue": 1.5}, {"threads": 0}, {"threads": None}, {"seconds": 1e10}, {"seconds": 10**30}, {"interpreter": 5},
        {"interpreter": b"/usr/bin/python3"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_meant_is_an_airlock_error_with_a_hint(options: dict, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({}))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(AirlockError) as raised:
        modelairlock.load_isolated(path, **{"loader": "pickle.load", **options})
    assert raised.value.hint
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_no_file_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("a text")
    (tmp_path / "weights.npy").write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8'}")
    for place in (tmp_path, tmp_path / "gone", tmp_path / "text.txt", tmp_path / "weights.npy", 3, b"x"):
        with pytest.raises(AirlockError) as raised:
            modelairlock.load_isolated(place)
        assert raised.value.hint


def test_without_numpy_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({}))
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(AirlockError, match="without numpy") as raised:
        modelairlock.load_isolated(tmp_path / "model.pkl")
    assert "pip install numpy" in raised.value.hint
    assert values.numpy_here is home.numpy_here


def test_importing_it_brings_no_numpy() -> None:
    code = (
        "import sys, modelairlock; modelairlock.load_isolated; print('numpy' in sys.modules, 'ctypes' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False False\n"


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
def test_a_model_is_closed_when_it_is_left_or_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({}))
    before = len(os.listdir("/proc/self/fd"))
    with modelairlock.load_isolated(path, "pickle.load", limits={"wall_seconds": 20}) as model:
        assert isinstance(model, IsolatedModel)
        assert model.level is Level.STRICT or model.level is Level.CONFINED
        assert {layer.name for layer in model.layers} >= {"seccomp", "landlock"}
        with pytest.raises(AirlockError, match=r"builtins\.dict, which has no predict"):
            model.predict([1])
        assert not model.closed
        assert repr(model) == f"<IsolatedModel {path} by pickle.load, {model.level}>"
    assert model.closed
    assert repr(model).endswith("closed>")
    with pytest.raises(AirlockError, match="was closed"):
        model([1])
    model = modelairlock.load_isolated(path, "pickle.load")
    worker = model._session._life._watch.worker
    del model
    gc.collect()
    assert not os.path.exists(f"/proc/{worker}")
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
def test_a_caller_that_ends_takes_the_worker_along(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({}))
    code = (
        "import os, sys, modelairlock\n"
        "if __name__ == '__main__':\n"
        f"    model = modelairlock.load_isolated({str(path)!r}, 'pickle.load')\n"
        "    print(model._session._life._watch.worker, flush=True)\n"
        "    @HOW@\n"
    )
    for how in ("pass", "os._exit(0)", "os.kill(os.getpid(), 9)"):
        script = tmp_path / "script.py"
        script.write_text(code.replace("@HOW@", how))
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
        worker = int(done.stdout)
        for _ in range(100):
            if not os.path.exists(f"/proc/{worker}"):
                break
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{worker}"), how


def equal(one: object, other: object) -> None:
    assert type(one) is type(other)
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    assert one.tobytes() == other.tobytes()


def quiet(isolated: IsolatedModel) -> bool:
    """Whether nothing was tried but what BLAS asks for on the way."""
    return {event.syscall for event in isolated.events} <= IDLE


def asked(path: Path, model: object, methods: tuple[str, ...], *inputs: object) -> IsolatedModel:
    """The same questions in the jail and here: the same answers, bit for bit, and nothing tried on the way."""
    with modelairlock.load_isolated(path, seconds=120) as isolated:
        for given in inputs:
            for method in methods:
                equal(getattr(isolated, method)(given), getattr(model, method)(given))
        assert quiet(isolated)
        assert isolated.loader == "joblib.load"
    return isolated


INPUTS = (X, X[:1], numpy.asfortranarray(X), X[::2], X.astype("f4"))


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
@pytest.mark.parametrize("name", ["forest", "linear", "pipeline", "scaler", "boosting", "svm", "neighbours", "means"])
def test_scikit_learn(name: str, tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    pytest.importorskip("sklearn")
    from sklearn.cluster import KMeans
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    both = ("predict", "predict_proba")
    model, methods = {
        "forest": (RandomForestClassifier(20, random_state=1), both),
        "linear": (LogisticRegression(), (*both, "decision_function")),
        "pipeline": (make_pipeline(StandardScaler(), LogisticRegression()), (*both, "decision_function")),
        "scaler": (StandardScaler(), ("transform",)),
        "boosting": (HistGradientBoostingClassifier(max_iter=10), (*both, "decision_function")),
        "svm": (SVC(), ("predict", "decision_function")),
        "neighbours": (KNeighborsClassifier(), both),
        # counts the threads of libraries when it is asked
        "means": (KMeans(3, n_init=1, random_state=1), ("predict", "transform")),
    }[name]
    model.fit(X, Y)
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    # the centres of KMeans are of one precision, and it takes no other
    asked(path, model, methods, *(INPUTS if name != "means" else INPUTS[:-1]))
    plain = tmp_path / "model.pkl"
    plain.write_bytes(pickle.dumps(model))
    asked(plain, model, methods, X)
    joblib.dump(model, path, compress=3)
    asked(path, model, methods[:1], X)


class Many:
    """Unpickles to an object of the jail's own that asks one of many models, by its name."""

    def __reduce__(self) -> tuple[object, ...]:
        source = (
            "class Many:\n"
            "    def __init__(self, models): self.models = models\n"
            "    def predict(self, name, method, x): return getattr(self.models[name], method)(x)\n"
        )
        return eval, (f"lambda models: (lambda names: (exec({source!r}, names), names['Many'](models))[1])({{}})",)


class Made:
    """Unpickles to what `what` makes of `models`."""

    def __init__(self, what: object, models: object) -> None:
        self.what, self.models = what, models

    def __reduce__(self) -> tuple[object, ...]:
        return operator.call, (self.what, self.models)


def fitted() -> dict[str, tuple[object, str]]:
    """Every estimator of scikit-learn that can be made without arguments and fitted to a table, and what it does."""
    from sklearn.utils import all_estimators

    table = numpy.abs(X[:60, :5])
    made = {}
    for name, kind in all_estimators():
        with contextlib.suppress(Exception):
            model = kind().fit(table, Y[:60])
            method = next(one for one in ("predict", "transform") if hasattr(model, one))
            if isinstance(getattr(model, method)(table), numpy.ndarray):
                made[name] = model, method
    return made


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(operator, "call"), reason="Python 3.11")
def test_every_estimator_of_scikit_learn_is_quiet_and_equal(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    pytest.importorskip("sklearn")
    from threadpoolctl import threadpool_limits

    path = tmp_path / "many.joblib"
    with threadpool_limits(1):
        models = fitted()
        assert len(models) > 100
        joblib.dump(Made(Many(), {name: model for name, (model, _) in models.items()}), path)
        with modelairlock.load_isolated(path, "joblib.load") as isolated:
            table = numpy.abs(X[:60, :5])
            for name, (model, method) in models.items():
                got, expected = isolated.predict(name, method, table), getattr(model, method)(table)
                assert got.dtype == expected.dtype
                assert got.tobytes() == expected.tobytes(), name
            assert quiet(isolated)


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
def test_text_in_and_labels_out(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    pytest.importorskip("sklearn")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    texts = ["good film", "bad film", "good play", "bad play"]
    model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(texts, numpy.array(["yes", "no", "yes", "no"]))
    path = tmp_path / "text.joblib"
    joblib.dump(model, path)
    with modelairlock.load_isolated(path) as isolated:
        for given in (texts, numpy.array(texts)):
            equal(isolated.predict(given), model.predict(given))
            equal(isolated.predict_proba(given), model.predict_proba(given))
    joblib.dump(model[0], path)
    with modelairlock.load_isolated(path) as isolated, pytest.raises(AirlockError, match=r"csr_matrix|sparse"):
        isolated.transform(texts)


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_boosted_trees(library: str, tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    module = pytest.importorskip(library)
    kind = module.XGBClassifier if library == "xgboost" else module.LGBMClassifier
    options = {} if library == "xgboost" else {"verbose": -1}
    model = kind(n_estimators=20, n_jobs=1, **options).fit(X, Y)
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    asked(path, model, ("predict", "predict_proba"), X, X[:1])


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
@pytest.mark.parametrize("name", ["module", "script", "convolution", "several", "bfloat"])
def test_torch(name: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from torch import nn

    torch.manual_seed(3)
    path = tmp_path / "model.pt"
    module = nn.Sequential(nn.Linear(12, 30), nn.ReLU(), nn.Linear(30, 5)).eval()
    given = X.astype("f4")
    if name == "convolution":
        module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1)).eval()
        given = RANDOM.normal(size=(2, 3, 32, 32)).astype("f4")
    elif name == "several":
        module = nn.LSTM(12, 7, batch_first=True).eval()
        given = X[:30].reshape(3, 10, 12).astype("f4")
    elif name == "bfloat":
        module = nn.Linear(12, 3, dtype=torch.bfloat16)
    if name == "script":
        module = torch.jit.script(module)
        torch.jit.save(module, path)
    else:
        torch.save(module, path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with modelairlock.load_isolated(path, seconds=120) as isolated, torch.no_grad():
            assert isolated.loader == "torch.load"
            if name == "bfloat":
                with pytest.raises(AirlockError, match=r"must have the same dtype|BFloat16|bfloat16"):
                    isolated(given)
            elif name == "several":
                output, (hidden, cell) = isolated(given)
                expected, (hidden_here, cell_here) = module(torch.from_numpy(given))
                equal(output, expected.numpy())
                equal(hidden, hidden_here.numpy())
                equal(cell, cell_here.numpy())
            else:
                equal(isolated(given), module(torch.from_numpy(given)).numpy())
            assert quiet(isolated)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.ones(3)}, tmp_path / "weights.pt")
    with modelairlock.load_isolated(tmp_path / "weights.pt") as isolated, pytest.raises(AirlockError, match="has no"):
        isolated(numpy.ones(3))


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
def test_keras(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    if importlib.util.find_spec("keras") is None:
        pytest.skip("could not import 'keras'")
    script = (
        "import sys, numpy, keras\n"
        "model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(5, 'relu'), keras.layers.Dense(2)])\n"
        "model.save(sys.argv[1] + '/model.keras')\n"
        "x = numpy.load(sys.argv[1] + '/x.npy')\n"
        "numpy.save(sys.argv[1] + '/y.npy', model.predict(x, verbose=0))\n"
    )
    given = X.astype("f4")
    numpy.save(tmp_path / "x.npy", given)
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environment)
    with modelairlock.load_isolated(tmp_path / "model.keras", seconds=120) as isolated:
        equal(isolated.predict(given, verbose=0), numpy.load(tmp_path / "y.npy"))
        isolated.predict(given)  # with its bar
        assert quiet(isolated)
