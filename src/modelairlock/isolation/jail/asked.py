"""Models whose own calls do not take arrays and return them, as text after `serving.py`.

`ASKED` is by loader: each takes what was loaded and gives something with the methods that are served.
"""

import sys
from typing import Any


class _Session:
    """An onnxruntime session. Inputs are given by name, as a dict or as named arguments, or in the file's order."""

    def __init__(self, session: "Any") -> None:
        self._session = session
        self._inputs = [one.name for one in session.get_inputs()]
        self._outputs = [one.name for one in session.get_outputs()]

    def run(self, outputs: "Any" = None, inputs: "Any" = None) -> "Any":
        """As onnxruntime's own: a list, in the order of `outputs`, or of the file where it is None."""
        return self._session.run(outputs, inputs)

    def __call__(self, *given: "Any", **named: "Any") -> "Any":
        """All outputs by their names."""
        if len(given) == 1 and isinstance(given[0], dict):
            inputs = {**given[0], **named}
        elif len(given) > len(self._inputs):
            raise TypeError(f"{len(given)} arrays were given; it takes {', '.join(self._inputs)}")
        else:
            inputs = {**dict(zip(self._inputs, given)), **named}  # noqa: B905 - Python 3.8 has no strict
        return dict(zip(self._outputs, self._session.run(None, inputs)))  # noqa: B905

    predict = __call__


class _Booster:
    """A booster of xgboost: rows go in as an array, with the names and kinds that the model has for its columns."""

    def __init__(self, booster: "Any") -> None:
        self._booster = booster
        self._xgboost: Any = sys.modules["xgboost"]

    def predict(self, rows: "Any", **options: "Any") -> "Any":
        """As the booster's own."""
        columns = {"feature_names": self._booster.feature_names}
        kinds = self._booster.feature_types
        if kinds and "c" in kinds:
            columns.update(feature_types=kinds, enable_categorical=True)
        return self._booster.predict(self._xgboost.DMatrix(rows, **columns), **options)

    __call__ = predict


class _Transformer:
    """A model of transformers and its tokenizer. Arrays go in as tensors; what has no array is left out."""

    def __init__(self, loaded: "Any") -> None:
        self._tokenizer = loaded.get("tokenizer")
        self._model = loaded.get("model")
        self._torch: Any = sys.modules["torch"]

    def __call__(self, *given: "Any", **named: "Any") -> "Any":
        """What the model's ``forward`` returns, by name, without its cache."""
        with self._torch.no_grad():
            result = self._needed()(*map(self._in, given), **{name: self._in(one) for name, one in named.items()})
        found = dict(result) if isinstance(result, dict) else {"output": result}
        return {name: self._out(one) for name, one in found.items() if self._is_sent(one)}

    def generate(self, *given: "Any", **named: "Any") -> "Any":
        """The ids that the model's ``generate`` returns."""
        with self._torch.no_grad():
            result = self._needed().generate(
                *map(self._in, given), **{name: self._in(one) for name, one in named.items()}
            )
        return self._out(result if isinstance(result, self._torch.Tensor) else result.sequences)

    def tokenizer(self, *texts: "Any", **named: "Any") -> "Any":
        """What the tokenizer makes of texts: arrays by name."""
        if self._tokenizer is None:
            raise TypeError("there is no tokenizer in the folder of the model")
        named.setdefault("return_tensors", "np")
        return dict(self._tokenizer(*texts, **named))

    def decode(self, ids: "Any", **named: "Any") -> "Any":
        """The text of one row of ids, or the texts of several."""
        if self._tokenizer is None:
            raise TypeError("there is no tokenizer in the folder of the model")
        if getattr(ids, "ndim", 1) > 1:
            return list(self._tokenizer.batch_decode(ids, **named))
        return self._tokenizer.decode(ids, **named)

    def _needed(self) -> "Any":
        if self._model is None:
            raise TypeError("there is no model in the folder, only what belongs to one")
        return self._model

    def _in(self, value: "Any") -> "Any":
        if (
            type(value).__module__ == "numpy"
            and hasattr(value, "dtype")
            and value.dtype.kind in "biufc"
            and value.shape
        ):
            value = value if value.dtype.isnative else value.astype(value.dtype.newbyteorder("="))
            return self._torch.from_numpy(value)
        return value

    def _is_sent(self, value: "Any") -> bool:
        if isinstance(value, (tuple, list)):
            return all(map(self._is_sent, value))
        return isinstance(value, self._torch.Tensor)

    def _out(self, value: "Any") -> "Any":
        if isinstance(value, (tuple, list)):
            return tuple(map(self._out, value))
        # Every bfloat16 is a float32 as well, and numpy has no array for the one.
        return value.float() if value.dtype == self._torch.bfloat16 else value


ASKED = {
    "onnxruntime.InferenceSession": _Session, "xgboost.Booster": _Booster, "transformers": _Transformer,
}  # fmt: skip
