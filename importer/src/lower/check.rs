//! What the model says about a node's outputs.

use super::cx::Lowered;
use crate::error::{Error, Result};
use crate::graph::op_def::op_def;
use crate::ir::{Dim, Graph, Type};
use savedmodel_import_proto::{AttrValue, NodeDef, TensorShapeProto, attr_value};

/// How many outputs a node has.
pub fn output_count(def: &NodeDef) -> usize {
    let Some(op) = op_def(&def.op) else { return 1 };
    let attr = |name: &str| def.attr.get(name).or_else(|| op.default(name));
    op.output_types(attr).map_or(1, |types| types.len())
}

/// TensorFlow's own record of the shapes, where the node has one, agrees in every known extent.
///
/// # Errors
/// It does not.
pub fn shapes(graph: &Graph, def: &NodeDef, outputs: &[Lowered]) -> Result<()> {
    let Some(AttrValue {
        value: Some(attr_value::Value::List(recorded)),
    }) = def.attr.get("_output_shapes")
    else {
        return Ok(());
    };
    for (output, recorded) in outputs.iter().zip(&recorded.shape) {
        if let Lowered::Value(value) = output
            && contradicts(graph.ty(*value), recorded)
        {
            let message = format!(
                "the shape {} is not the recorded {}",
                graph.ty(*value),
                text(recorded)
            );
            return Err(Error::malformed(message));
        }
    }
    Ok(())
}

fn contradicts(ty: &Type, recorded: &TensorShapeProto) -> bool {
    let Some(dims) = ty.shape.dims() else {
        return false;
    };
    if recorded.unknown_rank {
        return false;
    }
    let differs = |(dim, recorded): (&Dim, i64)| {
        recorded >= 0 && dim.as_known().is_some_and(|known| known != recorded)
    };
    dims.len() != recorded.dim.len()
        || dims
            .iter()
            .zip(recorded.dim.iter().map(|dim| dim.size))
            .any(differs)
}

fn text(shape: &TensorShapeProto) -> String {
    let dims: Vec<String> = shape.dim.iter().map(|dim| dim.size.to_string()).collect();
    format!("[{}]", dims.join(", "))
}
