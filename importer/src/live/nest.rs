//! Structured values: what functions take and return.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use savedmodel_import_proto::DataType;

use crate::eval::{Element, Tensor};
use crate::interpreter::Value;
use crate::ir::DType;
use crate::saved_model::dtype_name;
use crate::{Error, Result};

/// A tensor, a value that Python has without TensorFlow, or a structure of such.
///
/// What Python tells apart is told apart here: a list is no tuple, and the number `2.0` is no tensor, though it becomes one
/// where a function takes a tensor.
#[derive(Clone, Debug)]
pub enum Nest {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An int.
    Int(i64),
    /// A float.
    Float(f64),
    /// A str.
    Text(String),
    /// A dtype.
    DType(DataType),
    /// A tensor.
    Tensor(Arc<Tensor>),
    /// A tensor whose rows differ in length.
    Ragged(Ragged),
    /// A tensor given by its elements that are not zero.
    Sparse(Sparse),
    /// A variable, by its handle.
    Variable(Handle),
    /// The parts of a value of another type, such as an optional or a dataset.
    Other(Vec<Value>),
    /// A list.
    List(Vec<Nest>),
    /// A tuple.
    Tuple(Vec<Nest>),
    /// A dict whose keys are strings, in their order.
    Dict(BTreeMap<String, Nest>),
    /// A named tuple: the name of its type, and the fields in their order.
    NamedTuple(String, Vec<(String, Nest)>),
}

/// A tensor whose rows differ in length, at one or more levels.
#[derive(Clone, Debug)]
pub struct Ragged {
    /// The elements of all rows.
    pub flat_values: Arc<Tensor>,
    /// Where rows begin and end, outermost level first: int32 or int64.
    pub row_splits: Vec<Arc<Tensor>>,
}

/// A tensor given by its elements that are not zero.
#[derive(Clone, Debug)]
pub struct Sparse {
    /// Where they are: int64 of shape `[n, rank]`.
    pub indices: Arc<Tensor>,
    /// What they are: `[n]`.
    pub values: Arc<Tensor>,
    /// The extents: int64 of shape `[rank]`.
    pub dense_shape: Arc<Tensor>,
}

/// The handle of a variable, with what is known of its values.
#[derive(Clone, Debug)]
pub struct Handle {
    /// The handle.
    pub resource: Value,
    /// The element type.
    pub dtype: DataType,
    /// The value now.
    pub(super) value: Arc<Tensor>,
}

impl Nest {
    /// The tensor that this is.
    ///
    /// # Errors
    /// It is something else.
    pub fn tensor(&self) -> Result<&Tensor> {
        match self {
            Nest::Tensor(tensor) => Ok(tensor),
            other => Err(Error::usage(format!("{other} is not a tensor"))),
        }
    }

    /// The elements of the tensor that this is.
    ///
    /// # Errors
    /// It is something else, or a tensor of another element type.
    pub fn elements<T: Element>(&self) -> Result<&[T]> {
        let tensor = self.tensor()?;
        tensor.elements().ok_or_else(|| {
            let (wanted, is) = (T::DTYPE, tensor.dtype());
            Error::usage(format!("the tensor is of {is:?}, not of {wanted:?}"))
        })
    }

    /// The value under a key of a dict, or in a field of a named tuple.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, key: &str) -> Result<&Nest> {
        let found = match self {
            Nest::Dict(fields) => fields.get(key),
            Nest::NamedTuple(_, fields) => fields
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        };
        found.ok_or_else(|| Error::usage(format!("{self} has no `{key}`")))
    }

    /// An item of a list, tuple or named tuple.
    ///
    /// # Errors
    /// There is none.
    pub fn item(&self, index: usize) -> Result<&Nest> {
        let found = match self {
            Nest::List(items) | Nest::Tuple(items) => items.get(index),
            Nest::NamedTuple(_, fields) => fields.get(index).map(|(_, value)| value),
            _ => None,
        };
        found.ok_or_else(|| Error::usage(format!("{self} has no item {index}")))
    }

    /// Whether this is `None`.
    pub fn is_none(&self) -> bool {
        matches!(self, Nest::None)
    }

    /// A dict of these items.
    pub fn dict<K: Into<String>, V: Into<Nest>>(items: impl IntoIterator<Item = (K, V)>) -> Nest {
        let items = items.into_iter().map(|(k, v)| (k.into(), v.into()));
        Nest::Dict(items.collect())
    }

    /// A list of these items.
    pub fn list<V: Into<Nest>>(items: impl IntoIterator<Item = V>) -> Nest {
        Nest::List(items.into_iter().map(Into::into).collect())
    }

    /// A tuple of these items.
    pub fn tuple<V: Into<Nest>>(items: impl IntoIterator<Item = V>) -> Nest {
        Nest::Tuple(items.into_iter().map(Into::into).collect())
    }
}

/// TensorFlow's dtype of an element type.
pub(super) fn data_type(dtype: DType) -> DataType {
    match dtype {
        DType::F16 => DataType::DtHalf,
        DType::BF16 => DataType::DtBfloat16,
        DType::F32 => DataType::DtFloat,
        DType::F64 => DataType::DtDouble,
        DType::I8 => DataType::DtInt8,
        DType::I16 => DataType::DtInt16,
        DType::I32 => DataType::DtInt32,
        DType::I64 => DataType::DtInt64,
        DType::U8 => DataType::DtUint8,
        DType::U16 => DataType::DtUint16,
        DType::U32 => DataType::DtUint32,
        DType::U64 => DataType::DtUint64,
        DType::Bool => DataType::DtBool,
        DType::C64 => DataType::DtComplex64,
        DType::C128 => DataType::DtComplex128,
        DType::String => DataType::DtString,
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $nest:expr;)*) => {$(
        impl From<$from> for Nest {
            fn from($value: $from) -> Nest {
                $nest
            }
        }
    )*};
}

from! {
    Tensor => |tensor| Nest::Tensor(Arc::new(tensor));
    &Tensor => |tensor| Nest::Tensor(Arc::new(tensor.clone()));
    Arc<Tensor> => |tensor| Nest::Tensor(tensor);
    &Arc<Tensor> => |tensor| Nest::Tensor(tensor.clone());
    &Nest => |nest| nest.clone();
    Ragged => |ragged| Nest::Ragged(ragged);
    Sparse => |sparse| Nest::Sparse(sparse);
    bool => |value| Nest::Bool(value);
    i32 => |value| Nest::Int(value.into());
    i64 => |value| Nest::Int(value);
    f32 => |value| Nest::Float(value.into());
    f64 => |value| Nest::Float(value);
    &str => |text| Nest::Text(text.to_owned());
    String => |text| Nest::Text(text);
    DataType => |dtype| Nest::DType(dtype);
    () => |_unit| Nest::None;
}

impl fmt::Display for Nest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Nest::None => f.write_str("None"),
            Nest::Bool(value) => f.write_str(if *value { "True" } else { "False" }),
            Nest::Int(value) => write!(f, "{value}"),
            Nest::Float(value) => write!(f, "{value:?}"),
            Nest::Text(text) => write!(f, "'{}'", text.escape_debug()),
            Nest::DType(dtype) => write!(f, "tf.{}", dtype_name(*dtype)),
            Nest::Tensor(tensor) => tensor_type(f, "Tensor", tensor),
            Nest::Ragged(ragged) => {
                write!(f, "Ragged(levels={}, ", ragged.row_splits.len())?;
                tensor_type(f, "values", &ragged.flat_values)?;
                f.write_str(")")
            }
            Nest::Sparse(sparse) => tensor_type(f, "Sparse", &sparse.values),
            Nest::Variable(handle) => tensor_type(f, "Variable", &handle.value),
            Nest::Other(parts) => write!(f, "<{} parts>", parts.len()),
            Nest::List(items) => sequence(f, "[", items, "]"),
            Nest::Tuple(items) => sequence(f, "(", items, ")"),
            Nest::Dict(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(k, v)| format!("'{k}': {v}")).collect();
                write!(f, "{{{}}}", fields.join(", "))
            }
            Nest::NamedTuple(name, fields) => {
                let fields: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
                write!(f, "{name}({})", fields.join(", "))
            }
        }
    }
}

fn tensor_type(f: &mut fmt::Formatter<'_>, what: &str, tensor: &Tensor) -> fmt::Result {
    let dtype = dtype_name(data_type(tensor.dtype()));
    write!(f, "{what}(shape={:?}, dtype={dtype})", tensor.shape())
}

fn sequence(f: &mut fmt::Formatter<'_>, open: &str, items: &[Nest], close: &str) -> fmt::Result {
    let items: Vec<String> = items.iter().map(Nest::to_string).collect();
    write!(f, "{open}{}{close}", items.join(", "))
}
