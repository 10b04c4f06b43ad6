//! Attributes as Rust values. An unknown word is an error that lists the known ones.

use crate::error::Error;
use crate::graph::op_def::op_def;
use crate::ir::DType;
use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::{AttrValue, DataType, NodeDef, TensorProto};

/// What is wrong with an attribute; the text continues "attribute `name` ".
#[derive(Debug)]
pub enum Flaw {
    /// TensorFlow would not accept it.
    Malformed(String),
    /// It means something that is not supported.
    Unsupported(String),
}

impl Flaw {
    /// The error about the attribute `name`.
    pub fn of(self, name: &str) -> Error {
        match self {
            Flaw::Malformed(text) => {
                Error::malformed(format!("attribute `{name}` {text}")).of_model()
            }
            Flaw::Unsupported(text) => Error::unsupported(format!("attribute `{name}` {text}")),
        }
    }
}

/// A type that an attribute can be read as.
pub trait FromAttr: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// The value is of another kind, or out of range.
    fn from_attr(value: &Value) -> Result<Self, Flaw>;
}

/// The node's attribute, or the op registry's default for it.
pub fn stored<'d>(def: &'d NodeDef, name: &str) -> Option<&'d AttrValue> {
    def.attr
        .get(name)
        .or_else(|| op_def(&def.op)?.default(name))
}

/// The node's attribute, or the op registry's default for it, as a Rust value.
///
/// # Errors
/// The attribute is missing, of the wrong kind, or has an unknown word.
pub fn read<T: FromAttr>(def: &NodeDef, name: &str) -> Result<T, Error> {
    let value = stored(def, name).and_then(|attr| attr.value.as_ref());
    let missing = || Error::malformed(format!("attribute `{name}` is missing")).of_model();
    let value = value.ok_or_else(missing)?;
    T::from_attr(value).map_err(|flaw| flaw.of(name))
}

/// An enum that TensorFlow spells as a string attribute.
pub trait Choice: Copy + 'static {
    /// Every word and what it means.
    const WORDS: &'static [(&'static str, Self)];
}

impl<T: Choice> FromAttr for T {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        let Value::S(bytes) = value else {
            return Err(wrong_kind("a string", value));
        };
        let known = T::WORDS
            .iter()
            .find(|(word, _)| word.as_bytes() == bytes.as_ref());
        known.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
            let got = String::from_utf8_lossy(bytes);
            Flaw::Unsupported(format!("is `{got}`; known are {}", words.join(", ")))
        })
    }
}

impl FromAttr for i64 {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::I(i) => Ok(*i),
            other => Err(wrong_kind("an int", other)),
        }
    }
}

impl FromAttr for usize {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        let i = i64::from_attr(value)?;
        usize::try_from(i).map_err(|_| Flaw::Malformed(format!("is {i}, which is negative")))
    }
}

impl FromAttr for f64 {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::F(f) => Ok(shortest(*f)),
            other => Err(wrong_kind("a float", other)),
        }
    }
}

/// The double that a person would have written for a single: `0.001`, not `0.0010000000474974513`.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

impl FromAttr for bool {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::B(b) => Ok(*b),
            other => Err(wrong_kind("a bool", other)),
        }
    }
}

impl FromAttr for String {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::S(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
            other => Err(wrong_kind("a string", other)),
        }
    }
}

impl FromAttr for DType {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::Type(code) => dtype(*code),
            other => Err(wrong_kind("a dtype", other)),
        }
    }
}

impl FromAttr for TensorProto {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::Tensor(tensor) => Ok(tensor.clone()),
            other => Err(wrong_kind("a tensor", other)),
        }
    }
}

impl FromAttr for Vec<i64> {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::List(list) => Ok(list.i.clone()),
            other => Err(wrong_kind("a list", other)),
        }
    }
}

impl FromAttr for Vec<DType> {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::List(list) => list.r#type.iter().map(|&code| dtype(code)).collect(),
            other => Err(wrong_kind("a list", other)),
        }
    }
}

impl FromAttr for Vec<String> {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::List(list) => {
                let texts = list.s.iter();
                Ok(texts
                    .map(|s| String::from_utf8_lossy(s).into_owned())
                    .collect())
            }
            other => Err(wrong_kind("a list", other)),
        }
    }
}

impl FromAttr for Vec<f64> {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        match value {
            Value::List(list) => Ok(list.f.iter().copied().map(shortest).collect()),
            other => Err(wrong_kind("a list", other)),
        }
    }
}

impl FromAttr for Vec<usize> {
    fn from_attr(value: &Value) -> Result<Self, Flaw> {
        let sizes = Vec::<i64>::from_attr(value)?;
        let size = |&i: &i64| {
            usize::try_from(i).map_err(|_| Flaw::Malformed(format!("has the negative {i}")))
        };
        sizes.iter().map(size).collect()
    }
}

fn wrong_kind(want: &str, got: &Value) -> Flaw {
    let got = match got {
        Value::List(_) => "a list",
        Value::S(_) => "a string",
        Value::I(_) => "an int",
        Value::F(_) => "a float",
        Value::B(_) => "a bool",
        Value::Type(_) => "a dtype",
        Value::Shape(_) => "a shape",
        Value::Tensor(_) => "a tensor",
        Value::Placeholder(_) => "a placeholder",
        Value::Func(_) => "a function",
    };
    Flaw::Malformed(format!("should be {want}, and is {got}"))
}

/// The element type that a dtype code of the wire format names; a reference type counts as what it refers to.
///
/// # Errors
/// The IR has no such type.
pub fn dtype(code: i32) -> Result<DType, Flaw> {
    let value = if code > 100 { code - 100 } else { code };
    let known = DataType::try_from(value)
        .map_err(|_| Flaw::Malformed(format!("has the unknown dtype {code}")))?;
    Ok(match known {
        DataType::DtHalf => DType::F16,
        DataType::DtBfloat16 => DType::BF16,
        DataType::DtFloat => DType::F32,
        DataType::DtDouble => DType::F64,
        DataType::DtInt8 => DType::I8,
        DataType::DtInt16 => DType::I16,
        DataType::DtInt32 => DType::I32,
        DataType::DtInt64 => DType::I64,
        DataType::DtUint8 => DType::U8,
        DataType::DtUint16 => DType::U16,
        DataType::DtUint32 => DType::U32,
        DataType::DtUint64 => DType::U64,
        DataType::DtBool => DType::Bool,
        DataType::DtComplex64 => DType::C64,
        DataType::DtComplex128 => DType::C128,
        DataType::DtString => DType::String,
        other => {
            return Err(Flaw::Unsupported(format!(
                "is the dtype {}",
                other.as_str_name()
            )));
        }
    })
}

/// Where the channels of an image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    /// `[b, spatial…, c]`.
    ChannelsLast,
    /// `[b, c, spatial…]`.
    ChannelsFirst,
}

impl Choice for DataFormat {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("NHWC", DataFormat::ChannelsLast),
        ("NCHW", DataFormat::ChannelsFirst),
        ("NDHWC", DataFormat::ChannelsLast),
        ("NCDHW", DataFormat::ChannelsFirst),
        ("NWC", DataFormat::ChannelsLast),
        ("NCW", DataFormat::ChannelsFirst),
    ];
}

/// The `padding` attribute of window ops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowPadding {
    /// `ceil(input / stride)` outputs.
    Same,
    /// No padding.
    Valid,
    /// `explicit_paddings` holds it.
    Explicit,
}

impl Choice for WindowPadding {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("SAME", WindowPadding::Same),
        ("VALID", WindowPadding::Valid),
        ("EXPLICIT", WindowPadding::Explicit),
    ];
}
