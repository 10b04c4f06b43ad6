//! Structured control flow: calls, branches and loops over functions.

use super::Machine;
use super::value::Value;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use savedmodel_import_proto::{NodeDef, attr_value};
use std::sync::Arc;

/// A node that runs functions.
#[derive(Debug)]
pub(super) enum Structure {
    Call(String),
    If { then: String, otherwise: String },
    Case(Vec<String>),
    While { condition: String, body: String },
}

/// What structure a node is, if it is one.
pub(super) fn structure(def: &NodeDef) -> Option<Structure> {
    let function = |name: &str| match def.attr.get(name)?.value.as_ref()? {
        attr_value::Value::Func(function) => Some(function.name.clone()),
        _ => None,
    };
    match def.op.as_str() {
        "PartitionedCall"
        | "StatefulPartitionedCall"
        | "TPUPartitionedCall"
        | "RemoteCall"
        | "BatchFunction" => Some(Structure::Call(function("f")?)),
        "XlaLaunch" => Some(Structure::Call(function("function")?)),
        "If" | "StatelessIf" | "XlaIf" => Some(Structure::If {
            then: function("then_branch")?,
            otherwise: function("else_branch")?,
        }),
        "While" | "StatelessWhile" | "XlaWhile" => Some(Structure::While {
            condition: function("cond")?,
            body: function("body")?,
        }),
        "Case" | "StatelessCase" => match def.attr.get("branches")?.value.as_ref()? {
            attr_value::Value::List(list) => {
                let names = list.func.iter().map(|function| function.name.clone());
                Some(Structure::Case(names.collect()))
            }
            _ => None,
        },
        _ => None,
    }
}

impl Machine<'_> {
    pub(super) fn control(
        &mut self,
        structure: &Structure,
        mut inputs: Vec<Value>,
    ) -> Result<Vec<Value>> {
        match structure {
            Structure::Call(function) => self.call(function, inputs),
            Structure::If { then, otherwise } => {
                let chooser = self.chooser(&mut inputs)?;
                let branch = if truth(&chooser)? { then } else { otherwise };
                self.call(branch, inputs)
            }
            Structure::Case(branches) => {
                let chooser = self.chooser(&mut inputs)?;
                let last = branches.len().saturating_sub(1);
                let index = chooser.as_integers().and_then(|all| all.first().copied());
                let index = index.and_then(|index| usize::try_from(index).ok());
                let branch = branches.get(index.unwrap_or(last).min(last));
                let branch = branch.ok_or_else(|| Error::malformed("there are no branches"))?;
                self.call(branch, inputs)
            }
            Structure::While { condition, body } => self.repeat(condition, body, inputs),
        }
    }

    /// Takes the first operand, which chooses the branch.
    fn chooser(&mut self, inputs: &mut Vec<Value>) -> Result<Arc<Tensor>> {
        match inputs.is_empty() {
            true => Err(Error::malformed("a branch without a predicate")),
            false => self.dereferenced(&inputs.remove(0)),
        }
    }

    /// The tensor; a reference is read.
    pub(super) fn dereferenced(&mut self, value: &Value) -> Result<Arc<Tensor>> {
        match value {
            Value::Reference(id) => self.read(*id),
            Value::Tensor(_) | Value::Resource(_) | Value::Variant(_) => value.tensor().cloned(),
        }
    }

    /// The value; a reference is read.
    pub(super) fn plain(&mut self, value: Value) -> Result<Value> {
        match value {
            Value::Reference(id) => self.read(id).map(Value::Tensor),
            Value::Tensor(_) | Value::Resource(_) | Value::Variant(_) => Ok(value),
        }
    }

    fn repeat(
        &mut self,
        condition: &str,
        body: &str,
        mut values: Vec<Value>,
    ) -> Result<Vec<Value>> {
        loop {
            let goes_on = self.call(condition, values.clone())?;
            let goes_on = goes_on.first().map(Value::tensor);
            let goes_on =
                goes_on.ok_or_else(|| Error::malformed("a condition without a result"))?;
            if !truth(goes_on?)? {
                return Ok(values);
            }
            values = self.call(body, values)?;
        }
    }
}

/// What a predicate says: a truth value, a number that is not zero, a string that is not empty.
pub(super) fn truth(tensor: &Tensor) -> Result<bool> {
    if let Some(flags) = tensor.elements::<bool>()
        && let [flag] = flags
    {
        return Ok(*flag);
    }
    if tensor.rank() > 0 {
        return Ok(!tensor.is_empty());
    }
    match tensor.elements::<Vec<u8>>() {
        Some(strings) => Ok(strings.iter().any(|s| !s.is_empty())),
        None => Ok(tensor.to_floats()?.iter().any(|&x| x != 0.0)),
    }
}
