//! New values for variables.

use burn::module::{Param, ParameterValue};
use burn::tensor::{Bool, Int, Tensor};

/// Gives a variable of a model a new value. It keeps its identity, and learns as before.
pub fn assign<V: Variable>(variable: &mut Param<V>, value: V) {
    let value = value.in_place_of(&variable.val());
    *variable = Param::initialized(variable.id, value);
}

/// What a variable can hold.
pub trait Variable: ParameterValue {
    /// The value, cut off from what it was computed from, and with gradients if the old one has them.
    fn in_place_of(self, old: &Self) -> Self;
}

impl<const D: usize> Variable for Tensor<D> {
    fn in_place_of(self, old: &Self) -> Self {
        self.detach().set_require_grad(old.is_require_grad())
    }
}

impl<const D: usize> Variable for Tensor<D, Int> {
    fn in_place_of(self, _old: &Self) -> Self {
        self
    }
}

impl<const D: usize> Variable for Tensor<D, Bool> {
    fn in_place_of(self, _old: &Self) -> Self {
        self
    }
}
