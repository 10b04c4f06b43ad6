//! The TF1 path: one flat graph, with variables, assets and initialisation named by collections.

mod collections;
mod restore;
mod signatures;

use std::collections::{BTreeMap, BTreeSet};

use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::{DataType, GraphDef, MetaGraphDef, NodeDef, VariableDef};

use self::restore::Restored;
pub(super) use self::signatures::functions;
use super::assets::Asset;
use super::dtype::dtype_from_wire;
use super::shape::{StaticShape, static_shape};
use super::variables::{Aggregation, Synchronization, Variable};
use crate::{Error, Place, Result};

/// The version of graphs that this code follows; TensorFlow 2.21's own.
const GRAPH_VERSION: i32 = 2474;

/// The main graph by node names.
pub(super) struct Nodes<'g>(BTreeMap<&'g str, &'g NodeDef>);

impl<'g> Nodes<'g> {
    pub(super) fn new(graph: &'g GraphDef) -> Result<Nodes<'g>> {
        let mut nodes = BTreeMap::new();
        for node in &graph.node {
            if nodes.insert(node.name.as_str(), node).is_some() {
                return Err(Error::malformed(format!(
                    "Node '{}' is not unique",
                    node.name
                )));
            }
        }
        Ok(Nodes(nodes))
    }

    fn get(&self, name: &str) -> Option<&'g NodeDef> {
        self.0.get(name).copied()
    }

    /// The node of a tensor `node:2`, `node`, or a control input `^node`.
    fn of_tensor(&self, tensor: &str) -> Option<&'g NodeDef> {
        self.get(split_tensor(tensor).0)
    }
}

/// A tensor name's node and output index; a control input has the index 0.
fn split_tensor(tensor: &str) -> (&str, usize) {
    let tensor = tensor.trim_start_matches('^');
    match tensor.rsplit_once(':') {
        Some((node, index)) => match index.parse() {
            Ok(index) => (node, index),
            Err(_) => (tensor, 0),
        },
        None => (tensor, 0),
    }
}

/// What is particular to a TF1 model.
#[derive(Debug, Default)]
pub(super) struct Tf1 {
    /// The operation that initialises tables and local variables, run after the restore.
    pub(super) init_op: Option<String>,
    /// The operations that fill tables and local variables, where there is none that initialises all.
    pub(super) initializers: Vec<String>,
}

/// Checks the graph and reads the initialisation.
pub(super) fn read(graph: &MetaGraphDef, assets: &[Asset]) -> Result<Tf1> {
    let main = graph.graph_def.as_ref();
    check_version(main)?;
    let empty = GraphDef::default();
    let nodes = Nodes::new(main.unwrap_or(&empty))?;
    for asset in assets {
        if !asset.tensor.is_empty() && nodes.of_tensor(&asset.tensor).is_none() {
            return Err(Error::malformed(format!(
                "asset tensor `{}` not in the graph",
                asset.tensor
            )));
        }
    }
    let init_op = collections::init_op(graph)?;
    match &init_op {
        Some(name) if nodes.of_tensor(name).is_none() => Err(Error::malformed(format!(
            "the initialisation: The name '{name}' refers to an Operation not in the graph"
        ))),
        Some(_) => Ok(Tf1 {
            init_op,
            initializers: vec![],
        }),
        None => Ok(Tf1 {
            init_op,
            initializers: collections::initializers(graph, &collections::variables(graph, &nodes)?),
        }),
    }
}

fn check_version(graph: Option<&GraphDef>) -> Result<()> {
    let Some(versions) = graph.and_then(|graph| graph.versions.as_ref()) else {
        return Ok(());
    };
    if versions.min_consumer > GRAPH_VERSION {
        return Err(Error::malformed(format!(
            "GraphDef min consumer version {} above current version {GRAPH_VERSION}",
            versions.min_consumer
        )));
    }
    match versions.bad_consumers.contains(&GRAPH_VERSION) {
        true => Err(Error::malformed(format!(
            "GraphDef disallows consumer version {GRAPH_VERSION}"
        ))),
        false => Ok(()),
    }
}

/// The variables of the main graph, in its order.
pub(super) fn variables(graph: &MetaGraphDef) -> Result<Vec<Variable>> {
    let Some(main) = &graph.graph_def else {
        return Ok(Vec::new());
    };
    let nodes = Nodes::new(main)?;
    let definitions = collections::variables(graph, &nodes)?;
    let trainable = trainable_names(graph, &definitions);
    let mut restored = restore::restored(graph, &nodes)?;
    main.node
        .iter()
        .filter(|node| is_variable(node))
        .map(|node| {
            let stored = match graph.saver_def {
                Some(_) => restored.remove(&node.name),
                None if is_local(&node.name, &definitions) => None,
                None => Some(Restored::by_name(&node.name)),
            };
            let mut variable = variable(node, trainable.contains(node.name.as_str()), stored)?;
            let defines =
                |definition: &VariableDef| split_tensor(&definition.variable_name).0 == node.name;
            if let Some((_, definition)) = definitions.iter().find(|(_, d)| defines(d)) {
                variable.synchronization = definition.synchronization();
                variable.aggregation = definition.aggregation();
            }
            Ok(variable)
        })
        .collect()
}

/// Whether a variable is not global, so that no default saver saves it: the initialisation sets it.
fn is_local(node: &str, definitions: &collections::Definitions) -> bool {
    let mut own = definitions
        .iter()
        .filter(|(_, definition)| split_tensor(&definition.variable_name).0 == node)
        .peekable();
    own.peek().is_some() && own.all(|(collection, _)| *collection != "variables")
}

/// The variables that the collections list, in their order: those that a loaded model has as attributes. Reference
/// variables are not among them.
pub(super) fn listed(graph: &MetaGraphDef, variables: &[Variable]) -> Result<Vec<usize>> {
    let empty = GraphDef::default();
    let nodes = Nodes::new(graph.graph_def.as_ref().unwrap_or(&empty))?;
    let mut listed = Vec::new();
    for (_, definition) in collections::variables(graph, &nodes)? {
        let name = split_tensor(&definition.variable_name).0;
        let place = variables
            .iter()
            .position(|variable| variable.name == name && !variable.is_ref);
        listed.extend(place.filter(|place| !listed.contains(place)));
    }
    Ok(listed)
}

fn is_variable(node: &NodeDef) -> bool {
    matches!(node.op.as_str(), "VariableV2" | "Variable" | "VarHandleOp")
}

fn variable(node: &NodeDef, trainable: bool, stored: Option<Restored>) -> Result<Variable> {
    let (checkpoint_key, checkpoint_slice) = match stored {
        Some(stored) => (Some(stored.key), stored.slice),
        None => (None, None),
    };
    let types = variable_type(node).map_err(|error| {
        error.at(&Place {
            node: Some(node.name.clone()),
            op: Some(node.op.clone()),
            ..Place::default()
        })
    });
    let (dtype, shape) = types?;
    Ok(Variable {
        name: node.name.clone(),
        checkpoint_key,
        checkpoint_slice,
        dtype,
        declared_shape: shape.clone(),
        shape,
        trainable,
        synchronization: Synchronization::Auto,
        aggregation: Aggregation::None,
        device: node.device.clone(),
        object_path: None,
        object_id: None,
        node: Some(node.name.clone()),
        is_ref: node.op != "VarHandleOp",
    })
}

fn variable_type(node: &NodeDef) -> Result<(DataType, StaticShape)> {
    let value = |name: &str| node.attr.get(name).and_then(|attr| attr.value.as_ref());
    let dtype = match value("dtype") {
        Some(Value::Type(dtype)) => dtype_from_wire(*dtype)?,
        _ => return Err(Error::malformed("the variable has no attribute `dtype`")),
    };
    let shape = match value("shape") {
        Some(Value::Shape(shape)) => static_shape(Some(shape))?,
        _ => return Err(Error::malformed("the variable has no attribute `shape`")),
    };
    Ok((dtype, shape))
}

/// The nodes whose variables are trained. Before version 1.9 the definitions did not say, and membership of the
/// collection `trainable_variables` did.
fn trainable_names<'d>(
    graph: &MetaGraphDef,
    definitions: &'d collections::Definitions,
) -> BTreeSet<&'d str> {
    let by_membership = writer_is_before_1_9(graph);
    let chosen = |collection: &str, definition: &VariableDef| match by_membership {
        true => collection == "trainable_variables",
        false => definition.trainable,
    };
    definitions
        .iter()
        .filter(|(collection, definition)| chosen(collection, definition))
        .map(|(_, definition)| split_tensor(&definition.variable_name).0)
        .collect()
}

fn writer_is_before_1_9(graph: &MetaGraphDef) -> bool {
    let info = graph.meta_info_def.as_ref();
    let version = info.map_or("", |info| info.tensorflow_version.as_str());
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (1, 9),
        _ => false,
    }
}
