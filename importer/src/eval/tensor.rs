//! A value of the evaluator.

use super::data::{Data, Element, Wide, with_elements};
use crate::error::{Error, Result};
use crate::ir::DType;
use std::fmt;

/// A dense tensor in row-major order. Two are equal if element type, shape and all bits are.
#[derive(Clone)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// A tensor of the elements, in row-major order.
    ///
    /// # Errors
    /// When the shape does not hold as many elements.
    pub fn new<T: Element>(shape: &[usize], elements: Vec<T>) -> Result<Self> {
        Tensor::from_data(shape, T::collect(elements))
    }

    pub(super) fn from_data(shape: &[usize], data: Data) -> Result<Self> {
        let (count, given) = (element_count(shape)?, data.len());
        match count == given {
            true => Ok(Tensor {
                shape: shape.to_vec(),
                data,
            }),
            false => Err(Error::malformed(format!(
                "the shape {shape:?} does not hold {given} elements"
            ))),
        }
    }

    /// Rounds wide numbers to an element type.
    pub(super) fn narrow(shape: &[usize], wide: &Wide, dtype: DType) -> Result<Self> {
        Tensor::from_data(shape, Data::narrow(wide, dtype)?)
    }

    /// The elements' little-endian bytes, in row-major order. Truth values are one byte each.
    ///
    /// # Errors
    /// When the number of bytes does not fit the shape, and for strings.
    pub fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Self> {
        let width = dtype
            .width()
            .ok_or_else(|| Error::malformed("strings have no fixed width"))?;
        let wanted = element_count(shape)?.checked_mul(width);
        if wanted != Some(bytes.len()) {
            let given = bytes.len();
            return Err(Error::malformed(format!(
                "{given} bytes do not fit {dtype:?} of the shape {shape:?}"
            )));
        }
        Tensor::from_data(shape, Data::read(dtype, bytes)?)
    }

    /// The elements' little-endian bytes.
    ///
    /// # Errors
    /// For strings, which have no fixed width.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.data.write()
    }

    /// One number of rank 0, rounded to the element type.
    ///
    /// # Errors
    /// For strings.
    pub fn scalar(value: f64, dtype: DType) -> Result<Self> {
        Tensor::narrow(&[], &Wide::Float(vec![value]), dtype)
    }

    /// Integers of an integer (or float) element type.
    ///
    /// # Errors
    /// When the shape does not hold as many elements, and for strings.
    pub fn from_integers(dtype: DType, shape: &[usize], values: Vec<i64>) -> Result<Self> {
        Tensor::narrow(
            shape,
            &Wide::Integer(values.into_iter().map(i128::from).collect()),
            dtype,
        )
    }

    /// Numbers rounded to an element type.
    ///
    /// # Errors
    /// When the shape does not hold as many elements, and for strings.
    pub fn from_floats(dtype: DType, shape: &[usize], values: Vec<f64>) -> Result<Self> {
        Tensor::narrow(shape, &Wide::Float(values), dtype)
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// The extents.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in row-major order, if they are `T`.
    pub fn elements<T: Element>(&self) -> Option<&[T]> {
        T::elements(&self.data)
    }

    pub(super) fn data(&self) -> &Data {
        &self.data
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// When the shape does not hold as many elements.
    pub fn reshaped(&self, shape: &[usize]) -> Result<Self> {
        Tensor::from_data(shape, self.data.clone())
    }

    /// The elements at flat `indices`, under the shape.
    pub(crate) fn take(&self, shape: &[usize], indices: &[usize]) -> Result<Self> {
        fn pick<T: Element>(v: &[T], indices: &[usize]) -> Option<Data> {
            indices
                .iter()
                .map(|&i| v.get(i).cloned())
                .collect::<Option<Vec<T>>>()
                .map(T::collect)
        }
        let data = with_elements!(&self.data, v => pick(v, indices));
        Tensor::from_data(
            shape,
            data.ok_or_else(|| Error::malformed("an index is out of range"))?,
        )
    }

    /// All elements of several tensors of one element type, one after the other, as one axis.
    pub(crate) fn chain(tensors: &[&Tensor]) -> Result<Self> {
        fn join<T: Element>(_: &[T], tensors: &[&Tensor]) -> Option<Data> {
            let parts: Option<Vec<&[T]>> = tensors.iter().map(|t| t.elements::<T>()).collect();
            parts.map(|parts| T::collect(parts.concat()))
        }
        let first = tensors
            .first()
            .ok_or_else(|| Error::malformed("there is nothing to concatenate"))?;
        let data = with_elements!(&first.data, v => join(v, tensors));
        let data = data.ok_or_else(|| Error::malformed("the operands differ in element type"))?;
        Tensor::from_data(&[data.len()], data)
    }

    /// The number that all elements are, if they are equal numbers or truth values.
    pub fn as_splat(&self) -> Option<f64> {
        fn equal<T: Element>(v: &[T]) -> bool {
            v.iter().all(|x| x.same(&v[0]))
        }
        if self.is_empty() || !with_elements!(&self.data, v => equal(v)) {
            return None;
        }
        match self.take(&[1], &[0]).ok()?.data.widen().ok()? {
            Wide::Float(v) => v.first().copied(),
            Wide::Integer(v) => v.first().map(|&x| x as f64),
            Wide::Complex(_) => None,
        }
    }

    /// The elements, if the element type is an integer type and all fit.
    pub fn as_integers(&self) -> Option<Vec<i64>> {
        match self.data.widen().ok()? {
            Wide::Integer(v) if self.dtype().is_integer() => {
                v.into_iter().map(|x| i64::try_from(x).ok()).collect()
            }
            Wide::Integer(_) | Wide::Float(_) | Wide::Complex(_) => None,
        }
    }

    /// The elements, if the element type is a real floating point type.
    pub fn as_floats(&self) -> Option<Vec<f64>> {
        match self.data.widen().ok()? {
            Wide::Float(v) => Some(v),
            Wide::Integer(_) | Wide::Complex(_) => None,
        }
    }

    /// Real numbers or truth values as floats, large integers rounded.
    pub(crate) fn to_floats(&self) -> Result<Vec<f64>> {
        match self.data.widen()? {
            Wide::Float(v) => Ok(v),
            Wide::Integer(v) => Ok(v.into_iter().map(|x| x as f64).collect()),
            Wide::Complex(_) => Err(Error::unsupported("complex numbers are not supported here")),
        }
    }

    /// The elements converted as TensorFlow's `Cast` does: floats truncate towards zero, integers wrap.
    ///
    /// # Errors
    /// From or to strings.
    pub fn cast(&self, dtype: DType) -> Result<Self> {
        match self.dtype() == dtype {
            true => Ok(self.clone()),
            false => Tensor::narrow(&self.shape, &self.data.widen()?, dtype),
        }
    }
}

/// How many elements a shape holds.
pub(super) fn element_count(shape: &[usize]) -> Result<usize> {
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    count
        .filter(|&n| n <= isize::MAX as usize)
        .ok_or_else(|| Error::malformed(format!("the shape {shape:?} holds too many elements")))
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        fn same<T: Element>(v: &[T], other: &Tensor) -> bool {
            other
                .elements::<T>()
                .is_some_and(|w| v.len() == w.len() && v.iter().zip(w).all(|(x, y)| x.same(y)))
        }
        self.shape == other.shape && with_elements!(&self.data, v => same(v, other))
    }
}

impl Eq for Tensor {}

impl fmt::Debug for Tensor {
    /// Element type, shape and the first elements.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn some<T: Element>(v: &[T]) -> String {
            let shown: Vec<String> = v.iter().take(8).map(|x| format!("{x:?}")).collect();
            format!(
                "{}{}",
                shown.join(", "),
                if v.len() > 8 { ", …" } else { "" }
            )
        }
        let elements = match &self.data {
            Data::String(v) => v
                .iter()
                .take(8)
                .map(|s| format!("\"{}\"", s.escape_ascii()))
                .collect::<Vec<_>>()
                .join(", "),
            data => with_elements!(data, v => some(v)),
        };
        write!(f, "{:?}{:?} {{{elements}}}", self.dtype(), self.shape)
    }
}
