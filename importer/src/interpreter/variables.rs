//! Variables: read from the checkpoint when first used.

use super::Machine;
use super::state::{Resource, VariableState};
use super::value::ResourceId;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::lower::element_type;
use crate::saved_model::{SavedModel, TensorData, TensorValue, Variable};
use std::sync::Arc;

impl Machine<'_> {
    /// The resource of a variable of the model.
    pub(super) fn variable(&mut self, index: usize) -> Result<ResourceId> {
        if let Some(&id) = self.state.variables.get(&index) {
            return Ok(id);
        }
        self.of_model(index)?;
        let id = self.state.add(Resource::Variable(VariableState {
            index: Some(index),
            value: None,
        }));
        self.state.variables.insert(index, id);
        Ok(id)
    }

    fn of_model(&self, index: usize) -> Result<&Variable> {
        let variable = self.model.variables().get(index);
        variable.ok_or_else(|| Error::usage(format!("the model has no variable {index}")))
    }

    /// The variable that a node of the main graph makes, or one of its own if the model does not list it.
    pub(super) fn variable_of_node(&mut self, node: &str) -> Result<ResourceId> {
        let names = |variable: &Variable| variable.node.as_deref() == Some(node);
        match self.model.variables().iter().position(names) {
            Some(index) => self.variable(index),
            None => Ok(self.local_variable(node)),
        }
    }

    /// A variable that no checkpoint knows.
    pub(super) fn local_variable(&mut self, name: &str) -> ResourceId {
        let empty = || {
            Resource::Variable(VariableState {
                index: None,
                value: None,
            })
        };
        self.state.shared("variable", name, empty)
    }

    /// A variable that nothing else names.
    pub(super) fn fresh_variable(&mut self) -> ResourceId {
        self.state.add(Resource::Variable(VariableState {
            index: None,
            value: None,
        }))
    }

    fn slot(&mut self, id: ResourceId) -> Result<&mut VariableState> {
        match self.state.resource(id)? {
            Resource::Variable(variable) => Ok(variable),
            Resource::Table(_)
            | Resource::TensorArray(_)
            | Resource::Stack(_)
            | Resource::Iterator(_)
            | Resource::Token => Err(Error::malformed("the handle is not of a variable")),
        }
    }

    /// The value of a variable.
    pub(super) fn read(&mut self, id: ResourceId) -> Result<Arc<Tensor>> {
        let slot = self.slot(id)?;
        if let Some(value) = &slot.value {
            return Ok(value.clone());
        }
        let index = slot.index;
        let index = index.ok_or_else(|| Error::usage("the variable is not initialised"))?;
        let value = Arc::new(stored(self.model, self.of_model(index)?)?);
        self.slot(id)?.value = Some(value.clone());
        Ok(value)
    }

    /// Whether a variable has a value.
    pub(super) fn is_set(&mut self, id: ResourceId) -> Result<bool> {
        let slot = self.slot(id)?;
        let (index, set) = (slot.index, slot.value.is_some());
        let stored = |index| {
            self.model.bundle().is_some()
                && self
                    .of_model(index)
                    .is_ok_and(|v| v.checkpoint_key.is_some())
        };
        Ok(set || index.is_some_and(stored))
    }

    /// Gives a variable another value, of the element type and shape it was declared with.
    pub(super) fn assign(&mut self, id: ResourceId, value: Arc<Tensor>) -> Result<()> {
        if let Some(index) = self.slot(id)?.index {
            let variable = self.of_model(index)?;
            if element_type(variable.dtype).is_ok_and(|dtype| dtype != value.dtype()) {
                let (wanted, given) = (variable.dtype.as_str_name(), value.dtype());
                let name = &variable.name;
                return Err(Error::usage(format!(
                    "variable `{name}` is of {wanted}, not {given:?}"
                )));
            }
        }
        self.slot(id)?.value = Some(value);
        Ok(())
    }

    /// Takes the value away.
    pub(super) fn clear(&mut self, id: ResourceId) -> Result<()> {
        let slot = self.slot(id)?;
        slot.value = None;
        slot.index = None;
        Ok(())
    }
}

/// The value in the checkpoint.
fn stored(model: &SavedModel, variable: &Variable) -> Result<Tensor> {
    tensor(model.read_variable(variable)?)
}

/// The tensor that the checkpoint has under a key.
pub(super) fn of_checkpoint(model: &SavedModel, key: &str) -> Result<Tensor> {
    let missing = || Error::usage("the model was loaded without its checkpoint");
    tensor(model.bundle().ok_or_else(missing)?.read(key)?)
}

pub(crate) fn tensor(value: TensorValue<'_>) -> Result<Tensor> {
    let dtype = element_type(value.dtype)?;
    let extent =
        |&n: &u64| usize::try_from(n).map_err(|_| Error::malformed("an extent is too large"));
    let shape = value
        .shape
        .iter()
        .map(extent)
        .collect::<Result<Vec<usize>>>()?;
    match value.data {
        TensorData::Bytes(bytes) => Tensor::from_bytes(dtype, &shape, &bytes),
        TensorData::Strings(strings) => Tensor::new(
            &shape,
            strings.into_iter().map(|s| s.into_owned()).collect(),
        ),
    }
}
