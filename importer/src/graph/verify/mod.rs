//! What has to hold of a function, or of the graph of a TF1 model, before anything runs or compiles it:
//!
//! - nodes have names of their own, and their operands, data before control, name nodes and arguments that exist;
//! - the dtype of an operand is what the node's attributes ask for;
//! - constants have a value of their dtype whose content fills a possible shape;
//! - functions that a node names are in the library, and none calls itself, through whatever others;
//! - results exist, and nodes can be put into an order, but for the loops of TensorFlow 1.
//!
//! Nodes whose op is not registered are taken as they are: what they need is said when they are used.

mod calls;
mod constant;
mod node;
mod order;

use std::collections::HashMap;

use savedmodel_import_proto::{DataType, FunctionDef, GraphDef, NodeDef, op_def};

use crate::saved_model::{FunctionLibrary, dtype_name};
use crate::{Error, Place, Result};

/// The dtypes of a node's outputs, where its op is known.
pub(crate) fn output_types(node: &NodeDef, library: &FunctionLibrary) -> Option<Vec<DataType>> {
    node::outputs(node, library).map(|outputs| outputs.types)
}

/// Verifies every function of a library.
///
/// # Errors
/// The first violation, with its function and node.
pub fn library(library: &FunctionLibrary) -> Result<()> {
    for (name, function) in library.iter() {
        self::function(function, library).map_err(|error| {
            error.at(&Place {
                function: Some(name.to_owned()),
                ..Place::default()
            })
        })?;
    }
    calls::check(library)
}

/// Verifies the graph of a TF1 model.
///
/// # Errors
/// The first violation, with its node.
pub fn main_graph(graph: &GraphDef, library: &FunctionLibrary) -> Result<()> {
    let scope = Scope::new(&graph.node, HashMap::new(), library)?;
    scope.check().map(drop)
}

fn function(function: &FunctionDef, library: &FunctionLibrary) -> Result<()> {
    let signature = function.signature.as_ref();
    let inputs = signature.map_or(&[][..], |signature| &signature.input_arg);
    let mut arguments = HashMap::new();
    for input in inputs {
        arguments.insert(
            input.name.as_str(),
            argument_type(&input.name, input.r#type)?,
        );
    }
    let scope = Scope::new(&function.node_def, arguments, library)?;
    let values = scope.check()?;
    let outputs = signature.map_or(&[][..], |signature| &signature.output_arg);
    for output in outputs {
        check_result(function, output, &scope, &values)?;
    }
    match function.control_ret.values().find(|name| !scope.has(name)) {
        None => Ok(()),
        Some(name) => Err(Error::malformed(format!(
            "control_ret: node `{name}` not found"
        ))),
    }
}

/// A result names a node's output, or an argument, of its dtype.
fn check_result(
    function: &FunctionDef,
    output: &op_def::ArgDef,
    scope: &Scope<'_>,
    values: &[Option<node::Outputs>],
) -> Result<()> {
    let wanted = argument_type(&output.name, output.r#type)?;
    let value = function.ret.get(&output.name).ok_or_else(|| {
        Error::malformed(format!("ret: the result `{}` has no value", output.name))
    })?;
    let name = value.split(':').next().unwrap_or_default();
    if !scope.has(name) {
        return Err(Error::malformed(format!("ret: node `{name}` not found")));
    }
    let given = node::data_input(scope, value, values)
        .map_err(|error| Error::malformed(format!("ret: {}", error.kind())))?;
    match given.1.filter(|given| Some(*given) != wanted) {
        None => Ok(()),
        Some(given) => Err(Error::malformed(format!(
            "ret: the result `{}` is {}, but its value `{value}` is {}",
            output.name,
            wanted.map(dtype_name).unwrap_or_default(),
            dtype_name(given)
        ))),
    }
}

fn argument_type(name: &str, wire: i32) -> Result<Option<DataType>> {
    match DataType::try_from(wire) {
        Err(_) => Err(Error::malformed(format!(
            "argument `{name}`: unknown dtype {wire}"
        ))),
        Ok(DataType::DtInvalid) => {
            Err(Error::malformed(format!("argument `{name}`: invalid type")))
        }
        Ok(dtype) => Ok(Some(value_type(dtype))),
    }
}

/// The dtype of the value that a reference gives.
fn value_type(dtype: DataType) -> DataType {
    let number = dtype as i32;
    match number > 100 {
        true => DataType::try_from(number - 100).unwrap_or(dtype),
        false => dtype,
    }
}

/// The nodes of one function or graph, by name.
struct Scope<'a> {
    nodes: &'a [NodeDef],
    index: HashMap<&'a str, usize>,
    /// The function's arguments; empty for a main graph.
    arguments: HashMap<&'a str, Option<DataType>>,
    library: &'a FunctionLibrary,
}

impl<'a> Scope<'a> {
    fn new(
        nodes: &'a [NodeDef],
        arguments: HashMap<&'a str, Option<DataType>>,
        library: &'a FunctionLibrary,
    ) -> Result<Scope<'a>> {
        let mut index = HashMap::with_capacity(nodes.len());
        for (place, node) in nodes.iter().enumerate() {
            if index.insert(node.name.as_str(), place).is_some() {
                return Err(Error::malformed(format!(
                    "Node '{}' is not unique",
                    node.name
                )));
            }
        }
        Ok(Scope {
            nodes,
            index,
            arguments,
            library,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.index.contains_key(name) || self.arguments.contains_key(name)
    }

    /// Checks the nodes; gives their outputs.
    fn check(&self) -> Result<Vec<Option<node::Outputs>>> {
        let mut outputs = Vec::with_capacity(self.nodes.len());
        for node in self.nodes {
            outputs.push(node::outputs(node, self.library));
        }
        let mut operands = Vec::with_capacity(self.nodes.len());
        for node in self.nodes {
            operands.push(self.check_node(node, &outputs).map_err(|error| {
                error.at(&Place {
                    node: Some(node.name.clone()),
                    op: Some(node.op.clone()),
                    ..Place::default()
                })
            })?);
        }
        order::check(self.nodes, &operands)?;
        Ok(outputs)
    }

    /// The nodes that have to come before this one.
    fn check_node(&self, node: &NodeDef, outputs: &[Option<node::Outputs>]) -> Result<Vec<usize>> {
        if node.op == "Const" {
            constant::check(node)?;
        }
        calls::check_node(node, self.library)?;
        node::check_inputs(self, node, outputs)
    }
}

#[cfg(test)]
mod tests;
