"""How each kind of model is used, and made-up input for it: run inside the jail as text, for `first_use.py`.

Made-up input is numbers, and text only for what counts words or says itself that it takes text: an honest model must
not take it for the name of a file. What a library offers is called as its users call it; what came in the file is asked
for everything that a model may be asked for. All of this touches hostile objects, in the phase in which that is
watched. Standard library only at the top.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    #: what is called, and with what; made when it is tried
    Use = tuple[str, Callable[[], Any]]

_DEPTH = 3
#: who has a `transform`, and means something else
_NO_MODELS = ("builtins", "numpy", "pandas", "polars")
_TEXT = "a few words of plain text"
#: the methods of scikit-learn and of those that do as it does, in the order in which people call them
_METHODS = ("predict", "predict_proba", "decision_function", "score_samples", "transform", "kneighbors")
#: what else a class that came in the file may be asked for; of a library's, some of these would change it, or save it
_MORE_METHODS = (
    "predict_log_proba", "inverse_transform", "apply", "score", "forward", "infer", "inference", "run", "generate",
    "encode", "embed", "decode", "classify", "detect", "process", "preprocess", "tokenize", "sample", "evaluate", "fit",
)  # fmt: skip
#: sizes of pictures and sounds that networks of convolutions are made for: the first that fits will do
_SIZES = (64, 224, 32, 28)


def uses_of(model: Any) -> list[tuple[str, Iterator[Use]]]:
    """How `model` is used: for each kind that it is of, what is tried in turn until one use comes back.

    A library's is of the first kind alone; what came in the file may pass for several, and is tried as all of them.
    """
    found = []
    for kind, uses in (
        ("generation", _generation_uses),
        # Keras first: on torch, its models are torch's as well.
        ("keras", _keras_uses), ("torch", _torch_uses), ("tokenizer", _tokenizer_uses), ("session", _session_uses),
        ("archive", _archive_uses), ("booster", _booster_uses), ("sklearn", _sklearn_uses),
        ("function", _function_uses),
    ):  # fmt: skip
        try:
            these = uses(model)
        except BaseException:
            these = None  # it does not let itself be looked at, and is tried as the next kind
        if these is not None:
            found.append((kind, these))
            if kind != "generation" and _of_library(type(model)):
                break
    return found


# --- torch -----------------------------------------------------------------------------------------------------------


def _torch_uses(model: Any) -> Iterator[Use] | None:
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        return None
    return _forward(torch, model)


def _generation_uses(model: Any) -> Iterator[Use] | None:
    """What writes text by code of its own: a class's, or what transformers takes from ``custom_generate/``."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        return None
    own = _method(model, "generate")
    return _generation(torch, model) if brought(getattr(own, "func", own)) else None


def _generation(torch: Any, model: Any) -> Iterator[Use]:
    import inspect

    words = torch.ones((1, 8), dtype=torch.long)
    parameters = inspect.signature(model.generate).parameters.values()
    # By name: transformers has given the model itself in advance, and it is the first.
    needed = [one.name for one in parameters if one.kind in {1, 3} and one.default is one.empty]
    first = [one.name for one in parameters if one.name in {"input_ids", "inputs"}][:1]
    given = dict.fromkeys([*needed, *first], words)

    def use() -> Any:
        with torch.no_grad():
            return model.generate(**given)

    yield f"asked to generate, given {', '.join(given) or 'nothing'}", use


def _tokenizer_uses(model: Any) -> Iterator[Use] | None:
    if not any(kind.__name__ == "PreTrainedTokenizerBase" for kind in type(model).__mro__):
        return None
    return iter([("called with a text", lambda: model(_TEXT))])


def _forward(torch: Any, model: Any) -> Iterator[Use]:
    guesses = [torch.zeros(shape) for shape in ((1, 8), (1, 3, 64, 64))]
    try:
        model.eval()
        tensors = _tensors(torch, model) or guesses
    except BaseException:
        tensors = guesses  # who keeps others from asking is used all the same
    for tensor in tensors:

        def use(tensor: Any = tensor) -> Any:
            with torch.no_grad():
                return model(*_tensor_arguments(model, tensor))

        yield f"called with {str(tensor.dtype)[6:]} of shape {tuple(tensor.shape)}", use


def _tensor_arguments(model: Any, tensor: Any) -> list[Any]:
    """One for each argument that `forward` cannot do without."""
    schema = getattr(getattr(model, "forward", None), "schema", None)
    if schema is None:
        return [tensor] * max(1, _required(type(model).forward) - 1)
    wanted = [one for one in schema.arguments[1:] if not one.has_default_value()]
    plain = {"int": 16000, "float": 1.0, "bool": False, "number": 1.0, "str": _TEXT}
    return [plain.get(str(one.type), tensor) for one in wanted] or [tensor]


def _tensors(torch: Any, model: Any) -> list[Any]:
    """By the first layer with parameters that says what it takes; none if none does."""
    if getattr(getattr(model, "config", None), "vocab_size", None):
        return [torch.ones((1, 8), dtype=torch.long)]
    for layer in model.modules():
        shapes = _shapes(layer)
        if shapes:
            words = getattr(layer, "original_name", type(layer).__name__).startswith("Embedding")
            return [torch.ones(shape, dtype=torch.long) if words else torch.zeros(shape) for shape in shapes]
    return []


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    """What goes into one layer of torch's. TorchScript keeps the name of the class, and not always the numbers."""
    name = getattr(layer, "original_name", type(layer).__name__)
    weight = getattr(layer, "weight", None)
    shape = tuple(getattr(weight, "shape", ()))
    dimensions = name[-2:-1] if name.endswith("d") else ""
    if name.startswith("Conv") and dimensions in {"1", "2", "3"} and len(shape) > 2:
        turned = "Transpose" in name
        channels = getattr(layer, "in_channels", 0) or (shape[0] if turned else shape[1] * getattr(layer, "groups", 1))
        sizes = (64, 16000, 512, 1024) if dimensions == "1" else _SIZES if dimensions == "2" else (16, 32)
        found: list[tuple[int, ...]] = [(1, channels) + (size,) * int(dimensions) for size in sizes]
        # What hears often makes its channels itself, out of plain sound.
        return [*found, (1, 512), (1, 16000)] if dimensions == "1" else found
    if name in {"Linear", "NonDynamicallyQuantizableLinear", "LazyLinear"} and len(shape) == 2:
        return [(1, shape[1]), (1, 8, shape[1])]
    if name in {"Embedding", "EmbeddingBag"} and shape:
        return [(1, 8)]
    if name in {"LSTM", "GRU", "RNN"}:
        first = getattr(layer, "weight_ih_l0", None)
        return [(1, 8, first.shape[1])] if first is not None else []
    if name in {"LSTMCell", "GRUCell", "RNNCell"}:
        return [(1, layer.weight_ih.shape[1])]
    if name == "LayerNorm" and shape:
        return [(1, *shape)]
    if name.startswith("BatchNorm") and shape:
        return [(2, shape[0]) + (32,) * (int(dimensions or 1) if dimensions != "1" else 0)]
    if name == "MultiheadAttention":
        return [(1, 8, layer.embed_dim)]
    return []


# --- keras, onnxruntime ----------------------------------------------------------------------------------------------


def _keras_uses(model: Any) -> Iterator[Use] | None:
    keras = sys.modules.get("keras")
    kind = getattr(keras, "Model", None)
    if kind is None or not isinstance(model, kind):
        return None
    return _keras_call(model)


def _keras_call(model: Any) -> Iterator[Use]:
    inputs = getattr(model, "inputs", None)
    for size in (8, 64):
        given = (
            [_array(one.shape, str(one.dtype), size) for one in inputs] if inputs else [_array((1, size), "float32")]
        )
        one = given[0] if len(given) == 1 else given
        shapes = ", ".join(str(array.shape) for array in given)

        def use(one: Any = one) -> Any:
            return model(one, training=False)

        yield f"called with {'input' if inputs else 'a guess'} of shape {shapes}", use


def _session_uses(model: Any) -> Iterator[Use] | None:
    if not (hasattr(type(model), "get_inputs") and hasattr(type(model), "run")):
        return None
    return _session_run(model)


def _session_run(model: Any) -> Iterator[Use]:
    names = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(string)": "str"}
    for size in (8, 64, 224, 1):
        given = {}
        for one in model.get_inputs():
            kind = names.get(one.type, one.type[7:-1])
            given[one.name] = _array([None if type(length) is str else length for length in one.shape], kind, size)
        shapes = ", ".join(str(array.shape) for array in given.values())

        def use(given: Any = given) -> Any:
            return model.run(None, given)

        yield f"run with input of shape {shapes}", use


def _archive_uses(model: Any) -> Iterator[Use] | None:
    """An .npz: ``numpy.load`` reads none of it, and unpickles an array of objects when that is asked for."""
    if type(model).__name__ != "NpzFile" or type(model).__module__.partition(".")[0] != "numpy":
        return None

    def use() -> None:
        for name in model.files:
            model[name]

    return iter([(f"read (arrays: {len(model.files)})", use)])


def _array(shape: Any, kind: str, size: int = 8) -> Any:
    """An array of `shape`, whose open dimensions are 1 where a batch is counted and `size` elsewhere."""
    import numpy

    whole = [(size if at else 1) if not length else int(length) for at, length in enumerate(shape)]
    if kind.startswith("str"):
        return numpy.full(whole, _TEXT, dtype=object)
    return numpy.zeros(whole, dtype="float32" if kind in {"bfloat16", "float16"} else kind)


# --- scikit-learn and those who do as it does ------------------------------------------------------------------------


def _booster_uses(model: Any) -> Iterator[Use] | None:
    kind = type(model)
    if kind.__name__ != "Booster" or kind.__module__.partition(".")[0] not in {"xgboost", "lightgbm"}:
        return None
    return _booster_predict(model, sys.modules[kind.__module__.partition(".")[0]])


def _booster_predict(model: Any, library: Any) -> Iterator[Use]:
    if library.__name__ == "lightgbm":
        row = _row(model.num_feature())
        yield "used (predict) on a row", lambda: model.predict(row)
    else:
        row = _row(model.num_features())
        yield "used (predict) on a row", lambda: model.predict(library.DMatrix(row, feature_names=model.feature_names))


def _sklearn_uses(model: Any) -> Iterator[Use] | None:
    kind = type(model)
    if isinstance(model, type) or (kind.__module__.partition(".")[0] in _NO_MODELS and _of_library(kind)):
        return None
    names = [name for name in _METHODS if callable(_method(model, name))]
    names += [name for name in _MORE_METHODS if _brought_along(model, name)]
    return _methods(model, names) if names else None


def _method(model: Any, name: str) -> Any:
    """What its class, or it itself, has by that name; looked up without running code of either."""
    own = getattr(model, "__dict__", None)
    found = own.get(name) if type(own) is dict else None
    if found is not None:
        return found
    try:
        return getattr(type(model), name, None)
    except BaseException:
        return None


def _brought_along(model: Any, name: str) -> bool:
    """Whether a method came in the file: it is the object's own, or of a class that no library has."""
    if name in (getattr(model, "__dict__", None) or ()):
        return brought(_method(model, name))
    having = [kind for kind in type(model).__mro__ if name in kind.__dict__]
    return bool(having) and not _of_library(having[0])


def brought(function: Any) -> bool:
    """Whether its code came in the file."""
    return isinstance(function, type(lambda: None)) and not _of_library(function)


def _methods(model: Any, names: list[str]) -> Iterator[Use]:
    try:
        given, words = _rows(model)
    except BaseException:
        given, words = _row(4), "a row of four numbers, as a guess"
    if given is None:
        return

    def use() -> Any:
        problem = None
        for name in names:
            try:
                method = getattr(model, name, None)  # some are there for some settings only
                if callable(method):
                    method(*[given] * max(1, _required(method)))
            except BaseException as raised:
                problem = problem or raised
        if problem is not None:
            raise problem

    yield f"used ({', '.join(names)}) on {words}", use


def _rows(model: Any) -> tuple[Any, str]:
    """One row of input, and what to call it; None for what takes names of files, or cannot be given anything."""
    first = _first_step(model)
    if hasattr(first, "analyzer") and (hasattr(first, "vocabulary_") or hasattr(first, "alternate_sign")):
        return (None, "") if getattr(first, "input", "content") != "content" else ([_TEXT], "a text")
    names = getattr(first, "feature_names_in_", None)
    if names is None:
        names = getattr(model, "feature_names_in_", None)
    if names is not None and "pandas" in sys.modules:
        return sys.modules["pandas"].DataFrame([[0.0] * len(names)], columns=list(names)), f"{len(names)} named columns"
    width = _width(model) or _width(first)
    return _row(width or 4), f"a row of {width or 'four'} numbers{'' if width else ', as a guess'}"


def _first_step(model: Any) -> Any:
    """What a pipeline, or a search over one, hands its input to first."""
    for _ in range(_DEPTH):
        inner = getattr(model, "best_estimator_", None)
        steps = getattr(model, "steps", None)
        if inner is not None:
            model = inner
        elif type(steps) is list and steps and type(steps[0]) is tuple:
            model = steps[0][-1]
        else:
            break
    return model


def _width(model: Any) -> int:
    """How many features it was fitted on, by the names that libraries and their older versions have for it."""
    for name in ("n_features_in_", "n_features_", "_n_features", "n_features"):
        number: Any = getattr(model, name, None)
        if isinstance(number, int) or type(number).__module__ == "numpy":
            return int(number)
    for name in ("coef_", "support_vectors_", "cluster_centers_", "components_", "means_", "theta_", "scale_"):
        shape = getattr(getattr(model, name, None), "shape", ())
        if shape:
            return int(shape[-1])
    return 0


def _row(width: int) -> Any:
    """As an array where there is numpy already: to import it now would be seen."""
    numpy = sys.modules.get("numpy")
    return numpy.zeros((1, width)) if numpy is not None else [[0.0] * width]


# --- functions, which a file brought with it -------------------------------------------------------------------------


def _function_uses(model: Any) -> Iterator[Use] | None:
    """A function whose code was in the file, or an object with such a ``__call__``: not what a library offers."""
    kind = type(lambda: None)
    if isinstance(model, kind):
        code: Any = model
    elif type(model).__module__ == "functools" and hasattr(model, "func"):
        code = model
    elif not isinstance(model, type) and isinstance(getattr(type(model), "__call__", None), kind):  # noqa: B004
        code = type(model).__call__
    else:
        return None
    return _call(model, code) if not _of_library(code) else None


def _of_library(code: Any) -> bool:
    """Whether its module has it under its name, as what was imported has and what came in a file has not."""
    found: Any = sys.modules.get(getattr(code, "__module__", None) or "")
    if found is None or found.__name__ == "__main__" or found.__name__.startswith("transformers_modules."):
        return False  # the last is code that lies beside the model
    for name in code.__qualname__.split(".") if hasattr(code, "__qualname__") else [""]:
        found = getattr(found, name, None)
    return found is code


def _call(model: Any, code: Any) -> Iterator[Use]:
    taken = _required(code) - (0 if code is model else 1)
    row = _row(4)
    yield f"called with {max(taken, 0)} guessed arguments", lambda: model(*[row] * max(taken, 0))


def _required(function: Any) -> int:
    """How many positional arguments it cannot do without."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    needed = [one for one in parameters if one.kind < 2 and one.default is one.empty]
    return min(len(needed), 8)
