//! What holds of every [`Graph`], after lowering and after each pass.
//!
//! - Operands come before their users, and name a result that exists.
//! - Each node's types are what inference gives for its operands, up to fresh symbols.
//! - Regions verify as graphs do.
//! - `inputs` are [`Op::Input`] nodes, numbered in order; `outputs` exist.

use super::{Graph, Op, Shape, Type, Value};
use crate::error::{Error, Result};

/// Checks the invariants of the module's documentation.
///
/// # Errors
/// Names the first node that breaks one.
pub fn verify(graph: &Graph) -> Result<()> {
    for (id, node) in graph.nodes() {
        for &input in &node.inputs {
            if input.node >= id || !exists(graph, input) {
                return Err(
                    broken(format!("%{} reads {input:?} before it is made", id.0))
                        .at(&node.origin.place()),
                );
            }
        }
        check_types(graph, node).map_err(|e| e.at(&node.origin.place()))?;
        for region in node.op.regions() {
            verify(region.graph())?;
        }
    }
    for (i, &input) in graph.inputs.iter().enumerate() {
        if graph.producer(input).op != Op::Input(i) {
            return Err(broken(format!("argument {i} is not an input node")));
        }
    }
    match graph.outputs.iter().find(|&&output| !exists(graph, output)) {
        Some(output) => Err(broken(format!("{output:?} is returned and does not exist"))),
        None => Ok(()),
    }
}

fn exists(graph: &Graph, value: Value) -> bool {
    (value.node.0 as usize) < graph.len()
        && (value.result as usize) < graph.producer(value).types.len()
}

fn check_types(graph: &Graph, node: &super::Node) -> Result<()> {
    if node.op.is_source() {
        return Ok(());
    }
    let types: Vec<&Type> = node.inputs.iter().map(|&v| graph.ty(v)).collect();
    let inferred = super::infer::infer(&node.op, &types, &mut super::Fresh::after(graph))?;
    let agree = inferred.len() == node.types.len()
        && inferred
            .iter()
            .zip(&node.types)
            .all(|(a, b)| compatible(a, b));
    match agree {
        true => Ok(()),
        false => Err(broken(format!(
            "the recorded types {:?} are not the inferred {inferred:?}",
            node.types
        ))),
    }
}

/// Equal element types, equal ranks, and no two known extents that differ.
fn compatible(a: &Type, b: &Type) -> bool {
    let shapes = match (&a.shape, &b.shape) {
        (Shape::Ranked(a), Shape::Ranked(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(x, y)| x.as_known().zip(y.as_known()).is_none_or(|(x, y)| x == y))
        }
        (Shape::Unranked, Shape::Unranked) => true,
        (Shape::Ranked(_), Shape::Unranked) | (Shape::Unranked, Shape::Ranked(_)) => false,
    };
    a.dtype == b.dtype && shapes
}

fn broken(message: String) -> Error {
    Error::internal(message)
}
