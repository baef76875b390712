"""Names that nobody vouches for are held, and only those."""

import pytest

from modelairlock.records.facts import Configured
from modelairlock.rules.keras_unvouched import RULE
from tests.rules.judging import SPAN, checked, gap_of, text


def named(module: str, name: str, kind: str = "class") -> Configured:
    return Configured(span=SPAN, scheme="keras", kind=kind, module=module, qualname=name, where="config")


@pytest.mark.parametrize(
    "fact",
    [
        named("pkg.layers", "Mine"), named("", "Mine"), named("keras.layers", "NewLayer"), named("keras", "dense"),
        named("keras.activations", "Dense"), named("keras.layersx", "Dense"), named("builtins", "mine", "function"),
        named("keras_hub.src.models", "Bert"), named("", "mine", "name"), named("", "Custom>Mine"),
        named("T", "math.new", "tf-function"),
        named("tensorflow.python.x", "system", "typespec"), named("keras.ops", "while_loop", "function"),
        named("T", "map_fn", "tf-function"), named("subprocess", "run"),
    ],
)  # fmt: skip
def test_unknown(fact: Configured) -> None:
    assert fact.qualname in gap_of(RULE, fact)


def test_a_registered_class_is_named_in_full() -> None:
    registered = Configured(
        span=SPAN, scheme="keras", kind="registered", module="", qualname="pkg>Mine", where="config",
        arguments=(text("Mine"),),
    )  # fmt: skip
    assert "pkg>Mine" in gap_of(RULE, named("", "Mine"), registered)


@pytest.mark.parametrize(
    "fact",
    [
        named("keras.layers", "Dense"), named("keras.src.layers.core.dense", "Dense"),
        named("tf_keras.layers", "Dense"), named("", "Custom>Adam"),
        named("tensorflow.keras.layers", "Dense"), named("", "Dense"), named("keras", "Sequential"),
        named("keras.src.engine.functional", "Functional"), named("keras.src.ops.numpy", "Add"), named("", "Add"),
        named("keras.optimizers.schedules", "ExponentialDecay"), named("keras.initializers", "GlorotUniform"),
        named("builtins", "relu", "function"), named("keras.ops", "mean", "function"), named("", "accuracy", "name"),
        named("T", "math.add", "tf-function"), named("T", "__operators__.getitem", "tf-function"),
        named("T", "compat.v1.transpose", "tf-function"), named("T", "expand_dims", "tf-function"),
        named("tensorflow.python.framework.tensor_spec", "TensorSpec", "typespec"),
        named("keras.layers", "Lambda"), named("keras.utils", "get_file", "function"),
    ],
)  # fmt: skip
def test_known_or_told_by_another_rule(fact: Configured) -> None:
    assert not checked(RULE, fact)
