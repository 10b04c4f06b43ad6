//! Tensors of strings, which candle does not have.

use candle_core::{Result, bail};

/// A tensor of byte strings in row-major order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StringTensor {
    shape: Vec<usize>,
    data: Vec<Vec<u8>>,
}

impl StringTensor {
    /// The tensor of a shape, whose extents multiply to the number of strings.
    pub fn new(shape: Vec<usize>, data: Vec<Vec<u8>>) -> Result<Self> {
        if shape
            .iter()
            .try_fold(1usize, |count, &dim| count.checked_mul(dim))
            != Some(data.len())
        {
            bail!("{} strings are not a tensor of {shape:?}", data.len());
        }
        Ok(Self { shape, data })
    }

    /// The tensor of a shape that a kernel has computed together with the strings.
    pub fn of(shape: &[usize], data: Vec<Vec<u8>>) -> Self {
        let shape = shape.to_vec();
        Self { shape, data }
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn data(&self) -> &[Vec<u8>] {
        &self.data
    }
}
