"""Small honest models, made by the environment's own libraries: run inside the jail as text, behind `first_use.py`.

What they make the libraries try, when they are used and let go of, is those libraries' habit. Nothing of a file that is
looked at comes in here. Standard library only at the top.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _with_sklearn() -> list[Any]:
    from importlib import import_module

    rows = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    cluster, linear = import_module("sklearn.cluster"), import_module("sklearn.linear_model")
    return [linear.LogisticRegression().fit(rows, [0, 0, 1, 1]), cluster.KMeans(2, n_init=1).fit(rows)]


def _with_torch() -> list[Any]:
    import torch

    return [torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU()), torch.nn.Conv2d(3, 4, 3)]


def _with_keras() -> list[Any]:
    import keras

    return [keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="relu")])]


def _with_xgboost() -> list[Any]:
    import numpy
    import xgboost

    rows = numpy.arange(8.0).reshape(4, 2)
    return [xgboost.train({}, xgboost.DMatrix(rows, [0, 1, 0, 1]), 1)]


_MAKERS: dict[str, Callable[[], list[Any]]] = {
    "sklearn": _with_sklearn, "torch": _with_torch, "keras": _with_keras, "xgboost": _with_xgboost,
}  # fmt: skip


def _make(state: dict[str, Any], _inputs: list[int], _argument: str) -> str:
    """Add to what was loaded what every library makes that is there already; the name of each that makes something."""
    made = [name for name in _MAKERS if name in sys.modules]
    for name in made:
        state["model"] += _MAKERS[name]()
    return " ".join(made)


_phases: dict[str, Any] = globals()["PHASES"]
PHASES: dict[str, Any] = {**_phases, "honest": _make}
