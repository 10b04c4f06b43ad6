//! Variables: their names, types, and places in the checkpoint.

use savedmodel_import_proto::saved_object::Kind;
use savedmodel_import_proto::{DataType, SavedVariable};
pub use savedmodel_import_proto::{
    VariableAggregation as Aggregation, VariableSynchronization as Synchronization,
};

use super::bundle::{Bundle, Entry, Slice};
use super::dtype::{dtype_from_wire, dtype_name};
use super::objects::{CheckpointObjects, ObjectGraph, readable_paths};
use super::shape::{StaticShape, display, is_compatible, static_shape};
use crate::{Error, Place, Result};

/// A variable of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// TensorFlow's name, without `:0`. Names need not be unique.
    pub name: String,
    /// The key in the checkpoint; `None` for one that is not restored.
    pub checkpoint_key: Option<String>,
    /// The part of the stored tensor that this variable is, where it is one of several.
    pub checkpoint_slice: Option<Slice>,
    /// The element type.
    pub dtype: DataType,
    /// The checkpoint's shape where there is one, else the declared shape.
    pub shape: StaticShape,
    /// The declared shape, which values fit.
    pub declared_shape: StaticShape,
    /// Whether training changes it.
    pub trainable: bool,
    /// When the copies of a distributed variable are made equal.
    pub synchronization: Synchronization,
    /// How the copies of a distributed variable are combined.
    pub aggregation: Aggregation,
    /// The device that it was on when it was saved; may be empty.
    pub device: String,
    /// The most readable path from the root of the object graph.
    pub object_path: Option<Vec<String>>,
    /// The id in the object graph.
    pub object_id: Option<usize>,
    /// The node of the main graph that makes it, in a TF1 model.
    pub node: Option<String>,
    /// Whether it is a reference variable of TF1, not a resource.
    pub is_ref: bool,
}

const VALUE: &str = "VARIABLE_VALUE";

/// Whether there are variables among the objects.
pub(super) fn are_in(graph: &ObjectGraph) -> bool {
    graph
        .nodes()
        .any(|(_, node)| matches!(node.kind, Some(Kind::Variable(_))))
}

/// The variables of an object graph, in its order.
pub(super) fn from_objects(
    graph: &ObjectGraph,
    values: &CheckpointObjects,
) -> Result<Vec<Variable>> {
    let is_variable = |id| matches!(graph.kind(id), Some(Kind::Variable(_)));
    let mut paths = readable_paths(graph, is_variable)?;
    let mut variables = Vec::new();
    for (id, node) in graph.nodes() {
        if let Some(Kind::Variable(variable)) = &node.kind {
            let key = values.get(&id).and_then(|keys| keys.get(VALUE)).cloned();
            variables.push(from_object(id, variable, key, paths[id].take())?);
        }
    }
    Ok(variables)
}

fn from_object(
    id: usize,
    proto: &SavedVariable,
    checkpoint_key: Option<String>,
    object_path: Option<Vec<String>>,
) -> Result<Variable> {
    let name = match proto.name.as_str() {
        "" => "Variable".to_owned(),
        name => name.to_owned(),
    };
    Ok(Variable {
        name,
        checkpoint_key,
        checkpoint_slice: None,
        dtype: dtype_from_wire(proto.dtype)?,
        shape: static_shape(proto.shape.as_ref())?,
        declared_shape: static_shape(proto.shape.as_ref())?,
        trainable: proto.trainable,
        synchronization: proto.synchronization(),
        aggregation: proto.aggregation(),
        device: proto.device.clone(),
        object_path,
        object_id: Some(id),
        node: None,
        is_ref: false,
    })
}

impl Variable {
    /// The place of an error about this variable.
    pub(super) fn place(&self) -> Place {
        Place {
            node: self.node.clone(),
            object: self.object_path.as_ref().map(|path| path.join(".")),
            ..Place::default()
        }
    }

    fn shape_in(&self, entry: &Entry) -> Vec<u64> {
        let extents = self
            .checkpoint_slice
            .as_ref()
            .map_or(&[][..], |slice| &slice.extents);
        let mut shape = entry.shape.clone();
        for (dim, extent) in shape.iter_mut().zip(extents) {
            *dim = extent.map_or(*dim, |(_, length)| length);
        }
        shape
    }

    fn check(&self, entry: &Entry, shape: &[u64]) -> Result<()> {
        if self
            .checkpoint_slice
            .as_ref()
            .is_some_and(|slice| !slice.fits(&entry.shape))
        {
            return Err(Error::malformed(format!(
                "variable `{}` is a slice that a tensor of shape {:?} does not have",
                self.name, entry.shape
            )));
        }
        if entry.dtype != self.dtype {
            return Err(Error::malformed(format!(
                "variable `{}` is of {}, but the checkpoint has {}",
                self.name,
                dtype_name(self.dtype),
                dtype_name(entry.dtype)
            )));
        }
        match is_compatible(&self.shape, shape) {
            true => Ok(()),
            false => Err(Error::malformed(format!(
                "variable `{}`: checkpoint shape {shape:?} vs. declared {}",
                self.name,
                display(&self.shape)
            ))),
        }
    }
}

/// Finds each variable in the checkpoint, checks it, and takes over the stored shape.
pub(super) fn bind(
    variables: &mut [Variable],
    checkpoint: &Bundle,
    allow_partial: bool,
) -> Result<()> {
    let mut errors = Vec::new();
    for variable in variables {
        if let Err(error) = bind_one(variable, checkpoint, allow_partial) {
            errors.push(error.at(&variable.place()));
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Error::several(errors)),
    }
}

fn bind_one(variable: &mut Variable, checkpoint: &Bundle, allow_partial: bool) -> Result<()> {
    let Some(key) = &variable.checkpoint_key else {
        // A TF1 variable that is not restored is initialised; a TF2 variable has no other value.
        let reached = variable.object_path.is_some();
        return match reached && !allow_partial {
            true => Err(Error::malformed(format!(
                "variable `{}` is not bound to checkpointed values",
                variable.name
            ))
            .help("allow a partial checkpoint if the variable is not needed")),
            false => Ok(()),
        };
    };
    let entry = match checkpoint.entry(key) {
        Ok(entry) => entry,
        Err(_) if allow_partial => {
            variable.checkpoint_key = None;
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let shape = variable.shape_in(entry);
    variable.check(entry, &shape)?;
    variable.shape = Some(shape.into_iter().map(Some).collect());
    Ok(())
}
