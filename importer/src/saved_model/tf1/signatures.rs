//! Signatures as feeds and fetches of the main graph.

use std::collections::BTreeMap;

use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::{
    DataType, GraphDef, MetaGraphDef, SignatureDef, TensorInfo, tensor_info,
};

use super::super::dtype::dtype_from_wire;
use super::super::exported::{Argument, ExportedFunction, FunctionBody, Output};
use super::super::shape::{StaticShape, static_shape};
use super::Nodes;
use crate::{Error, Result};

const INIT_OP: &str = "__saved_model_init_op";

/// The signatures, by key. What initialises the model is none.
pub(in super::super) fn functions(graph: &MetaGraphDef) -> Result<Vec<ExportedFunction>> {
    let empty = GraphDef::default();
    let nodes = Nodes::new(graph.graph_def.as_ref().unwrap_or(&empty))?;
    graph
        .signature_def
        .iter()
        .filter(|(key, _)| key.as_str() != INIT_OP)
        .map(|(key, signature)| {
            function(key, signature, &nodes)
                .map_err(|error| Error::malformed(format!("signature `{key}`: {error}")))
        })
        .collect()
}

fn function(key: &str, signature: &SignatureDef, nodes: &Nodes<'_>) -> Result<ExportedFunction> {
    let inputs = tensors(&signature.inputs, nodes)?;
    let (outputs, targets): (Vec<_>, Vec<_>) = tensors(&signature.outputs, nodes)?
        .into_iter()
        .partition(|tensor| tensor.tensor.contains(':'));
    let feeds = inputs.iter().map(|input| input.tensor.clone()).collect();
    let fetches = outputs.iter().map(|output| output.tensor.clone()).collect();
    let argument = |tensor: NamedTensor| Argument {
        name: tensor.name.clone(),
        argument: tensor.name,
        dtype: tensor.dtype,
        shape: tensor.shape,
    };
    let output = |tensor: NamedTensor| Output {
        name: tensor.name,
        dtype: tensor.dtype,
        shape: tensor.shape,
    };
    Ok(ExportedFunction {
        path: format!("signatures/{key}"),
        aliases: Vec::new(),
        trace: 0,
        inputs: inputs.into_iter().map(argument).collect(),
        outputs: outputs.into_iter().map(output).collect(),
        python_arguments: BTreeMap::new(),
        body: FunctionBody::Graph {
            feeds,
            fetches,
            targets: targets.into_iter().map(|target| target.tensor).collect(),
        },
    })
}

struct NamedTensor {
    name: String,
    tensor: String,
    dtype: DataType,
    shape: StaticShape,
}

fn tensors(infos: &BTreeMap<String, TensorInfo>, nodes: &Nodes<'_>) -> Result<Vec<NamedTensor>> {
    let mut found = Vec::new();
    for (key, info) in infos {
        expand(key, info, nodes, &mut found)?;
    }
    Ok(found)
}

fn expand(
    key: &str,
    info: &TensorInfo,
    nodes: &Nodes<'_>,
    found: &mut Vec<NamedTensor>,
) -> Result<()> {
    match &info.encoding {
        Some(tensor_info::Encoding::Name(name)) => found.push(named(key, name, info, nodes)?),
        Some(tensor_info::Encoding::CooSparse(sparse)) => {
            let shape = static_shape(info.tensor_shape.as_ref())?;
            let rank = shape.map(|dims| dims.len() as u64);
            let dtype = dtype_from_wire(info.dtype)?;
            let long = DataType::DtInt64;
            let parts = [
                (
                    "indices",
                    &sparse.indices_tensor_name,
                    long,
                    vec![None, rank],
                ),
                ("values", &sparse.values_tensor_name, dtype, vec![None]),
                (
                    "dense_shape",
                    &sparse.dense_shape_tensor_name,
                    long,
                    vec![rank],
                ),
            ];
            for (part, tensor, dtype, shape) in parts {
                check_exists(tensor, nodes)?;
                found.push(NamedTensor {
                    name: format!("{key}_{part}"),
                    tensor: tensor.clone(),
                    dtype,
                    shape: Some(shape),
                });
            }
        }
        Some(tensor_info::Encoding::CompositeTensor(composite)) => {
            for (index, component) in composite.components.iter().enumerate() {
                expand(&format!("{key}_component_{index}"), component, nodes, found)?;
            }
        }
        None => {
            return Err(Error::malformed(format!(
                "`{key}` does not say which tensor it is"
            )));
        }
    }
    Ok(())
}

/// How far the number of a reference type is from that of what it refers to.
const REFERENCE: i32 = 100;

fn check_exists(tensor: &str, nodes: &Nodes<'_>) -> Result<()> {
    match nodes.of_tensor(tensor) {
        Some(_) => Ok(()),
        None => Err(Error::malformed(format!(
            "The name '{tensor}' refers to a Tensor which does not exist"
        ))),
    }
}

fn named(key: &str, tensor: &str, info: &TensorInfo, nodes: &Nodes<'_>) -> Result<NamedTensor> {
    check_exists(tensor, nodes)?;
    let placeholder = nodes
        .of_tensor(tensor)
        .filter(|node| node.op.starts_with("Placeholder"))
        .and_then(|node| node.attr.get("dtype")?.value.as_ref());
    // What a signature says of the type is not believed where the graph says it.
    let dtype = match placeholder {
        Some(Value::Type(dtype)) => *dtype,
        _ => info.dtype,
    };
    // What is fetched of a reference is its value.
    let dtype = if dtype > REFERENCE {
        dtype - REFERENCE
    } else {
        dtype
    };
    Ok(NamedTensor {
        name: key.to_owned(),
        tensor: tensor.to_owned(),
        dtype: dtype_from_wire(dtype)?,
        shape: match &info.tensor_shape {
            Some(shape) => static_shape(Some(shape))?,
            None => None,
        },
    })
}
