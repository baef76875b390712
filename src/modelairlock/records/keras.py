"""What is known of the names in Keras configurations: which are Keras' own and harmless, and which are misused.

`is_vouched` is exact and decides; `misuse` only explains, and says how loudly. A loader finds a name in the module
that stands beside it, or, where none stands there (before Keras 3, and in ``.h5`` files), among the layers, losses
and so on.
"""

from typing import NamedTuple

from modelairlock.records import keras_names as names
from modelairlock.records.facts import Configured, Value
from modelairlock.records.finding import Severity
from modelairlock.records.keras_names import words

#: where Keras lies: alone, in TensorFlow, and as Keras 2 beside Keras 3
_ROOTS = (
    "tensorflow.python.keras", "tensorflow.keras", "keras.src", "keras.api", "keras._tf_keras.keras", "tf_keras.src",
    "tf_keras.api", "tf_keras", "keras",
)  # fmt: skip

_MODELS = words("Functional Sequential Model InputLayer Input InputSpec")
_POLICIES = words("DTypePolicy FloatDTypePolicy QuantizedDTypePolicy Policy")
#: of `Model.compile`, as Keras writes them since 3.0
_COMPILED = words("CompileMetrics CompileLoss MetricsList LossesContainer MetricsContainer")
_TF_LAYERS = words("TFOpLambda SlicingOpLambda ClassMethod InstanceMethod InstanceProperty")
_FEATURES = words("FeatureSpace Cross Feature")
_SPECS = words("TensorSpec RaggedTensorSpec SparseTensorSpec IndexedSlicesSpec OptionalSpec NoneTensorSpec")
#: short names of losses, metrics and activations that mean a function or class of Keras
_SHORT = words("accuracy acc ce crossentropy bce auc mse mae mape msle sgd adam adamw rmsprop adagrad adadelta adamax ")
_SHORT |= words("nadam ftrl lion adafactor lamb muon cosine_proximity l1 l2 l1_l2 L1L2 orthogonal_regularizer none")
#: ragged and sparse tensors, whose methods functional models of Keras 2 call
_TENSOR_CLASSES = words("RaggedTensor SparseTensor")

_LAYERS = names.LAYERS | _MODELS | _TF_LAYERS
_FUNCTIONS = names.ACTIVATIONS | names.MEASURES | names.INITIALIZERS | names.OPS
_CLASSES = _LAYERS | names.LOSSES | names.METRICS | names.OPTIMIZERS | names.INITIALIZERS | names.OTHERS
_CLASSES |= names.OPERATIONS | _POLICIES | _COMPILED
_OPS = names.OPS | names.OPERATIONS
_BY_ROOM = {
    "": _MODELS | _POLICIES,
    "models": _MODELS,
    "engine": _MODELS | _COMPILED | {"InputLayer"},
    "layers": _LAYERS,
    "losses": names.LOSSES | names.MEASURES,
    "metrics": names.METRICS | names.MEASURES,
    "optimizers": names.OPTIMIZERS,
    "initializers": names.INITIALIZERS,
    "regularizers": names.OTHERS,
    "constraints": names.OTHERS,
    "dtype_policies": _POLICIES | names.OTHERS,
    "mixed_precision": _POLICIES | names.OPTIMIZERS,
    "quantizers": names.OTHERS,
    "random": frozenset({"SeedGenerator"}),
    "trainers": _COMPILED,
    "activations": names.ACTIVATIONS,
    "ops": _OPS,
    "backend": names.BACKEND,
    "applications": frozenset({"preprocess_input", "LayerScale"}),
    "utils": _FEATURES,
}
"""By the first part of the module's path inside Keras; ``keras.src.layers.core.dense`` and ``keras.layers`` are one."""


class Misuse(NamedTuple):
    """What a function does that no model needs."""

    effect: str
    severity: Severity


_OPENS = "turns the loader's safe mode off"
_LOADS = "loads another model, with whatever arguments stand there"
_FETCHES = "downloads a file from an address in the configuration and stores it"
_READS = "reads files named in the configuration"
_WRITES = "writes a file named in the configuration"
_RUNS = "runs Python code"
_MISUSED = {
    "enable_unsafe_deserialization": Misuse(_OPENS, Severity.CRITICAL),
    "set_global_attribute": Misuse(_OPENS, Severity.CRITICAL),
    "SafeModeScope": Misuse(_OPENS, Severity.CRITICAL),
    "load_model": Misuse(_LOADS, Severity.CRITICAL),
    "load_weights": Misuse(_LOADS, Severity.HIGH),
    "model_from_json": Misuse(_LOADS, Severity.CRITICAL),
    "model_from_yaml": Misuse(_LOADS, Severity.CRITICAL),
    "model_from_config": Misuse(_LOADS, Severity.CRITICAL),
    "deserialize_keras_object": Misuse(_LOADS, Severity.CRITICAL),
    "deserialize": Misuse(_LOADS, Severity.HIGH),
    "func_load": Misuse(_RUNS, Severity.CRITICAL),
    "get_file": Misuse(_FETCHES, Severity.CRITICAL),
    "save_model": Misuse(_WRITES, Severity.HIGH),
    "save_weights": Misuse(_WRITES, Severity.HIGH),
    "save_img": Misuse(_WRITES, Severity.HIGH),
    "plot_model": Misuse(_WRITES, Severity.HIGH),
    "load_img": Misuse(_READS, Severity.HIGH),
    "image_dataset_from_directory": Misuse(_READS, Severity.HIGH),
    "text_dataset_from_directory": Misuse(_READS, Severity.HIGH),
    "audio_dataset_from_directory": Misuse(_READS, Severity.HIGH),
    "load_data": Misuse(_FETCHES, Severity.HIGH),
    "KerasFileEditor": Misuse(_READS, Severity.HIGH),
}
#: parts of Keras where nothing belongs into a model, by the first part of the path
_NO_MODEL = words(
    "utils saving config datasets callbacks export preprocessing tree visualization distribution wrappers estimator "
    "legacy"
)
_TF_MISUSED = {
    "py_function": Misuse(_RUNS, Severity.CRITICAL),
    "numpy_function": Misuse(_RUNS, Severity.CRITICAL),
    "py_func": Misuse(_RUNS, Severity.CRITICAL),
    "load_library": Misuse("loads a native library", Severity.CRITICAL),
    "load_op_library": Misuse("loads a native library", Severity.CRITICAL),
    "write_file": Misuse(_WRITES, Severity.CRITICAL),
    "WriteFile": Misuse(_WRITES, Severity.CRITICAL),
    "save": Misuse(_WRITES, Severity.HIGH),
    "write_graph": Misuse(_WRITES, Severity.HIGH),
    "print": Misuse("can write to a file named in the configuration", Severity.HIGH),
    "load": Misuse(_LOADS, Severity.HIGH),
    "read_file": Misuse(_READS, Severity.HIGH),
    "ReadFile": Misuse(_READS, Severity.HIGH),
    "copy": Misuse(_WRITES, Severity.HIGH),
    "rename": Misuse(_WRITES, Severity.HIGH),
    "remove": Misuse("deletes files named in the configuration", Severity.HIGH),
    "rmtree": Misuse("deletes files named in the configuration", Severity.HIGH),
    "import_graph_def": Misuse(_LOADS, Severity.HIGH),
}
_TF_NO_MODEL = words(
    "io raw_ops saved_model data debugging summary train config sysconfig distribute keras profiler lookup"
)


def inside(module: str) -> str | None:
    """The path of `module` inside Keras, ``""`` for Keras itself, None for anything else."""
    for root in _ROOTS:
        if module == root:
            return ""
        if module.startswith(f"{root}."):
            return module[len(root) + 1 :]
    return None


def is_vouched(fact: Configured) -> bool:
    """Whether the name is, exactly, one of Keras' own that computes with tensors and nothing else."""
    if fact.kind == "tf-function":
        return _is_tensor_function(fact.qualname)
    if fact.kind == "name":
        return fact.qualname in _FUNCTIONS or fact.qualname in _CLASSES or fact.qualname in _SHORT
    if fact.kind == "typespec":
        return fact.module.startswith("tensorflow.python.") and fact.qualname in _SPECS
    path = inside(fact.module)
    if path is None:
        return _without_keras(fact)
    room, _, rest = path.partition(".")
    if room == "backend" and rest.partition(".")[2].startswith("optimizers."):
        room = "optimizers"  # each backend has its own kinds of the same: keras.src.backend.torch.optimizers
    return fact.qualname in _BY_ROOM.get(room, ())


def _without_keras(fact: Configured) -> bool:
    """No module: among all of Keras' names. ``builtins`` is what Keras writes for its own functions."""
    if fact.module == "builtins":
        return fact.kind in ("function", "call") and fact.qualname in _FUNCTIONS
    if fact.module:
        return False
    # keras 2.11 to 2.13 register their own optimizers by this name, and save them so in HDF5
    optimizer = fact.qualname.startswith("Custom>") and fact.qualname[len("Custom>") :] in names.OPTIMIZERS
    return optimizer or fact.qualname in _CLASSES or fact.qualname in _FUNCTIONS


def _is_tensor_function(symbol: str) -> bool:
    symbol = symbol.removeprefix("compat.v1.")
    namespace, _, name = symbol.rpartition(".")
    if namespace in _TENSOR_CLASSES or not symbol.strip("abcdefghijklmnopqrstuvwxyz_"):
        return namespace in _TENSOR_CLASSES or name in names.TENSORFLOW[""] or name in _PROPERTIES
    return name in names.TENSORFLOW.get(namespace, ())


#: of ragged and sparse tensors, as InstanceProperty and InstanceMethod name them (tf_keras, ``tf_op_layer.py``)
_PROPERTIES = words(
    "values flat_values row_splits nested_row_splits indices dense_shape value_rowids nested_value_rowids nrows "
    "row_starts row_limits row_lengths nested_row_lengths bounding_shape with_values with_flat_values "
    "with_row_splits_dtype "
    "merge_dims to_tensor to_sparse"
)


def misuse(fact: Configured) -> Misuse | None:
    """What is bad about a name of Keras or TensorFlow that is not vouched for, as far as that is known."""
    if is_vouched(fact):
        return None
    last = fact.qualname.rpartition(".")[2]
    if fact.kind == "tf-function":
        found = _TF_MISUSED.get(last)
        if found is None and fact.qualname.removeprefix("compat.v1.").partition(".")[0] in _TF_NO_MODEL:
            return Misuse("does more than compute with tensors", Severity.HIGH)
        return found
    path = inside(fact.module)
    if path is None and fact.module not in ("", "builtins"):
        return None
    if last in _MISUSED and fact.kind != "name":
        return _MISUSED[last]
    if path is not None and path.partition(".")[0] in _NO_MODEL:
        return Misuse("is no layer, loss or other part of a model", Severity.HIGH)
    return None


def called(fact: Configured) -> str:
    """The name that is looked up, with its module where it has one."""
    if fact.kind == "tf-function":
        return f"tf.{fact.qualname}"
    return f"{fact.module}.{fact.qualname}" if fact.module else fact.qualname


def texts(values: tuple[Value, ...]) -> list[str]:
    """The texts among arguments, those that are given by name as well."""
    found = []
    for value in values:
        inner = value.parts[1] if value.kind == "tuple" and len(value.parts) == 2 else value
        if inner.kind == "str":
            found.append(inner.text)
    return found


def written(values: tuple[Value, ...]) -> str:
    """Arguments as Python would write them: ``'x.keras', origin='https://...'``."""
    said = []
    for value in sorted(values, key=lambda value: value.kind == "tuple"):
        named = value.kind == "tuple" and len(value.parts) == 2
        inner = value.parts[1] if named else value
        literal = repr(inner.text[:120]) if inner.kind == "str" else inner.text
        said.append(f"{value.parts[0].text}={literal}" if named else literal)
    return ", ".join(said)
