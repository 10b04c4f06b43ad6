//! Variables of a loaded model: their values now.

use std::sync::Arc;

use savedmodel_import_proto::DataType;

use super::convert::to_tensor;
use super::nest::{Handle, Nest};
use crate::eval::Tensor;
use crate::saved_model::{
    Aggregation, SavedModel, StaticShape, Synchronization, TensorValue, Variable as Stored,
};
use crate::{Error, Result};

/// A variable of a loaded model.
#[derive(Clone, Copy, Debug)]
pub struct Variable<'m> {
    model: &'m SavedModel,
    index: usize,
    stored: &'m Stored,
}

impl<'m> Variable<'m> {
    pub(super) fn new(model: &'m SavedModel, index: usize) -> Result<Variable<'m>> {
        let missing = || Error::usage(format!("the model has no variable {index}"));
        Ok(Variable {
            model,
            index,
            stored: model.variables().get(index).ok_or_else(missing)?,
        })
    }

    /// TensorFlow's name, without `:0`. Names need not be unique.
    pub fn name(&self) -> &'m str {
        &self.stored.name
    }

    /// What the model's files say of it.
    pub fn stored(&self) -> &'m Stored {
        self.stored
    }

    /// The element type.
    pub fn dtype(&self) -> DataType {
        self.stored.dtype
    }

    /// The declared shape, which values fit.
    #[allow(
        clippy::misnamed_getters,
        reason = "the stored shape is the checkpoint's"
    )]
    pub fn shape(&self) -> &'m StaticShape {
        &self.stored.declared_shape
    }

    /// Whether training changes it.
    pub fn trainable(&self) -> bool {
        self.stored.trainable
    }

    /// When the copies of a distributed variable are made equal.
    pub fn synchronization(&self) -> Synchronization {
        self.stored.synchronization
    }

    /// How the copies of a distributed variable are combined.
    pub fn aggregation(&self) -> Aggregation {
        self.stored.aggregation
    }

    /// The device that it was on when it was saved; may be empty.
    pub fn device(&self) -> &'m str {
        &self.stored.device
    }

    /// Whether it has a value.
    pub fn is_initialized(&self) -> bool {
        let set = |interpreter: &mut crate::interpreter::Interpreter<'_>| {
            interpreter.is_initialized(self.index)
        };
        self.model.interpret(set).unwrap_or(false)
    }

    /// The value.
    ///
    /// # Errors
    /// It has none, the checkpoint is broken, or its element type has no arithmetic here.
    pub fn value(&self) -> Result<Arc<Tensor>> {
        self.model
            .interpret(|interpreter| interpreter.value(self.index))
    }

    /// The value in the checkpoint, of whatever element type.
    ///
    /// # Errors
    /// It is not there, or broken.
    pub fn saved_value(&self) -> Result<TensorValue<'m>> {
        self.model.read_variable(self.stored)
    }

    /// Gives it another value.
    ///
    /// # Errors
    /// The value is of another element type, or does not fit the declared shape.
    pub fn assign(&self, value: impl Into<Nest>) -> Result<()> {
        let value = value.into();
        let (name, shape) = (&self.stored.name, &self.stored.declared_shape);
        let tensor = to_tensor(&value, self.stored.dtype)
            .ok_or_else(|| Error::usage(format!("variable `{name}`: {value} is no tensor")))?;
        if !super::fit::compatible(shape, tensor.shape()) {
            return Err(Error::usage(format!(
                "variable `{name}` is of shape {}, not {:?}",
                super::spec::python_shape(shape),
                tensor.shape()
            )));
        }
        self.model
            .interpret(|interpreter| interpreter.assign(self.index, tensor))
    }

    /// The variable itself as an argument.
    ///
    /// # Errors
    /// It has no value.
    pub fn handle(&self) -> Result<Nest> {
        let value = self.value()?;
        let capture = crate::saved_model::Capture::Variable(self.index);
        let resource = self
            .model
            .interpret(|interpreter| interpreter.captured(&capture))?;
        Ok(Nest::Variable(Handle {
            resource,
            dtype: self.stored.dtype,
            value,
        }))
    }
}
