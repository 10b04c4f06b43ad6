//! Types of values: element type and shape.

use super::dim::Dim;
use std::fmt;

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DType {
    /// IEEE half precision.
    F16,
    /// bfloat16.
    BF16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// Signed 8-bit integer.
    I8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 8-bit integer.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// Truth value.
    Bool,
    /// Pair of single precision numbers.
    C64,
    /// Pair of double precision numbers.
    C128,
    /// Byte string.
    String,
}

impl DType {
    /// Whether it is a real floating point type.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
    }

    /// The type of the real and of the imaginary part, if it is complex.
    pub fn part(self) -> Option<DType> {
        match self {
            DType::C64 => Some(DType::F32),
            DType::C128 => Some(DType::F64),
            DType::F16
            | DType::BF16
            | DType::F32
            | DType::F64
            | DType::I8
            | DType::I16
            | DType::I32
            | DType::I64
            | DType::U8
            | DType::U16
            | DType::U32
            | DType::U64
            | DType::Bool
            | DType::String => None,
        }
    }

    /// Whether it is a signed or unsigned integer type.
    pub fn is_integer(self) -> bool {
        self.is_signed_integer() || matches!(self, DType::U8 | DType::U16 | DType::U32 | DType::U64)
    }

    /// Whether it is a signed integer type.
    pub fn is_signed_integer(self) -> bool {
        matches!(self, DType::I8 | DType::I16 | DType::I32 | DType::I64)
    }

    /// Bytes per element; `None` for strings.
    pub fn width(self) -> Option<usize> {
        match self {
            DType::I8 | DType::U8 | DType::Bool => Some(1),
            DType::F16 | DType::BF16 | DType::I16 | DType::U16 => Some(2),
            DType::F32 | DType::I32 | DType::U32 => Some(4),
            DType::F64 | DType::I64 | DType::U64 | DType::C64 => Some(8),
            DType::C128 => Some(16),
            DType::String => None,
        }
    }
}

impl fmt::Display for DType {
    /// As users of TensorFlow and NumPy call it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::F16 => "float16",
            DType::BF16 => "bfloat16",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::I8 => "int8",
            DType::I16 => "int16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::U8 => "uint8",
            DType::U16 => "uint16",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::Bool => "bool",
            DType::C64 => "complex64",
            DType::C128 => "complex128",
            DType::String => "string",
        })
    }
}

/// The shape of a value: a list of extents, or not even a known rank.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One extent per axis.
    Ranked(Vec<Dim>),
    /// A rank that only the caller knows. Only elementwise ops take and give such values.
    Unranked,
}

impl Shape {
    /// The extents, if the rank is known.
    pub fn dims(&self) -> Option<&[Dim]> {
        match self {
            Shape::Ranked(dims) => Some(dims),
            Shape::Unranked => None,
        }
    }

    /// The number of axes, if known.
    pub fn rank(&self) -> Option<usize> {
        self.dims().map(<[Dim]>::len)
    }

    /// All extents, if every one is known.
    pub fn known(&self) -> Option<Vec<usize>> {
        self.dims()?.iter().map(Dim::as_usize).collect()
    }
}

impl From<Vec<Dim>> for Shape {
    fn from(dims: Vec<Dim>) -> Self {
        Shape::Ranked(dims)
    }
}

/// The type of a value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Type {
    /// The element type.
    pub dtype: DType,
    /// The shape.
    pub shape: Shape,
}

impl Type {
    /// A type of known rank.
    pub fn new(dtype: DType, dims: impl Into<Vec<Dim>>) -> Self {
        Type {
            dtype,
            shape: Shape::Ranked(dims.into()),
        }
    }

    /// A type whose rank only the caller knows.
    pub fn unranked(dtype: DType) -> Self {
        Type {
            dtype,
            shape: Shape::Unranked,
        }
    }

    /// The number of axes, if known.
    pub fn rank(&self) -> Option<usize> {
        self.shape.rank()
    }

    /// The extents; empty when the rank is unknown.
    pub fn dims(&self) -> &[Dim] {
        self.shape.dims().unwrap_or_default()
    }

    /// The extents, to be replaced.
    pub(super) fn dims_mut(&mut self) -> &mut [Dim] {
        match &mut self.shape {
            Shape::Ranked(dims) => dims,
            Shape::Unranked => &mut [],
        }
    }
}

impl fmt::Display for Type {
    /// For messages: `float32[2, s0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.dtype, self.shape)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Ranked(dims) => write!(f, "{dims:?}"),
            Shape::Unranked => f.write_str("[..]"),
        }
    }
}

impl fmt::Debug for Type {
    /// For the text of the IR: `F32[2, s0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{:?}", self.dtype, self.shape)
    }
}
