//! Operands: that they exist, and are of the dtype that the node takes.

use std::ops::Range;

use savedmodel_import_proto::{AttrValue, DataType, NodeDef};

use super::{Scope, value_type};
use crate::graph::op_def::{OpDef, op_def};
use crate::saved_model::{FunctionLibrary, dtype_name};
use crate::{Error, Result};

/// The outputs of a node: their dtypes, and where those of each argument are.
pub(super) struct Outputs {
    pub(super) types: Vec<DataType>,
    arguments: Vec<(String, Range<usize>)>,
}

/// The outputs of a node, as far as its op is known and its attributes are there.
pub(super) fn outputs(node: &NodeDef, library: &FunctionLibrary) -> Option<Outputs> {
    if let Some(op) = op_def(&node.op) {
        return of_op(op, node).ok();
    }
    let signature = library.get(&node.op)?.signature.as_ref()?;
    let mut outputs = Outputs {
        types: Vec::new(),
        arguments: Vec::new(),
    };
    for (index, arg) in signature.output_arg.iter().enumerate() {
        let dtype = DataType::try_from(arg.r#type).ok()?;
        outputs.types.push(value_type(dtype));
        outputs.arguments.push((arg.name.clone(), index..index + 1));
    }
    Some(outputs)
}

fn of_op(op: &'static OpDef, node: &NodeDef) -> Result<Outputs> {
    let attr = attributes(op, node);
    let types = op.output_types(&attr)?;
    let mut arguments = Vec::with_capacity(op.outputs.len());
    let mut start = 0;
    for arg in &op.outputs {
        let end = start + op.span(arg, &attr)?;
        arguments.push((arg.name.to_owned(), start..end));
        start = end;
    }
    Ok(Outputs {
        types: types.into_iter().map(value_type).collect(),
        arguments,
    })
}

fn attributes<'a>(op: &'static OpDef, node: &'a NodeDef) -> impl Fn(&str) -> Option<&'a AttrValue> {
    move |name| node.attr.get(name).or_else(|| op.default(name))
}

/// Checks the operands; gives the nodes among them.
pub(super) fn check_inputs(
    scope: &Scope<'_>,
    node: &NodeDef,
    outputs: &[Option<Outputs>],
) -> Result<Vec<usize>> {
    let mut before = Vec::with_capacity(node.input.len());
    let mut given = Vec::with_capacity(node.input.len());
    let mut control = false;
    for input in &node.input {
        match input.strip_prefix('^') {
            Some(name) => {
                control = true;
                before.extend(control_input(scope, name)?);
            }
            None if control => {
                let message =
                    format!("data inputs must precede control inputs, but `{input}` follows one");
                return Err(Error::malformed(message));
            }
            None => {
                let (place, dtype) = data_input(scope, input, outputs)?;
                before.extend(place);
                given.push(dtype);
            }
        }
    }
    check_types(node, &given)?;
    Ok(before)
}

fn control_input(scope: &Scope<'_>, name: &str) -> Result<Option<usize>> {
    let found = scope.index.get(name).copied();
    match scope.has(name) {
        true => Ok(found),
        false => Err(Error::malformed(format!(
            "control input `^{name}` not found"
        ))),
    }
}

/// The node that an operand is of, if it is no argument, and its dtype, where that is known.
pub(super) fn data_input(
    scope: &Scope<'_>,
    input: &str,
    outputs: &[Option<Outputs>],
) -> Result<(Option<usize>, Option<DataType>)> {
    let (name, rest) = match input.split_once(':') {
        Some((name, rest)) => (name, Some(rest)),
        None => (input, None),
    };
    if let Some(&dtype) = scope.arguments.get(name) {
        return Ok((None, dtype));
    }
    let missing = || Error::malformed(format!("input `{input}` not found"));
    let place = *scope.index.get(name).ok_or_else(missing)?;
    let Some(outputs) = outputs.get(place).and_then(Option::as_ref) else {
        return Ok((Some(place), None));
    };
    let index = outputs.index(rest).ok_or_else(missing)?;
    let dtype = outputs.types.get(index).copied();
    dtype
        .map(|dtype| (Some(place), Some(dtype)))
        .ok_or_else(|| {
            let count = outputs.types.len();
            Error::malformed(format!("input `{input}`: `{name}` has {count} outputs"))
        })
}

impl Outputs {
    /// The flat index that `INDEX`, `ARGUMENT` or `ARGUMENT:INDEX` means.
    fn index(&self, text: Option<&str>) -> Option<usize> {
        let Some(text) = text else { return Some(0) };
        if let Ok(index) = text.parse() {
            return Some(index);
        }
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, index.parse().ok()?),
            None => (text, 0),
        };
        let (_, range) = self
            .arguments
            .iter()
            .find(|(argument, _)| argument == name)?;
        range.clone().nth(index)
    }
}

fn check_types(node: &NodeDef, given: &[Option<DataType>]) -> Result<()> {
    let Some(op) = op_def(&node.op) else {
        return Ok(());
    };
    let wanted = op.input_types(attributes(op, node))?;
    if wanted.len() != given.len() {
        return Err(Error::malformed(format!(
            "{} takes {} inputs, and has {}",
            node.op,
            wanted.len(),
            given.len()
        )));
    }
    for (index, (wanted, given)) in wanted.into_iter().zip(given).enumerate() {
        let wanted = value_type(wanted);
        if given.is_some_and(|given| given != wanted) {
            return Err(Error::malformed(format!(
                "input {index} of {} is {}, expected {}",
                node.op,
                given.map(dtype_name).unwrap_or_default(),
                dtype_name(wanted)
            )));
        }
    }
    Ok(())
}
