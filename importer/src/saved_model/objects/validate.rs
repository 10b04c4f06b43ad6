//! What has to hold of an object graph before it is used:
//!
//! - there is a root, and every node has a kind;
//! - children, dependencies, slot variables, captures and saveable functions are ids of nodes;
//! - functions are in the library, constants are Const nodes of the main graph, assets are listed;
//! - enumerations have known values, and variables known dtypes and possible shapes;
//! - what is captured has a tensor to be captured by;
//! - objects can be made in an order in which each comes after its dependencies.

use std::collections::{BTreeMap, VecDeque};

use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::saved_object::Kind;
use savedmodel_import_proto::{
    NodeDef, SavedObject, SavedObjectGraph, SavedVariable, VariableAggregation,
    VariableSynchronization,
};

use super::super::dtype::dtype_from_wire;
use super::super::shape::static_shape;
use super::Context;
use crate::{Error, Result};

pub(super) fn check(graph: &SavedObjectGraph, context: &Context<'_>) -> Result<()> {
    if graph.nodes.is_empty() {
        return Err(Error::malformed("object graph has no root node"));
    }
    for (id, node) in graph.nodes.iter().enumerate() {
        check_ids(node, graph.nodes.len()).map_err(|error| in_node(id, &error))?;
    }
    check_concrete_functions(graph, context)?;
    let constants = constants(graph, context);
    for (id, node) in graph.nodes.iter().enumerate() {
        check_kind(node, graph, context, &constants).map_err(|error| in_node(id, &error))?;
    }
    check_order(graph)
}

fn in_node(id: usize, error: &Error) -> Error {
    Error::malformed(format!("object {id}: {error}"))
}

fn in_range(what: &str, id: i32, count: usize) -> Result<()> {
    match usize::try_from(id) {
        Err(_) => Err(Error::malformed(format!("{what}: negative node id {id}"))),
        Ok(index) if index < count => Ok(()),
        Ok(_) => Err(Error::malformed(format!(
            "{what} -> {id} is out of range: there are {count} objects"
        ))),
    }
}

fn check_ids(node: &SavedObject, count: usize) -> Result<()> {
    for child in &node.children {
        in_range(
            &format!("child `{}`", child.local_name),
            child.node_id,
            count,
        )?;
    }
    for dependency in &node.dependencies {
        in_range(
            &format!("dependency `{}`", dependency.local_name),
            dependency.node_id,
            count,
        )?;
    }
    for slot in &node.slot_variables {
        let what = format!("slot variable `{}`", slot.slot_name);
        in_range(&what, slot.slot_variable_node_id, count)?;
        in_range(&what, slot.original_variable_node_id, count)?;
    }
    for (name, saveable) in &node.saveable_objects {
        let what = format!("saveable function of `{name}`");
        in_range(&what, saveable.save_function, count)?;
        in_range(&what, saveable.restore_function, count)?;
    }
    Ok(())
}

fn check_concrete_functions(graph: &SavedObjectGraph, context: &Context<'_>) -> Result<()> {
    for (name, function) in &graph.concrete_functions {
        context.library.find(name)?;
        for &bound in &function.bound_inputs {
            let what = format!("a capture of function `{name}`");
            in_range(&what, bound, graph.nodes.len())?;
            check_capture(name, bound as usize, &graph.nodes[bound as usize])?;
        }
    }
    Ok(())
}

fn check_capture(function: &str, id: usize, node: &SavedObject) -> Result<()> {
    let kind = match &node.kind {
        Some(Kind::UserObject(_)) => "a user object",
        Some(Kind::Function(_) | Kind::BareConcreteFunction(_)) => "a function",
        _ => return Ok(()),
    };
    Err(Error::malformed(format!(
        "function `{function}` captures node {id}, but {kind} cannot be captured"
    )))
}

/// The nodes of the main graph that constants name.
fn constants<'a>(
    graph: &SavedObjectGraph,
    context: &Context<'a>,
) -> BTreeMap<&'a str, &'a NodeDef> {
    let is_constant = |node: &SavedObject| matches!(node.kind, Some(Kind::Constant(_)));
    match graph.nodes.iter().any(is_constant) {
        true => context
            .graph
            .node
            .iter()
            .map(|node| (node.name.as_str(), node))
            .collect(),
        false => BTreeMap::new(),
    }
}

fn check_kind(
    node: &SavedObject,
    graph: &SavedObjectGraph,
    context: &Context<'_>,
    constants: &BTreeMap<&str, &NodeDef>,
) -> Result<()> {
    match &node.kind {
        None => Err(Error::malformed("the object has no known kind")),
        Some(Kind::UserObject(_) | Kind::Resource(_)) => Ok(()),
        Some(Kind::Asset(asset)) => match usize::try_from(asset.asset_file_def_index) {
            Ok(index) if index < context.assets => Ok(()),
            _ => Err(Error::malformed(format!(
                "asset {} of {} does not exist",
                asset.asset_file_def_index, context.assets
            ))),
        },
        Some(Kind::Function(function)) => function
            .concrete_functions
            .iter()
            .try_for_each(|name| check_function(name, graph, context)),
        Some(Kind::BareConcreteFunction(bare)) => {
            check_function(&bare.concrete_function_name, graph, context)
        }
        Some(Kind::CapturedTensor(tensor)) => {
            context.library.find(&tensor.concrete_function).map(drop)
        }
        Some(Kind::Variable(variable)) => check_variable(variable),
        Some(Kind::Constant(constant)) => check_constant(&constant.operation, constants),
    }
}

fn check_function(name: &str, graph: &SavedObjectGraph, context: &Context<'_>) -> Result<()> {
    context.library.find(name)?;
    match graph.concrete_functions.contains_key(name) {
        true => Ok(()),
        false => Err(Error::malformed(format!(
            "function `{name}` has no entry among the concrete functions"
        ))),
    }
}

fn check_variable(variable: &SavedVariable) -> Result<()> {
    let name = &variable.name;
    dtype_from_wire(variable.dtype)?;
    static_shape(variable.shape.as_ref())?;
    if VariableSynchronization::try_from(variable.synchronization).is_err() {
        let number = variable.synchronization;
        return Err(Error::malformed(format!(
            "variable `{name}`: unknown synchronization {number}"
        )));
    }
    if VariableAggregation::try_from(variable.aggregation).is_err() {
        let number = variable.aggregation;
        return Err(Error::malformed(format!(
            "variable `{name}`: unknown aggregation {number}"
        )));
    }
    Ok(())
}

fn check_constant(operation: &str, nodes: &BTreeMap<&str, &NodeDef>) -> Result<()> {
    let node = nodes.get(operation).ok_or_else(|| {
        Error::malformed(format!(
            "the constant's node `{operation}` is not in the main graph"
        ))
    })?;
    let value = node.attr.get("value").and_then(|attr| attr.value.as_ref());
    match (node.op.as_str(), value) {
        ("Const", Some(Value::Tensor(_))) => Ok(()),
        (op, _) => Err(Error::malformed(format!(
            "the constant's node `{operation}` is {op}, expected Const with a value"
        ))),
    }
}

/// The ids that a node has to come after.
fn dependencies(graph: &SavedObjectGraph, node: &SavedObject) -> Vec<usize> {
    let mut ids: Vec<usize> = node
        .dependencies
        .iter()
        .map(|d| d.node_id as usize)
        .collect();
    let mut captures = |name: &str| {
        if let Some(function) = graph.concrete_functions.get(name) {
            ids.extend(function.bound_inputs.iter().map(|&id| id as usize));
        }
    };
    match &node.kind {
        Some(Kind::Function(function)) => {
            function
                .concrete_functions
                .iter()
                .for_each(|name| captures(name));
        }
        Some(Kind::BareConcreteFunction(bare)) => captures(&bare.concrete_function_name),
        Some(Kind::Resource(_)) => {
            let create = node
                .children
                .iter()
                .find(|c| c.local_name == "_create_resource");
            ids.extend(create.map(|child| child.node_id as usize));
        }
        _ => {}
    }
    ids
}

fn check_order(graph: &SavedObjectGraph) -> Result<()> {
    let mut waiting: Vec<usize> = Vec::with_capacity(graph.nodes.len());
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for (id, node) in graph.nodes.iter().enumerate() {
        let needed = dependencies(graph, node);
        waiting.push(needed.len());
        needed.iter().for_each(|&on| dependents[on].push(id));
    }
    let mut ready: VecDeque<usize> = (0..waiting.len()).filter(|&id| waiting[id] == 0).collect();
    let mut made = 0;
    while let Some(id) = ready.pop_front() {
        made += 1;
        for &dependent in &dependents[id] {
            waiting[dependent] -= 1;
            if waiting[dependent] == 0 {
                ready.push_back(dependent);
            }
        }
    }
    match made == graph.nodes.len() {
        true => Ok(()),
        false => Err(Error::malformed(
            "Encountered a cycle in the deserialization dependencies of the object graph",
        )),
    }
}
