//! Runs the functions and graphs of a loaded SavedModel, node by node, on the CPU.
//!
//! Values are concrete, so nothing has to be known of a model before it runs: loops go round while their condition
//! holds, branches are taken, shapes may depend on data, variables and tables change. An op of the table in `ops/` has a
//! kernel of its own; any other is lowered over its operands as if they were constants, and the reference evaluator
//! computes it.
//!
//! **State** outlives calls: variables (read from the checkpoint when first used), tables, counters of random ops.

mod call;
mod control;
mod cx;
mod frames;
mod graph_fetch;
mod named;
mod objects;
mod ops;
mod plan;
mod run;
mod saveables;
mod state;
mod survey;
mod value;
mod variables;
mod variants;

#[cfg(test)]
mod tests;

pub use self::named::Callee;
pub(crate) use self::ops::table::{Content as TableContent, Owner as TableOwner};
pub use self::state::State;
pub use self::value::{ResourceId, Value, Variant, VariantTensor};
pub(crate) use self::variables::tensor;

use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::saved_model::{ExportedFunction, SavedModel};
use std::sync::Arc;

/// The ops that have a kernel of their own. The others run as far as [`crate::lower::table`] has them.
pub fn supported_ops() -> impl Iterator<Item = &'static str> {
    ops::names()
}

/// How many nodes may run to initialise a model.
const PREPARATION_LIMIT: u64 = 1_000_000;

/// A model that can be called, with its state.
///
/// ```no_run
/// # use savedmodel_import::{interpreter::{Interpreter, Value}, eval::Tensor, saved_model::SavedModel};
/// # fn main() -> savedmodel_import::Result<()> {
/// let model = SavedModel::load("model")?;
/// let mut interpreter = Interpreter::new(&model);
/// let x = Value::from(Tensor::new(&[1, 2], vec![0.5f32, 1.0])?);
/// let outputs = interpreter.call(&model.functions()[0], vec![x])?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Interpreter<'m> {
    model: &'m SavedModel,
    state: State,
}

impl<'m> Interpreter<'m> {
    /// The model as it was loaded.
    pub fn new(model: &'m SavedModel) -> Self {
        Interpreter::resume(model, State::new(model.running()))
    }

    /// The model in a state that an interpreter of the same model was left in.
    pub fn resume(model: &'m SavedModel, state: State) -> Self {
        Interpreter { model, state }
    }

    /// The state, to be resumed from.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Makes tables and other resources as loading does, before anything is called.
    ///
    /// # Errors
    /// What they are made from is broken. What is not supported is an error when it is used.
    pub fn prepare(&mut self) -> Result<()> {
        let limit = std::mem::replace(&mut self.state.step_limit, PREPARATION_LIMIT);
        let prepared = self.machine().prepare();
        self.state.step_limit = limit;
        prepared
    }

    /// Calls a function with one value for each of its `inputs`; gives one for each of its `outputs`.
    ///
    /// # Errors
    /// A number or element type of values that the function does not take, ops that are not supported, and whatever
    /// TensorFlow fails for too. The error names the function, node and op.
    pub fn call(&mut self, function: &ExportedFunction, inputs: Vec<Value>) -> Result<Vec<Value>> {
        self.machine().exported(function, inputs)
    }

    /// Calls a function of the library with all of its arguments, captures included.
    ///
    /// # Errors
    /// As [`Interpreter::call`], and when there is no such function.
    pub fn call_function(&mut self, function: &str, arguments: Vec<Value>) -> Result<Vec<Value>> {
        self.machine().call_raw(function, arguments)
    }

    /// Calls a function of the library that others know by its inputs alone, and binds its captures.
    ///
    /// # Errors
    /// As [`Interpreter::call_function`], and when the model does not say what the function captures.
    pub fn call_concrete(&mut self, function: &str, inputs: Vec<Value>) -> Result<Vec<Value>> {
        self.machine().concrete(function, inputs)
    }

    /// Runs the main graph. Names are `x:0`, or `x` for the first output; fed tensors need not be placeholders. `targets`
    /// are operations to run for their effects. What initialises a TF1 model has run before.
    ///
    /// # Errors
    /// As [`Interpreter::call`], and for names of nothing and placeholders that are not fed.
    pub fn fetch(
        &mut self,
        feeds: &[(&str, Value)],
        fetches: &[&str],
        targets: &[&str],
    ) -> Result<Vec<Value>> {
        self.machine().fetch(feeds, fetches, targets)
    }

    /// The value of the variable with this index in [`SavedModel::variables`].
    ///
    /// # Errors
    /// There is no such variable, or it has no value.
    pub fn value(&mut self, variable: usize) -> Result<Arc<Tensor>> {
        let mut machine = self.machine();
        machine.restore_objects()?;
        let id = machine.variable(variable)?;
        machine.read(id)
    }

    /// Gives the variable with this index in [`SavedModel::variables`] another value.
    ///
    /// # Errors
    /// There is no such variable, or the value is not of its element type or shape.
    pub fn assign(&mut self, variable: usize, value: Arc<Tensor>) -> Result<()> {
        let id = self.machine().variable(variable)?;
        self.machine().assign(id, value)
    }

    /// Whether the variable with this index in [`SavedModel::variables`] has a value.
    ///
    /// # Errors
    /// There is no such variable.
    pub fn is_initialized(&mut self, variable: usize) -> Result<bool> {
        let id = self.machine().variable(variable)?;
        self.machine().is_set(id)
    }

    /// The handle of a variable that is none of the model's.
    ///
    /// # Errors
    /// None, as far as it is known.
    pub fn new_variable(&mut self, value: Arc<Tensor>) -> Result<Value> {
        let mut machine = self.machine();
        let id = machine.fresh_variable();
        machine.assign(id, value)?;
        Ok(Value::Resource(id))
    }

    /// What an argument beyond a function's inputs is bound to.
    ///
    /// # Errors
    /// What it refers to is missing or cannot be made.
    pub fn captured(&mut self, capture: &crate::saved_model::Capture) -> Result<Value> {
        self.machine().captured(capture)
    }

    /// Limits how many nodes one call may run, as protection from loops without an end.
    pub fn set_step_limit(&mut self, steps: u64) {
        self.state.step_limit = steps;
    }

    fn machine(&mut self) -> Machine<'_> {
        self.state.begin();
        Machine {
            model: self.model,
            state: &mut self.state,
        }
    }
}

/// The model and its state while something runs.
pub(crate) struct Machine<'a> {
    model: &'a SavedModel,
    state: &'a mut State,
}

impl Machine<'_> {
    /// The same machine for a shorter time.
    fn reborrow(&mut self) -> Machine<'_> {
        Machine {
            model: self.model,
            state: &mut *self.state,
        }
    }
}

fn internal(what: &str) -> Error {
    Error::internal(what)
}
