//! Tensors of strings, as kernels see them; generated modules have the `string_tensor` of their framework in its place.

use super::array::{Error, Result, count};

/// A tensor of byte strings in row-major order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StringTensor {
    shape: Vec<usize>,
    data: Vec<Vec<u8>>,
}

impl StringTensor {
    /// The tensor of a shape, whose extents multiply to the number of strings.
    ///
    /// # Errors
    /// They do not.
    pub fn new(shape: Vec<usize>, data: Vec<Vec<u8>>) -> Result<Self> {
        match count(&shape)? == data.len() {
            true => Ok(Self { shape, data }),
            false => Err(Error::new(format!(
                "{} strings are not a tensor of {shape:?}",
                data.len()
            ))),
        }
    }

    /// The tensor of a shape that a kernel has computed together with the strings.
    pub fn of(shape: &[usize], data: Vec<Vec<u8>>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        let shape = shape.to_vec();
        Self { shape, data }
    }

    /// The extent of each axis; none for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The strings in row-major order.
    pub fn data(&self) -> &[Vec<u8>] {
        &self.data
    }
}
