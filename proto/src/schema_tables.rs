/// All messages.
pub static MESSAGES: &[Message] = &[
    Message {
        name: "tensorflow.Any",
        fields: &[
            Field { name: "type_url", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Bytes },
        ],
    },
    Message {
        name: "tensorflow.BoolValue",
        fields: &[
            Field { name: "value", number: 1, kind: FieldType::Bool },
        ],
    },
    Message {
        name: "tensorflow.TensorShapeProto",
        fields: &[
            Field { name: "dim", number: 2, kind: FieldType::Message(3) },
            Field { name: "unknown_rank", number: 3, kind: FieldType::Bool },
        ],
    },
    Message {
        name: "tensorflow.TensorShapeProto.Dim",
        fields: &[
            Field { name: "size", number: 1, kind: FieldType::Integer },
            Field { name: "name", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.ResourceHandleProto",
        fields: &[
            Field { name: "device", number: 1, kind: FieldType::String },
            Field { name: "container", number: 2, kind: FieldType::String },
            Field { name: "name", number: 3, kind: FieldType::String },
            Field { name: "hash_code", number: 4, kind: FieldType::Integer },
            Field { name: "maybe_type_name", number: 5, kind: FieldType::String },
            Field { name: "dtypes_and_shapes", number: 6, kind: FieldType::Message(5) },
        ],
    },
    Message {
        name: "tensorflow.ResourceHandleProto.DtypeAndShape",
        fields: &[
            Field { name: "dtype", number: 1, kind: FieldType::Enum(0) },
            Field { name: "shape", number: 2, kind: FieldType::Message(2) },
        ],
    },
    Message {
        name: "tensorflow.TensorProto",
        fields: &[
            Field { name: "dtype", number: 1, kind: FieldType::Enum(0) },
            Field { name: "tensor_shape", number: 2, kind: FieldType::Message(2) },
            Field { name: "version_number", number: 3, kind: FieldType::Integer },
            Field { name: "tensor_content", number: 4, kind: FieldType::Bytes },
            Field { name: "float_val", number: 5, kind: FieldType::Float },
            Field { name: "double_val", number: 6, kind: FieldType::Double },
            Field { name: "int_val", number: 7, kind: FieldType::Integer },
            Field { name: "string_val", number: 8, kind: FieldType::Bytes },
            Field { name: "scomplex_val", number: 9, kind: FieldType::Float },
            Field { name: "int64_val", number: 10, kind: FieldType::Integer },
            Field { name: "bool_val", number: 11, kind: FieldType::Bool },
            Field { name: "dcomplex_val", number: 12, kind: FieldType::Double },
            Field { name: "half_val", number: 13, kind: FieldType::Integer },
            Field { name: "resource_handle_val", number: 14, kind: FieldType::Message(4) },
            Field { name: "variant_val", number: 15, kind: FieldType::Message(7) },
            Field { name: "uint32_val", number: 16, kind: FieldType::Integer },
            Field { name: "uint64_val", number: 17, kind: FieldType::Integer },
            Field { name: "float8_val", number: 18, kind: FieldType::Bytes },
        ],
    },
    Message {
        name: "tensorflow.VariantTensorDataProto",
        fields: &[
            Field { name: "type_name", number: 1, kind: FieldType::String },
            Field { name: "metadata", number: 2, kind: FieldType::Bytes },
            Field { name: "tensors", number: 3, kind: FieldType::Message(6) },
        ],
    },
    Message {
        name: "tensorflow.AttrValue",
        fields: &[
            Field { name: "list", number: 1, kind: FieldType::Message(9) },
            Field { name: "s", number: 2, kind: FieldType::Bytes },
            Field { name: "i", number: 3, kind: FieldType::Integer },
            Field { name: "f", number: 4, kind: FieldType::Float },
            Field { name: "b", number: 5, kind: FieldType::Bool },
            Field { name: "type", number: 6, kind: FieldType::Enum(0) },
            Field { name: "shape", number: 7, kind: FieldType::Message(2) },
            Field { name: "tensor", number: 8, kind: FieldType::Message(6) },
            Field { name: "placeholder", number: 9, kind: FieldType::String },
            Field { name: "func", number: 10, kind: FieldType::Message(10) },
        ],
    },
    Message {
        name: "tensorflow.AttrValue.ListValue",
        fields: &[
            Field { name: "s", number: 2, kind: FieldType::Bytes },
            Field { name: "i", number: 3, kind: FieldType::Integer },
            Field { name: "f", number: 4, kind: FieldType::Float },
            Field { name: "b", number: 5, kind: FieldType::Bool },
            Field { name: "type", number: 6, kind: FieldType::Enum(0) },
            Field { name: "shape", number: 7, kind: FieldType::Message(2) },
            Field { name: "tensor", number: 8, kind: FieldType::Message(6) },
            Field { name: "func", number: 9, kind: FieldType::Message(10) },
        ],
    },
    Message {
        name: "tensorflow.NameAttrList",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "attr", number: 2, kind: FieldType::Message(11) },
        ],
    },
    Message {
        name: "tensorflow.NameAttrList.AttrEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(8) },
        ],
    },
    Message {
        name: "tensorflow.VersionDef",
        fields: &[
            Field { name: "producer", number: 1, kind: FieldType::Integer },
            Field { name: "min_consumer", number: 2, kind: FieldType::Integer },
            Field { name: "bad_consumers", number: 3, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.FingerprintDef",
        fields: &[
            Field { name: "saved_model_checksum", number: 1, kind: FieldType::Integer },
            Field { name: "graph_def_program_hash", number: 2, kind: FieldType::Integer },
            Field { name: "signature_def_hash", number: 3, kind: FieldType::Integer },
            Field { name: "saved_object_graph_hash", number: 4, kind: FieldType::Integer },
            Field { name: "checkpoint_hash", number: 5, kind: FieldType::Integer },
            Field { name: "version", number: 6, kind: FieldType::Message(12) },
            Field { name: "uuid", number: 7, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.NodeDef",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "op", number: 2, kind: FieldType::String },
            Field { name: "input", number: 3, kind: FieldType::String },
            Field { name: "device", number: 4, kind: FieldType::String },
            Field { name: "attr", number: 5, kind: FieldType::Message(16) },
            Field { name: "experimental_debug_info", number: 6, kind: FieldType::Message(15) },
        ],
    },
    Message {
        name: "tensorflow.NodeDef.ExperimentalDebugInfo",
        fields: &[
            Field { name: "original_node_names", number: 1, kind: FieldType::String },
            Field { name: "original_func_names", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.NodeDef.AttrEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(8) },
        ],
    },
    Message {
        name: "tensorflow.OpDef",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "input_arg", number: 2, kind: FieldType::Message(18) },
            Field { name: "output_arg", number: 3, kind: FieldType::Message(18) },
            Field { name: "attr", number: 4, kind: FieldType::Message(19) },
            Field { name: "is_stateful", number: 17, kind: FieldType::Bool },
            Field { name: "control_output", number: 20, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.OpDef.ArgDef",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "description", number: 2, kind: FieldType::String },
            Field { name: "type", number: 3, kind: FieldType::Enum(0) },
            Field { name: "type_attr", number: 4, kind: FieldType::String },
            Field { name: "number_attr", number: 5, kind: FieldType::String },
            Field { name: "type_list_attr", number: 6, kind: FieldType::String },
            Field { name: "handle_data", number: 7, kind: FieldType::Message(5) },
            Field { name: "is_ref", number: 16, kind: FieldType::Bool },
        ],
    },
    Message {
        name: "tensorflow.OpDef.AttrDef",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "type", number: 2, kind: FieldType::String },
            Field { name: "default_value", number: 3, kind: FieldType::Message(8) },
            Field { name: "description", number: 4, kind: FieldType::String },
            Field { name: "has_minimum", number: 5, kind: FieldType::Bool },
            Field { name: "minimum", number: 6, kind: FieldType::Integer },
            Field { name: "allowed_values", number: 7, kind: FieldType::Message(8) },
        ],
    },
    Message {
        name: "tensorflow.OpList",
        fields: &[
            Field { name: "op", number: 1, kind: FieldType::Message(17) },
        ],
    },
    Message {
        name: "tensorflow.FunctionDefLibrary",
        fields: &[
            Field { name: "function", number: 1, kind: FieldType::Message(22) },
            Field { name: "gradient", number: 2, kind: FieldType::Message(30) },
            Field { name: "registered_gradients", number: 3, kind: FieldType::Message(31) },
        ],
    },
    Message {
        name: "tensorflow.FunctionDef",
        fields: &[
            Field { name: "signature", number: 1, kind: FieldType::Message(17) },
            Field { name: "node_def", number: 3, kind: FieldType::Message(14) },
            Field { name: "ret", number: 4, kind: FieldType::Message(25) },
            Field { name: "attr", number: 5, kind: FieldType::Message(26) },
            Field { name: "control_ret", number: 6, kind: FieldType::Message(27) },
            Field { name: "arg_attr", number: 7, kind: FieldType::Message(28) },
            Field { name: "resource_arg_unique_id", number: 8, kind: FieldType::Message(29) },
        ],
    },
    Message {
        name: "tensorflow.FunctionDef.ArgAttrs",
        fields: &[
            Field { name: "attr", number: 1, kind: FieldType::Message(24) },
        ],
    },
    Message {
        name: "tensorflow.FunctionDef.ArgAttrs.AttrEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(8) },
        ],
    },
    Message {
        name: "tensorflow.FunctionDef.RetEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.FunctionDef.AttrEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(8) },
        ],
    },
    Message {
        name: "tensorflow.FunctionDef.ControlRetEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.FunctionDef.ArgAttrEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::Integer },
            Field { name: "value", number: 2, kind: FieldType::Message(23) },
        ],
    },
    Message {
        name: "tensorflow.FunctionDef.ResourceArgUniqueIdEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::Integer },
            Field { name: "value", number: 2, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.GradientDef",
        fields: &[
            Field { name: "function_name", number: 1, kind: FieldType::String },
            Field { name: "gradient_func", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.RegisteredGradient",
        fields: &[
            Field { name: "gradient_func", number: 1, kind: FieldType::String },
            Field { name: "registered_op_type", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.GraphDebugInfo",
        fields: &[
            Field { name: "files", number: 1, kind: FieldType::String },
            Field { name: "traces", number: 2, kind: FieldType::Message(35) },
            Field { name: "frames_by_id", number: 4, kind: FieldType::Message(36) },
            Field { name: "name_to_trace_id", number: 5, kind: FieldType::Message(37) },
            Field { name: "traces_by_id", number: 6, kind: FieldType::Message(38) },
        ],
    },
    Message {
        name: "tensorflow.GraphDebugInfo.FileLineCol",
        fields: &[
            Field { name: "file_index", number: 1, kind: FieldType::Integer },
            Field { name: "line", number: 2, kind: FieldType::Integer },
            Field { name: "col", number: 3, kind: FieldType::Integer },
            Field { name: "func", number: 4, kind: FieldType::String },
            Field { name: "code", number: 5, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.GraphDebugInfo.StackTrace",
        fields: &[
            Field { name: "file_line_cols", number: 1, kind: FieldType::Message(33) },
            Field { name: "frame_id", number: 2, kind: FieldType::Fixed64 },
        ],
    },
    Message {
        name: "tensorflow.GraphDebugInfo.TracesEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(34) },
        ],
    },
    Message {
        name: "tensorflow.GraphDebugInfo.FramesByIdEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::Fixed64 },
            Field { name: "value", number: 2, kind: FieldType::Message(33) },
        ],
    },
    Message {
        name: "tensorflow.GraphDebugInfo.NameToTraceIdEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Fixed64 },
        ],
    },
    Message {
        name: "tensorflow.GraphDebugInfo.TracesByIdEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::Fixed64 },
            Field { name: "value", number: 2, kind: FieldType::Message(34) },
        ],
    },
    Message {
        name: "tensorflow.GraphDef",
        fields: &[
            Field { name: "node", number: 1, kind: FieldType::Message(14) },
            Field { name: "library", number: 2, kind: FieldType::Message(21) },
            Field { name: "version", number: 3, kind: FieldType::Integer },
            Field { name: "versions", number: 4, kind: FieldType::Message(12) },
            Field { name: "debug_info", number: 5, kind: FieldType::Message(32) },
        ],
    },
    Message {
        name: "tensorflow.StructuredValue",
        fields: &[
            Field { name: "none_value", number: 1, kind: FieldType::Message(41) },
            Field { name: "float64_value", number: 11, kind: FieldType::Double },
            Field { name: "int64_value", number: 12, kind: FieldType::Signed },
            Field { name: "string_value", number: 13, kind: FieldType::String },
            Field { name: "bool_value", number: 14, kind: FieldType::Bool },
            Field { name: "tensor_shape_value", number: 31, kind: FieldType::Message(2) },
            Field { name: "tensor_dtype_value", number: 32, kind: FieldType::Enum(0) },
            Field { name: "tensor_spec_value", number: 33, kind: FieldType::Message(48) },
            Field { name: "type_spec_value", number: 34, kind: FieldType::Message(50) },
            Field { name: "bounded_tensor_spec_value", number: 35, kind: FieldType::Message(49) },
            Field { name: "list_value", number: 51, kind: FieldType::Message(42) },
            Field { name: "tuple_value", number: 52, kind: FieldType::Message(43) },
            Field { name: "dict_value", number: 53, kind: FieldType::Message(44) },
            Field { name: "named_tuple_value", number: 54, kind: FieldType::Message(47) },
            Field { name: "tensor_value", number: 55, kind: FieldType::Message(6) },
            Field { name: "numpy_value", number: 56, kind: FieldType::Message(6) },
        ],
    },
    Message {
        name: "tensorflow.NoneValue",
        fields: &[
        ],
    },
    Message {
        name: "tensorflow.ListValue",
        fields: &[
            Field { name: "values", number: 1, kind: FieldType::Message(40) },
        ],
    },
    Message {
        name: "tensorflow.TupleValue",
        fields: &[
            Field { name: "values", number: 1, kind: FieldType::Message(40) },
        ],
    },
    Message {
        name: "tensorflow.DictValue",
        fields: &[
            Field { name: "fields", number: 1, kind: FieldType::Message(45) },
        ],
    },
    Message {
        name: "tensorflow.DictValue.FieldsEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(40) },
        ],
    },
    Message {
        name: "tensorflow.PairValue",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(40) },
        ],
    },
    Message {
        name: "tensorflow.NamedTupleValue",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "values", number: 2, kind: FieldType::Message(46) },
        ],
    },
    Message {
        name: "tensorflow.TensorSpecProto",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "shape", number: 2, kind: FieldType::Message(2) },
            Field { name: "dtype", number: 3, kind: FieldType::Enum(0) },
        ],
    },
    Message {
        name: "tensorflow.BoundedTensorSpecProto",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "shape", number: 2, kind: FieldType::Message(2) },
            Field { name: "dtype", number: 3, kind: FieldType::Enum(0) },
            Field { name: "minimum", number: 4, kind: FieldType::Message(6) },
            Field { name: "maximum", number: 5, kind: FieldType::Message(6) },
        ],
    },
    Message {
        name: "tensorflow.TypeSpecProto",
        fields: &[
            Field { name: "type_spec_class", number: 1, kind: FieldType::Enum(1) },
            Field { name: "type_state", number: 2, kind: FieldType::Message(40) },
            Field { name: "type_spec_class_name", number: 3, kind: FieldType::String },
            Field { name: "num_flat_components", number: 4, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.TrackableObjectGraph",
        fields: &[
            Field { name: "nodes", number: 1, kind: FieldType::Message(52) },
        ],
    },
    Message {
        name: "tensorflow.TrackableObjectGraph.TrackableObject",
        fields: &[
            Field { name: "children", number: 1, kind: FieldType::Message(53) },
            Field { name: "attributes", number: 2, kind: FieldType::Message(54) },
            Field { name: "slot_variables", number: 3, kind: FieldType::Message(55) },
            Field { name: "registered_saver", number: 4, kind: FieldType::Message(56) },
            Field { name: "has_checkpoint_values", number: 5, kind: FieldType::Message(1) },
        ],
    },
    Message {
        name: "tensorflow.TrackableObjectGraph.TrackableObject.ObjectReference",
        fields: &[
            Field { name: "node_id", number: 1, kind: FieldType::Integer },
            Field { name: "local_name", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.TrackableObjectGraph.TrackableObject.SerializedTensor",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "full_name", number: 2, kind: FieldType::String },
            Field { name: "checkpoint_key", number: 3, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.TrackableObjectGraph.TrackableObject.SlotVariableReference",
        fields: &[
            Field { name: "original_variable_node_id", number: 1, kind: FieldType::Integer },
            Field { name: "slot_name", number: 2, kind: FieldType::String },
            Field { name: "slot_variable_node_id", number: 3, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.RegisteredSaver",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "object_name", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.VariableDef",
        fields: &[
            Field { name: "variable_name", number: 1, kind: FieldType::String },
            Field { name: "initializer_name", number: 2, kind: FieldType::String },
            Field { name: "snapshot_name", number: 3, kind: FieldType::String },
            Field { name: "save_slice_info_def", number: 4, kind: FieldType::Message(58) },
            Field { name: "is_resource", number: 5, kind: FieldType::Bool },
            Field { name: "initial_value_name", number: 6, kind: FieldType::String },
            Field { name: "trainable", number: 7, kind: FieldType::Bool },
            Field { name: "synchronization", number: 8, kind: FieldType::Enum(2) },
            Field { name: "aggregation", number: 9, kind: FieldType::Enum(3) },
        ],
    },
    Message {
        name: "tensorflow.SaveSliceInfoDef",
        fields: &[
            Field { name: "full_name", number: 1, kind: FieldType::String },
            Field { name: "full_shape", number: 2, kind: FieldType::Integer },
            Field { name: "var_offset", number: 3, kind: FieldType::Integer },
            Field { name: "var_shape", number: 4, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.SavedObjectGraph",
        fields: &[
            Field { name: "nodes", number: 1, kind: FieldType::Message(61) },
            Field { name: "concrete_functions", number: 2, kind: FieldType::Message(60) },
        ],
    },
    Message {
        name: "tensorflow.SavedObjectGraph.ConcreteFunctionsEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(67) },
        ],
    },
    Message {
        name: "tensorflow.SavedObject",
        fields: &[
            Field { name: "children", number: 1, kind: FieldType::Message(53) },
            Field { name: "slot_variables", number: 3, kind: FieldType::Message(55) },
            Field { name: "user_object", number: 4, kind: FieldType::Message(63) },
            Field { name: "asset", number: 5, kind: FieldType::Message(64) },
            Field { name: "function", number: 6, kind: FieldType::Message(65) },
            Field { name: "variable", number: 7, kind: FieldType::Message(70) },
            Field { name: "bare_concrete_function", number: 8, kind: FieldType::Message(68) },
            Field { name: "constant", number: 9, kind: FieldType::Message(69) },
            Field { name: "resource", number: 10, kind: FieldType::Message(72) },
            Field { name: "captured_tensor", number: 12, kind: FieldType::Message(66) },
            Field { name: "saveable_objects", number: 11, kind: FieldType::Message(62) },
            Field { name: "registered_name", number: 13, kind: FieldType::String },
            Field { name: "serialized_user_proto", number: 14, kind: FieldType::Message(0) },
            Field { name: "dependencies", number: 15, kind: FieldType::Message(53) },
            Field { name: "registered_saver", number: 16, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.SavedObject.SaveableObjectsEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(73) },
        ],
    },
    Message {
        name: "tensorflow.SavedUserObject",
        fields: &[
            Field { name: "identifier", number: 1, kind: FieldType::String },
            Field { name: "version", number: 2, kind: FieldType::Message(12) },
            Field { name: "metadata", number: 3, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.SavedAsset",
        fields: &[
            Field { name: "asset_file_def_index", number: 1, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.SavedFunction",
        fields: &[
            Field { name: "concrete_functions", number: 1, kind: FieldType::String },
            Field { name: "function_spec", number: 2, kind: FieldType::Message(71) },
        ],
    },
    Message {
        name: "tensorflow.CapturedTensor",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "concrete_function", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.SavedConcreteFunction",
        fields: &[
            Field { name: "bound_inputs", number: 2, kind: FieldType::Integer },
            Field { name: "canonicalized_input_signature", number: 3, kind: FieldType::Message(40) },
            Field { name: "output_signature", number: 4, kind: FieldType::Message(40) },
        ],
    },
    Message {
        name: "tensorflow.SavedBareConcreteFunction",
        fields: &[
            Field { name: "concrete_function_name", number: 1, kind: FieldType::String },
            Field { name: "argument_keywords", number: 2, kind: FieldType::String },
            Field { name: "allowed_positional_arguments", number: 3, kind: FieldType::Integer },
            Field { name: "function_spec", number: 4, kind: FieldType::Message(71) },
        ],
    },
    Message {
        name: "tensorflow.SavedConstant",
        fields: &[
            Field { name: "operation", number: 1, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.SavedVariable",
        fields: &[
            Field { name: "dtype", number: 1, kind: FieldType::Enum(0) },
            Field { name: "shape", number: 2, kind: FieldType::Message(2) },
            Field { name: "trainable", number: 3, kind: FieldType::Bool },
            Field { name: "synchronization", number: 4, kind: FieldType::Enum(2) },
            Field { name: "aggregation", number: 5, kind: FieldType::Enum(3) },
            Field { name: "name", number: 6, kind: FieldType::String },
            Field { name: "device", number: 7, kind: FieldType::String },
            Field { name: "experimental_distributed_variable_components", number: 8, kind: FieldType::Message(70) },
        ],
    },
    Message {
        name: "tensorflow.FunctionSpec",
        fields: &[
            Field { name: "fullargspec", number: 1, kind: FieldType::Message(40) },
            Field { name: "is_method", number: 2, kind: FieldType::Bool },
            Field { name: "input_signature", number: 5, kind: FieldType::Message(40) },
            Field { name: "jit_compile", number: 6, kind: FieldType::Enum(4) },
        ],
    },
    Message {
        name: "tensorflow.SavedResource",
        fields: &[
            Field { name: "device", number: 1, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.SaveableObject",
        fields: &[
            Field { name: "save_function", number: 2, kind: FieldType::Integer },
            Field { name: "restore_function", number: 3, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.SaverDef",
        fields: &[
            Field { name: "filename_tensor_name", number: 1, kind: FieldType::String },
            Field { name: "save_tensor_name", number: 2, kind: FieldType::String },
            Field { name: "restore_op_name", number: 3, kind: FieldType::String },
            Field { name: "max_to_keep", number: 4, kind: FieldType::Integer },
            Field { name: "sharded", number: 5, kind: FieldType::Bool },
            Field { name: "keep_checkpoint_every_n_hours", number: 6, kind: FieldType::Float },
            Field { name: "version", number: 7, kind: FieldType::Enum(5) },
        ],
    },
    Message {
        name: "tensorflow.MetaGraphDef",
        fields: &[
            Field { name: "meta_info_def", number: 1, kind: FieldType::Message(76) },
            Field { name: "graph_def", number: 2, kind: FieldType::Message(39) },
            Field { name: "saver_def", number: 3, kind: FieldType::Message(74) },
            Field { name: "collection_def", number: 4, kind: FieldType::Message(78) },
            Field { name: "signature_def", number: 5, kind: FieldType::Message(79) },
            Field { name: "asset_file_def", number: 6, kind: FieldType::Message(93) },
            Field { name: "object_graph_def", number: 7, kind: FieldType::Message(59) },
        ],
    },
    Message {
        name: "tensorflow.MetaGraphDef.MetaInfoDef",
        fields: &[
            Field { name: "meta_graph_version", number: 1, kind: FieldType::String },
            Field { name: "stripped_op_list", number: 2, kind: FieldType::Message(20) },
            Field { name: "any_info", number: 3, kind: FieldType::Message(0) },
            Field { name: "tags", number: 4, kind: FieldType::String },
            Field { name: "tensorflow_version", number: 5, kind: FieldType::String },
            Field { name: "tensorflow_git_version", number: 6, kind: FieldType::String },
            Field { name: "stripped_default_attrs", number: 7, kind: FieldType::Bool },
            Field { name: "function_aliases", number: 8, kind: FieldType::Message(77) },
        ],
    },
    Message {
        name: "tensorflow.MetaGraphDef.MetaInfoDef.FunctionAliasesEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.MetaGraphDef.CollectionDefEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(80) },
        ],
    },
    Message {
        name: "tensorflow.MetaGraphDef.SignatureDefEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(89) },
        ],
    },
    Message {
        name: "tensorflow.CollectionDef",
        fields: &[
            Field { name: "node_list", number: 1, kind: FieldType::Message(81) },
            Field { name: "bytes_list", number: 2, kind: FieldType::Message(82) },
            Field { name: "int64_list", number: 3, kind: FieldType::Message(83) },
            Field { name: "float_list", number: 4, kind: FieldType::Message(84) },
            Field { name: "any_list", number: 5, kind: FieldType::Message(85) },
        ],
    },
    Message {
        name: "tensorflow.CollectionDef.NodeList",
        fields: &[
            Field { name: "value", number: 1, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.CollectionDef.BytesList",
        fields: &[
            Field { name: "value", number: 1, kind: FieldType::Bytes },
        ],
    },
    Message {
        name: "tensorflow.CollectionDef.Int64List",
        fields: &[
            Field { name: "value", number: 1, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.CollectionDef.FloatList",
        fields: &[
            Field { name: "value", number: 1, kind: FieldType::Float },
        ],
    },
    Message {
        name: "tensorflow.CollectionDef.AnyList",
        fields: &[
            Field { name: "value", number: 1, kind: FieldType::Message(0) },
        ],
    },
    Message {
        name: "tensorflow.TensorInfo",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "coo_sparse", number: 4, kind: FieldType::Message(87) },
            Field { name: "composite_tensor", number: 5, kind: FieldType::Message(88) },
            Field { name: "dtype", number: 2, kind: FieldType::Enum(0) },
            Field { name: "tensor_shape", number: 3, kind: FieldType::Message(2) },
        ],
    },
    Message {
        name: "tensorflow.TensorInfo.CooSparse",
        fields: &[
            Field { name: "values_tensor_name", number: 1, kind: FieldType::String },
            Field { name: "indices_tensor_name", number: 2, kind: FieldType::String },
            Field { name: "dense_shape_tensor_name", number: 3, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.TensorInfo.CompositeTensor",
        fields: &[
            Field { name: "type_spec", number: 1, kind: FieldType::Message(50) },
            Field { name: "components", number: 2, kind: FieldType::Message(86) },
        ],
    },
    Message {
        name: "tensorflow.SignatureDef",
        fields: &[
            Field { name: "inputs", number: 1, kind: FieldType::Message(90) },
            Field { name: "outputs", number: 2, kind: FieldType::Message(91) },
            Field { name: "method_name", number: 3, kind: FieldType::String },
            Field { name: "defaults", number: 4, kind: FieldType::Message(92) },
        ],
    },
    Message {
        name: "tensorflow.SignatureDef.InputsEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(86) },
        ],
    },
    Message {
        name: "tensorflow.SignatureDef.OutputsEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(86) },
        ],
    },
    Message {
        name: "tensorflow.SignatureDef.DefaultsEntry",
        fields: &[
            Field { name: "key", number: 1, kind: FieldType::String },
            Field { name: "value", number: 2, kind: FieldType::Message(6) },
        ],
    },
    Message {
        name: "tensorflow.AssetFileDef",
        fields: &[
            Field { name: "tensor_info", number: 1, kind: FieldType::Message(86) },
            Field { name: "filename", number: 2, kind: FieldType::String },
        ],
    },
    Message {
        name: "tensorflow.SavedModel",
        fields: &[
            Field { name: "saved_model_schema_version", number: 1, kind: FieldType::Integer },
            Field { name: "meta_graphs", number: 2, kind: FieldType::Message(75) },
        ],
    },
    Message {
        name: "tensorflow.TensorSliceProto",
        fields: &[
            Field { name: "extent", number: 1, kind: FieldType::Message(96) },
        ],
    },
    Message {
        name: "tensorflow.TensorSliceProto.Extent",
        fields: &[
            Field { name: "start", number: 1, kind: FieldType::Integer },
            Field { name: "length", number: 2, kind: FieldType::Integer },
        ],
    },
    Message {
        name: "tensorflow.SavedSliceMeta",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "shape", number: 2, kind: FieldType::Message(2) },
            Field { name: "type", number: 3, kind: FieldType::Enum(0) },
            Field { name: "slice", number: 4, kind: FieldType::Message(95) },
        ],
    },
    Message {
        name: "tensorflow.SavedTensorSliceMeta",
        fields: &[
            Field { name: "tensor", number: 1, kind: FieldType::Message(97) },
            Field { name: "versions", number: 2, kind: FieldType::Message(12) },
        ],
    },
    Message {
        name: "tensorflow.SavedSlice",
        fields: &[
            Field { name: "name", number: 1, kind: FieldType::String },
            Field { name: "slice", number: 2, kind: FieldType::Message(95) },
            Field { name: "data", number: 3, kind: FieldType::Message(6) },
        ],
    },
    Message {
        name: "tensorflow.SavedTensorSlices",
        fields: &[
            Field { name: "meta", number: 1, kind: FieldType::Message(98) },
            Field { name: "data", number: 2, kind: FieldType::Message(99) },
        ],
    },
    Message {
        name: "tensorflow.BundleHeaderProto",
        fields: &[
            Field { name: "num_shards", number: 1, kind: FieldType::Integer },
            Field { name: "endianness", number: 2, kind: FieldType::Enum(6) },
            Field { name: "version", number: 3, kind: FieldType::Message(12) },
        ],
    },
    Message {
        name: "tensorflow.BundleEntryProto",
        fields: &[
            Field { name: "dtype", number: 1, kind: FieldType::Enum(0) },
            Field { name: "shape", number: 2, kind: FieldType::Message(2) },
            Field { name: "shard_id", number: 3, kind: FieldType::Integer },
            Field { name: "offset", number: 4, kind: FieldType::Integer },
            Field { name: "size", number: 5, kind: FieldType::Integer },
            Field { name: "crc32c", number: 6, kind: FieldType::Fixed32 },
            Field { name: "slices", number: 7, kind: FieldType::Message(95) },
        ],
    },
];
/// All enumerations.
pub static ENUMS: &[Enum] = &[
    Enum {
        name: "tensorflow.DataType",
        values: &[
            ("DT_INVALID", 0),
            ("DT_FLOAT", 1),
            ("DT_DOUBLE", 2),
            ("DT_INT32", 3),
            ("DT_UINT8", 4),
            ("DT_INT16", 5),
            ("DT_INT8", 6),
            ("DT_STRING", 7),
            ("DT_COMPLEX64", 8),
            ("DT_INT64", 9),
            ("DT_BOOL", 10),
            ("DT_QINT8", 11),
            ("DT_QUINT8", 12),
            ("DT_QINT32", 13),
            ("DT_BFLOAT16", 14),
            ("DT_QINT16", 15),
            ("DT_QUINT16", 16),
            ("DT_UINT16", 17),
            ("DT_COMPLEX128", 18),
            ("DT_HALF", 19),
            ("DT_RESOURCE", 20),
            ("DT_VARIANT", 21),
            ("DT_UINT32", 22),
            ("DT_UINT64", 23),
            ("DT_FLOAT8_E5M2", 24),
            ("DT_FLOAT8_E4M3FN", 25),
            ("DT_FLOAT8_E4M3FNUZ", 26),
            ("DT_FLOAT8_E4M3B11FNUZ", 27),
            ("DT_FLOAT8_E5M2FNUZ", 28),
            ("DT_INT4", 29),
            ("DT_UINT4", 30),
            ("DT_INT2", 31),
            ("DT_UINT2", 32),
            ("DT_FLOAT4_E2M1FN", 33),
            ("DT_FLOAT_REF", 101),
            ("DT_DOUBLE_REF", 102),
            ("DT_INT32_REF", 103),
            ("DT_UINT8_REF", 104),
            ("DT_INT16_REF", 105),
            ("DT_INT8_REF", 106),
            ("DT_STRING_REF", 107),
            ("DT_COMPLEX64_REF", 108),
            ("DT_INT64_REF", 109),
            ("DT_BOOL_REF", 110),
            ("DT_QINT8_REF", 111),
            ("DT_QUINT8_REF", 112),
            ("DT_QINT32_REF", 113),
            ("DT_BFLOAT16_REF", 114),
            ("DT_QINT16_REF", 115),
            ("DT_QUINT16_REF", 116),
            ("DT_UINT16_REF", 117),
            ("DT_COMPLEX128_REF", 118),
            ("DT_HALF_REF", 119),
            ("DT_RESOURCE_REF", 120),
            ("DT_VARIANT_REF", 121),
            ("DT_UINT32_REF", 122),
            ("DT_UINT64_REF", 123),
            ("DT_FLOAT8_E5M2_REF", 124),
            ("DT_FLOAT8_E4M3FN_REF", 125),
            ("DT_FLOAT8_E4M3FNUZ_REF", 126),
            ("DT_FLOAT8_E4M3B11FNUZ_REF", 127),
            ("DT_FLOAT8_E5M2FNUZ_REF", 128),
            ("DT_INT4_REF", 129),
            ("DT_UINT4_REF", 130),
            ("DT_INT2_REF", 131),
            ("DT_UINT2_REF", 132),
            ("DT_FLOAT4_E2M1FN_REF", 133),
        ],
    },
    Enum {
        name: "tensorflow.TypeSpecProto.TypeSpecClass",
        values: &[
            ("UNKNOWN", 0),
            ("SPARSE_TENSOR_SPEC", 1),
            ("INDEXED_SLICES_SPEC", 2),
            ("RAGGED_TENSOR_SPEC", 3),
            ("TENSOR_ARRAY_SPEC", 4),
            ("DATA_DATASET_SPEC", 5),
            ("DATA_ITERATOR_SPEC", 6),
            ("OPTIONAL_SPEC", 7),
            ("PER_REPLICA_SPEC", 8),
            ("VARIABLE_SPEC", 9),
            ("ROW_PARTITION_SPEC", 10),
            ("REGISTERED_TYPE_SPEC", 12),
            ("EXTENSION_TYPE_SPEC", 13),
        ],
    },
    Enum {
        name: "tensorflow.VariableSynchronization",
        values: &[
            ("VARIABLE_SYNCHRONIZATION_AUTO", 0),
            ("VARIABLE_SYNCHRONIZATION_NONE", 1),
            ("VARIABLE_SYNCHRONIZATION_ON_WRITE", 2),
            ("VARIABLE_SYNCHRONIZATION_ON_READ", 3),
        ],
    },
    Enum {
        name: "tensorflow.VariableAggregation",
        values: &[
            ("VARIABLE_AGGREGATION_NONE", 0),
            ("VARIABLE_AGGREGATION_SUM", 1),
            ("VARIABLE_AGGREGATION_MEAN", 2),
            ("VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA", 3),
        ],
    },
    Enum {
        name: "tensorflow.FunctionSpec.JitCompile",
        values: &[
            ("DEFAULT", 0),
            ("ON", 1),
            ("OFF", 2),
        ],
    },
    Enum {
        name: "tensorflow.SaverDef.CheckpointFormatVersion",
        values: &[
            ("LEGACY", 0),
            ("V1", 1),
            ("V2", 2),
        ],
    },
    Enum {
        name: "tensorflow.BundleHeaderProto.Endianness",
        values: &[
            ("LITTLE", 0),
            ("BIG", 1),
        ],
    },
];
