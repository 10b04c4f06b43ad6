//! The elements of a tensor, and the three wide forms that arithmetic runs in.

use crate::error::{Error, Result};
use crate::ir::DType;
use half::{bf16, f16};
use num_complex::{Complex32, Complex64};

/// Elements in row-major order.
#[derive(Clone)]
#[allow(missing_docs)]
pub enum Data {
    F16(Vec<f16>),
    BF16(Vec<bf16>),
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
    C64(Vec<Complex32>),
    C128(Vec<Complex64>),
    String(Vec<Vec<u8>>),
}

/// Runs an expression for the vector inside, whatever its element type.
macro_rules! with_elements {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            Data::F16($v) => $body,
            Data::BF16($v) => $body,
            Data::F32($v) => $body,
            Data::F64($v) => $body,
            Data::I8($v) => $body,
            Data::I16($v) => $body,
            Data::I32($v) => $body,
            Data::I64($v) => $body,
            Data::U8($v) => $body,
            Data::U16($v) => $body,
            Data::U32($v) => $body,
            Data::U64($v) => $body,
            Data::Bool($v) => $body,
            Data::C64($v) => $body,
            Data::C128($v) => $body,
            Data::String($v) => $body,
        }
    };
}
pub(super) use with_elements;

/// Numbers in the widest form of their kind. Each op computes here and rounds to the element type once.
#[derive(Clone, Debug)]
pub(super) enum Wide {
    Float(Vec<f64>),
    /// Wide enough for the sum, difference and (wrapping) product of any two integers.
    Integer(Vec<i128>),
    Complex(Vec<Complex64>),
}

/// The element types, with what they have in common.
pub trait Element: Clone + Send + Sync + std::fmt::Debug + 'static {
    /// Their name.
    const DTYPE: DType;
    /// The tensor's elements of this type.
    fn collect(elements: Vec<Self>) -> Data;
    /// The elements, if they are of this type.
    fn elements(data: &Data) -> Option<&[Self]>;
    /// Whether all bits are equal.
    fn same(&self, other: &Self) -> bool;
}

macro_rules! element {
    ($($type:ty, $variant:ident, $same:expr;)*) => {$(
        impl Element for $type {
            const DTYPE: DType = DType::$variant;
            fn collect(elements: Vec<Self>) -> Data {
                Data::$variant(elements)
            }
            fn elements(data: &Data) -> Option<&[Self]> {
                if let Data::$variant(elements) = data { Some(elements) } else { None }
            }
            fn same(&self, other: &Self) -> bool {
                let bits: fn(&Self) -> _ = $same;
                bits(self) == bits(other)
            }
        }
    )*};
}

element! {
    f16, F16, |x| x.to_bits();
    bf16, BF16, |x| x.to_bits();
    f32, F32, |x| x.to_bits();
    f64, F64, |x| x.to_bits();
    i8, I8, |x| *x;
    i16, I16, |x| *x;
    i32, I32, |x| *x;
    i64, I64, |x| *x;
    u8, U8, |x| *x;
    u16, U16, |x| *x;
    u32, U32, |x| *x;
    u64, U64, |x| *x;
    bool, Bool, |x| *x;
    Complex32, C64, |x| (x.re.to_bits(), x.im.to_bits());
    Complex64, C128, |x| (x.re.to_bits(), x.im.to_bits());
}

impl Element for Vec<u8> {
    const DTYPE: DType = DType::String;
    fn collect(elements: Vec<Self>) -> Data {
        Data::String(elements)
    }
    fn elements(data: &Data) -> Option<&[Self]> {
        if let Data::String(elements) = data {
            Some(elements)
        } else {
            None
        }
    }
    fn same(&self, other: &Self) -> bool {
        self == other
    }
}

fn wrap<T>(elements: &[T], convert: impl Fn(&T) -> i128) -> Wide {
    Wide::Integer(elements.iter().map(convert).collect())
}

impl Data {
    pub(super) fn len(&self) -> usize {
        with_elements!(self, v => v.len())
    }

    pub(super) fn dtype(&self) -> DType {
        fn of<T: Element>(_: &[T]) -> DType {
            T::DTYPE
        }
        with_elements!(self, v => of(v))
    }

    /// The numbers; truth values are 0 and 1.
    pub(super) fn widen(&self) -> Result<Wide> {
        Ok(match self {
            Data::F16(v) => Wide::Float(v.iter().map(|x| x.to_f64()).collect()),
            Data::BF16(v) => Wide::Float(v.iter().map(|x| x.to_f64()).collect()),
            Data::F32(v) => Wide::Float(v.iter().map(|&x| f64::from(x)).collect()),
            Data::F64(v) => Wide::Float(v.clone()),
            Data::I8(v) => wrap(v, |&x| x.into()),
            Data::I16(v) => wrap(v, |&x| x.into()),
            Data::I32(v) => wrap(v, |&x| x.into()),
            Data::I64(v) => wrap(v, |&x| x.into()),
            Data::U8(v) => wrap(v, |&x| x.into()),
            Data::U16(v) => wrap(v, |&x| x.into()),
            Data::U32(v) => wrap(v, |&x| x.into()),
            Data::U64(v) => wrap(v, |&x| x.into()),
            Data::Bool(v) => wrap(v, |&x| x.into()),
            Data::C64(v) => Wide::Complex(
                v.iter()
                    .map(|x| Complex64::new(f64::from(x.re), f64::from(x.im)))
                    .collect(),
            ),
            Data::C128(v) => Wide::Complex(v.clone()),
            Data::String(_) => return Err(Error::malformed("strings are not numbers")),
        })
    }

    /// Rounds numbers to an element type: to nearest for floats, wrapping for integers, not zero for `Bool`.
    pub(super) fn narrow(wide: &Wide, dtype: DType) -> Result<Data> {
        match wide {
            Wide::Float(v) => Data::narrow_floats(v, dtype),
            Wide::Integer(v) => Data::narrow_integers(v, dtype),
            Wide::Complex(v) => Data::narrow_complex(v, dtype),
        }
    }

    /// Floats become integers as on x86: what does not fit becomes the smallest integer of the register's width.
    fn narrow_floats(v: &[f64], dtype: DType) -> Result<Data> {
        Ok(match dtype {
            DType::F16 => Data::F16(v.iter().map(|&x| f16::from_f64(x)).collect()),
            DType::BF16 => Data::BF16(v.iter().map(|&x| bf16::from_f64(x)).collect()),
            DType::F32 => Data::F32(v.iter().map(|&x| x as f32).collect()),
            DType::F64 => Data::F64(v.to_vec()),
            DType::I8 => Data::I8(v.iter().map(|&x| truncate_i32(x) as i8).collect()),
            DType::I16 => Data::I16(v.iter().map(|&x| truncate_i32(x) as i16).collect()),
            DType::I32 => Data::I32(v.iter().map(|&x| truncate_i32(x)).collect()),
            DType::I64 => Data::I64(v.iter().map(|&x| truncate_i64(x)).collect()),
            DType::U8 => Data::U8(v.iter().map(|&x| truncate_i32(x) as u8).collect()),
            DType::U16 => Data::U16(v.iter().map(|&x| truncate_i32(x) as u16).collect()),
            DType::U32 => Data::U32(v.iter().map(|&x| truncate_i64(x) as u32).collect()),
            DType::U64 => Data::U64(v.iter().map(|&x| truncate_u64(x)).collect()),
            DType::Bool => Data::Bool(v.iter().map(|&x| x != 0.0).collect()),
            DType::C64 => Data::C64(v.iter().map(|&x| Complex32::new(x as f32, 0.0)).collect()),
            DType::C128 => Data::C128(v.iter().map(|&x| Complex64::new(x, 0.0)).collect()),
            DType::String => return Err(Error::malformed("numbers are not strings")),
        })
    }

    fn narrow_integers(v: &[i128], dtype: DType) -> Result<Data> {
        Ok(match dtype {
            DType::F16 => Data::F16(v.iter().map(|&x| f16::from_f64(x as f64)).collect()),
            DType::BF16 => Data::BF16(v.iter().map(|&x| bf16::from_f64(x as f64)).collect()),
            DType::F32 => Data::F32(v.iter().map(|&x| x as f32).collect()),
            DType::F64 => Data::F64(v.iter().map(|&x| x as f64).collect()),
            DType::I8 => Data::I8(v.iter().map(|&x| x as i8).collect()),
            DType::I16 => Data::I16(v.iter().map(|&x| x as i16).collect()),
            DType::I32 => Data::I32(v.iter().map(|&x| x as i32).collect()),
            DType::I64 => Data::I64(v.iter().map(|&x| x as i64).collect()),
            DType::U8 => Data::U8(v.iter().map(|&x| x as u8).collect()),
            DType::U16 => Data::U16(v.iter().map(|&x| x as u16).collect()),
            DType::U32 => Data::U32(v.iter().map(|&x| x as u32).collect()),
            DType::U64 => Data::U64(v.iter().map(|&x| x as u64).collect()),
            DType::Bool => Data::Bool(v.iter().map(|&x| x != 0).collect()),
            DType::C64 => Data::C64(v.iter().map(|&x| Complex32::new(x as f32, 0.0)).collect()),
            DType::C128 => Data::C128(v.iter().map(|&x| Complex64::new(x as f64, 0.0)).collect()),
            DType::String => return Err(Error::malformed("numbers are not strings")),
        })
    }

    /// Complex numbers become real ones by losing the imaginary part.
    fn narrow_complex(v: &[Complex64], dtype: DType) -> Result<Data> {
        match dtype {
            DType::C64 => Ok(Data::C64(
                v.iter()
                    .map(|x| Complex32::new(x.re as f32, x.im as f32))
                    .collect(),
            )),
            DType::C128 => Ok(Data::C128(v.to_vec())),
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
            | DType::String => {
                Data::narrow_floats(&v.iter().map(|x| x.re).collect::<Vec<_>>(), dtype)
            }
        }
    }

    /// Elements from their little-endian bytes.
    pub(super) fn read(dtype: DType, bytes: &[u8]) -> Result<Data> {
        fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|&chunk| read(chunk))
                .collect()
        }
        let f4 = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        let f8 = |b: &[u8]| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
        Ok(match dtype {
            DType::F16 => Data::F16(each(bytes, f16::from_le_bytes)),
            DType::BF16 => Data::BF16(each(bytes, bf16::from_le_bytes)),
            DType::F32 => Data::F32(each(bytes, f32::from_le_bytes)),
            DType::F64 => Data::F64(each(bytes, f64::from_le_bytes)),
            DType::I8 => Data::I8(each(bytes, i8::from_le_bytes)),
            DType::I16 => Data::I16(each(bytes, i16::from_le_bytes)),
            DType::I32 => Data::I32(each(bytes, i32::from_le_bytes)),
            DType::I64 => Data::I64(each(bytes, i64::from_le_bytes)),
            DType::U8 => Data::U8(bytes.to_vec()),
            DType::U16 => Data::U16(each(bytes, u16::from_le_bytes)),
            DType::U32 => Data::U32(each(bytes, u32::from_le_bytes)),
            DType::U64 => Data::U64(each(bytes, u64::from_le_bytes)),
            DType::Bool => Data::Bool(bytes.iter().map(|&b| b != 0).collect()),
            DType::C64 => Data::C64(each(bytes, |b: [u8; 8]| {
                Complex32::new(f4(&b), f4(&b[4..]))
            })),
            DType::C128 => Data::C128(each(bytes, |b: [u8; 16]| {
                Complex64::new(f8(&b), f8(&b[8..]))
            })),
            DType::String => return Err(Error::malformed("strings have no fixed width")),
        })
    }

    /// The little-endian bytes of the elements.
    pub(super) fn write(&self) -> Result<Vec<u8>> {
        Ok(match self {
            Data::F16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::BF16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I8(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::U8(v) => v.clone(),
            Data::U16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::U32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::U64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::Bool(v) => v.iter().map(|&x| u8::from(x)).collect(),
            Data::C64(v) => v
                .iter()
                .flat_map(|x| [x.re.to_le_bytes(), x.im.to_le_bytes()].concat())
                .collect(),
            Data::C128(v) => v
                .iter()
                .flat_map(|x| [x.re.to_le_bytes(), x.im.to_le_bytes()].concat())
                .collect(),
            Data::String(_) => return Err(Error::malformed("strings have no fixed width")),
        })
    }
}

fn truncate_i32(x: f64) -> i32 {
    let t = x.trunc();
    if (-2147483648.0..2147483648.0).contains(&t) {
        t as i32
    } else {
        i32::MIN
    }
}

fn truncate_i64(x: f64) -> i64 {
    let limit = 9223372036854775808.0;
    if (-limit..limit).contains(&x.trunc()) {
        x as i64
    } else {
        i64::MIN
    }
}

fn truncate_u64(x: f64) -> u64 {
    if x < 0.0 {
        truncate_i64(x) as u64
    } else {
        x as u64
    }
}
