"""Functions of Keras and TensorFlow that load, fetch, write or switch."""

import pytest

from modelairlock.records.facts import Configured, Value
from modelairlock.records.finding import Severity
from modelairlock.rules.keras_misused_function import RULE
from tests.rules.judging import SPAN, checked, finding_of, text


def named(module: str, name: str, kind: str = "function", *arguments: Value) -> Configured:
    return Configured(
        span=SPAN, scheme="keras", kind=kind, module=module, qualname=name, where="config", arguments=arguments
    )


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.utils", "get_file"), ("keras.config", "enable_unsafe_deserialization"),
        ("keras.src.backend.common.global_state", "set_global_attribute"), ("keras.models", "load_model"),
        ("keras.src.saving.saving_lib", "load_model"), ("tf_keras.src.saving.saving_api", "load_model"),
        ("tensorflow.keras.utils", "get_file"), ("keras.saving", "deserialize_keras_object"),
        ("", "func_load"),
    ],
)  # fmt: skip
def test_known_ones(module: str, name: str) -> None:
    for kind in ("function", "class"):
        assert finding_of(RULE, named(module, name, kind)).severity is Severity.CRITICAL


def test_whatever_is_no_part_of_a_model() -> None:
    assert finding_of(RULE, named("keras.src.saving.file_editor", "anything")).severity is Severity.HIGH
    assert finding_of(RULE, named("keras.datasets.mnist", "load_data")).severity is Severity.HIGH


def test_arguments_are_shown_positional_ones_first() -> None:
    origin = Value(kind="tuple", parts=(text("origin"), text("http://x")))
    call = named("keras.utils", "get_file", "call", origin, text("a"))
    [found] = checked(RULE, named("keras.utils", "get_file"), call)
    assert "keras.utils.get_file('a', origin='http://x')" in found.message


@pytest.mark.parametrize("name", ["io.write_file", "py_function", "raw_ops.Anything", "compat.v1.py_func", "data.x"])
def test_operations_of_tensorflow(name: str) -> None:
    found = finding_of(RULE, named("TFOpLambda", name, "tf-function"))
    assert f"tf_keras would call tf.{name}" in found.message


@pytest.mark.parametrize(
    "fact",
    [
        named("keras.activations", "relu"), named("builtins", "relu"), named("keras.ops", "mean"),
        named("keras.layers", "NewLayer", "class"), named("pkg", "load_model"), named("", "load_model", "name"),
        named("TFOpLambda", "math.add", "tf-function"), named("TFOpLambda", "math.new", "tf-function"),
        named("keras.utils", "FeatureSpace", "class"),
    ],
)  # fmt: skip
def test_others(fact: Configured) -> None:
    assert not checked(RULE, fact)
