//! Static shapes.

use savedmodel_import_proto::TensorShapeProto;

use crate::{Error, Result};

/// A static shape: `None` where the rank is unknown, and `None` in it where a dimension is.
pub type StaticShape = Option<Vec<Option<u64>>>;

/// TensorFlow's limit on the number of dimensions.
const MAX_RANK: usize = 254;

/// A shape from the wire; an absent message is a scalar.
pub fn static_shape(proto: Option<&TensorShapeProto>) -> Result<StaticShape> {
    let Some(proto) = proto else {
        return Ok(Some(Vec::new()));
    };
    if proto.unknown_rank {
        return Ok(None);
    }
    check_rank(proto.dim.len())?;
    let dims: Result<Vec<_>> = proto.dim.iter().map(|dim| extent(dim.size)).collect();
    dims.map(Some)
}

fn extent(size: i64) -> Result<Option<u64>> {
    match size {
        -1 => Ok(None),
        size => u64::try_from(size)
            .map(Some)
            .map_err(|_| Error::malformed(format!("a dimension of {size}"))),
    }
}

fn check_rank(rank: usize) -> Result<()> {
    match rank <= MAX_RANK {
        true => Ok(()),
        false => Err(Error::malformed(format!(
            "a shape of {rank} dimensions; TensorFlow allows {MAX_RANK}"
        ))),
    }
}

/// A shape in which every dimension has to be known.
pub(super) fn full_shape(proto: Option<&TensorShapeProto>) -> Result<Vec<u64>> {
    static_shape(proto)?
        .and_then(|dims| dims.into_iter().collect())
        .ok_or_else(|| Error::malformed("the shape is not fully known"))
}

/// The number of elements.
pub(super) fn volume(shape: &[u64]) -> Result<u64> {
    if shape.contains(&0) {
        return Ok(0);
    }
    shape
        .iter()
        .try_fold(1u64, |product, &dim| product.checked_mul(dim))
        .ok_or_else(|| Error::malformed(format!("a tensor of shape {shape:?} is too large")))
}

/// Whether a tensor of shape `actual` can be where `declared` is promised.
pub(super) fn is_compatible(declared: &StaticShape, actual: &[u64]) -> bool {
    match declared {
        None => true,
        Some(dims) => {
            dims.len() == actual.len()
                && dims
                    .iter()
                    .zip(actual)
                    .all(|(dim, size)| dim.is_none_or(|dim| dim == *size))
        }
    }
}

/// `[2, ?, 3]`, or `unknown rank`.
pub(super) fn display(shape: &StaticShape) -> String {
    match shape {
        None => "unknown rank".to_owned(),
        Some(dims) => {
            let dims: Vec<String> = dims
                .iter()
                .map(|dim| dim.map_or("?".to_owned(), |dim| dim.to_string()))
                .collect();
            format!("[{}]", dims.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use savedmodel_import_proto::tensor_shape_proto::Dim;

    use super::*;

    fn proto(sizes: &[i64]) -> TensorShapeProto {
        TensorShapeProto {
            dim: sizes
                .iter()
                .map(|&size| Dim {
                    size,
                    name: String::new(),
                })
                .collect(),
            unknown_rank: false,
        }
    }

    #[test]
    fn minus_one_is_unknown_and_less_is_an_error() -> Result<()> {
        assert_eq!(
            static_shape(Some(&proto(&[2, -1])))?,
            Some(vec![Some(2), None])
        );
        assert!(static_shape(Some(&proto(&[-2]))).is_err());
        assert!(static_shape(Some(&proto(&[1; 255]))).is_err());
        Ok(())
    }

    #[test]
    fn a_product_that_overflows_is_an_error_unless_it_is_zero() {
        assert!(volume(&[1 << 40, 1 << 40]).is_err());
        assert!(matches!(volume(&[1 << 40, 1 << 40, 0]), Ok(0)));
    }
}
