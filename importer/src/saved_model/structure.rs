//! Structured values: what a function takes and returns, flattened as `tf.nest` does.
//!
//! Dicts flatten by sorted key, named tuples by field, lists and tuples in order. A tensor, and each part of a sparse or
//! ragged one, is a leaf that the graph function has an argument for; any other leaf is Python's.

use std::collections::BTreeMap;

use savedmodel_import_proto::structured_value::Kind;
use savedmodel_import_proto::type_spec_proto::TypeSpecClass;
use savedmodel_import_proto::{DataType, StructuredValue, TypeSpecProto};
use serde::{Serialize, Serializer};

use super::dtype::{dtype_from_wire, dtype_name};
use super::shape::{self, StaticShape, static_shape};
use crate::{Error, Result};

/// A composite value has few parts; more than this is not believed.
const MAX_COMPONENTS: usize = 64;

/// A Python value that a trace was made for.
#[derive(Clone, Debug, PartialEq)]
pub enum PythonValue {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An int.
    Int(i64),
    /// A float.
    Float(f64),
    /// A str.
    String(String),
    /// A list or tuple.
    Sequence(Vec<PythonValue>),
    /// A dict, or a named tuple by its fields.
    Dict(BTreeMap<String, PythonValue>),
    /// Something else, as text: a dtype, a shape.
    Other(String),
}

impl Serialize for PythonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            PythonValue::None => serializer.serialize_unit(),
            PythonValue::Bool(value) => serializer.serialize_bool(*value),
            PythonValue::Int(value) => serializer.serialize_i64(*value),
            PythonValue::Float(value) => serializer.serialize_f64(*value),
            PythonValue::String(text) | PythonValue::Other(text) => serializer.serialize_str(text),
            PythonValue::Sequence(items) => serializer.collect_seq(items),
            PythonValue::Dict(fields) => serializer.collect_map(fields),
        }
    }
}

/// A leaf of a structure, with the path that leads to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    /// Dict keys, field names, and decimal indices.
    pub(super) path: Vec<String>,
    pub(super) value: LeafValue,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum LeafValue {
    /// A tensor; of a part of a composite value the type may be left to the graph function.
    Tensor {
        dtype: Option<DataType>,
        shape: StaticShape,
        /// The name in the TensorSpec.
        name: String,
    },
    Python(PythonValue),
}

/// The children of a value; `None` for a leaf.
fn children(kind: &Kind) -> Option<Vec<(String, &StructuredValue)>> {
    match kind {
        Kind::ListValue(list) => Some(numbered(&list.values)),
        Kind::TupleValue(tuple) => Some(numbered(&tuple.values)),
        Kind::DictValue(dict) => Some(
            dict.fields
                .iter()
                .map(|(key, value)| (key.clone(), value))
                .collect(),
        ),
        Kind::NamedTupleValue(tuple) => Some(
            tuple
                .values
                .iter()
                .filter_map(|pair| Some((pair.key.clone(), pair.value.as_ref()?)))
                .collect(),
        ),
        _ => None,
    }
}

fn numbered(values: &[StructuredValue]) -> Vec<(String, &StructuredValue)> {
    values
        .iter()
        .enumerate()
        .map(|(index, value)| (index.to_string(), value))
        .collect()
}

fn kind_of(value: &StructuredValue) -> Result<&Kind> {
    value
        .kind
        .as_ref()
        .ok_or_else(|| Error::malformed("a StructuredValue has no kind"))
}

/// The items of a list or tuple, or the fields of a dict or named tuple; nothing for anything else.
pub(super) fn items(value: &StructuredValue) -> Vec<(String, &StructuredValue)> {
    value.kind.as_ref().and_then(children).unwrap_or_default()
}

/// All leaves, in order. Nesting is bounded by the protobuf reader.
pub(super) fn flatten(value: &StructuredValue) -> Result<Vec<Leaf>> {
    let mut leaves = Vec::new();
    flatten_into(value, &mut Vec::new(), &mut leaves)?;
    Ok(leaves)
}

fn flatten_into(
    value: &StructuredValue,
    path: &mut Vec<String>,
    leaves: &mut Vec<Leaf>,
) -> Result<()> {
    let kind = kind_of(value)?;
    let Some(children) = children(kind) else {
        return leaf_values(kind)?
            .into_iter()
            .try_for_each(|(part, value)| {
                let path = path.iter().cloned().chain(part).collect();
                leaves.push(Leaf { path, value });
                Ok(())
            });
    };
    for (key, child) in children {
        path.push(key);
        flatten_into(child, path, leaves)?;
        path.pop();
    }
    Ok(())
}

type Parts = Vec<(Option<String>, LeafValue)>;

fn leaf_values(kind: &Kind) -> Result<Parts> {
    match kind {
        Kind::TensorSpecValue(spec) => {
            tensor(spec.dtype, static_shape(spec.shape.as_ref())?, &spec.name)
        }
        Kind::BoundedTensorSpecValue(spec) => {
            tensor(spec.dtype, static_shape(spec.shape.as_ref())?, &spec.name)
        }
        Kind::TypeSpecValue(spec) => components(spec),
        other => Ok(vec![(None, LeafValue::Python(python_leaf(other)?))]),
    }
}

fn tensor(dtype: i32, shape: StaticShape, name: &str) -> Result<Parts> {
    let value = LeafValue::Tensor {
        dtype: Some(dtype_from_wire(dtype)?),
        shape,
        name: name.to_owned(),
    };
    Ok(vec![(None, value)])
}

fn components(spec: &TypeSpecProto) -> Result<Parts> {
    let state = CompositeState::read(spec)?;
    let rank = state.shape.as_ref().map(|dims| dims.len() as u64);
    match spec.type_spec_class() {
        TypeSpecClass::SparseTensorSpec => Ok(vec![
            part("indices", Some(DataType::DtInt64), Some(vec![None, rank])),
            part("values", state.dtype, Some(vec![None])),
            part("dense_shape", Some(DataType::DtInt64), Some(vec![rank])),
        ]),
        TypeSpecClass::IndexedSlicesSpec => Ok(vec![
            part("values", state.dtype, state.shape),
            part("indices", None, Some(vec![None])),
            part("dense_shape", None, Some(vec![rank])),
        ]),
        TypeSpecClass::RaggedTensorSpec => Ok(ragged(&state)),
        TypeSpecClass::VariableSpec => Ok(vec![(
            None,
            unnamed(Some(DataType::DtResource), Some(Vec::new())),
        )]),
        _ => other_components(spec),
    }
}

fn other_components(spec: &TypeSpecProto) -> Result<Parts> {
    Ok((0..component_count(spec)?)
        .map(|index| part(&format!("component_{index}"), None, None))
        .collect())
}

/// How many tensors a value of a type is that TensorFlow itself does not define.
pub(crate) fn component_count(spec: &TypeSpecProto) -> Result<usize> {
    let count = spec.num_flat_components;
    let class = &spec.type_spec_class_name;
    let few = usize::try_from(count).ok();
    few.filter(|&count| count <= MAX_COMPONENTS)
        .ok_or_else(|| Error::malformed(format!("a {class} of {count} components")))
}

fn ragged(state: &CompositeState) -> Parts {
    let inner = state.shape.as_ref().map(|dims| {
        let inner = dims.iter().skip(1 + state.ragged_rank).copied();
        std::iter::once(None).chain(inner).collect()
    });
    let mut parts = vec![part("flat_values", state.dtype, inner)];
    for level in 0..state.ragged_rank {
        let name = match state.ragged_rank {
            1 => "row_splits".to_owned(),
            _ => format!("row_splits_{level}"),
        };
        parts.push(part(&name, state.splits, Some(vec![None])));
    }
    parts
}

fn part(name: &str, dtype: Option<DataType>, shape: StaticShape) -> (Option<String>, LeafValue) {
    (Some(name.to_owned()), unnamed(dtype, shape))
}

fn unnamed(dtype: Option<DataType>, shape: StaticShape) -> LeafValue {
    LeafValue::Tensor {
        dtype,
        shape,
        name: String::new(),
    }
}

/// What a composite type's serialized state says; the parts come in the order (shape, dtype, ragged rank, splits dtype).
#[derive(Default)]
pub(crate) struct CompositeState {
    /// The shape of the whole.
    pub shape: StaticShape,
    /// The type of the values.
    pub dtype: Option<DataType>,
    /// How many dimensions are ragged.
    pub ragged_rank: usize,
    /// The type of the row splits.
    pub splits: Option<DataType>,
}

impl CompositeState {
    /// What the spec says.
    pub fn read(spec: &TypeSpecProto) -> Result<Self> {
        let mut state = CompositeState::default();
        let Some(stored) = spec.type_state.as_deref() else {
            return Ok(state);
        };
        for (_, value) in items(stored) {
            match &value.kind {
                Some(Kind::TensorShapeValue(shape)) => state.shape = static_shape(Some(shape))?,
                Some(Kind::TensorDtypeValue(dtype)) if state.dtype.is_none() => {
                    state.dtype = Some(dtype_from_wire(*dtype)?);
                }
                Some(Kind::TensorDtypeValue(dtype)) => {
                    state.splits = Some(dtype_from_wire(*dtype)?);
                }
                Some(Kind::Int64Value(rank)) => state.ragged_rank = ragged_rank(*rank)?,
                _ => {}
            }
        }
        Ok(state)
    }
}

fn ragged_rank(rank: i64) -> Result<usize> {
    usize::try_from(rank)
        .ok()
        .filter(|&rank| rank < MAX_COMPONENTS)
        .ok_or_else(|| Error::malformed(format!("a ragged rank of {rank}")))
}

/// A value without tensors, as a whole; `None` if there are tensors in it.
pub(super) fn python_value(value: &StructuredValue) -> Result<Option<PythonValue>> {
    let kind = kind_of(value)?;
    let Some(children) = children(kind) else {
        return Ok(match leaf_values(kind)?.pop() {
            Some((None, LeafValue::Python(value))) => Some(value),
            _ => None,
        });
    };
    let mut fields = Vec::with_capacity(children.len());
    for (key, child) in children {
        match python_value(child)? {
            Some(value) => fields.push((key, value)),
            None => return Ok(None),
        }
    }
    Ok(Some(match kind {
        Kind::DictValue(_) | Kind::NamedTupleValue(_) => {
            PythonValue::Dict(fields.into_iter().collect())
        }
        _ => PythonValue::Sequence(fields.into_iter().map(|(_, value)| value).collect()),
    }))
}

fn python_leaf(kind: &Kind) -> Result<PythonValue> {
    Ok(match kind {
        Kind::NoneValue(_) => PythonValue::None,
        Kind::BoolValue(value) => PythonValue::Bool(*value),
        Kind::Int64Value(value) => PythonValue::Int(*value),
        Kind::Float64Value(value) => PythonValue::Float(*value),
        Kind::StringValue(text) => PythonValue::String(text.clone()),
        Kind::TensorDtypeValue(dtype) => PythonValue::Other(dtype_name(dtype_from_wire(*dtype)?)),
        Kind::TensorShapeValue(proto) => {
            PythonValue::Other(shape::display(&static_shape(Some(proto))?))
        }
        Kind::TensorValue(_) | Kind::NumpyValue(_) => PythonValue::Other("a constant".to_owned()),
        _ => PythonValue::Other("a type".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use savedmodel_import_proto::{DictValue, TensorSpecProto, TupleValue};

    use super::*;

    fn value(kind: Kind) -> StructuredValue {
        StructuredValue { kind: Some(kind) }
    }

    fn spec(name: &str) -> StructuredValue {
        value(Kind::TensorSpecValue(TensorSpecProto {
            name: name.to_owned(),
            shape: None,
            dtype: DataType::DtFloat as i32,
        }))
    }

    fn dict(fields: Vec<(&str, StructuredValue)>) -> StructuredValue {
        let fields = fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        value(Kind::DictValue(DictValue { fields }))
    }

    fn tuple(values: Vec<StructuredValue>) -> StructuredValue {
        value(Kind::TupleValue(TupleValue { values }))
    }

    #[test]
    fn leaves_come_in_the_order_of_nest() -> Result<()> {
        let nested = dict(vec![
            ("b", tuple(vec![spec("x"), value(Kind::BoolValue(true))])),
            ("a", spec("y")),
        ]);
        let paths: Vec<String> = flatten(&nested)?.iter().map(|l| l.path.join(".")).collect();
        assert_eq!(paths, ["a", "b.0", "b.1"]);
        Ok(())
    }

    #[test]
    fn a_sparse_tensor_is_three_leaves() -> Result<()> {
        let sparse = value(Kind::TypeSpecValue(Box::new(TypeSpecProto {
            type_spec_class: TypeSpecClass::SparseTensorSpec as i32,
            ..TypeSpecProto::default()
        })));
        let paths: Vec<String> = flatten(&tuple(vec![sparse]))?
            .iter()
            .map(|leaf| leaf.path.join("."))
            .collect();
        assert_eq!(paths, ["0.indices", "0.values", "0.dense_shape"]);
        Ok(())
    }

    #[test]
    fn a_python_value_has_no_tensors() -> Result<()> {
        let plain = tuple(vec![value(Kind::Int64Value(2)), dict(vec![])]);
        assert_eq!(
            python_value(&plain)?,
            Some(PythonValue::Sequence(vec![
                PythonValue::Int(2),
                PythonValue::Dict(BTreeMap::new())
            ]))
        );
        assert_eq!(python_value(&tuple(vec![spec("x")]))?, None);
        Ok(())
    }
}
