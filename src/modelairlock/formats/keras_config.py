"""Configurations of Keras models as JSON: alone, in a ``.keras`` archive, in HDF5 attributes, in SavedModels.

What a newcomer would get wrong: this is no description of a network that Keras interprets. Each node names a class or
function which the loader imports, builds and calls with constants from the file; a Lambda carries Python bytecode. What
is looked up is a fact; whether it is one of Keras' own layers, losses and activations is for the rules.
"""

from collections.abc import Iterator

from modelairlock.encodings.keras_nodes import node_facts
from modelairlock.reading import BLANKS, Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.keras_names import words
from modelairlock.records.regex import regex

_BOM = b"\xef\xbb\xbf"
_BEGINS = regex(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+[{\[]")
_ESCAPE = regex(rb"\\u00([0-7][0-9a-fA-F])")
_CLASS_NAME = regex(rb'"class_name"[ \t\r\n]*+:')
_BESIDE = regex(rb'"(?:config|module|registered_name)"[ \t\r\n]*+:')
#: what Keras and TensorFlow write at the root of a configuration; anything else could be for another loader
_ROOT = words(
    "class_name config module registered_name build_config compile_config keras_version backend name inbound_nodes "
    "shared_object_id trainable dtype batch_input_shape build_input_shape model_config training_config "
    "optimizer_config optimizer loss loss_weights metrics weighted_metrics sample_weight_mode run_eagerly "
    "steps_per_execution jit_compile auto_scale_loss expects_training_arg must_restore_from_config "
    "preserve_input_structure_in_config "
    "autocast input_spec is_graph_network full_save_spec save_spec stateful activity_regularizer"
)


def claims(probe: Probe) -> bool:
    """JSON that shows a node near its beginning, or what a holder says is a configuration of Keras."""
    if not _BEGINS.match(probe.head) or probe.role == "raw":
        return False
    if probe.role == "keras-config":
        return True
    head = probe.head
    if b"\\u00" in head:
        head = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), head)
    return bool(_CLASS_NAME.search(head) and _BESIDE.search(head))


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every node, and what stands at the root that no Keras loader knows."""
    start = len(_BOM) if cursor.read(0, min(cursor.size, len(_BOM))) == _BOM else 0
    yield from node_facts(cursor, start, cursor.size, _ROOT)


FORMAT = Format(
    name="keras_config",
    summary="Keras configuration: the layers of a model, and what else to build, by name",
    claims=claims,
    begins=first_bytes(b"{", b"[", b"\xef", *BLANKS),
    read=read,
    loaders=(
        "keras.models.model_from_json (2.x, 3.x) and tf_keras: builds every node; Lambda bytecode runs in tf_keras"
        " always, in Keras 3 with safe_mode=False, and without a `module` key before 3.12.3/3.15.0",
        "keras.saving.load_model, which reads it out of .keras and .h5",
    ),
    blind_spots=(
        "what Lambda bytecode does: which names it looks up is told, and names can be computed",
        "custom classes and functions: their code is elsewhere, so they are never CLEAR",
        "a free-standing JSON file whose first 64 KiB show no node is read as json_text, which holds it",
    ),
    builds_on=("json_text", "text"),
    references=(
        "keras/src/saving/serialization_lib.py, keras/src/legacy/saving/serialization.py (3.0 to 3.15.1)",
        "tf_keras/src/layers/core/lambda_layer.py, tf_op_layer.py (2.21)",
        "CVE-2025-1550, CVE-2025-8747, CVE-2025-9905, CVE-2025-9906, CVE-2025-12058, CVE-2025-49655, CVE-2026-1462,"
        " CVE-2026-12481",
    ),
)
