"""The messages of ONNX as tables: which field of which message has which number, and what it holds.

What a newcomer would get wrong: the official files exist twice (proto2 and proto3), so lists of numbers come packed and
unpacked, and both are read. A field that stands here with another wire type is unknown to every parser, and so it is
here. Kinds: ``int`` (varints), ``float`` and ``double`` (4 and 8 bytes), ``text`` (UTF-8), ``bytes``, or a message.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (IR version 14, onnx 1.23)
"""

from typing import NamedTuple

from modelairlock.encodings.protobuf import I32, I64, LEN, VARINT

#: element types, by number: name, and bits an element as `raw_data` and external files hold it (0: strings)
ELEMENTS: dict[int, tuple[str, int]] = {
    1: ("FLOAT", 32), 2: ("UINT8", 8), 3: ("INT8", 8), 4: ("UINT16", 16), 5: ("INT16", 16), 6: ("INT32", 32),
    7: ("INT64", 64), 8: ("STRING", 0), 9: ("BOOL", 8), 10: ("FLOAT16", 16), 11: ("DOUBLE", 64), 12: ("UINT32", 32),
    13: ("UINT64", 64), 14: ("COMPLEX64", 64), 15: ("COMPLEX128", 128), 16: ("BFLOAT16", 16), 17: ("FLOAT8E4M3FN", 8),
    18: ("FLOAT8E4M3FNUZ", 8), 19: ("FLOAT8E5M2", 8), 20: ("FLOAT8E5M2FNUZ", 8), 21: ("UINT4", 4), 22: ("INT4", 4),
    23: ("FLOAT4E2M1", 4), 24: ("FLOAT8E8M0", 8), 25: ("UINT2", 2), 26: ("INT2", 2), 27: ("FLOAT6E2M3", 6),
    28: ("FLOAT6E3M2", 6),
}  # fmt: skip


class Entry(NamedTuple):
    """What a field is called, what it holds, and whether it may come more than once."""

    name: str
    kind: str
    many: bool = False

    def fits(self, wire: int) -> bool:
        """Whether parsers take a field of this wire type for this entry."""
        return wire == _WIRES.get(self.kind, LEN) or (self.many and wire == LEN)


_WIRES = {"int": VARINT, "float": I32, "double": I64}


def _message(**named: tuple[int, str]) -> dict[int, Entry]:
    """Fields by number. A kind that ends in ``*`` may come more than once."""
    return {
        number: Entry(name.removesuffix("_"), kind.rstrip("*"), kind.endswith("*"))
        for name, (number, kind) in named.items()
    }


_METADATA = "Pair*"
MESSAGES: dict[str, dict[int, Entry]] = {
    "Model": _message(
        ir_version=(1, "int"), producer_name=(2, "text"), producer_version=(3, "text"), domain=(4, "text"),
        model_version=(5, "int"), doc_string=(6, "text"), graph=(7, "Graph"), opset_import=(8, "Opset*"),
        metadata_props=(14, _METADATA), training_info=(20, "Training*"), functions=(25, "Function*"),
        configuration=(26, "Device*"),
    ),
    "Graph": _message(
        node=(1, "Node*"), name=(2, "text"), initializer=(5, "Tensor*"), doc_string=(10, "text"),
        input=(11, "Value*"), output=(12, "Value*"), value_info=(13, "Value*"),
        quantization_annotation=(14, "Annotation*"), sparse_initializer=(15, "Sparse*"),
        metadata_props=(16, _METADATA),
    ),
    "Node": _message(
        input=(1, "text*"), output=(2, "text*"), name=(3, "text"), op_type=(4, "text"), attribute=(5, "Attribute*"),
        doc_string=(6, "text"), domain=(7, "text"), overload=(8, "text"), metadata_props=(9, _METADATA),
        device_configurations=(10, "NodeDevice*"),
    ),
    "Attribute": _message(
        name=(1, "text"), f=(2, "float"), i=(3, "int"), s=(4, "bytes"), t=(5, "Tensor"), g=(6, "Graph"),
        floats=(7, "float*"), ints=(8, "int*"), strings=(9, "bytes*"), tensors=(10, "Tensor*"), graphs=(11, "Graph*"),
        doc_string=(13, "text"), tp=(14, "Type"), type_protos=(15, "Type*"), type=(20, "int"),
        ref_attr_name=(21, "text"), sparse_tensor=(22, "Sparse"), sparse_tensors=(23, "Sparse*"),
    ),
    "Tensor": _message(
        dims=(1, "int*"), data_type=(2, "int"), segment=(3, "Segment"), float_data=(4, "float*"),
        int32_data=(5, "int*"), string_data=(6, "bytes*"), int64_data=(7, "int*"), name=(8, "text"),
        raw_data=(9, "bytes"), double_data=(10, "double*"), uint64_data=(11, "int*"), doc_string=(12, "text"),
        external_data=(13, "Pair*"), data_location=(14, "int"), metadata_props=(16, _METADATA),
    ),
    "Function": _message(
        # the status and the version stood there in drafts of IR version 8
        name=(1, "text"), since_version=(2, "int"), status=(3, "int"), input=(4, "text*"), output=(5, "text*"),
        attribute=(6, "text*"), node=(7, "Node*"), doc_string=(8, "text"), opset_import=(9, "Opset*"),
        domain=(10, "text"), attribute_proto=(11, "Attribute*"), value_info=(12, "Value*"), overload=(13, "text"),
        metadata_props=(14, _METADATA),
    ),
    "Sparse": _message(values=(1, "Tensor"), indices=(2, "Tensor"), dims=(3, "int*")),
    "Segment": _message(begin=(1, "int"), end=(2, "int")),
    "Pair": _message(key=(1, "text"), value=(2, "text")),
    "Opset": _message(domain=(1, "text"), version=(2, "int")),
    "Training": _message(
        initialization=(1, "Graph"), algorithm=(2, "Graph"), initialization_binding=(3, "Pair*"),
        update_binding=(4, "Pair*"),
    ),
    "Annotation": _message(tensor_name=(1, "text"), quant_parameter_tensor_names=(2, "Pair*")),
    "Value": _message(name=(1, "text"), type_=(2, "Type"), doc_string=(3, "text"), metadata_props=(4, _METADATA)),
    "Type": _message(
        tensor_type=(1, "Typed"), sequence_type=(4, "Listed"), map_type=(5, "Mapped"), denotation=(6, "text"),
        opaque_type=(7, "Opaque"), sparse_tensor_type=(8, "Typed"), optional_type=(9, "Listed"),
    ),
    "Typed": _message(elem_type=(1, "int"), shape=(2, "Shape")),
    "Listed": _message(elem_type=(1, "Type")),
    "Mapped": _message(key_type=(1, "int"), value_type=(2, "Type")),
    "Opaque": _message(domain=(1, "text"), name=(2, "text")),
    "Shape": _message(dim=(1, "Dimension*")),
    "Dimension": _message(dim_value=(1, "int"), dim_param=(2, "text"), denotation=(3, "text")),
    "Device": _message(name=(1, "text"), num_devices=(2, "int"), device=(3, "text*")),
    "NodeDevice": _message(configuration_id=(1, "text"), sharding_spec=(2, "Sharding*"), pipeline_stage=(3, "int")),
    "Sharding": _message(
        tensor_name=(1, "text"), device=(2, "int*"), index_to_device_group_map=(3, "Group*"),
        sharded_dim=(4, "ShardedDim*"),
    ),
    "Group": _message(key=(1, "int"), value=(2, "int*")),
    "ShardedDim": _message(axis=(1, "int"), simple_sharding=(2, "SimpleDim*")),
    "SimpleDim": _message(dim_value=(1, "int"), dim_param=(2, "text"), num_shards=(3, "int")),
}  # fmt: skip
