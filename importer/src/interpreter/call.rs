//! Calls of functions.

use super::plan::Plan;
use super::value::Value;
use super::{Machine, graph_fetch};
use crate::error::{Error, Result};
use crate::graph::body::Body;
use crate::lower::element_type;
use crate::saved_model::{Argument, Capture, ExportedFunction, FunctionBody, dtype_name};
use std::sync::Arc;

impl Machine<'_> {
    /// Calls what the model offers to call.
    pub(super) fn exported(
        &mut self,
        function: &ExportedFunction,
        inputs: Vec<Value>,
    ) -> Result<Vec<Value>> {
        check(function, &inputs)?;
        match &function.body {
            FunctionBody::Concrete { function, captures } => {
                self.with_captures(function, inputs, captures)
            }
            FunctionBody::Graph {
                feeds,
                fetches,
                targets,
            } => {
                let key = (feeds.clone(), fetches.clone(), targets.clone());
                self.initialise()?;
                let own = inputs.len();
                graph_fetch::run(self, key, inputs, own)
            }
        }
    }

    /// Calls a concrete function of the object graph.
    pub(super) fn concrete(&mut self, function: &str, inputs: Vec<Value>) -> Result<Vec<Value>> {
        let unknown =
            || Error::malformed(format!("the model does not say what `{function}` captures"));
        let captures = self.model.captures_of(function).ok_or_else(unknown)??;
        self.with_captures(function, inputs, &captures)
    }

    fn with_captures(
        &mut self,
        function: &str,
        mut arguments: Vec<Value>,
        captures: &[Capture],
    ) -> Result<Vec<Value>> {
        self.restore_objects()?;
        let inputs = arguments.len();
        for capture in captures {
            arguments.push(self.captured(capture)?);
        }
        let plan = self.plan(function)?;
        self.run_for_caller(&plan, arguments, inputs)
    }

    /// Calls a function of the library from outside, with all of its arguments.
    pub(super) fn call_raw(&mut self, function: &str, arguments: Vec<Value>) -> Result<Vec<Value>> {
        let (plan, inputs) = (self.plan(function)?, arguments.len());
        self.run_for_caller(&plan, arguments, inputs)
    }

    /// Calls a function of the library.
    pub(super) fn call(&mut self, function: &str, arguments: Vec<Value>) -> Result<Vec<Value>> {
        let plan = self.plan(function)?;
        self.run(&plan, arguments)
    }

    pub(super) fn plan(&mut self, function: &str) -> Result<Arc<Plan>> {
        if let Some(plan) = self.state.plans.get(function) {
            return Ok(plan.clone());
        }
        let def = self.model.library().find(function)?;
        let plan = Arc::new(Plan::new(self, Body::of_function(def)?, &[])?);
        self.state.plans.insert(function.to_owned(), plan.clone());
        Ok(plan)
    }
}

/// As many values as the function takes, of its element types.
fn check(function: &ExportedFunction, inputs: &[Value]) -> Result<()> {
    let (wanted, given) = (function.inputs.len(), inputs.len());
    if wanted != given {
        let names: Vec<&str> = function.inputs.iter().map(|i| i.name.as_str()).collect();
        let message = format!("`{}` takes {wanted} values, not {given}", function.path);
        return Err(Error::usage(message).help(format!("they are {}", names.join(", "))));
    }
    let pairs = function.inputs.iter().zip(inputs);
    pairs
        .into_iter()
        .try_for_each(|(argument, value)| fits(argument, value))
}

fn fits(argument: &Argument, value: &Value) -> Result<()> {
    let (Value::Tensor(tensor), Ok(dtype)) = (value, element_type(argument.dtype)) else {
        return Ok(());
    };
    match tensor.dtype() == dtype {
        true => Ok(()),
        false => Err(Error::usage(format!(
            "the argument `{}` is of {}, and is given {:?}",
            argument.name,
            dtype_name(argument.dtype),
            tensor.dtype()
        ))),
    }
}
