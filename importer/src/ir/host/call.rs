//! What a row of a host op sees: types where types are inferred, values where the kernel is called.

use super::super::dim::Dim;
use super::super::graph::Fresh;
use super::super::ty::{DType, Shape, Type};
use crate::error::{Error, Result};
use savedmodel_import_kernels::array::{self, Array, Element};
use savedmodel_import_kernels::string_tensor::StringTensor;

/// What a kernel is given after its operands.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A `bool`.
    Flag(bool),
    /// An `i64`.
    Integer(i64),
    /// An `f64`.
    Number(f64),
    /// A `&str`.
    Text(String),
    /// The element type of a result.
    Element(DType),
    /// A `&[i64]`.
    Integers(Vec<i64>),
    /// A `&[&str]`.
    Texts(Vec<String>),
    /// A `usize`.
    Extent(Dim),
    /// A `&[usize]`.
    Extents(Vec<Dim>),
}

/// A value as kernels have it.
#[derive(Clone, Debug, PartialEq)]
pub enum HostValue {
    /// Strings.
    Strings(StringTensor),
    /// Numbers or truth values.
    Numbers(Array),
}

impl From<StringTensor> for HostValue {
    fn from(strings: StringTensor) -> Self {
        HostValue::Strings(strings)
    }
}

impl From<Array> for HostValue {
    fn from(numbers: Array) -> Self {
        HostValue::Numbers(numbers)
    }
}

/// The types of operands, from which those of results follow.
pub struct Inference<'a> {
    pub(in crate::ir) inputs: &'a [&'a Type],
    pub(in crate::ir) attributes: &'a [Attribute],
    pub(in crate::ir) fresh: &'a mut Fresh,
}

impl<'a> Inference<'a> {
    /// The type of operand `i`.
    ///
    /// # Errors
    /// There are fewer.
    pub fn ty(&self, i: usize) -> Result<&'a Type> {
        let missing = || Error::malformed(format!("the op has no operand {i}"));
        self.inputs.get(i).copied().ok_or_else(missing)
    }

    /// The shape of operand `i`.
    ///
    /// # Errors
    /// There are fewer.
    pub fn shape(&self, i: usize) -> Result<Shape> {
        Ok(self.ty(i)?.shape.clone())
    }

    /// The extents of operand `i`.
    ///
    /// # Errors
    /// Its rank is unknown.
    pub fn dims(&self, i: usize) -> Result<&'a [Dim]> {
        super::super::infer::ranked("an operand", self.ty(i)?)
    }

    /// An operand of strings.
    ///
    /// # Errors
    /// It has numbers.
    pub fn strings(&self, i: usize) -> Result<&'a Type> {
        let ty = self.ty(i)?;
        match ty.dtype == DType::String {
            true => Ok(ty),
            false => Err(Error::malformed(format!(
                "operand {i} is {ty} and must hold strings"
            ))),
        }
    }

    /// Attribute `i`.
    pub fn attribute(&self, i: usize) -> Option<&'a Attribute> {
        self.attributes.get(i)
    }

    /// The element type that attribute `i` says.
    ///
    /// # Errors
    /// It says something else.
    pub fn element(&self, i: usize) -> Result<DType> {
        match self.attribute(i) {
            Some(Attribute::Element(dtype)) => Ok(*dtype),
            _ => Err(Error::internal("a host op has no element type")),
        }
    }

    /// The shape that operands broadcast to.
    ///
    /// # Errors
    /// They do not.
    pub fn broadcast(&self) -> Result<Shape> {
        let first = self.ty(0)?.clone();
        let joined = self.inputs.iter().skip(1).try_fold(first, |all, ty| {
            super::super::infer::broadcast(&all, ty).map(|shape| Type {
                dtype: all.dtype,
                shape,
            })
        });
        Ok(joined?.shape)
    }

    /// An extent that only the data tells.
    pub fn extent_of_data(&mut self) -> Dim {
        Dim::symbol(self.fresh.data_symbol())
    }
}

/// The values of operands, and what the kernel is given after them.
pub struct Operands<'a> {
    /// The operands.
    pub values: &'a [HostValue],
    /// The attributes.
    pub attributes: &'a [Attribute],
}

impl<'a> Operands<'a> {
    fn missing<T>(what: &str, i: usize) -> array::Result<T> {
        Err(array::Error::new(format!("{i} is not {what}")))
    }

    /// Operand `i`.
    ///
    /// # Errors
    /// There are fewer.
    pub fn value(&self, i: usize) -> array::Result<&'a HostValue> {
        self.values
            .get(i)
            .map_or_else(|| Operands::missing("an operand", i), Ok)
    }

    /// Operand `i`, which are strings.
    ///
    /// # Errors
    /// They are not.
    pub fn strings(&self, i: usize) -> array::Result<&'a StringTensor> {
        match self.value(i)? {
            HostValue::Strings(strings) => Ok(strings),
            HostValue::Numbers(_) => Operands::missing("a tensor of strings", i),
        }
    }

    /// Operand `i`, which are numbers.
    ///
    /// # Errors
    /// They are not.
    pub fn numbers(&self, i: usize) -> array::Result<&'a Array> {
        match self.value(i)? {
            HostValue::Numbers(numbers) => Ok(numbers),
            HostValue::Strings(_) => Operands::missing("a tensor of numbers", i),
        }
    }

    /// All operands, which are strings.
    ///
    /// # Errors
    /// They are not.
    pub fn all_strings(&self) -> array::Result<Vec<&'a StringTensor>> {
        (0..self.values.len()).map(|i| self.strings(i)).collect()
    }

    /// Attribute `i`, a truth value.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&self, i: usize) -> array::Result<bool> {
        match self.attributes.get(i) {
            Some(Attribute::Flag(flag)) => Ok(*flag),
            _ => Operands::missing("a flag", i),
        }
    }

    /// Attribute `i`, an integer.
    ///
    /// # Errors
    /// It is something else.
    pub fn integer(&self, i: usize) -> array::Result<i64> {
        match self.attributes.get(i) {
            Some(Attribute::Integer(integer)) => Ok(*integer),
            _ => Operands::missing("an integer", i),
        }
    }

    /// Attribute `i`, a number.
    ///
    /// # Errors
    /// It is something else.
    pub fn number(&self, i: usize) -> array::Result<f64> {
        match self.attributes.get(i) {
            Some(Attribute::Number(number)) => Ok(*number),
            _ => Operands::missing("a number", i),
        }
    }

    /// Attribute `i`, a text.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, i: usize) -> array::Result<&'a str> {
        match self.attributes.get(i) {
            Some(Attribute::Text(text)) => Ok(text),
            _ => Operands::missing("a text", i),
        }
    }

    /// Attribute `i`, several integers.
    ///
    /// # Errors
    /// It is something else.
    pub fn integers(&self, i: usize) -> array::Result<&'a [i64]> {
        match self.attributes.get(i) {
            Some(Attribute::Integers(integers)) => Ok(integers),
            _ => Operands::missing("a list of integers", i),
        }
    }

    /// Attribute `i`, several texts.
    ///
    /// # Errors
    /// It is something else.
    pub fn texts(&self, i: usize) -> array::Result<Vec<&'a str>> {
        match self.attributes.get(i) {
            Some(Attribute::Texts(texts)) => Ok(texts.iter().map(String::as_str).collect()),
            _ => Operands::missing("a list of texts", i),
        }
    }

    /// Attribute `i`, an extent that is known by now.
    ///
    /// # Errors
    /// It is something else.
    pub fn extent(&self, i: usize) -> array::Result<usize> {
        match self.attributes.get(i) {
            Some(Attribute::Extent(dim)) => dim
                .as_usize()
                .map_or_else(|| Operands::missing("a known extent", i), Ok),
            _ => Operands::missing("an extent", i),
        }
    }

    /// Attribute `i`, extents that are known by now.
    ///
    /// # Errors
    /// It is something else.
    pub fn extents(&self, i: usize) -> array::Result<Vec<usize>> {
        let known = match self.attributes.get(i) {
            Some(Attribute::Extents(dims)) => dims.iter().map(Dim::as_usize).collect(),
            _ => None,
        };
        known.map_or_else(|| Operands::missing("a list of known extents", i), Ok)
    }

    /// Operands from `first` on, which are numbers.
    ///
    /// # Errors
    /// They are not.
    pub fn numbers_from(&self, first: usize) -> array::Result<Vec<&'a Array>> {
        (first..self.values.len())
            .map(|i| self.numbers(i))
            .collect()
    }

    /// Attribute `i`, the element type of a result.
    ///
    /// # Errors
    /// It is something else, or a type that kernels do not have.
    pub fn element(&self, i: usize) -> array::Result<Element> {
        match self.attributes.get(i) {
            Some(Attribute::Element(dtype)) => {
                element(*dtype).map_or_else(|| Operands::missing("an element type", i), Ok)
            }
            _ => Operands::missing("an element type", i),
        }
    }
}

/// The element type of arrays, if they have one like it.
pub fn element(dtype: DType) -> Option<Element> {
    match dtype {
        DType::F32 => Some(Element::F32),
        DType::F64 => Some(Element::F64),
        DType::I8 => Some(Element::I8),
        DType::I16 => Some(Element::I16),
        DType::I32 => Some(Element::I32),
        DType::I64 => Some(Element::I64),
        DType::U8 => Some(Element::U8),
        DType::U16 => Some(Element::U16),
        DType::U32 => Some(Element::U32),
        DType::U64 => Some(Element::U64),
        DType::Bool => Some(Element::Bool),
        DType::F16 | DType::BF16 | DType::C64 | DType::C128 | DType::String => None,
    }
}
