//! Paths through the object graph: the one a person would write, and where the functions are.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use savedmodel_import_proto::saved_object::Kind;

use super::ObjectGraph;
use crate::{Error, Result};

/// How many names all paths together may have.
const MAX_NAMES: usize = 10_000_000;

/// Attribute names from the root.
pub(in super::super) type ObjectPath = Vec<String>;

/// How far from readable an attribute's name is.
fn cost(name: &str, parent: Option<&Kind>) -> u64 {
    match (name, parent) {
        (_, Some(Kind::Function(_) | Kind::BareConcreteFunction(_))) => 10_000,
        ("signatures" | "keras_api", _) => 1_000,
        ("variables" | "trainable_variables" | "non_trainable_variables", _) => 100,
        ("weights" | "trainable_weights" | "regularization_losses" | "metrics", _) => 100,
        _ if name.starts_with('_') => 40,
        _ if name.bytes().all(|byte| byte.is_ascii_digit()) => 12,
        _ if name.starts_with("layer-") || name.starts_with("layer_with_weights-") => 14,
        _ => 10,
    }
}

/// For each wanted object the most readable path, by Dijkstra's algorithm; `None` for what the root does not reach.
pub(in super::super) fn readable_paths(
    graph: &ObjectGraph,
    wanted: impl Fn(usize) -> bool,
) -> Result<Vec<Option<ObjectPath>>> {
    let mut best = vec![None; graph.len()];
    let mut distances = vec![u64::MAX; graph.len()];
    let mut done = vec![false; graph.len()];
    let mut queue = BinaryHeap::from([Reverse((0u64, 0usize))]);
    while let Some(Reverse((distance, id))) = queue.pop() {
        if std::mem::replace(&mut done[id], true) {
            continue;
        }
        for (child, name) in graph.children(id) {
            let through = distance + cost(name, graph.kind(id));
            if child != 0 && through < distances[child] {
                distances[child] = through;
                best[child] = Some((id, name));
                queue.push(Reverse((through, child)));
            }
        }
    }
    let mut tree = Tree::new(best);
    (0..graph.len())
        .map(|id| if wanted(id) { tree.path(id) } else { Ok(None) })
        .collect()
}

/// Every attribute that is a function: its path and the object, nearest to the root first. The insides of functions
/// (their traces and captures) are not walked.
pub(in super::super) fn function_edges(graph: &ObjectGraph) -> Result<Vec<(ObjectPath, usize)>> {
    let mut edges = Vec::new();
    let mut parents = vec![None; graph.len()];
    let mut queue = VecDeque::from([0usize]);
    while let Some(id) = queue.pop_front() {
        for (child, name) in graph.children(id) {
            match graph.kind(child) {
                Some(Kind::Function(_) | Kind::BareConcreteFunction(_)) => {
                    edges.push((id, name, child));
                }
                _ if child != 0 && parents[child].is_none() => {
                    parents[child] = Some((id, name));
                    queue.push_back(child);
                }
                _ => {}
            }
        }
    }
    let mut tree = Tree::new(parents);
    edges
        .into_iter()
        .map(|(parent, name, child)| {
            let mut path = tree.path(parent)?.unwrap_or_default();
            path.push(name.to_owned());
            Ok((path, child))
        })
        .collect()
}

/// Each object's parent and its name there.
struct Tree<'g> {
    parents: Vec<Option<(usize, &'g str)>>,
    /// Names that paths may still have: a chain of objects would have as many as its length squared.
    budget: usize,
}

impl<'g> Tree<'g> {
    fn new(parents: Vec<Option<(usize, &'g str)>>) -> Self {
        Tree {
            parents,
            budget: MAX_NAMES,
        }
    }

    fn path(&mut self, id: usize) -> Result<Option<ObjectPath>> {
        let mut path = Vec::new();
        let mut at = id;
        while at != 0 {
            let Some((parent, name)) = self.parents[at] else {
                return Ok(None);
            };
            self.budget = self
                .budget
                .checked_sub(1)
                .ok_or_else(|| Error::malformed("the object graph is too deep"))?;
            path.push(name.to_owned());
            at = parent;
        }
        path.reverse();
        Ok(Some(path))
    }
}
