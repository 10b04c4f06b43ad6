//! Numbers on the host, as kernels take and give them.

use std::fmt;

use super::string_tensor::StringTensor;

/// What a kernel says when its operands are wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

/// The result of a kernel.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Error(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The element types of arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as Rust's types")]
pub enum Element {
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
}

/// Elements in row-major order, by their type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "named as Rust's types")]
pub enum Numbers {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    Bool(Vec<bool>),
}

/// Numbers or truth values under a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    numbers: Numbers,
}

/// Runs an expression for the vector inside, whatever its element type.
macro_rules! each {
    ($numbers:expr, $v:ident => $body:expr) => {
        match $numbers {
            Numbers::F32($v) => $body,
            Numbers::F64($v) => $body,
            Numbers::I8($v) => $body,
            Numbers::I16($v) => $body,
            Numbers::I32($v) => $body,
            Numbers::I64($v) => $body,
            Numbers::U8($v) => $body,
            Numbers::U16($v) => $body,
            Numbers::U32($v) => $body,
            Numbers::U64($v) => $body,
            Numbers::Bool($v) => $body,
        }
    };
}

/// Maps the vector inside, whatever its element type, to one of the same type.
macro_rules! mapped {
    ($numbers:expr, $v:ident => $body:expr) => {
        match $numbers {
            Numbers::F32($v) => Numbers::F32($body),
            Numbers::F64($v) => Numbers::F64($body),
            Numbers::I8($v) => Numbers::I8($body),
            Numbers::I16($v) => Numbers::I16($body),
            Numbers::I32($v) => Numbers::I32($body),
            Numbers::I64($v) => Numbers::I64($body),
            Numbers::U8($v) => Numbers::U8($body),
            Numbers::U16($v) => Numbers::U16($body),
            Numbers::U32($v) => Numbers::U32($body),
            Numbers::U64($v) => Numbers::U64($body),
            Numbers::Bool($v) => Numbers::Bool($body),
        }
    };
}

impl Array {
    /// The array of a shape that holds as many numbers.
    ///
    /// # Errors
    /// It does not.
    pub fn new(shape: &[usize], numbers: Numbers) -> Result<Self> {
        let given = each!(&numbers, v => v.len());
        match count(shape)? == given {
            true => Ok(Array {
                shape: shape.to_vec(),
                numbers,
            }),
            false => Err(Error::new(format!(
                "{given} elements are not an array of {shape:?}"
            ))),
        }
    }

    /// An array of 64-bit integers that has as many elements as its shape says.
    ///
    /// # Errors
    /// It has not.
    pub fn integers(shape: &[usize], integers: Vec<i64>) -> Result<Self> {
        Array::new(shape, Numbers::I64(integers))
    }

    /// No elements, along one axis.
    pub fn empty() -> Self {
        Array {
            shape: vec![0],
            numbers: Numbers::I64(vec![]),
        }
    }

    /// The same elements, converted as by `as`.
    pub fn to(self, element: Element) -> Self {
        if self.element() == element {
            return self;
        }
        let numbers = match element {
            Element::F32 => Numbers::F32(self.to_f64().iter().map(|&x| x as f32).collect()),
            Element::F64 => Numbers::F64(self.to_f64()),
            Element::I8 => Numbers::I8(self.to_i64().iter().map(|&x| x as i8).collect()),
            Element::I16 => Numbers::I16(self.to_i64().iter().map(|&x| x as i16).collect()),
            Element::I32 => Numbers::I32(self.to_i64().iter().map(|&x| x as i32).collect()),
            Element::I64 => Numbers::I64(self.to_i64()),
            Element::U8 => Numbers::U8(self.to_i64().iter().map(|&x| x as u8).collect()),
            Element::U16 => Numbers::U16(self.to_i64().iter().map(|&x| x as u16).collect()),
            Element::U32 => Numbers::U32(self.to_i64().iter().map(|&x| x as u32).collect()),
            Element::U64 => Numbers::U64(self.to_i64().iter().map(|&x| x as u64).collect()),
            Element::Bool => Numbers::Bool(self.truths()),
        };
        let shape = self.shape;
        Array { shape, numbers }
    }

    /// The extent of each axis; none for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        each!(&self.numbers, v => v.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the elements.
    pub fn element(&self) -> Element {
        match &self.numbers {
            Numbers::F32(_) => Element::F32,
            Numbers::F64(_) => Element::F64,
            Numbers::I8(_) => Element::I8,
            Numbers::I16(_) => Element::I16,
            Numbers::I32(_) => Element::I32,
            Numbers::I64(_) => Element::I64,
            Numbers::U8(_) => Element::U8,
            Numbers::U16(_) => Element::U16,
            Numbers::U32(_) => Element::U32,
            Numbers::U64(_) => Element::U64,
            Numbers::Bool(_) => Element::Bool,
        }
    }

    /// Whether the elements are floats.
    pub fn is_float(&self) -> bool {
        matches!(self.element(), Element::F32 | Element::F64)
    }

    /// The elements as integers: floats lose their fractions, truth values are 0 and 1.
    pub fn to_i64(&self) -> Vec<i64> {
        match &self.numbers {
            Numbers::Bool(v) => v.iter().map(|&x| i64::from(x)).collect(),
            Numbers::F32(v) => v.iter().map(|&x| x as i64).collect(),
            Numbers::F64(v) => v.iter().map(|&x| x as i64).collect(),
            Numbers::I8(v) => v.iter().map(|&x| i64::from(x)).collect(),
            Numbers::I16(v) => v.iter().map(|&x| i64::from(x)).collect(),
            Numbers::I32(v) => v.iter().map(|&x| i64::from(x)).collect(),
            Numbers::I64(v) => v.clone(),
            Numbers::U8(v) => v.iter().map(|&x| i64::from(x)).collect(),
            Numbers::U16(v) => v.iter().map(|&x| i64::from(x)).collect(),
            Numbers::U32(v) => v.iter().map(|&x| i64::from(x)).collect(),
            Numbers::U64(v) => v.iter().map(|&x| x as i64).collect(),
        }
    }

    /// The elements as floats.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.numbers {
            Numbers::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Numbers::F64(v) => v.clone(),
            Numbers::U64(v) => v.iter().map(|&x| x as f64).collect(),
            _ => self.to_i64().iter().map(|&x| x as f64).collect(),
        }
    }

    /// Which elements are not zero, or true.
    pub fn truths(&self) -> Vec<bool> {
        match &self.numbers {
            Numbers::Bool(v) => v.clone(),
            _ => self.to_f64().iter().map(|&x| x != 0.0).collect(),
        }
    }

    /// The only integer.
    ///
    /// # Errors
    /// There are several, or none.
    pub fn scalar_i64(&self) -> Result<i64> {
        match self.to_i64()[..] {
            [one] => Ok(one),
            _ => Err(Error::new(format!("{:?} is no scalar", self.shape))),
        }
    }

    /// The same elements as a scalar, if there is one.
    pub fn scalar(mut self) -> Self {
        if self.len() == 1 {
            self.shape.clear();
        }
        self
    }
}

macro_rules! from {
    ($($type:ty: $variant:ident)*) => {$(
        impl From<$type> for Array {
            fn from(number: $type) -> Self {
                let numbers = Numbers::$variant(vec![number]);
                Array { shape: vec![], numbers }
            }
        }

        impl<const N: usize> From<[$type; N]> for Array {
            fn from(numbers: [$type; N]) -> Self {
                let numbers = Numbers::$variant(numbers.to_vec());
                Array { shape: vec![N], numbers }
            }
        }
    )*};
}

from!(f32: F32 f64: F64 i32: I32 i64: I64 bool: Bool);

/// Tensors whose elements can be told apart and moved: of numbers and of strings.
pub trait Elements: Sized {
    /// The extent of each axis.
    fn extents(&self) -> &[usize];

    /// The elements at flat places, under a shape.
    ///
    /// # Errors
    /// There is no such place, or the shape holds another number of elements.
    fn take(&self, shape: &[usize], places: &[usize]) -> Result<Self>;

    /// All elements of several tensors, one after the other, as one axis.
    ///
    /// # Errors
    /// There is none, or they differ in type.
    fn chain(all: &[&Self]) -> Result<Self>;

    /// Zeros, or empty strings, of the same type.
    ///
    /// # Errors
    /// They are too many.
    fn zeros(&self, shape: &[usize]) -> Result<Self>;

    /// Runs of `size` elements as bytes that are equal when the runs are.
    fn keys(&self, size: usize) -> Vec<Vec<u8>>;

    /// Which elements are not zero, not false, or not empty.
    fn flags(&self) -> Vec<bool>;
}

fn pick<T: Clone>(v: &[T], places: &[usize]) -> Result<Vec<T>> {
    let missing = || Error::new("an index is out of range");
    let picked = places.iter().map(|&place| v.get(place).cloned());
    picked.collect::<Option<_>>().ok_or_else(missing)
}

impl Elements for Array {
    fn extents(&self) -> &[usize] {
        &self.shape
    }

    fn take(&self, shape: &[usize], places: &[usize]) -> Result<Self> {
        Array::new(shape, mapped!(&self.numbers, v => pick(v, places)?))
    }

    fn chain(all: &[&Self]) -> Result<Self> {
        let first = all
            .first()
            .ok_or_else(|| Error::new("there is nothing to join"))?;
        let mut numbers = first.numbers.clone();
        for other in &all[1..] {
            match (&mut numbers, &other.numbers) {
                (Numbers::F32(all), Numbers::F32(more)) => all.extend(more),
                (Numbers::F64(all), Numbers::F64(more)) => all.extend(more),
                (Numbers::I8(all), Numbers::I8(more)) => all.extend(more),
                (Numbers::I16(all), Numbers::I16(more)) => all.extend(more),
                (Numbers::I32(all), Numbers::I32(more)) => all.extend(more),
                (Numbers::I64(all), Numbers::I64(more)) => all.extend(more),
                (Numbers::U8(all), Numbers::U8(more)) => all.extend(more),
                (Numbers::U16(all), Numbers::U16(more)) => all.extend(more),
                (Numbers::U32(all), Numbers::U32(more)) => all.extend(more),
                (Numbers::U64(all), Numbers::U64(more)) => all.extend(more),
                (Numbers::Bool(all), Numbers::Bool(more)) => all.extend(more),
                _ => return Err(Error::new("the operands differ in element type")),
            }
        }
        let count = each!(&numbers, v => v.len());
        Array::new(&[count], numbers)
    }

    fn keys(&self, size: usize) -> Vec<Vec<u8>> {
        let key = |bytes: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
            bytes.chunks(size.max(1)).map(<[_]>::concat).collect()
        };
        match &self.numbers {
            Numbers::F32(v) => key(v.iter().map(|x| (x + 0.0).to_le_bytes().to_vec()).collect()),
            Numbers::F64(v) => key(v.iter().map(|x| (x + 0.0).to_le_bytes().to_vec()).collect()),
            _ => key(self
                .to_i64()
                .iter()
                .map(|x| x.to_le_bytes().to_vec())
                .collect()),
        }
    }

    fn zeros(&self, shape: &[usize]) -> Result<Self> {
        let zeros = Array::new(shape, Numbers::I64(vec![0; count(shape)?]))?;
        Ok(zeros.to(self.element()))
    }

    fn flags(&self) -> Vec<bool> {
        self.truths()
    }
}

impl Elements for StringTensor {
    fn extents(&self) -> &[usize] {
        self.shape()
    }

    fn take(&self, shape: &[usize], places: &[usize]) -> Result<Self> {
        match count(shape)? == places.len() {
            true => Ok(StringTensor::of(shape, pick(self.data(), places)?)),
            false => Err(Error::new("a shape does not hold the strings")),
        }
    }

    fn chain(all: &[&Self]) -> Result<Self> {
        let data: Vec<Vec<u8>> = all.iter().flat_map(|x| x.data().to_vec()).collect();
        Ok(StringTensor::of(&[data.len()], data))
    }

    fn keys(&self, size: usize) -> Vec<Vec<u8>> {
        let length = |s: &Vec<u8>| (s.len() as u64).to_le_bytes().to_vec();
        let key = |run: &[Vec<u8>]| match run {
            [one] => one.clone(),
            run => run
                .iter()
                .flat_map(|s| [length(s), s.clone()].concat())
                .collect(),
        };
        self.data().chunks(size.max(1)).map(key).collect()
    }

    fn zeros(&self, shape: &[usize]) -> Result<Self> {
        Ok(StringTensor::of(shape, vec![vec![]; count(shape)?]))
    }

    fn flags(&self) -> Vec<bool> {
        self.data().iter().map(|s| !s.is_empty()).collect()
    }
}

/// Kernels make no tensors of more elements.
const ELEMENT_LIMIT: usize = 1 << 31;

/// How many elements a shape holds.
///
/// # Errors
/// Too many.
pub fn count(shape: &[usize]) -> Result<usize> {
    let product = shape
        .iter()
        .try_fold(1usize, |n, &extent| n.checked_mul(extent));
    product
        .filter(|&n| n <= ELEMENT_LIMIT)
        .ok_or_else(|| Error::new(format!("a tensor of shape {shape:?} is too large")))
}

/// The index on each axis of a flat place.
pub fn coordinates(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut found = vec![0; shape.len()];
    for (at, &extent) in found.iter_mut().zip(shape).rev() {
        *at = place % extent.max(1);
        place /= extent.max(1);
    }
    found
}

/// The shape that tensors broadcast to, aligned at the end.
///
/// # Errors
/// They do not.
pub fn broadcast_shape(shapes: &[&[usize]]) -> Result<Vec<usize>> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut result = vec![1; rank];
    for shape in shapes {
        for (at, &extent) in result.iter_mut().rev().zip(shape.iter().rev()) {
            *at = match (*at, extent) {
                (a, b) if a == b || b == 1 => a,
                (1, b) => b,
                (a, b) => {
                    return Err(Error::new(format!(
                        "the extents {a} and {b} do not broadcast"
                    )));
                }
            };
        }
    }
    Ok(result)
}

/// For each element of `to` the flat place in a tensor of shape `from` that broadcasts to it.
pub fn broadcast_places(from: &[usize], to: &[usize]) -> Vec<usize> {
    let lead = to.len().saturating_sub(from.len());
    let place = |at: &[usize]| {
        let own = at[lead..].iter().zip(from);
        own.fold(0, |sum, (&i, &extent)| {
            sum * extent + if extent == 1 { 0 } else { i }
        })
    };
    let all = to.iter().product();
    (0..all).map(|flat| place(&coordinates(flat, to))).collect()
}

/// An index below `limit`.
///
/// # Errors
/// It is negative or too large.
pub fn index(value: i64, limit: usize) -> Result<usize> {
    let place = usize::try_from(value).ok().filter(|&place| place < limit);
    place.ok_or_else(|| Error::new(format!("the index {value} is not below {limit}")))
}
