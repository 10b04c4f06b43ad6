//! What an edge carries.

use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::sync::Arc;

/// A value while a model runs.
#[derive(Clone, Debug)]
pub enum Value {
    /// A tensor; strings are tensors of [`DType::String`].
    Tensor(Arc<Tensor>),
    /// A handle of a variable, table or other resource.
    Resource(ResourceId),
    /// A reference to a TF1 variable: who reads it as a tensor reads the variable then.
    Reference(ResourceId),
    /// A tensor whose elements are lists of tensors, ragged rows or optional values.
    Variant(Arc<VariantTensor>),
}

/// A resource of a [`State`](super::State).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(pub(super) usize);

/// A tensor of variants.
#[derive(Clone, Debug)]
pub struct VariantTensor {
    /// The extents.
    pub shape: Vec<usize>,
    /// The elements in row-major order.
    pub items: Vec<Variant>,
}

/// An element of a tensor of variants.
#[derive(Clone, Debug)]
pub enum Variant {
    /// Nothing.
    Empty,
    /// A list of tensors of one element type. An item that was never set reads as zeros.
    List {
        /// The element type of the items.
        dtype: DType,
        /// What is known of the items' shape; -1 is an unknown extent.
        shape: Option<Vec<i64>>,
        /// The items.
        items: Vec<Option<Value>>,
    },
    /// The parts of a ragged tensor: row splits, outermost first, then the flat values.
    Ragged(Vec<Arc<Tensor>>),
    /// An optional value, by its components.
    Optional(Option<Vec<Value>>),
    /// A finite dataset: the components of each element.
    Dataset(Vec<Vec<Value>>),
}

impl Value {
    /// A variant tensor of rank 0.
    pub fn variant(variant: Variant) -> Value {
        Value::Variant(Arc::new(VariantTensor {
            shape: vec![],
            items: vec![variant],
        }))
    }

    /// An output of an op; one that holds nothing that anybody reads is empty.
    pub(super) fn of_op(output: Option<Arc<Tensor>>) -> Value {
        output.map_or_else(|| Value::variant(Variant::Empty), Value::Tensor)
    }

    /// The tensor.
    ///
    /// # Errors
    /// The value is none.
    pub fn tensor(&self) -> Result<&Arc<Tensor>> {
        match self {
            Value::Tensor(tensor) => Ok(tensor),
            Value::Resource(_) => Err(Error::malformed("a handle is not a tensor")),
            Value::Reference(_) => Err(Error::malformed("a reference is not a tensor")),
            Value::Variant(_) => Err(Error::malformed("a variant is not a tensor of numbers")),
        }
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Self {
        Value::Tensor(Arc::new(tensor))
    }
}

impl From<Arc<Tensor>> for Value {
    fn from(tensor: Arc<Tensor>) -> Self {
        Value::Tensor(tensor)
    }
}
