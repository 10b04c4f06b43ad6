//! Types of structured values: what a trace was made for, and what it gives.

use std::collections::BTreeMap;
use std::fmt;

use savedmodel_import_proto::structured_value::Kind;
use savedmodel_import_proto::type_spec_proto::TypeSpecClass;
use savedmodel_import_proto::{DataType, StructuredValue, TypeSpecProto};

use super::nest::Nest;
use crate::saved_model::{
    CompositeState, StaticShape, component_count, dtype_from_wire, dtype_name, static_shape,
};
use crate::{Error, Result};

/// The type of a structured value. What is no tensor is a value itself.
#[derive(Clone, Debug)]
pub enum Spec {
    /// A tensor.
    Tensor(TensorSpec),
    /// A variable, of which the function takes the handle.
    Variable(TensorSpec),
    /// A value of several tensors.
    Composite(Composite),
    /// This value and no other.
    Value(Nest),
    /// A list.
    List(Vec<Spec>),
    /// A tuple.
    Tuple(Vec<Spec>),
    /// A dict.
    Dict(BTreeMap<String, Spec>),
    /// A named tuple.
    NamedTuple(String, Vec<(String, Spec)>),
}

/// The type of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// The element type; `DtInvalid` where it is not said.
    pub dtype: DataType,
    /// The static shape.
    pub shape: StaticShape,
    /// The name; may be empty.
    pub name: String,
}

/// The type of a value of several tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    /// What it is.
    pub kind: CompositeKind,
    /// The element type.
    pub dtype: DataType,
    /// The static shape of the whole.
    pub shape: StaticShape,
}

/// The kinds of composite value.
#[derive(Clone, Debug, PartialEq)]
pub enum CompositeKind {
    /// Indices, values, dense shape.
    Sparse,
    /// Flat values, then the row splits of this many levels.
    Ragged(usize, DataType),
    /// A class by name, and how many parts it has.
    Other(String, usize),
}

impl Composite {
    /// How many tensors it is.
    pub fn parts(&self) -> usize {
        match &self.kind {
            CompositeKind::Sparse => 3,
            CompositeKind::Ragged(levels, _) => 1 + levels,
            CompositeKind::Other(_, parts) => *parts,
        }
    }
}

impl Spec {
    /// Reads a type. Nesting is bounded by the protobuf reader.
    pub(super) fn read(value: &StructuredValue) -> Result<Spec> {
        let all =
            |values: &[StructuredValue]| values.iter().map(Spec::read).collect::<Result<Vec<_>>>();
        Ok(match kind(value)? {
            Kind::ListValue(list) => Spec::List(all(&list.values)?),
            Kind::TupleValue(tuple) => Spec::Tuple(all(&tuple.values)?),
            Kind::DictValue(dict) => {
                let fields = dict.fields.iter();
                let fields = fields.map(|(key, value)| Ok((key.clone(), Spec::read(value)?)));
                Spec::Dict(fields.collect::<Result<_>>()?)
            }
            Kind::NamedTupleValue(tuple) => {
                let fields = tuple.values.iter().map(|pair| {
                    let value = pair.value.as_ref().ok_or_else(unset)?;
                    Ok((pair.key.clone(), Spec::read(value)?))
                });
                Spec::NamedTuple(tuple.name.clone(), fields.collect::<Result<_>>()?)
            }
            Kind::TensorSpecValue(spec) => Spec::Tensor(TensorSpec {
                dtype: dtype_from_wire(spec.dtype)?,
                shape: static_shape(spec.shape.as_ref())?,
                name: spec.name.clone(),
            }),
            Kind::BoundedTensorSpecValue(spec) => Spec::Tensor(TensorSpec {
                dtype: dtype_from_wire(spec.dtype)?,
                shape: static_shape(spec.shape.as_ref())?,
                name: spec.name.clone(),
            }),
            Kind::TypeSpecValue(spec) => type_spec(spec)?,
            Kind::NoneValue(_)
            | Kind::Float64Value(_)
            | Kind::Int64Value(_)
            | Kind::StringValue(_)
            | Kind::BoolValue(_)
            | Kind::TensorShapeValue(_)
            | Kind::TensorDtypeValue(_)
            | Kind::TensorValue(_)
            | Kind::NumpyValue(_) => Spec::Value(plain(value)?),
        })
    }
}

fn unset() -> Error {
    Error::malformed("a StructuredValue has no kind")
}

fn kind(value: &StructuredValue) -> Result<&Kind> {
    value.kind.as_ref().ok_or_else(unset)
}

/// A value without types in it.
pub(super) fn plain(value: &StructuredValue) -> Result<Nest> {
    let all = |values: &[StructuredValue]| values.iter().map(plain).collect::<Result<Vec<_>>>();
    Ok(match kind(value)? {
        Kind::NoneValue(_) => Nest::None,
        Kind::Float64Value(value) => Nest::Float(*value),
        Kind::Int64Value(value) => Nest::Int(*value),
        Kind::StringValue(text) => Nest::Text(text.clone()),
        Kind::BoolValue(value) => Nest::Bool(*value),
        Kind::TensorDtypeValue(dtype) => Nest::DType(dtype_from_wire(*dtype)?),
        Kind::TensorShapeValue(shape) => shape_value(&static_shape(Some(shape))?),
        Kind::TensorValue(tensor) | Kind::NumpyValue(tensor) => {
            crate::lower::tensor(tensor)?.into()
        }
        Kind::ListValue(list) => Nest::List(all(&list.values)?),
        Kind::TupleValue(tuple) => Nest::Tuple(all(&tuple.values)?),
        Kind::DictValue(dict) => {
            let fields = dict.fields.iter();
            let fields = fields.map(|(key, value)| Ok((key.clone(), plain(value)?)));
            Nest::Dict(fields.collect::<Result<_>>()?)
        }
        Kind::NamedTupleValue(tuple) => {
            let fields = tuple.values.iter().map(|pair| {
                let value = pair.value.as_ref().ok_or_else(unset)?;
                Ok((pair.key.clone(), plain(value)?))
            });
            Nest::NamedTuple(tuple.name.clone(), fields.collect::<Result<_>>()?)
        }
        Kind::TensorSpecValue(_) | Kind::BoundedTensorSpecValue(_) | Kind::TypeSpecValue(_) => {
            return Err(Error::malformed("a type stands where a value should"));
        }
    })
}

/// A shape as Python would compare it: a tuple of ints and `None`, or `None` for an unknown rank.
fn shape_value(shape: &StaticShape) -> Nest {
    let extent = |dim: &Option<u64>| match dim.and_then(|dim| i64::try_from(dim).ok()) {
        Some(dim) => Nest::Int(dim),
        None => Nest::None,
    };
    match shape {
        Some(dims) => Nest::Tuple(dims.iter().map(extent).collect()),
        None => Nest::None,
    }
}

/// The type of a composite value, or of a variable.
pub(super) fn type_spec(spec: &TypeSpecProto) -> Result<Spec> {
    let state = CompositeState::read(spec)?;
    let dtype = state.dtype.unwrap_or(DataType::DtInvalid);
    let composite = |kind| {
        Spec::Composite(Composite {
            kind,
            dtype,
            shape: state.shape.clone(),
        })
    };
    let class = TypeSpecClass::try_from(spec.type_spec_class).unwrap_or(TypeSpecClass::Unknown);
    match class {
        TypeSpecClass::SparseTensorSpec => Ok(composite(CompositeKind::Sparse)),
        TypeSpecClass::RaggedTensorSpec => {
            let splits = state.splits.unwrap_or(DataType::DtInt64);
            Ok(composite(CompositeKind::Ragged(state.ragged_rank, splits)))
        }
        TypeSpecClass::VariableSpec => Ok(Spec::Variable(TensorSpec {
            dtype,
            shape: state.shape.clone(),
            name: String::new(),
        })),
        _ => {
            let parts = component_count(spec)?;
            let parts = match class {
                TypeSpecClass::IndexedSlicesSpec => 3,
                _ => parts,
            };
            let class = spec.type_spec_class_name.clone();
            Ok(composite(CompositeKind::Other(class, parts)))
        }
    }
}

/// `(2, None)`, as Python writes a shape.
pub(super) fn python_shape(shape: &StaticShape) -> String {
    let Some(dims) = shape else {
        return "<unknown>".to_owned();
    };
    let dim = |dim: &Option<u64>| dim.map_or("None".to_owned(), |dim| dim.to_string());
    match dims.as_slice() {
        [only] => format!("({},)", dim(only)),
        dims => format!("({})", dims.iter().map(dim).collect::<Vec<_>>().join(", ")),
    }
}

impl fmt::Display for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shape, dtype) = (python_shape(&self.shape), dtype_name(self.dtype));
        write!(
            f,
            "TensorSpec(shape={shape}, dtype=tf.{dtype}, name='{}')",
            self.name
        )
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |items: &[Spec]| {
            let items: Vec<String> = items.iter().map(Spec::to_string).collect();
            items.join(", ")
        };
        match self {
            Spec::Tensor(spec) => spec.fmt(f),
            Spec::Variable(spec) => write!(f, "Variable{spec}"),
            Spec::Composite(composite) => {
                let name = match &composite.kind {
                    CompositeKind::Sparse => "SparseTensorSpec",
                    CompositeKind::Ragged(..) => "RaggedTensorSpec",
                    CompositeKind::Other(name, _) => name,
                };
                let (shape, dtype) = (python_shape(&composite.shape), dtype_name(composite.dtype));
                write!(f, "{name}({shape}, tf.{dtype})")
            }
            Spec::Value(value) => value.fmt(f),
            Spec::List(items) => write!(f, "[{}]", joined(items)),
            Spec::Tuple(items) => write!(f, "({})", joined(items)),
            Spec::Dict(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(k, v)| format!("'{k}': {v}")).collect();
                write!(f, "{{{}}}", fields.join(", "))
            }
            Spec::NamedTuple(name, fields) => {
                let fields: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
                write!(f, "{name}({})", fields.join(", "))
            }
        }
    }
}
