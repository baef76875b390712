"""The tables of onnxruntime's own model format: which slot of which table holds what.

Source: onnxruntime/core/flatbuffers/schema/ort.fbs, as onnxruntime 1.32 has it (format version 6, and the session state
that it had before version 5). Checkpoints for training have tables of their own, which are not here.
"""

from modelairlock.encodings.flatbuffers import schema

#: a line for each table: ``field:kind``, with ``|`` for a union and nothing for what is deprecated
TABLES = schema(
    """\
    ArgTypeAndIndex arg_type:i8 index:u32
    Attribute name:string doc_string:string type:i32 f:f32 i:i64 s:string t:Tensor g:Graph floats:[f32] ints:[i64] \
        strings:[string] tensors:[Tensor] graphs:[Graph]
    DeprecatedKernelCreateInfos node_indices:[u32] kernel_def_hashes:[u64]
    DeprecatedSessionState kernels:DeprecatedKernelCreateInfos \
        sub_graph_session_states:[DeprecatedSubGraphSessionState]
    DeprecatedSubGraphSessionState graph_id:string session_state:DeprecatedSessionState
    Dimension value:DimensionValue denotation:string
    DimensionValue dim_type:i8 dim_value:i64 dim_param:string
    Graph initializers:[Tensor] node_args:[ValueInfo] nodes:[Node] max_node_index:u32 node_edges:[NodeEdge] \
        inputs:[string] outputs:[string] sparse_initializers:[SparseTensor] runtime_optimizations:RuntimeOptimizations
    InferenceSession ort_version:string model:Model session_state:DeprecatedSessionState \
        kernel_type_str_resolver:KernelTypeStrResolver
    KernelTypeStrArgsEntry kernel_type_str:string args:[ArgTypeAndIndex]
    KernelTypeStrResolver op_kernel_type_str_args:[OpIdKernelTypeStrArgsEntry]
    MapType key_type:i32 value_type:TypeInfo
    Model ir_version:i64 opset_import:[OperatorSetId] producer_name:string producer_version:string domain:string \
        model_version:i64 doc_string:string graph:Graph graph_doc_string:string metadata_props:[StringStringEntry]
    Node name:string doc_string:string domain:string since_version:i32 index:u32 op_type:string type:i32 \
        execution_provider_type:string inputs:[string] outputs:[string] attributes:[Attribute] input_arg_counts:[i32] \
        implicit_inputs:[string]
    NodeEdge node_index:u32 input_edges:[#12] output_edges:[#12]
    NodesToOptimizeIndices node_indices:[u32] num_inputs:u32 num_outputs:u32 has_variadic_input:bool \
        has_variadic_output:bool num_variadic_inputs:u32 num_variadic_outputs:u32
    OpIdKernelTypeStrArgsEntry op_id:string kernel_type_str_args:[KernelTypeStrArgsEntry]
    OperatorSetId domain:string version:i64
    RuntimeOptimizationRecord action_id:string nodes_to_optimize_indices:NodesToOptimizeIndices gone: \
        produced_op_ids:[string]
    RuntimeOptimizationRecordContainerEntry optimizer_name:string \
        runtime_optimization_records:[RuntimeOptimizationRecord]
    RuntimeOptimizations records:[RuntimeOptimizationRecordContainerEntry]
    SequenceType elem_type:TypeInfo
    Shape dim:[Dimension]
    SparseTensor values:Tensor indices:Tensor dims:[i64]
    StringStringEntry key:string value:string
    Tensor name:string doc_string:string dims:[i64] data_type:i32 raw_data:[u8] string_data:[string] \
        external_data_offset:i64=-1
    TensorTypeAndShape elem_type:i32 shape:Shape
    TypeInfo denotation:string value_type:u8 value:|TypeInfoValue
    ValueInfo name:string doc_string:string type:TypeInfo
"""
)
UNIONS = {"TypeInfoValue": {1: "TensorTypeAndShape", 2: "SequenceType", 3: "MapType"}}

#: element types by number: name, and bits of an element (0: strings)
TYPES = {
    1: ("FLOAT", 32), 2: ("UINT8", 8), 3: ("INT8", 8), 4: ("UINT16", 16), 5: ("INT16", 16), 6: ("INT32", 32),
    7: ("INT64", 64), 8: ("STRING", 0), 9: ("BOOL", 8), 10: ("FLOAT16", 16), 11: ("DOUBLE", 64), 12: ("UINT32", 32),
    13: ("UINT64", 64), 14: ("COMPLEX64", 64), 15: ("COMPLEX128", 128), 16: ("BFLOAT16", 16), 17: ("FLOAT8E4M3FN", 8),
    18: ("FLOAT8E4M3FNUZ", 8), 19: ("FLOAT8E5M2", 8), 20: ("FLOAT8E5M2FNUZ", 8),
}  # fmt: skip
