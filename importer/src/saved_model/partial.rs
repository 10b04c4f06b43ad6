//! Loading in part: which objects some paths lead to, and that they need no others.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use savedmodel_import_proto::saved_object::Kind;

use super::objects::ObjectGraph;
use crate::{Error, Result};

/// An error if the objects at `paths`, such as `root.encoder.kernel`, do not exist or need objects beside them.
pub(super) fn check(objects: &ObjectGraph, paths: &[String]) -> Result<()> {
    let chosen = chosen(objects, paths)?;
    if chosen.contains(&0) {
        return Ok(());
    }
    let outside = chosen
        .iter()
        .flat_map(|&id| needed(objects, id))
        .find(|id| !chosen.contains(id));
    match outside {
        None => Ok(()),
        Some(id) => Err(Error::usage(format!(
            "Unable to partially load SavedModel since the specified filter does not include all required objects for loading (e.g. variables used in functions or deserialization dependencies). Please include this path in the filter: {}",
            path(objects, id)
        ))),
    }
}

/// The objects at the paths, with all that hangs on them.
fn chosen(objects: &ObjectGraph, paths: &[String]) -> Result<BTreeSet<usize>> {
    let mut queue = VecDeque::new();
    for path in paths {
        let mut names = path.split('.');
        if names.next() != Some("root") {
            return Err(Error::usage(format!(
                "When passing string identifiers to node_filters, the first name must be root. Received {path}."
            )));
        }
        let node = names.try_fold(0, |at, name| objects.child(at, name));
        let missing = || Error::usage(format!("Unable to find node {path}."));
        queue.push_back(node.ok_or_else(missing)?);
    }
    let mut chosen = BTreeSet::new();
    while let Some(id) = queue.pop_front() {
        if chosen.insert(id) {
            queue.extend(objects.children(id).map(|(child, _)| child));
        }
    }
    Ok(chosen)
}

/// What an object cannot do without: what its functions capture, and what it is made from.
fn needed(objects: &ObjectGraph, id: usize) -> Vec<usize> {
    let captures = |name: &String| {
        let function = objects.concrete_functions().get(name);
        let bound = function.map_or(&[][..], |function| &function.bound_inputs);
        bound
            .iter()
            .filter_map(|&id| usize::try_from(id).ok())
            .collect::<Vec<_>>()
    };
    let mut ids: Vec<usize> = match objects.kind(id) {
        Some(Kind::Function(function)) => function
            .concrete_functions
            .iter()
            .flat_map(captures)
            .collect(),
        Some(Kind::BareConcreteFunction(bare)) => captures(&bare.concrete_function_name),
        _ => Vec::new(),
    };
    let dependencies = objects.get(id).map_or(&[][..], |node| &node.dependencies);
    ids.extend(
        dependencies
            .iter()
            .filter_map(|d| usize::try_from(d.node_id).ok()),
    );
    ids
}

/// A shortest path to an object.
fn path(objects: &ObjectGraph, wanted: usize) -> String {
    let mut paths = BTreeMap::from([(0, "(root)".to_owned())]);
    let mut queue = VecDeque::from([0]);
    while let Some(id) = queue.pop_front() {
        let own = paths.get(&id).cloned().unwrap_or_default();
        for (child, name) in objects.children(id) {
            if let Entry::Vacant(place) = paths.entry(child) {
                place.insert(format!("{own}.{name}"));
                queue.push_back(child);
            }
        }
    }
    paths
        .remove(&wanted)
        .unwrap_or_else(|| format!("object {wanted}"))
}
