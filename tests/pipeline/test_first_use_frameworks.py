"""First uses of real models by their frameworks: honest ones are quiet and were really used, hostile ones are FLAGGED.

One file holds many models, because each load pays for the framework's imports.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from modelairlock.pipeline.detonate import detonate
from modelairlock.records.detonate import Detonation
from modelairlock.records.scan import Verdict

pytestmark = [
    pytest.mark.jail,
    pytest.mark.frameworks,
    pytest.mark.usefixtures("jailed_python"),
    pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's"),
]

NEEDED = ("cloudpickle", "joblib", "keras", "lightgbm", "numpy", "pandas", "sklearn", "torch", "xgboost")
SKLEARN = """
import warnings; warnings.simplefilter("ignore")
import joblib, numpy, pandas, xgboost, lightgbm
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X = numpy.random.default_rng(1).random((20, 3)); y = numpy.arange(20) % 2
search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1, 2]})
joblib.dump({
    "forest": RandomForestClassifier(5, n_jobs=2).fit(X, y), "cluster": KMeans(2, n_init=1).fit(X),
    "text": make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["a word", "two words"], [0, 1]),
    "named": LogisticRegression().fit(pandas.DataFrame(X, columns=list("abc")), y), "search": search.fit(X, y),
    "xgboost": xgboost.XGBClassifier(n_estimators=2).fit(X, y),
    "booster": xgboost.train({}, xgboost.DMatrix(X, y), 2),
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, y),
}, path)
"""
TORCH = """
import torch
from torch import nn
torch.save({
    "dense": nn.Sequential(nn.Linear(3, 4), nn.ReLU()), "words": nn.Sequential(nn.Embedding(9, 4), nn.LSTM(4, 4)),
    "picture": nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(3600, 2)), "sound": nn.Conv1d(2, 3, 3),
    "volume": nn.Conv3d(1, 2, 3), "transformer": nn.Transformer(8, 2, 1, 1, 8), "norm": nn.LayerNorm(5),
    "batch": nn.BatchNorm2d(3),
}, path)
"""
SCRIPT = """
import torch
torch.jit.save(torch.jit.script(torch.nn.Sequential(torch.nn.Conv1d(3, 4, 3), torch.nn.ReLU())), path)
"""
KERAS = """
import keras
inputs = [keras.Input((4,)), keras.Input((8, 8, 3))]
merged = keras.layers.Concatenate()([keras.layers.Dense(2)(inputs[0]), keras.layers.Flatten()(inputs[1])])
keras.Model(inputs, merged).save(path)
"""
LAMBDA = """
import keras
wait = lambda x: (__import__("os").system("true") if str(getattr(x, "device", "meta")) != "meta" else 0, x)[1]
keras.Sequential([keras.Input((5,)), keras.layers.Lambda(wait, output_shape=(5,))]).save(path)
"""
HOSTILE = """
import cloudpickle, torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 4)
    def train(self, mode=True):
        raise RuntimeError("nobody is to look")
    def forward(self, x):
        import os
        os.system("true")
        return self.layer(x)
torch.save(Net(), path, pickle_module=cloudpickle)
"""
ESTIMATOR = """
import cloudpickle
from sklearn.base import BaseEstimator
class Model(BaseEstimator):
    n_features_in_ = 3
    def predict(self, X):
        import socket
        socket.create_connection(("198.51.100.7", 443))
with open(path, "wb") as file:
    cloudpickle.dump(Model(), file)
"""
OBJECTS = """
import numpy, os
class Payload:
    def __reduce__(self):
        return os.system, ("true",)
numpy.savez(path, a=numpy.ones(3), b=numpy.array([Payload()], dtype=object))
"""


SOURCES = {
    "good.joblib": SKLEARN, "good.pt": TORCH, "script.pt": SCRIPT, "good.keras": KERAS, "bad.keras": LAMBDA,
    "bad.pt": HOSTILE, "bad.pkl": ESTIMATOR, "bad.npz": OBJECTS,
}  # fmt: skip
#: how the first model of each honest file is used; none of its models may raise
HONEST = {
    "good.joblib": "RandomForestClassifier (sklearn) was used (predict, predict_proba) on a row of 3 numbers",
    "good.pt": "Sequential (torch) was called with float32 of shape (1, 3) and came back",
    "script.pt": "RecursiveScriptModule (torch) was called with float32 of shape (1, 3, 64) and came back",
    "good.keras": "Functional (keras) was called with input of shape (1, 4), (1, 8, 8, 3) and came back",
}
WAITING = {
    "bad.keras": "load-runs-program", "bad.pt": "load-runs-program", "bad.pkl": "load-reaches-network",
    "bad.npz": "load-runs-program",
}  # fmt: skip


def made(folder: Path) -> None:
    """All files, by one process: each framework takes seconds to import."""
    script = "".join(f"exec({text!r}, {{'path': {str(folder / name)!r}}})\n" for name, text in SOURCES.items())
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, capture_output=True)


def said(one: Detonation) -> str:
    return next(phase.note for phase in one.phases if phase.name == "inference")


def test_honest_models_are_quiet_when_they_are_used_and_those_that_wait_for_it_are_flagged(tmp_path: Path) -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    made(tmp_path)
    found = {Path(one.path).name: one for one in detonate([tmp_path], interpreter=sys.executable).detonations}
    assert found.keys() == SOURCES.keys()
    for name, words in HONEST.items():
        one = found[name]
        assert (name, one.findings, one.events, one.detail) == (name, (), (), one.detail)
        assert words in said(one)
        assert "raised" not in said(one)
        assert [phase.name for phase in one.phases] == ["import", "load", "inference", "unload"]
        assert all(phase.memory_bytes > 1 << 20 for phase in one.phases)
    for name, rule in WAITING.items():
        one = found[name]
        assert (name, one.verdict) == (name, Verdict.FLAGGED)
        assert next(finding for finding in one.findings if finding.rule == rule).message.startswith("using it ")
        assert {event.phase for event in one.events} == {"inference"}
