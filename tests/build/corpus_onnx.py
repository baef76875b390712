"""ONNX models and OpenVINO IR that reach for files, libraries, Python or more memory than there is (3.3)."""

from collections.abc import Callable

from tests.build import onnx_builder as o
from tests.build import openvino_builder as v
from tests.build.sample import CANARY, Sample, python


def _tensor(tensor: bytes) -> bytes:
    return o.model(o.graph(initializers=(tensor,)))


def _node(domain: str, op: str, **strings: str) -> bytes:
    attributes = tuple(o.attribute(name, text) for name, text in strings.items())
    return o.model(o.graph((o.node(op, attributes=attributes, domain=domain),)))


def _hidden() -> bytes:
    """A path in the default of an attribute of a function, in a branch, in a sparse tensor."""
    sparse = o.field(1, "a") + o.field(22, o.field(2, o.external("a/../../x")))
    branch = o.graph((o.node("Constant", (), ("y",), (sparse,)),))
    inner = o.node("If", attributes=(o.graph_attribute("else_branch", branch),))
    return o.model(functions=(o.function("f", nodes=(inner,)),))


_BOMB = '<!DOCTYPE net [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
#: file name, builder, whether it has to be flagged
FILES: dict[str, tuple[str, Callable[[], bytes], bool]] = {
    "traversal": ("model.onnx", lambda: _tensor(o.external("../../.ssh/id_rsa")), True),
    "traversal-renamed": ("model.bin", lambda: _tensor(o.external("a/../../x")), True),
    "absolute": ("model.onnx", lambda: _tensor(o.external("/etc/passwd")), True),
    "windows-share": ("model.onnx", lambda: _tensor(o.external("\\\\host\\share\\x")), True),
    "memory": ("model.onnx", lambda: _tensor(o.external("*/_ORT_MEM_ADDR_/*", ("offset", "4194304"))), True),
    "hidden": ("model.onnx", _hidden, True),
    "second-location": ("model.onnx", lambda: _tensor(o.external("w.data", ("location", "../x"))), True),
    "attribute-of-object": ("model.onnx", lambda: _tensor(o.external("w.data", ("__class__", "x"))), True),
    "python": ("model.onnx", lambda: _node("ai.onnx.contrib", "PyOp", id="1"), True),
    "autograd-function": ("model.onnx", lambda: _node("com.microsoft", "PythonOp", func_name="os.system"), True),
    "aten-save": ("model.onnx", lambda: _node("org.pytorch.aten", "ATen", operator="aten::save"), True),
    "network": (
        "model.onnx",
        lambda: _node("com.microsoft.extensions", "AzureTritonInvoker", model_uri="http://169.254.169.254/"),
        True,
    ),
    "custom-library": ("model.onnx", lambda: _node("vendor.ops", "Run", path="/tmp/x.so"), False),
    "compiled": ("model.onnx", lambda: _node("com.microsoft", "EPContext", ep_cache_context="engine.bin"), False),
    "shape-wraps": ("model.onnx", lambda: _tensor(o.tensor(dims=(2**32, 2**32))), True),
    "name-repeated": ("model.onnx", lambda: o.model(o.graph(initializers=(o.tensor(), o.tensor()))), True),
    "operator-twice": ("model.onnx", lambda: o.model(o.graph((o.node("Relu") + o.field(4, "PyOp"),))), True),
    "unknown-field": ("model.onnx", lambda: o.model(more=o.field(99, "MZ")), False),
    "openvino-bomb": ("model.xml", lambda: v.net(before=_BOMB), True),
    "openvino-past-the-end": ("model.xml", lambda: v.net(v.constant(offset=2**64 - 8)), True),
    "openvino-renamed": ("notes.txt", lambda: v.net(v.constant(size=2**62)), True),
    "openvino-library": ("model.xml", lambda: v.net(v.layer("Run", version="extension")), False),
    "tensor-traversal": ("input_0.pb", lambda: o.external("../../.ssh/id_rsa"), True),
    "tensor-disguised": ("input_0.pb", lambda: o.field(99, "x") + o.external("/etc/passwd"), True),
    "tensor-attribute-of-object": ("input_0.pb", lambda: o.external("w.data", ("__class__", "x")), True),
    "cut": ("model.onnx", lambda: o.everything()[:-9], False),
}


def _evaluated(command: str = CANARY) -> bytes:
    return o.model(metadata=(("stride", "32"), ("names", python(command))))


SAMPLES: tuple[Sample, ...] = (
    *(
        Sample(
            name=f"onnx-{name}",
            family="onnx",
            technique="3.3",
            file_name=file_name,
            build=lambda command=CANARY, build=build: build(),
            expects="flagged" if flagged else "not-clear",
        )
        for name, (file_name, build, flagged) in FILES.items()
    ),
    Sample("onnx-evaluated", "onnx", "3.3", "model.onnx", _evaluated, note="YOLOv5 evaluates it"),
)
