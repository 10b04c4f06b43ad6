//! Removes what is not needed: extents in place of shape arithmetic, equal nodes once, and no dead nodes.

use super::rewrite::Rewriter;
use crate::error::Result;
use crate::ir::{Graph, Node, NodeId, Op, Value};
use std::collections::HashMap;

/// Shape arithmetic becomes [`Op::Extents`]; equal nodes become one; dead nodes go.
///
/// # Errors
/// None on a graph that verifies.
pub fn cleanup(graph: &Graph) -> Result<Graph> {
    let shaped = extents(graph)?;
    let shared = share(&shaped)?;
    sweep(&shared)
}

/// Replaces values of known content by extents.
fn extents(graph: &Graph) -> Result<Graph> {
    Rewriter::new(graph).run(|rewriter, _, node| {
        let is_read = matches!(node.op, Op::ReadExtents(_));
        let Some(content) = node
            .content
            .as_ref()
            .filter(|_| !node.op.is_source() && !is_read)
        else {
            return Ok(None);
        };
        let dtype = node.types[0].dtype;
        Ok(Some(vec![rewriter.new.extents(
            content.dims.clone(),
            content.scalar,
            dtype,
            &node.origin,
        )]))
    })
}

/// Gives equal pure nodes one value. Every op of the IR is pure but [`Op::Dropout`], which may be live in training.
fn share(graph: &Graph) -> Result<Graph> {
    let mut seen: HashMap<Vec<Value>, Vec<(NodeId, Vec<Value>)>> = HashMap::new();
    Rewriter::new(graph).run(|rewriter, id, node| {
        if !is_shared(&node.op) {
            return Ok(None);
        }
        let alike = seen.entry(rewriter.get_all(&node.inputs)).or_default();
        let is_it = |other: &Node| other.op == node.op && other.types == node.types;
        if let Some((_, values)) = alike.iter().find(|(other, _)| is_it(graph.node(*other))) {
            return Ok(Some(values.clone()));
        }
        let values = rewriter.copy(node)?;
        alike.push((id, values.clone()));
        Ok(Some(values))
    })
}

/// Whether equal nodes become one; large constants are not worth the comparison.
fn is_shared(op: &Op) -> bool {
    match op {
        Op::Input(_) | Op::Dropout { .. } | Op::If { .. } | Op::Loop(_) => false,
        Op::Constant(value) => value.len() <= 256,
        _ => true,
    }
}

/// Keeps the arguments and what the results need.
///
/// # Errors
/// None on a graph that verifies.
pub fn sweep(graph: &Graph) -> Result<Graph> {
    let mut live = vec![false; graph.len()];
    graph
        .outputs
        .iter()
        .for_each(|output| live[output.node.0 as usize] = true);
    for (id, node) in graph.nodes().rev() {
        if live[id.0 as usize] {
            graph
                .reads(node)
                .iter()
                .for_each(|input| live[input.node.0 as usize] = true);
        }
    }
    Rewriter::new(graph).run(|_, id, node| {
        let keep = live[id.0 as usize] || matches!(node.op, Op::Input(_));
        // A dead node's results are never looked up.
        Ok((!keep).then(Vec::new))
    })
}
