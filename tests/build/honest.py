"""Honest models, made by the real frameworks: what users have, and what must come out CLEAR or with a named gap.

Run it with the interpreter that has the frameworks: ``python -m tests.build.honest FOLDER``. What a newcomer would get
wrong: nothing here is hostile and nothing is loaded back; seeds are fixed, but bytes may still differ from one version
of a framework to the next, so tests compare names and verdicts, never digests.
"""

import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SEED = 20260
ROWS, COLUMNS = 24, 4
#: too slow, or in need of data of another shape; each has a sibling in the same module
SKIPPED = frozenset(
    ("GridSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV", "RandomizedSearchCV", "PatchExtractor")
)
COMPRESSIONS: tuple[Any, ...] = (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), ("lz4", 1))


def make_all(folder: Path) -> list[Path]:
    """Write every honest model into `folder` and name the files. Whatever is not installed is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for maker in (plain_python, numpy_arrays, scipy_objects, sklearn_models, pandas_frames, torch_models, boosters):
            try:
                made.extend(maker(folder))
            except ImportError as missing:
                print(f"left out {maker.__name__}: {missing}", file=sys.stderr)
    return made


def _pickled(folder: Path, name: str, thing: Any, protocols: tuple[int, ...] = (2, 3, 4, 5)) -> Iterator[Path]:
    for protocol in protocols:
        path = folder / f"{name}-p{protocol}.pkl"
        path.write_bytes(pickle.dumps(thing, protocol))
        yield path


def plain_python(folder: Path) -> Iterator[Path]:
    """Containers, dates, paths and numbers of the standard library."""
    import argparse
    import collections
    import datetime
    import decimal
    import fractions
    import pathlib
    import random
    import re
    import uuid

    things = {
        "python-containers": {
            "ordered": collections.OrderedDict(a=1),
            "default": collections.defaultdict(list, {"a": [1]}),
            "counter": collections.Counter("abca"),
            "deque": collections.deque([1, 2], 5),
            "sets": ({1, 2}, frozenset("ab")),
            "bytes": (b"\x00\xff", b"", bytearray(b"xyz")),
            "numbers": (1 << 70, -1.5, 3 + 4j, True, None, ...),
            "range": (range(3), slice(1, 2)),
        },
        "python-values": [
            argparse.Namespace(lr=0.1),
            datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC),
            datetime.date(2026, 1, 2),
            datetime.timedelta(1),
            decimal.Decimal("1.5"),
            fractions.Fraction(1, 3),
            pathlib.PurePosixPath("a/b"),
            pathlib.Path("c"),
            random.Random(SEED),
            re.compile(r"\w+", re.IGNORECASE),
            uuid.UUID(int=5),
            ValueError("no"),
        ],
    }
    for name, thing in things.items():
        yield from _pickled(folder, name, thing, (0, 1, 2, 3, 4, 5))


def numpy_arrays(folder: Path) -> Iterator[Path]:
    """Arrays of many types, scalars, masked arrays, generators, as pickles and as .npy and .npz."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    table = np.zeros(3, dtype=[("a", "<i4"), ("b", "<f8", (2,)), ("c", "O")])
    things = {
        "numpy-arrays": [
            rng.normal(size=(3, 4)),
            np.arange(5)[::-1],
            np.asfortranarray(np.eye(3)),
            np.array(["a", "bc"]),
            np.array([1, "x", None], dtype=object),
            np.array([b"ab"]),
            np.array(["2026-01-01"], "M8[D]"),
        ],
        "numpy-scalars": [
            np.float64(1.5),
            np.int32(2),
            np.bool_(True),
            np.str_("a"),
            np.datetime64("2026-01-01"),
            np.float32,
        ],
        "numpy-tables": [
            table,
            table.view(np.recarray),
            np.ma.masked_array([1, 2], [0, 1]),
            np.matrix([[1]]),
            np.poly1d([1, 2]),
        ],
        "numpy-random": [
            rng,
            np.random.RandomState(SEED),
            np.random.PCG64(SEED),
            np.random.Generator(np.random.Philox(1)),
        ],
        "numpy-functions": [np.exp, np.log1p, np.mean, np.dtype("f4"), np.dtype(np.float64), np.nan],
    }
    for name, thing in things.items():
        yield from _pickled(folder, name, thing)
    np.save(folder / "numpy.npy", rng.normal(size=(3, 4)))
    np.save(folder / "numpy-objects.npy", np.array([1, {"a": 2}], dtype=object), allow_pickle=True)
    np.savez_compressed(folder / "numpy.npz", a=np.arange(3), b=np.eye(2))
    yield from (folder / name for name in ("numpy.npy", "numpy-objects.npy", "numpy.npz"))


def scipy_objects(folder: Path) -> Iterator[Path]:
    """Sparse matrices and arrays of every layout, trees, interpolators."""
    import numpy as np
    import scipy.interpolate
    import scipy.sparse
    import scipy.spatial

    dense = np.diag(np.arange(1.0, 5.0))
    layouts = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
    sparse = [getattr(scipy.sparse, f"{layout}_{kind}")(dense) for layout in layouts for kind in ("matrix", "array")]
    line = np.arange(6.0)
    yield from _pickled(folder, "scipy-sparse", sparse)
    yield from _pickled(folder, "scipy-spatial", [scipy.spatial.cKDTree(dense), scipy.spatial.KDTree(dense)])
    curves = [
        scipy.interpolate.interp1d(line, line),
        scipy.interpolate.CubicSpline(line, line),
        scipy.interpolate.BSpline(line, line[:4], 1),
    ]
    yield from _pickled(folder, "scipy-interpolate", curves)


def sklearn_models(folder: Path) -> Iterator[Path]:
    """Every estimator that fits tiny data, by pickle at protocols 2 to 5 in turn, by joblib with every compression."""
    import joblib

    for index, (name, fitted) in enumerate(_fitted_estimators()):
        yield from _pickled(folder, f"sklearn-{name}", fitted, (2 + index % 4,))
        compression = COMPRESSIONS[index % len(COMPRESSIONS)]
        path = folder / f"sklearn-{name}-{index}.joblib"
        joblib.dump(fitted, path, compress=compression, protocol=2 + index % 4)
        yield path


def _fitted_estimators() -> Iterator[tuple[str, Any]]:
    import numpy as np
    from sklearn.utils import all_estimators
    from sklearn.utils._test_common.instance_generator import _construct_instances

    rng = np.random.RandomState(SEED)
    data = np.abs(rng.normal(size=(ROWS, COLUMNS)))
    classes = np.arange(ROWS) % 2
    for name, kind in all_estimators():
        if name in SKIPPED:
            continue
        try:
            estimator = next(iter(_construct_instances(kind)))
        except Exception:
            continue
        fitted = _fit(estimator, data, classes)
        if fitted is not None:
            yield name, fitted
    yield from _composed(data, classes)


def _fit(estimator: Any, data: Any, classes: Any) -> Any:
    texts = ["one two", "two three"] * (ROWS // 2)
    estimator.__dict__.update({key: SEED for key in ("random_state",) if key in estimator.__dict__})
    for attempt in ((data, classes), (data,), (texts,), (classes,), (data[:, 0], classes), (data, data[:, :2])):
        try:
            return estimator.fit(*attempt)
        except Exception:
            continue
    return None


def _composed(data: Any, classes: Any) -> Iterator[tuple[str, Any]]:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.gaussian_process import GaussianProcessClassifier, kernels
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    texts = ["one two", "two three"] * (ROWS // 2)
    yield "text-pipeline", make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, classes)
    columns = ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", OneHotEncoder(), slice(2, 3))])
    yield "columns", make_pipeline(columns, LogisticRegression()).fit(data.round(), classes)
    yield "search", GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=StratifiedKFold(2)).fit(data, classes)
    yield "function", FunctionTransformer(len).fit(data)
    for metric in ("euclidean", "manhattan", "chebyshev"):
        for tree in ("kd_tree", "ball_tree"):
            yield f"{tree}-{metric}", KNeighborsClassifier(2, algorithm=tree, metric=metric).fit(data, classes)
    for loss in ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "huber", "squared_error"):
        yield f"sgd-{loss}", SGDClassifier(loss=loss, max_iter=5).fit(data, classes)
    yield "gradient-boosting", GradientBoostingClassifier(n_estimators=2, init="zero").fit(data, classes)
    yield "hist-boosting", HistGradientBoostingClassifier(max_iter=2, early_stopping=True).fit(data, classes % 3)
    kernel = kernels.ConstantKernel() * kernels.Matern() + kernels.RationalQuadratic() + kernels.WhiteKernel()
    yield "kernels", GaussianProcessClassifier(kernel, optimizer=None).fit(data, classes)


def pandas_frames(folder: Path) -> Iterator[Path]:
    """Frames, series and indexes of the common kinds."""
    import pandas as pd

    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    kinds = [
        frame,
        frame["a"],
        frame.set_index("b"),
        pd.Series(pd.Categorical(["x", "y", "x"])),
        pd.Series([1, None], dtype="Int64"),
        pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
        pd.period_range("2026-01", periods=2, freq="M"),
        pd.Timestamp("2026-01-01"),
        pd.Timedelta("1D"),
        pd.Interval(0, 1),
        pd.NaT,
        pd.NA,
    ]
    yield from _pickled(folder, "pandas", kinds)
    yield from _pickled(folder, "pandas-frame", frame)


def torch_models(folder: Path) -> Iterator[Path]:
    """State dicts, checkpoints and whole modules, in the zip format and in the one before it."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 2)
    )
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 1)
    optimizer = torch.optim.Adam(net.parameters())
    things: dict[str, Any] = {
        "state": net.state_dict(),
        "whole": net,
        "transformer": encoder,
        "recurrent": nn.LSTM(3, 4, 2, bidirectional=True),
        "checkpoint": {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "args": {"lr": 0.1}},
        "tensors": [
            torch.arange(3),
            torch.eye(2, dtype=torch.bfloat16),
            torch.zeros(2, 3).t(),
            nn.Parameter(torch.ones(1)),
            torch.tensor([1 + 2j]),
            torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
            torch.float16,
            torch.device("cpu"),
            torch.Size([1, 2]),
            torch.strided,
            torch.empty(2, device="meta"),
        ],
        "many-layers": nn.ModuleDict(
            {
                "a": nn.GELU(),
                "b": nn.LayerNorm(3),
                "c": nn.Embedding(3, 2),
                "d": nn.GRU(2, 2),
                "e": nn.MultiheadAttention(4, 2),
                "f": nn.Dropout(),
                "g": nn.Upsample(scale_factor=2),
                "h": nn.ParameterList([nn.Parameter(torch.ones(1))]),
                "i": nn.CrossEntropyLoss(),
            }
        ),
    }
    for name, thing in things.items():
        for suffix, zipped in (("pt", True), ("legacy.pth", False)):
            path = folder / f"torch-{name}.{suffix}"
            torch.save(thing, path, _use_new_zipfile_serialization=zipped)
            yield path


def boosters(folder: Path) -> Iterator[Path]:
    """XGBoost and LightGBM by their scikit-learn wrappers."""
    import numpy as np

    rng = np.random.RandomState(SEED)
    data, classes = rng.normal(size=(ROWS, COLUMNS)), np.arange(ROWS) % 2
    for make in (_xgboost, _lightgbm):
        try:
            kinds = make()
        except ImportError as missing:
            print(f"left out {make.__name__}: {missing}", file=sys.stderr)
            continue
        for name, kind in kinds.items():
            yield from _pickled(folder, name, kind(n_estimators=2, n_jobs=1).fit(data, classes))


def _xgboost() -> dict[str, Callable[..., Any]]:
    import xgboost

    return {"xgboost-classifier": xgboost.XGBClassifier, "xgboost-regressor": xgboost.XGBRegressor}


def _lightgbm() -> dict[str, Callable[..., Any]]:
    import lightgbm

    return {"lightgbm-classifier": lightgbm.LGBMClassifier, "lightgbm-regressor": lightgbm.LGBMRegressor}


if __name__ == "__main__":
    print(len(make_all(Path(sys.argv[1]))), "files")
