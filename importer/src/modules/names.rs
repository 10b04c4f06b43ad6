//! Names of types and fields, and what their documentation says.

use super::paths::stem;
use super::types::ModuleType;
use crate::codegen::rust::ident::{Namer, camel};
use std::collections::BTreeMap;

/// Type names that generated code uses for other things.
pub const RESERVED_TYPES: [&str; 66] = [
    "Tensor",
    "Device",
    "Result",
    "Module",
    "Linear",
    "Embedding",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "DepthwiseConv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "BatchNorm",
    "BatchNormConfig",
    "LayerNorm",
    "LayerNormConfig",
    "Dropout",
    "Activation",
    "Padding",
    "ConvConfig",
    "Param",
    "Config",
    "Vec",
    "Option",
    "Some",
    "None",
    "Ok",
    "Err",
    "Self",
    "String",
    "Box",
    "Var",
    "VarMap",
    "VarBuilder",
    "DType",
    "Shape",
    "Int",
    "Bool",
    "Float",
    "StringTensor",
    "Path",
    "Slice",
    "Initializer",
    "ParamId",
    "ModuleSnapshot",
    "SafetensorsStore",
    "SafetensorsStoreError",
    "FloatDType",
    "IntDType",
    "IndexingUpdateOp",
    "PadMode",
    "Sampling",
    "LinearConfig",
    "EmbeddingConfig",
    "Conv1dConfig",
    "Conv2dConfig",
    "ConvTranspose1dConfig",
    "ConvTranspose2dConfig",
    "ConvTranspose3d",
    "ConvTranspose3dConfig",
    "MaxPool1dConfig",
    "MaxPool2dConfig",
    "AvgPool1dConfig",
    "AvgPool2dConfig",
    "PaddingConfig1d",
    "PaddingConfig2d",
];

/// The name that most instances suggest.
pub fn type_name(ty: &ModuleType, model: &str) -> String {
    if ty.instances[0].path.is_empty() {
        return camel(model);
    }
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    for instance in &ty.instances {
        let last = instance.path.last().map_or("", String::as_str);
        *votes.entry(stem(last)).or_insert(0) += 1;
    }
    let stem = votes
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(stem, _)| stem)
        .unwrap_or_default();
    camel(if stem.is_empty() { "block" } else { &stem })
}

pub fn field_names(ty: &ModuleType) -> Vec<String> {
    let methods = [
        "self",
        "forward",
        "forward_t",
        "new",
        "load",
        "fused",
        "train",
        "valid",
        "map",
        "visit",
        "device",
        "vb",
    ];
    let mut namer = Namer::with_taken(methods);
    ty.module
        .fields
        .iter()
        .map(|(name, _)| namer.snake(&digits_last(name)))
        .collect()
}

/// `1_conv` is `conv1` to Rust.
fn digits_last(name: &str) -> String {
    match name.split_once('_') {
        Some((digits, rest))
            if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            format!("{rest}{digits}")
        }
        _ => name.to_owned(),
    }
}

pub fn docs(ty: &ModuleType, root: bool, name: &str) -> Vec<String> {
    let paths: Vec<String> = ty
        .instances
        .iter()
        .map(|instance| format!("`{}`", instance.path.join("/")))
        .collect();
    match (root, paths.as_slice()) {
        (true, _) => vec![format!("The model `{name}`.")],
        (false, [path]) => vec![format!("Layer {path}.")],
        (false, [first, .., last]) => {
            vec![format!("Layers {first} to {last}, {} in all.", paths.len())]
        }
        (false, []) => vec![],
    }
}
