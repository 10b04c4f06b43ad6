//! Tensor values as they are read from a checkpoint.

use std::borrow::Cow;

use savedmodel_import_proto::DataType;

/// A tensor from a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorValue<'a> {
    /// The element type.
    pub dtype: DataType,
    /// The extents, outermost first.
    pub shape: Vec<u64>,
    /// The elements, row-major.
    pub data: TensorData<'a>,
}

/// The elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData<'a> {
    /// Little-endian numbers, borrowed from the file where it holds them so. Types of less than eight bits take a byte.
    Bytes(Cow<'a, [u8]>),
    /// Strings, which need not be UTF-8.
    Strings(Vec<Cow<'a, [u8]>>),
}

impl TensorValue<'_> {
    /// The elements as bytes; `None` for strings.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.data {
            TensorData::Bytes(bytes) => Some(bytes),
            TensorData::Strings(_) => None,
        }
    }

    /// The elements as strings; `None` for numbers.
    pub fn strings(&self) -> Option<&[Cow<'_, [u8]>]> {
        match &self.data {
            TensorData::Bytes(_) => None,
            TensorData::Strings(strings) => Some(strings),
        }
    }
}
