//! Whether values are what a trace was made for, and the tensors that they are.

use savedmodel_import_proto::DataType;

use super::convert::to_tensor;
use super::nest::{Nest, Ragged, data_type};
use super::spec::{Composite, CompositeKind, Spec, TensorSpec};
use crate::eval::Tensor;
use crate::interpreter::Value;
use crate::saved_model::StaticShape;
use crate::{Error, Result};

/// Whether a value is of this type; with `convert`, Python's numbers and lists count as the tensors they become.
pub(super) fn fits(nest: &Nest, spec: &Spec, convert: bool) -> bool {
    match (spec, nest) {
        (Spec::Tensor(spec), nest) => fits_tensor(nest, spec, convert),
        (Spec::Variable(spec), Nest::Variable(handle)) => {
            handle.dtype == spec.dtype && compatible(&spec.shape, handle.value.shape())
        }
        (Spec::Variable(_), _) => false,
        (Spec::Composite(composite), nest) => fits_composite(nest, composite),
        (Spec::Value(value), nest) => equal(value, nest),
        (Spec::List(specs), Nest::List(items)) | (Spec::Tuple(specs), Nest::Tuple(items)) => {
            specs.len() == items.len()
                && specs
                    .iter()
                    .zip(items)
                    .all(|(spec, item)| fits(item, spec, convert))
        }
        (Spec::Dict(specs), Nest::Dict(fields)) => {
            specs.len() == fields.len()
                && specs.iter().all(|(key, spec)| {
                    fields
                        .get(key)
                        .is_some_and(|field| fits(field, spec, convert))
                })
        }
        (Spec::NamedTuple(name, specs), Nest::NamedTuple(own, fields)) => {
            name == own
                && specs.len() == fields.len()
                && specs
                    .iter()
                    .zip(fields)
                    .all(|((key, spec), (field, value))| key == field && fits(value, spec, convert))
        }
        (Spec::List(_) | Spec::Tuple(_) | Spec::Dict(_) | Spec::NamedTuple(..), _) => false,
    }
}

fn fits_tensor(nest: &Nest, spec: &TensorSpec, convert: bool) -> bool {
    let tensor = match nest {
        Nest::Tensor(_) | Nest::Variable(_) => to_tensor(nest, spec.dtype),
        other if convert => to_tensor(other, spec.dtype),
        // A handle or variant stands for itself.
        Nest::Other(values) => {
            let opaque = matches!(spec.dtype, DataType::DtResource | DataType::DtVariant);
            return opaque && values.len() == 1;
        }
        _ => None,
    };
    tensor.is_some_and(|tensor| {
        data_type(tensor.dtype()) == spec.dtype && compatible(&spec.shape, tensor.shape())
    })
}

/// Whether a tensor of this shape can be where the other is promised.
pub(super) fn compatible(declared: &StaticShape, actual: &[usize]) -> bool {
    let Some(dims) = declared else { return true };
    dims.len() == actual.len()
        && dims
            .iter()
            .zip(actual)
            .all(|(dim, &size)| dim.is_none_or(|dim| dim == size as u64))
}

fn fits_composite(nest: &Nest, composite: &Composite) -> bool {
    match (&composite.kind, nest) {
        (CompositeKind::Sparse, Nest::Sparse(sparse)) => {
            data_type(sparse.values.dtype()) == composite.dtype
                && sparse.dense_shape.elements::<i64>().is_some_and(|shape| {
                    let shape: Vec<usize> = shape
                        .iter()
                        .map(|&n| usize::try_from(n).unwrap_or(0))
                        .collect();
                    compatible(&composite.shape, &shape)
                })
        }
        (CompositeKind::Ragged(levels, splits), Nest::Ragged(ragged)) => {
            ragged.row_splits.len() == *levels
                && data_type(ragged.flat_values.dtype()) == composite.dtype
                && ragged
                    .row_splits
                    .iter()
                    .all(|s| data_type(s.dtype()) == *splits)
                && fits_ragged(ragged, *levels, &composite.shape)
        }
        (CompositeKind::Other(_, parts), Nest::Other(values)) => values.len() == *parts,
        (CompositeKind::Sparse | CompositeKind::Ragged(..) | CompositeKind::Other(..), _) => false,
    }
}

fn fits_ragged(ragged: &Ragged, levels: usize, shape: &StaticShape) -> bool {
    let Some(dims) = shape else { return true };
    let rows = ragged
        .row_splits
        .first()
        .map_or(0, |splits| splits.len().saturating_sub(1));
    let inner = ragged.flat_values.shape().get(1..).unwrap_or_default();
    let outermost = dims
        .first()
        .is_none_or(|dim| dim.is_none_or(|dim| dim == rows as u64));
    let rest = dims.get(1 + levels..).unwrap_or_default().to_vec();
    outermost && compatible(&Some(rest), inner)
}

/// Python's `==`: numbers by value, whatever their type.
pub(super) fn equal(a: &Nest, b: &Nest) -> bool {
    let number = |nest: &Nest| match nest {
        Nest::Bool(value) => Some(f64::from(u8::from(*value))),
        Nest::Int(value) => Some(*value as f64),
        Nest::Float(value) => Some(*value),
        _ => None,
    };
    if let (Nest::Int(a), Nest::Int(b)) = (a, b) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return a == b;
    }
    match (a, b) {
        (Nest::None, Nest::None) => true,
        (Nest::Text(a), Nest::Text(b)) => a == b,
        (Nest::DType(a), Nest::DType(b)) => a == b,
        (Nest::Tensor(a), Nest::Tensor(b)) => a == b,
        (Nest::List(a), Nest::List(b)) | (Nest::Tuple(a), Nest::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Nest::Dict(a), Nest::Dict(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| equal(a, b)))
        }
        (Nest::NamedTuple(_, a), Nest::NamedTuple(_, b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((_, a), (_, b))| equal(a, b))
        }
        _ => false,
    }
}

/// Appends the tensors that a value is where this type is wanted, in TensorFlow's order.
pub(super) fn flatten(nest: &Nest, spec: &Spec, out: &mut Vec<Value>) -> Result<()> {
    let misfit = || Error::usage(format!("{nest} is given where {spec} is wanted"));
    match (spec, nest) {
        (Spec::Value(_), _) => Ok(()),
        (Spec::Tensor(_), Nest::Other(values)) => {
            out.extend(values.iter().cloned());
            Ok(())
        }
        (Spec::Tensor(tensor), nest) => {
            out.push(to_tensor(nest, tensor.dtype).ok_or_else(misfit)?.into());
            Ok(())
        }
        (Spec::Variable(_), Nest::Variable(handle)) => {
            out.push(handle.resource.clone());
            Ok(())
        }
        (Spec::Composite(_), nest) => {
            let parts = match nest {
                Nest::Sparse(s) => vec![&s.indices, &s.values, &s.dense_shape],
                Nest::Ragged(r) => [&r.flat_values].into_iter().chain(&r.row_splits).collect(),
                Nest::Other(values) => {
                    out.extend(values.iter().cloned());
                    return Ok(());
                }
                _ => return Err(misfit()),
            };
            out.extend(parts.into_iter().cloned().map(Value::from));
            Ok(())
        }
        (Spec::List(specs), Nest::List(items)) | (Spec::Tuple(specs), Nest::Tuple(items))
            if specs.len() == items.len() =>
        {
            let mut pairs = specs.iter().zip(items);
            pairs.try_for_each(|(spec, item)| flatten(item, spec, out))
        }
        (Spec::Dict(specs), Nest::Dict(fields)) => specs
            .iter()
            .try_for_each(|(key, spec)| flatten(fields.get(key).ok_or_else(misfit)?, spec, out)),
        (Spec::NamedTuple(_, specs), Nest::NamedTuple(_, fields)) => {
            let mut pairs = specs.iter().zip(fields);
            pairs.try_for_each(|((_, spec), (_, item))| flatten(item, spec, out))
        }
        _ => Err(misfit()),
    }
}

/// Puts the tensors that a function gave into its result's structure.
pub(super) fn pack(spec: &Spec, values: &mut std::vec::IntoIter<Value>) -> Result<Nest> {
    let mut next = || {
        let missing = || Error::malformed("the function gives fewer tensors than its signature");
        values.next().ok_or_else(missing)
    };
    match spec {
        Spec::Value(value) => Ok(value.clone()),
        Spec::Tensor(_) | Spec::Variable(_) => next().map(plain),
        Spec::Composite(composite) => {
            let parts: Vec<Value> = (0..composite.parts())
                .map(|_| next())
                .collect::<Result<_>>()?;
            assemble(composite, parts)
        }
        Spec::List(specs) => Ok(Nest::List(pack_all(specs, values)?)),
        Spec::Tuple(specs) => Ok(Nest::Tuple(pack_all(specs, values)?)),
        Spec::Dict(specs) => {
            let fields = specs
                .iter()
                .map(|(key, spec)| Ok((key.clone(), pack(spec, values)?)));
            Ok(Nest::Dict(fields.collect::<Result<_>>()?))
        }
        Spec::NamedTuple(name, specs) => {
            let fields = specs
                .iter()
                .map(|(key, spec)| Ok((key.clone(), pack(spec, values)?)));
            Ok(Nest::NamedTuple(
                name.clone(),
                fields.collect::<Result<_>>()?,
            ))
        }
    }
}

fn pack_all(specs: &[Spec], values: &mut std::vec::IntoIter<Value>) -> Result<Vec<Nest>> {
    specs.iter().map(|spec| pack(spec, values)).collect()
}

/// A value that is no part of anything.
pub(super) fn plain(value: Value) -> Nest {
    match value {
        Value::Tensor(tensor) => Nest::Tensor(tensor),
        other => Nest::Other(vec![other]),
    }
}

/// A composite value of its parts.
pub(super) fn assemble(composite: &Composite, parts: Vec<Value>) -> Result<Nest> {
    let tensors = parts
        .iter()
        .map(|part| part.tensor().cloned())
        .collect::<Result<Vec<_>>>();
    match (&composite.kind, tensors) {
        (CompositeKind::Ragged(..), Ok(mut tensors)) if !tensors.is_empty() => {
            let flat_values = tensors.remove(0);
            Ok(match tensors.is_empty() {
                true => Nest::Tensor(flat_values),
                false => Nest::Ragged(Ragged {
                    flat_values,
                    row_splits: tensors,
                }),
            })
        }
        (CompositeKind::Sparse, Ok(tensors)) => {
            let parts: [_; 3] = tensors
                .try_into()
                .map_err(|_| Error::malformed("a sparse tensor is three tensors"))?;
            let [indices, values, dense_shape]: [std::sync::Arc<Tensor>; 3] = parts;
            Ok(Nest::Sparse(super::nest::Sparse {
                indices,
                values,
                dense_shape,
            }))
        }
        (CompositeKind::Ragged(..) | CompositeKind::Sparse, Err(error)) => Err(error),
        (CompositeKind::Other(..) | CompositeKind::Ragged(..), _) => Ok(Nest::Other(parts)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn float(shape: StaticShape) -> Spec {
        Spec::Tensor(TensorSpec {
            dtype: DataType::DtFloat,
            shape,
            name: "x".into(),
        })
    }

    #[test]
    fn numbers_are_tensors_only_where_they_may_be_converted() {
        let scalar = float(Some(vec![]));
        assert!(!fits(&2.0.into(), &scalar, false));
        assert!(fits(&2.0.into(), &scalar, true));
        assert!(!fits(&Nest::list([2.0]), &scalar, true));
        assert!(fits(&Nest::list([2.0]), &float(None), true));
        assert!(!fits(&true.into(), &scalar, true));
    }

    #[test]
    fn python_values_are_compared_as_python_does() {
        assert!(equal(&Nest::Int(1), &Nest::Bool(true)));
        assert!(equal(&Nest::Int(1), &Nest::Float(1.0)));
        assert!(!equal(&Nest::None, &Nest::Bool(false)));
        assert!(!equal(&Nest::Text("1".into()), &Nest::Int(1)));
    }

    #[test]
    fn keys_of_dicts_match_exactly() {
        let spec = Spec::Dict(BTreeMap::from([("a".to_owned(), float(None))]));
        assert!(fits(&Nest::dict([("a", 1.0)]), &spec, true));
        assert!(!fits(&Nest::dict([("a", 1.0), ("b", 1.0)]), &spec, true));
        assert!(!fits(&Nest::dict([("b", 1.0)]), &spec, true));
    }

    #[test]
    fn a_list_is_no_tuple() {
        let spec = Spec::Tuple(vec![Spec::Value(Nest::None)]);
        assert!(fits(&Nest::tuple([()]), &spec, true));
        assert!(!fits(&Nest::list([()]), &spec, true));
    }

    #[test]
    fn results_are_packed_in_order() -> Result<()> {
        let spec = Spec::List(vec![Spec::Value(Nest::None), float(None), float(None)]);
        let scalar = |x: f32| Tensor::new(&[], vec![x]).map(Value::from);
        let packed = pack(&spec, &mut vec![scalar(1.0)?, scalar(2.0)?].into_iter())?;
        assert!(packed.item(0)?.is_none());
        assert_eq!(packed.item(2)?.elements::<f32>()?, [2.0]);
        Ok(())
    }
}
