//! The object graph: validated, walked, and matched with the checkpoint's.

mod matching;
mod paths;
mod validate;

use std::collections::BTreeMap;

use savedmodel_import_proto::saved_object::Kind;
use savedmodel_import_proto::{SavedConcreteFunction, SavedObject, SavedObjectGraph};

pub(super) use self::matching::{
    CHECKPOINT_GRAPH, CheckpointObjects, checkpoint_graph, match_checkpoint,
};
pub(super) use self::paths::{function_edges, readable_paths};
use super::library::FunctionLibrary;
use crate::Result;

/// The Python objects of a TF2 model. All ids in it are in range, and every node has a kind.
#[derive(Debug)]
pub struct ObjectGraph {
    proto: SavedObjectGraph,
}

impl ObjectGraph {
    pub(super) fn new(proto: SavedObjectGraph, context: &Context<'_>) -> Result<ObjectGraph> {
        validate::check(&proto, context)?;
        Ok(ObjectGraph { proto })
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.proto.nodes.len()
    }

    /// Whether there is none, which never is: there is a root.
    pub fn is_empty(&self) -> bool {
        self.proto.nodes.is_empty()
    }

    /// The object with that id; the root is 0.
    pub fn get(&self, id: usize) -> Option<&SavedObject> {
        self.proto.nodes.get(id)
    }

    /// What the object is.
    pub fn kind(&self, id: usize) -> Option<&Kind> {
        self.get(id)?.kind.as_ref()
    }

    /// The attributes of an object, in stored order.
    pub fn children(&self, id: usize) -> impl Iterator<Item = (usize, &str)> {
        let children = self.get(id).map_or(&[][..], |node| &node.children);
        children
            .iter()
            .map(|child| (child.node_id as usize, child.local_name.as_str()))
    }

    /// The child with that name; the last one counts.
    pub fn child(&self, id: usize, name: &str) -> Option<usize> {
        self.children(id)
            .filter(|(_, child)| *child == name)
            .last()
            .map(|(id, _)| id)
    }

    /// All objects with their ids.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (usize, &SavedObject)> {
        self.proto.nodes.iter().enumerate()
    }

    /// The calling conventions, by the name of the FunctionDef.
    pub(crate) fn concrete_functions(&self) -> &BTreeMap<String, SavedConcreteFunction> {
        &self.proto.concrete_functions
    }
}

/// What an object graph refers to.
pub(super) struct Context<'a> {
    pub(super) library: &'a FunctionLibrary,
    pub(super) graph: &'a savedmodel_import_proto::GraphDef,
    /// The number of asset files.
    pub(super) assets: usize,
}
