//! Tensors of byte strings, which no framework has.

/// A dense tensor of byte strings in row-major order, as TensorFlow's `string` dtype.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StringTensor {
    shape: Vec<usize>,
    data: Vec<Vec<u8>>,
}

impl StringTensor {
    /// A tensor of `shape` with its elements in row-major order.
    ///
    /// # Panics
    /// If the number of elements is not the product of `shape`.
    pub fn new(shape: Vec<usize>, data: Vec<Vec<u8>>) -> Self {
        let expected: usize = shape.iter().product();
        assert_eq!(
            data.len(),
            expected,
            "a string tensor of shape {shape:?} has {expected} elements"
        );
        Self { shape, data }
    }

    /// The tensor of a shape that a kernel has computed together with the strings.
    pub fn of(shape: &[usize], data: Vec<Vec<u8>>) -> Self {
        Self::new(shape.to_vec(), data)
    }

    /// The size of each dimension; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[Vec<u8>] {
        &self.data
    }
}
