//! Rows of sparse and ragged tensors.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::call::{HostValue, Inference};
use super::{Attribute, Form, HostOp, Lists, tried};
use crate::error::{Error, Result};
use savedmodel_import_kernels::{ctc, ragged, sparse};

/// The dense tensor of a sparse one. Operands: indices, values, default. Attribute: the shape.
pub static TO_DENSE: HostOp = HostOp {
    path: "sparse::to_dense",
    form: tried(),
    infer: |call| match call.attribute(0) {
        Some(Attribute::Extents(dims)) => Ok(vec![Type::new(call.ty(1)?.dtype, dims.as_slice())]),
        _ => Err(Error::internal("a dense tensor without a shape")),
    },
    run: |x| {
        let (indices, shape) = (x.numbers(0)?, x.extents(0)?);
        let dense: HostValue = match x.value(1)? {
            HostValue::Strings(words) => {
                sparse::to_dense(indices, words, x.strings(2)?, &shape)?.into()
            }
            HostValue::Numbers(numbers) => {
                sparse::to_dense(indices, numbers, x.numbers(2)?, &shape)?.into()
            }
        };
        Ok(vec![dense])
    },
};

/// A sparse tensor without empty rows. Operands: indices, values, shape, default.
pub static FILL_EMPTY_ROWS: HostOp = HostOp {
    path: "sparse::fill_empty_rows",
    form: tried(),
    infer: |call| {
        let (count, rows) = (call.extent_of_data(), call.extent_of_data());
        let [old, rank] = call.dims(0)? else {
            return Err(Error::malformed("indices of a sparse tensor are a matrix"));
        };
        Ok(vec![
            Type::new(DType::I64, vec![count.clone(), rank.clone()]),
            Type::new(call.ty(1)?.dtype, vec![count]),
            Type::new(DType::Bool, vec![rows]),
            Type::new(DType::I64, vec![old.clone()]),
        ])
    },
    run: |x| {
        let (indices, shape) = (x.numbers(0)?, x.numbers(2)?);
        Ok(match x.value(1)? {
            HostValue::Strings(words) => {
                let filled = sparse::fill_empty_rows(indices, words, shape, x.strings(3)?)?;
                vec![
                    filled.0.into(),
                    filled.1.into(),
                    filled.2.into(),
                    filled.3.into(),
                ]
            }
            HostValue::Numbers(numbers) => {
                let filled = sparse::fill_empty_rows(indices, numbers, shape, x.numbers(3)?)?;
                vec![
                    filled.0.into(),
                    filled.1.into(),
                    filled.2.into(),
                    filled.3.into(),
                ]
            }
        })
    },
};

/// Indices and shape under another shape. Operands: indices, old and new shape.
pub static RESHAPE_SPARSE: HostOp = HostOp {
    path: "sparse::reshape",
    form: tried(),
    infer: |call| {
        let rank = call.dims(2)?.first().cloned().unwrap_or(Dim::known(1));
        let count = call.dims(0)?.first().cloned().unwrap_or(Dim::known(1));
        Ok(vec![
            Type::new(DType::I64, vec![count, rank.clone()]),
            Type::new(DType::I64, vec![rank]),
        ])
    },
    run: |x| {
        let (indices, shape) = sparse::reshape(x.numbers(0)?, x.numbers(1)?, x.numbers(2)?)?;
        Ok(vec![indices.into(), shape.into()])
    },
};

/// The dense tensor of a ragged one. Operands: values, default, partitions. Attributes: kinds of partitions, shape.
pub static RAGGED_TO_TENSOR: HostOp = HostOp {
    path: "ragged::to_tensor",
    form: Form {
        lists: Lists::From(2),
        ..tried()
    },
    infer: ragged_type,
    run: |x| {
        let (kinds, shape) = (x.texts(0)?, x.integers(1)?);
        let partitions = x.numbers_from(2)?;
        let dense: HostValue = match x.value(0)? {
            HostValue::Strings(words) => {
                ragged::to_tensor(words, x.strings(1)?, &partitions, &kinds, shape)?.into()
            }
            HostValue::Numbers(numbers) => {
                ragged::to_tensor(numbers, x.numbers(1)?, &partitions, &kinds, shape)?.into()
            }
        };
        Ok(vec![dense])
    },
};

fn ragged_type(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    let (Some(Attribute::Texts(kinds)), Some(Attribute::Integers(shape))) =
        (call.attribute(0), call.attribute(1))
    else {
        return Err(Error::internal("a ragged tensor without partitions"));
    };
    // The size of the first axis is a partition of its own where the first level is not said by splits.
    let first_is_size = kinds.first().is_some_and(|kind| kind == "FIRST_DIM_SIZE");
    let levels = kinds.len() + usize::from(!first_is_size);
    let mut dims = vec![];
    for level in 0..levels {
        let wanted = shape.get(level).copied().filter(|&extent| extent >= 0);
        let splits =
            (level == 0 && !first_is_size && kinds[0] == "ROW_SPLITS").then(|| call.dims(2));
        dims.push(match (wanted, splits) {
            (Some(extent), _) => Dim::known(extent),
            (None, Some(splits)) => match splits? {
                [ends] => ends.clone() - Dim::known(1),
                _ => call.extent_of_data(),
            },
            (None, None) => call.extent_of_data(),
        });
    }
    dims.extend_from_slice(call.dims(0)?.get(1..).unwrap_or_default());
    Ok(vec![Type::new(call.ty(0)?.dtype, dims)])
}

/// A range for each row. Operands: starts, limits, steps. Attribute: the type of the splits. Results: splits, values.
pub static RAGGED_RANGE: HostOp = HostOp {
    path: "ragged::range",
    form: tried(),
    infer: |call| {
        let rows = call.inputs.iter().find_map(|ty| ty.dims().first());
        let splits = rows.cloned().unwrap_or(Dim::known(1)) + Dim::known(1);
        let count = call.extent_of_data();
        Ok(vec![
            Type::new(call.element(0)?, vec![splits]),
            Type::new(call.ty(0)?.dtype, vec![count]),
        ])
    },
    run: |x| {
        let (starts, limits, steps) = (x.numbers(0)?, x.numbers(1)?, x.numbers(2)?);
        let (splits, values) = ragged::range(starts, limits, steps, x.element(0)?)?;
        Ok(vec![splits.into(), values.into()])
    },
};

/// Rows of a ragged tensor. Operands: splits, values, numbers of rows. Results: splits, values.
pub static RAGGED_GATHER: HostOp = HostOp {
    path: "ragged::gather",
    form: tried(),
    infer: |call| {
        let rows = call.dims(2)?.first().cloned().unwrap_or(Dim::known(1));
        let inner = call.dims(1)?.get(1..).unwrap_or_default();
        let count = call.extent_of_data();
        let dims = [std::slice::from_ref(&count), inner].concat();
        Ok(vec![
            Type::new(call.ty(0)?.dtype, vec![rows + Dim::known(1)]),
            Type::new(call.ty(1)?.dtype, dims),
        ])
    },
    run: |x| {
        let (splits, rows) = (x.numbers(0)?, x.numbers(2)?);
        Ok(match x.value(1)? {
            HostValue::Strings(words) => {
                let (splits, values) = ragged::gather(splits, words, rows)?;
                vec![splits.into(), values.into()]
            }
            HostValue::Numbers(numbers) => {
                let (splits, values) = ragged::gather(splits, numbers, rows)?;
                vec![splits.into(), values.into()]
            }
        })
    },
};

/// The best classes in time. Operands: logits, lengths. Attributes: whether repeats are merged, the blank. Results: indices,
/// values and shape of a sparse matrix, and negated sums of logits.
pub static CTC_GREEDY: HostOp = HostOp {
    path: "ctc::greedy",
    form: tried(),
    infer: |call| {
        let [_, batch, _] = call.dims(0)? else {
            return Err(Error::malformed("logits have three axes"));
        };
        let count = call.extent_of_data();
        Ok(vec![
            Type::new(DType::I64, vec![count.clone(), 2.into()]),
            Type::new(DType::I64, vec![count]),
            Type::new(DType::I64, vec![2.into()]),
            Type::new(call.ty(0)?.dtype, vec![batch.clone(), 1.into()]),
        ])
    },
    run: |x| {
        let decoded = ctc::greedy(x.numbers(0)?, x.numbers(1)?, x.flag(0)?, x.integer(1)?)?;
        Ok(vec![
            decoded.0.into(),
            decoded.1.into(),
            decoded.2.into(),
            decoded.3.into(),
        ])
    },
};
