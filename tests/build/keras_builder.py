"""Keras configurations and archives, built as Keras 3 (and 2, without `module`) writes them; nothing is ever loaded."""

import base64
import json
import marshal
from typing import Any

from tests.build import zip_builder as z
from tests.build.zip_builder import Entry

Node = dict[str, Any]
METADATA = json.dumps({"keras_version": "3.8.0", "date_saved": "2025-03-01@00:00:00"}).encode()
#: attributes of an HDF5 file without content; its reader is another format's
WEIGHTS = b""


def node(class_name: str, config: Any = None, module: str | None = "keras.layers", **more: Any) -> Node:
    """One node as Keras 3 writes it; with ``module=None`` as Keras 2 does."""
    made: Node = {} if module is None else {"module": module}
    made |= {"class_name": class_name, "config": {} if config is None else config}
    if module is not None:
        made["registered_name"] = None
    return made | more


def layer(name: str, config: Node | None = None, module: str | None = "keras.layers", **more: Any) -> Node:
    """A layer with a name of its own and its call."""
    called = (config or {}).get("name", name.lower())
    return node(name, {"name": called, "trainable": True} | (config or {}), module, name=called, **more)


def function(name: str, module: str = "builtins") -> Node:
    """A function by its name."""
    return node("function", name, module) | {"registered_name": name}


def tensor(name: str = "input_layer") -> Node:
    """A tensor that a layer is called on."""
    config = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def call(*args: Any, **kwargs: Any) -> list[Node]:
    """What a layer is called on, as Keras 3 writes it."""
    return [{"args": list(args), "kwargs": kwargs}]


INPUT = layer("InputLayer", {"name": "input_layer", "batch_shape": [None, 4], "dtype": "float32"}, inbound_nodes=[])
DENSE = layer(
    "Dense",
    {
        "units": 2,
        "activation": "relu",
        "dtype": node("DTypePolicy", {"name": "float32"}, "keras"),
        "kernel_initializer": node("GlorotUniform", {"seed": None}, "keras.initializers"),
    },
    inbound_nodes=call(tensor()),
)
COMPILED = {
    "optimizer": node("Adam", {"name": "adam", "learning_rate": 0.001}, "keras.optimizers"),
    "loss": {"dense": "mse"},
    "loss_weights": None,
    "metrics": ["accuracy", node("AUC", {"num_thresholds": 200}, "keras.metrics")],
    "weighted_metrics": None,
    "run_eagerly": False,
}


def functional(*layers: Node, **more: Any) -> Node:
    """A functional model of an input and `layers`."""
    config = {
        "name": "functional",
        "trainable": True,
        "layers": [INPUT, *layers],
        "input_layers": [["input_layer", 0, 0]],
        "output_layers": [["dense", 0, 0]],
    }
    return node("Functional", config, "keras.src.models.functional") | {"registered_name": "Functional"} | more


def sequential(*layers: Node, module: str | None = "keras") -> Node:
    return node("Sequential", {"name": "sequential", "layers": list(layers)}, module)


def honest() -> Node:
    """A model of ordinary layers, compiled."""
    return functional(DENSE, compile_config=COMPILED, build_config={"input_shape": None})


def text(config: Any) -> bytes:
    return json.dumps(config).encode()


def archive(config: Any, *more: Entry, weights: Entry | None = None) -> bytes:
    """A ``.keras`` file; without `weights` it holds none, which nobody reads here yet."""
    last = () if weights is None else (weights,)
    data = config if isinstance(config, bytes) else text(config)
    return z.zip_file(Entry("metadata.json", METADATA), Entry("config.json", data), *last, *more)


def code(source: str) -> str:
    """The base64 of marshalled code of the only lambda in `source`; compiled, not executed."""
    whole = compile(source, "<lambda>", "eval")
    [inner] = [one for one in whole.co_consts if hasattr(one, "co_code")]
    return base64.b64encode(marshal.dumps(inner)).decode()


def python_lambda(source: str) -> Node:
    """A Python lambda as Keras 3 saves it."""
    return {"class_name": "__lambda__", "config": {"code": code(source), "defaults": None, "closure": None}}


def old_lambda(source: str) -> Node:
    """The configuration of a Lambda layer as Keras 2 saves it in HDF5."""
    return {
        "name": "lambda",
        "function": [code(source) + "\n", None, None],
        "function_type": "lambda",
        "module": "__main__",
        "output_shape": None,
        "output_shape_type": "raw",
        "arguments": {},
    }
