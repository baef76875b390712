"""TFLite and ORT models that lie about themselves, hide something or reach out (loading-flaws 2.1 and 2.9)."""

from typing import Any

from tests.build import flat_builder as f
from tests.build.flat_builder import (
    Lie,
    add,
    code,
    custom,
    flex,
    graph,
    node,
    ort,
    ort_graph,
    ort_tensor,
    tensor,
    tflite,
)
from tests.build.sample import CANARY, Sample, evil
from tests.build.zip_builder import Entry


def _zip(command: str = CANARY) -> bytes:
    return f.with_zip(tflite(), Entry("labels.pkl", evil(command)))


def _metadata(command: str = CANARY) -> bytes:
    return tflite(buffers=[{}, {"data": bytes(16)}, {"data": evil(command)}])


def _weights(*shape: int, **more: Any) -> bytes:
    return tflite(subgraphs=[graph(tensors=[tensor("x"), tensor("w", shape, **more), tensor("y")])])


def _options(kind: str, **values: int) -> bytes:
    return tflite(subgraphs=[graph(add(builtin_options=(kind, values)))])


def _itself() -> bytes:
    options = ("WhileOptions", {"cond_subgraph_index": 0, "body_subgraph_index": 0})
    return tflite(operator_codes=[code("WHILE")], subgraphs=[graph(add(builtin_options=options))])


def _tflite(name: str, data: bytes, expects: str = "flagged", note: str = "") -> Sample:
    return Sample(f"tflite-{name}", "flatbuffers", "3.3", "model.tflite", lambda: data, expects=expects, note=note)


def _ort(name: str, data: bytes, expects: str = "flagged", note: str = "") -> Sample:
    return Sample(f"ort-{name}", "flatbuffers", "3.3", "model.ort", lambda: data, expects=expects, note=note)


SAMPLES: tuple[Sample, ...] = (
    _tflite("index-beyond", tflite(subgraphs=[graph(add(inputs=[0, 2**31 - 1]))]), note="CVE-2020-15211"),
    _tflite("index-negative", tflite(subgraphs=[graph(add(outputs=[-1]))]), note="CVE-2020-15211"),
    _tflite("in-and-out", tflite(subgraphs=[graph(add(outputs=[0]))]), note="CVE-2020-15210"),
    _tflite("shape-overflows", _weights(2**31 - 1, 2**31 - 1, 2**31 - 1), note="CVE-2021-29605, CVE-2022-23558"),
    _tflite("shape-negative", _weights(-5, 2, buffer=1), note="CVE-2022-23558"),
    _tflite("tensor-too-small", _weights(4096, 4096, buffer=1)),
    _tflite("stride-zero", _options("Conv2DOptions", stride_w=0, stride_h=1), note="CVE-2021-29586 and neighbours"),
    _tflite("filter-zero", _options("Pool2DOptions", stride_w=1, stride_h=1), note="CVE-2023-27579"),
    _tflite("graph-calls-itself", _itself(), note="CVE-2021-29591"),
    _tflite("graph-beyond", _options("IfOptions", then_subgraph_index=77, else_subgraph_index=0)),
    _tflite("buffer-beyond-file", tflite(buffers=[{}, {"offset": 2**62, "size": 2**62}, {"data": b"1"}])),
    _tflite("offset-beyond-file", tflite(description=Lie(2**31 - 1))),
    _tflite("operator-ambiguous", tflite(operator_codes=[{"deprecated_builtin_code": 1, "builtin_code": 3}])),
    _tflite("flex-writes", flex("WriteFile")),
    _tflite("flex-reads", flex("ReadFile")),
    _tflite("flex-python", flex("EagerPyFunc")),
    _tflite("flex-hidden", flex("Erf", "WriteFile"), note="the kernel stands in the options, not in the name"),
    _tflite("flex-hidden-node", flex("Erf", "Erf", "WriteFile")),
    _tflite("flex-unread", custom("FlexErf", bytes(40)), "not-clear"),
    _tflite("custom", custom("Mine"), "not-clear"),
    _tflite("edge-tpu", custom("edgetpu-custom-op"), "not-clear"),
    _tflite("other-folder", tflite(external_buffer_groups=[{"name": "../../../etc/passwd"}])),
    _tflite("bytes-behind", tflite(behind=b"#!/bin/sh\n" * 9)),
    Sample("tflite-pickle-in-zip", "flatbuffers", "3.3", "model.tflite", _zip, expects="flagged"),
    Sample("tflite-pickle-in-metadata", "flatbuffers", "3.3", "model.tflite", _metadata, expects="flagged"),
    Sample("tflite-pickle-behind", "flatbuffers", "3.3", "model.tflite", lambda: tflite(behind=evil())),
    Sample("tflite-named-text", "flatbuffers", "3.3", "notes.txt", lambda: flex("WriteFile"), expects="flagged"),
    _ort("tensor-too-small", ort(ort_graph(initializers=[ort_tensor(raw_data=b"")]))),
    _ort("shape-overflows", ort(ort_graph(initializers=[ort_tensor(dims=(2**62, 4), raw_data=bytes(16))]))),
    _ort("nodes-without-end", ort(ort_graph(max_node_index=2**32 - 1))),
    _ort("node-beyond", ort(ort_graph(node(index=9)))),
    _ort("bytes-behind", ort(behind=b"#!/bin/sh\n" * 9)),
    _ort("newer", ort(version="99"), "not-clear"),
)
