//! Python's numbers, strings and lists as tensors, as `tf.convert_to_tensor` makes them.

use std::sync::Arc;

use savedmodel_import_proto::DataType;

use super::nest::Nest;
use crate::eval::Tensor;
use crate::ir::DType;
use crate::lower::element_type;

/// The tensor that a value becomes, of the wanted dtype where that loses no kind: an int becomes a float, but no float an
/// int. `None` for what cannot be one tensor.
pub(super) fn to_tensor(nest: &Nest, wanted: DataType) -> Option<Arc<Tensor>> {
    match nest {
        Nest::Tensor(tensor) => Some(tensor.clone()),
        Nest::Variable(handle) => Some(handle.value.clone()),
        Nest::Bool(_) | Nest::Int(_) | Nest::Float(_) | Nest::Text(_) => {
            scalar(nest, wanted).map(Arc::new)
        }
        Nest::List(items) | Nest::Tuple(items) => stack(items, wanted).map(Arc::new),
        Nest::None
        | Nest::DType(_)
        | Nest::Ragged(_)
        | Nest::Sparse(_)
        | Nest::Other(_)
        | Nest::Dict(_)
        | Nest::NamedTuple(..) => None,
    }
}

fn scalar(nest: &Nest, wanted: DataType) -> Option<Tensor> {
    let wanted = element_type(wanted).ok();
    let complex = |dtype: DType| matches!(dtype, DType::C64 | DType::C128);
    match nest {
        Nest::Bool(value) => Tensor::new(&[], vec![*value]).ok(),
        Nest::Text(text) => Tensor::new(&[], vec![text.clone().into_bytes()]).ok(),
        Nest::Int(value) => {
            let numeric = wanted.filter(|&d| d.is_integer() || d.is_float() || complex(d));
            let own = match i32::try_from(*value) {
                Ok(_) => DType::I32,
                Err(_) => DType::I64,
            };
            let dtype = numeric.unwrap_or(own);
            match dtype.is_integer() {
                true => Tensor::from_integers(dtype, &[], vec![*value]).ok(),
                false => Tensor::scalar(*value as f64, dtype).ok(),
            }
        }
        Nest::Float(value) => {
            let dtype = wanted.filter(|&d| d.is_float() || complex(d));
            Tensor::scalar(*value, dtype.unwrap_or(DType::F32)).ok()
        }
        _ => None,
    }
}

fn stack(items: &[Nest], wanted: DataType) -> Option<Tensor> {
    let parts: Vec<Arc<Tensor>> = items
        .iter()
        .map(|item| to_tensor(item, wanted))
        .collect::<Option<_>>()?;
    let Some(first) = parts.first() else {
        let dtype = element_type(wanted).unwrap_or(DType::F32);
        return match dtype {
            DType::String => Tensor::new(&[0], Vec::<Vec<u8>>::new()).ok(),
            _ => Tensor::from_bytes(dtype, &[0], &[]).ok(),
        };
    };
    let alike = |part: &Arc<Tensor>| part.shape() == first.shape() && part.dtype() == first.dtype();
    if !parts.iter().all(alike) {
        return None;
    }
    let mut shape = vec![parts.len()];
    shape.extend(first.shape());
    if first.dtype() == DType::String {
        let strings = parts.iter().map(|part| part.elements::<Vec<u8>>());
        let strings: Vec<&[Vec<u8>]> = strings.collect::<Option<_>>()?;
        return Tensor::new(&shape, strings.concat()).ok();
    }
    let bytes: Vec<Vec<u8>> = parts
        .iter()
        .map(|part| part.to_bytes().ok())
        .collect::<Option<_>>()?;
    Tensor::from_bytes(first.dtype(), &shape, &bytes.concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(nest: impl Into<Nest>, wanted: DataType, dtype: DType, shape: &[usize]) {
        let tensor = to_tensor(&nest.into(), wanted);
        let got = tensor.map(|t| (t.dtype(), t.shape().to_vec()));
        assert_eq!(got, Some((dtype, shape.to_vec())));
    }

    #[test]
    fn an_int_becomes_a_float_and_no_float_an_int() {
        check(2i64, DataType::DtFloat, DType::F32, &[]);
        check(2i64, DataType::DtString, DType::I32, &[]);
        check(2.0, DataType::DtInt32, DType::F32, &[]);
        check(true, DataType::DtFloat, DType::Bool, &[]);
    }

    #[test]
    fn lists_of_equal_shape_are_stacked() {
        let rows = Nest::list([Nest::list([1i64, 2]), Nest::list([3i64, 4])]);
        check(rows, DataType::DtFloat, DType::F32, &[2, 2]);
        check(
            Nest::list(["a", "b"]),
            DataType::DtString,
            DType::String,
            &[2],
        );
        let mixed = Nest::list([Nest::from("hello"), Nest::from(1.0)]);
        assert!(to_tensor(&mixed, DataType::DtFloat).is_none());
    }
}
