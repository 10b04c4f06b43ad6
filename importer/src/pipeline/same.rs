//! Functions that compute the same, and give it under other names or in another order.

use crate::ir::{Function, Graph, NodeId, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The results of `known` that are those of a function which computes nothing else; none where it gives one only.
pub(crate) fn order(known: &Function, function: &Function) -> Option<Vec<usize>> {
    let (theirs, own) = (&known.graph.outputs, &function.graph.outputs);
    let count = function.outputs.len();
    let is_alike = known.assigned == function.assigned
        && known.graph.inputs.len() == function.graph.inputs.len();
    if !is_alike || count < 2 || known.outputs.len() != count || theirs.len() != own.len() {
        return None;
    }
    let counterparts = counterparts(&known.graph, &function.graph)?;
    let place = |value| {
        theirs
            .iter()
            .position(|other| counterparts.get(value) == Some(other))
    };
    let order: Vec<usize> = own.iter().map(place).collect::<Option<_>>()?;
    let (results, assigned) = order.split_at(count);
    let is_whole =
        results.iter().collect::<BTreeSet<_>>() == (0..count).collect::<Vec<_>>().iter().collect();
    let is_assigned_alike = assigned.iter().copied().eq(count..own.len());
    (is_whole && is_assigned_alike).then(|| results.to_vec())
}

/// For each value of a graph, the value of the other that is computed alike; `None` if there is one without.
fn counterparts(known: &Graph, graph: &Graph) -> Option<BTreeMap<Value, Value>> {
    if known.len() != graph.len() {
        return None;
    }
    let mut by_inputs: BTreeMap<&[Value], Vec<NodeId>> = BTreeMap::new();
    for (id, node) in known.nodes() {
        by_inputs.entry(&node.inputs).or_default().push(id);
    }
    let mut found: BTreeMap<Value, Value> = BTreeMap::new();
    for (id, node) in graph.nodes() {
        let inputs = node.inputs.iter().map(|input| found.get(input).copied());
        let inputs: Vec<Value> = inputs.collect::<Option<_>>()?;
        let candidates = by_inputs.get_mut(inputs.as_slice())?;
        let is_it = |other: &NodeId| {
            let other = known.node(*other);
            other.types == node.types && other.op == node.op
        };
        let other = candidates.remove(candidates.iter().position(is_it)?);
        for result in 0..node.types.len() as u32 {
            found.insert(
                Value { node: id, result },
                Value {
                    node: other,
                    result,
                },
            );
        }
    }
    Some(found)
}
