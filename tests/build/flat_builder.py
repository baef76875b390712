"""Builds flatbuffers from dicts by the readers' own schemas, front to back, and small TFLite and ORT models of them.

A table is a dict, a vector a list (or bytes), the value of a union ``(kind, dict)``. `Lie` writes a number where an
offset belongs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelairlock.encodings import ort_schema, tflite_schema
from modelairlock.encodings.flatbuffers import SCALARS, Field
from tests.build import zip_builder
from tests.build.zip_builder import Entry

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Lie:
    """An offset from where it stands."""

    offset: int


class Flatbuffer:
    """One file."""

    def __init__(self, tables: Mapping[str, tuple[Field, ...]], unions: Mapping[str, Mapping[int, str]]) -> None:
        self.tables, self.unions = tables, unions
        self.out = bytearray(8)

    def finish(self, kind: str, values: Values, mark: bytes) -> bytes:
        """The whole file with this root."""
        self.out[4:8] = mark
        self.point(0, self.table(kind, values))
        return bytes(self.out)

    def point(self, at: int, to: int) -> None:
        self.out[at : at + 4] = (to - at).to_bytes(4, "little")

    def align(self, to: int, ahead: int = 0) -> None:
        while (len(self.out) + ahead) % to:
            self.out.append(0)

    def table(self, kind: str, values: Values) -> int:
        """Appends a vtable, the table, and what it points to; where the table is."""
        fields = self.tables[kind]
        values = self._typed(fields, values)
        present = [(slot, field) for slot, field in enumerate(fields) if field.name in values and field.kind]
        assert set(values) <= {field.name for field in fields}, set(values) - {field.name for field in fields}
        size, offsets = 4, [0] * (max((slot for slot, _ in present), default=-1) + 1)
        for slot, field in present:
            width = SCALARS[field.kind].size if field.kind in SCALARS else 4
            size = -(-size // width) * width
            offsets[slot] = size
            size += width
        self.align(8, 4 + 2 * len(offsets))
        start = len(self.out) + 4 + 2 * len(offsets)
        self.out += b"".join(n.to_bytes(2, "little") for n in (4 + 2 * len(offsets), size, *offsets))
        self.out += (4 + 2 * len(offsets)).to_bytes(4, "little") + bytes(size - 4)
        for slot, field in present:
            at, value = start + offsets[slot], values[field.name]
            if field.kind in SCALARS:
                SCALARS[field.kind].pack_into(self.out, at, value)
            elif isinstance(value, Lie):
                self.out[at : at + 4] = value.offset.to_bytes(4, "little")
            else:
                self.point(at, self.value(field.kind, value))
        return start

    def _typed(self, fields: tuple[Field, ...], values: Values) -> dict[str, Any]:
        """Values with the type of each union beside it."""
        full = dict(values)
        for field in fields:
            if field.kind.startswith("|") and isinstance(full.get(field.name), tuple):
                numbers = {name: number for number, name in self.unions[field.kind[1:]].items()}
                full.setdefault(f"{field.name}_type", numbers[full[field.name][0]])
        return full

    def value(self, kind: str, value: Any) -> int:
        """Appends what an offset leads to; where it is."""
        if kind == "string":
            text = value if isinstance(value, bytes) else value.encode()
            self.align(4)
            start = len(self.out)
            self.out += len(text).to_bytes(4, "little") + text + b"\0"
            return start
        if kind.startswith("|"):
            return self.table(*value)
        if not kind.startswith("["):
            return self.table(kind, value)
        return self.vector(kind[1:-1], value)

    def vector(self, kind: str, values: Any) -> int:
        self.align(16 if kind == "u8" else 8, 4)
        start = len(self.out)
        self.out += len(values).to_bytes(4, "little")
        if isinstance(values, bytes):
            self.out += values
        elif kind in SCALARS:
            self.out += b"".join(SCALARS[kind].pack(value) for value in values)
        elif kind.startswith("#"):
            self.out += b"".join(values)
        else:
            self.out += bytes(4 * len(values))
            for index, value in enumerate(values):
                self.point(start + 4 + 4 * index, self.value(kind, value))
        return start


# --- TFLite ---------------------------------------------------------------------------------------------------------


def code(name: str = "ADD", custom: str | None = None) -> dict[str, Any]:
    """An operator code by name, in both fields."""
    number = tflite_schema.CUSTOM if custom is not None else tflite_schema.OPERATORS.index(name)
    made: dict[str, Any] = {"deprecated_builtin_code": min(number, 127), "builtin_code": number, "version": 1}
    return made if custom is None else {**made, "custom_code": custom}


def tensor(name: str, shape: tuple[int, ...] = (2, 2), kind: int = 0, buffer: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "type": kind, "buffer": buffer, **more}


def add(index: int = 0, **more: Any) -> dict[str, Any]:
    """The operator that the plain model has."""
    options = ("AddOptions", {"fused_activation_function": 1})
    return {"opcode_index": index, "inputs": [0, 1], "outputs": [2], "builtin_options": options, **more}


def graph(*operators: dict[str, Any], **more: Any) -> dict[str, Any]:
    tensors = [tensor("x"), tensor("w", buffer=1), tensor("y")]
    made = {"tensors": tensors, "inputs": [0], "outputs": [2], "operators": list(operators or (add(),)), "name": "main"}
    return {**made, **more}


def model(**more: Any) -> dict[str, Any]:
    """x + w, with a signature and metadata."""
    return {
        "version": 3,
        "operator_codes": [code()],
        "subgraphs": [graph()],
        "description": "made by hand",
        "buffers": [{}, {"data": bytes(16)}, {"data": b"1.5.0".ljust(16, b"\0")}],
        "metadata": [{"name": "min_runtime_version", "buffer": 2}],
        "signature_defs": [
            {
                "inputs": [{"name": "x", "tensor_index": 0}],
                "outputs": [{"name": "y", "tensor_index": 2}],
                "signature_key": "serving_default",
                "subgraph_index": 0,
            }
        ],
        **more,
    }


def tflite(values: Values | None = None, behind: bytes = b"", **more: Any) -> bytes:
    """A TFLite file; `more` replaces fields of the plain model."""
    values = model(**more) if values is None else values
    return Flatbuffer(tflite_schema.TABLES, tflite_schema.UNIONS).finish("Model", values, b"TFL3") + behind


def with_zip(start: bytes, *entries: Entry) -> bytes:
    """A model with a zip behind it whose offsets count from the start of the file, as Python's `zipfile` appends it."""
    return zip_builder.zip_file(*entries, prefix=start)


def custom(name: str, options: bytes = b"\1\2\3\4") -> bytes:
    """A model with one custom operator."""
    operator = {"opcode_index": 0, "inputs": [0, 1], "outputs": [2], "custom_options": options}
    return tflite(operator_codes=[code(custom=name)], subgraphs=[graph(operator)])


def flex(name: str, kernel: str | None = None, node: str | None = None) -> bytes:
    """A model with a Flex operator, whose options may say that it is another."""
    return custom(f"Flex{name}", flex_options(kernel or name, node or kernel or name))


def flex_options(kernel: str, node: str) -> bytes:
    """A flexbuffer of a name and a NodeDef."""
    definition = b"\x0a\x01n" + b"\x12" + bytes([len(node)]) + node.encode()
    data, places = b"", []
    for text in (kernel.encode(), definition):
        data += bytes([len(text)])
        places.append(len(data))
        data += text + b"\0"
    data += b"\2"
    at = len(data)
    data += bytes([at - places[0], at + 1 - places[1], 5 << 2, 5 << 2])
    return data + bytes([len(data) - at, 10 << 2, 1])


# --- ORT ------------------------------------------------------------------------------------------------------------


def value_info(name: str, *dims: int) -> dict[str, Any]:
    shape = {"dim": [{"value": {"dim_type": 1, "dim_value": dim}} for dim in dims]}
    return {"name": name, "type": {"value": ("TensorTypeAndShape", {"elem_type": 1, "shape": shape})}}


def node(op: str = "Add", domain: str = "", index: int = 0, **more: Any) -> dict[str, Any]:
    made = {"name": f"n{index}", "domain": domain, "op_type": op, "index": index, "inputs": ["x", "w"]}
    return {**made, "outputs": ["y"], "input_arg_counts": [1, 1], "since_version": 14, **more}


def ort_tensor(name: str = "w", dims: tuple[int, ...] = (2, 2), kind: int = 1, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "dims": list(dims), "data_type": kind}
    return {**made, **(more or {"raw_data": bytes(16)})}


def ort_graph(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"initializers": [ort_tensor()], "node_args": [value_info("x", 2, 2)]}
    made |= {"nodes": list(nodes or (node(),)), "max_node_index": max(1, len(nodes)), "inputs": ["x"], "outputs": ["y"]}
    edge = (0).to_bytes(4, "little") + bytes(8)
    return {**made, "node_edges": [{"node_index": 0, "input_edges": [edge]}], **more}


def ort(graph: Values | None = None, version: str = "6", behind: bytes = b"") -> bytes:
    """A model of onnxruntime's."""
    opset = [{"domain": "", "version": 17}]
    root = {"ort_version": version, "model": {"ir_version": 8, "opset_import": opset, "graph": graph or ort_graph()}}
    return Flatbuffer(ort_schema.TABLES, ort_schema.UNIONS).finish("InferenceSession", root, b"ORTM") + behind
