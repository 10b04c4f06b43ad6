//! Which values of the checkpoint belong to which objects.
//!
//! The checkpoint has an object graph of its own. Both are walked together, breadth first from the roots along equal names;
//! slot variables are found by the variable they belong to.

use std::collections::{BTreeMap, VecDeque};

use savedmodel_import_proto::TrackableObjectGraph;
use savedmodel_import_proto::prost::Message;

use super::super::bundle::Bundle;
use super::super::file::error_text;
use super::ObjectGraph;
use crate::{Error, Result};

/// The key of the checkpoint's own object graph.
pub(in super::super) const CHECKPOINT_GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// The values of each object that has any: from the attribute's name to the key in the checkpoint.
pub(in super::super) type CheckpointObjects = BTreeMap<usize, BTreeMap<String, String>>;

/// Matches the object graph with that of the checkpoint.
pub(in super::super) fn match_checkpoint(
    graph: &ObjectGraph,
    bundle: &Bundle,
) -> Result<CheckpointObjects> {
    let stored = checkpoint_graph(bundle)?;
    let matched = walk(graph, &stored);
    let mut values = CheckpointObjects::new();
    for (id, stored_id) in matched.into_iter().enumerate() {
        let Some(node) = stored_id.and_then(|id| stored.nodes.get(id)) else {
            continue;
        };
        let keys: BTreeMap<String, String> = node
            .attributes
            .iter()
            .map(|value| (value.name.clone(), value.checkpoint_key.clone()))
            .collect();
        if !keys.is_empty() {
            values.insert(id, keys);
        }
    }
    Ok(values)
}

/// Reads the checkpoint's own object graph. All ids in it are in range.
pub(in super::super) fn checkpoint_graph(bundle: &Bundle) -> Result<TrackableObjectGraph> {
    read(bundle).map_err(|error| error.in_file(bundle.prefix()))
}

fn read(bundle: &Bundle) -> Result<TrackableObjectGraph> {
    if !bundle.entries().contains_key(CHECKPOINT_GRAPH) {
        return Err(Error::malformed(
            "the checkpoint has no object graph: it was not saved with this model",
        ));
    }
    let value = bundle.read(CHECKPOINT_GRAPH)?;
    let bytes = value
        .strings()
        .and_then(|strings| strings.first())
        .ok_or_else(|| Error::malformed("the checkpoint's object graph is not a string"))?;
    let graph = TrackableObjectGraph::decode(bytes.as_ref()).map_err(|error| {
        Error::malformed(format!(
            "the checkpoint's object graph does not parse: {}",
            error_text(&error)
        ))
    })?;
    check(&graph)?;
    Ok(graph)
}

fn check(graph: &TrackableObjectGraph) -> Result<()> {
    let count = graph.nodes.len();
    for (id, node) in graph.nodes.iter().enumerate() {
        let children = node.children.iter().map(|child| child.node_id);
        let slots = node
            .slot_variables
            .iter()
            .flat_map(|slot| [slot.slot_variable_node_id, slot.original_variable_node_id]);
        for child in children.chain(slots) {
            if !usize::try_from(child).is_ok_and(|child| child < count) {
                return Err(Error::malformed(format!(
                    "the checkpoint's object graph: child {child} of node {id} does not exist, negative node id or out of range"
                )));
            }
        }
    }
    Ok(())
}

/// For each object its node in the stored graph.
fn walk(graph: &ObjectGraph, stored: &TrackableObjectGraph) -> Vec<Option<usize>> {
    let mut matched = vec![None; graph.len()];
    if stored.nodes.is_empty() || graph.is_empty() {
        return matched;
    }
    matched[0] = Some(0);
    let mut queue = VecDeque::from([(0, 0)]);
    while let Some((id, stored_id)) = queue.pop_front() {
        let names: BTreeMap<&str, usize> = stored.nodes[stored_id]
            .children
            .iter()
            .map(|child| (child.local_name.as_str(), child.node_id as usize))
            .collect();
        for (child, name) in graph.children(id) {
            if let (None, Some(&found)) = (matched[child], names.get(name)) {
                matched[child] = Some(found);
                queue.push_back((child, found));
            }
        }
    }
    match_slots(graph, stored, &mut matched);
    matched
}

fn match_slots(graph: &ObjectGraph, stored: &TrackableObjectGraph, matched: &mut [Option<usize>]) {
    for (id, node) in graph.nodes() {
        let Some(optimizer) = matched[id].and_then(|id| stored.nodes.get(id)) else {
            continue;
        };
        let slots: BTreeMap<(usize, &str), usize> = optimizer
            .slot_variables
            .iter()
            .map(|slot| {
                let original = slot.original_variable_node_id as usize;
                (
                    (original, slot.slot_name.as_str()),
                    slot.slot_variable_node_id as usize,
                )
            })
            .collect();
        for slot in &node.slot_variables {
            let original = matched[slot.original_variable_node_id as usize];
            let found = original.and_then(|id| slots.get(&(id, slot.slot_name.as_str())));
            let variable = slot.slot_variable_node_id as usize;
            if let (None, Some(&found)) = (matched[variable], found) {
                matched[variable] = Some(found);
            }
        }
    }
}
