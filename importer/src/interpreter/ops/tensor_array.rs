//! Tensor arrays of TensorFlow 1.

use super::super::value::Value;
use super::Row;

pub(super) const OPS: &[Row] = &[];

/// An array of tensors.
#[derive(Debug, Default)]
pub(in crate::interpreter) struct TensorArray {
    pub(super) items: Vec<Option<Value>>,
}
