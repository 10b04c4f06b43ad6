//! Rows of serialized examples: one for each form of a feature.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::call::{HostValue, Inference};
use super::{Attribute, HostOp, tried};
use crate::error::{Error, Result};
use savedmodel_import_kernels::example;

fn dense_type(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    let Some(Attribute::Integers(shape)) = call.attribute(1) else {
        return Err(Error::internal("a feature without a shape"));
    };
    let mut dims = call.dims(0)?.to_vec();
    for &extent in shape {
        dims.push(match extent < 0 {
            true => call.extent_of_data(),
            false => Dim::known(extent),
        });
    }
    Ok(vec![Type::new(call.ty(1)?.dtype, dims)])
}

/// A feature of one shape. Operands: examples, default. Attributes: key, shape.
pub static DENSE: HostOp = HostOp {
    path: "example::dense",
    form: tried(),
    infer: dense_type,
    run: |x| {
        let (examples, default) = (x.strings(0)?, x.numbers(1)?);
        Ok(vec![
            example::dense(examples, default, x.text(0)?, x.integers(1)?)?.into(),
        ])
    },
};

/// A feature of strings of one shape. Operands: examples, default. Attributes: key, shape.
pub static DENSE_WORDS: HostOp = HostOp {
    path: "example::dense_words",
    form: tried(),
    infer: dense_type,
    run: |x| {
        let (examples, default) = (x.strings(0)?, x.strings(1)?);
        Ok(vec![
            example::dense_words(examples, default, x.text(0)?, x.integers(1)?)?.into(),
        ])
    },
};

/// Indices, values and shape; examples of rank 0 have one axis less.
fn sparse_types(call: &mut Inference<'_>, dtype: DType) -> Result<Vec<Type>> {
    let rank = Dim::from(call.dims(0)?.len() + 1);
    let count = call.extent_of_data();
    Ok(vec![
        Type::new(DType::I64, vec![count.clone(), rank.clone()]),
        Type::new(dtype, vec![count]),
        Type::new(DType::I64, vec![rank]),
    ])
}

/// A feature of any length as a sparse tensor. Attributes: key, type.
pub static SPARSE: HostOp = HostOp {
    path: "example::sparse",
    form: tried(),
    infer: |call| {
        let dtype = call.element(1)?;
        sparse_types(call, dtype)
    },
    run: |x| {
        let (indices, values, shape) = example::sparse(x.strings(0)?, x.text(0)?, x.element(1)?)?;
        Ok(vec![indices.into(), values.into(), shape.into()])
    },
};

/// A feature of strings of any length as a sparse tensor. Attribute: key.
pub static SPARSE_WORDS: HostOp = HostOp {
    path: "example::sparse_words",
    form: tried(),
    infer: |call| sparse_types(call, DType::String),
    run: |x| {
        let (indices, values, shape) = example::sparse_words(x.strings(0)?, x.text(0)?)?;
        Ok(vec![indices.into(), values.into(), shape.into()])
    },
};

fn ragged_types(call: &mut Inference<'_>, dtype: DType, splits: DType) -> Result<Vec<Type>> {
    let count = call.extent_of_data();
    let rows = match call.dims(0)? {
        [rows, ..] => rows.clone(),
        [] => Dim::known(1),
    };
    Ok(vec![
        Type::new(dtype, vec![count]),
        Type::new(splits, vec![rows + Dim::known(1)]),
    ])
}

/// A feature of any length as a ragged tensor. Attributes: key, type, type of the splits.
pub static RAGGED: HostOp = HostOp {
    path: "example::ragged",
    form: tried(),
    infer: |call| {
        let (dtype, splits) = (call.element(1)?, call.element(2)?);
        ragged_types(call, dtype, splits)
    },
    run: |x| {
        let (element, splits) = (x.element(1)?, x.element(2)?);
        let (values, splits) = example::ragged(x.strings(0)?, x.text(0)?, element, splits)?;
        Ok(vec![HostValue::from(values), splits.into()])
    },
};

/// A feature of strings of any length as a ragged tensor. Attributes: key, type of the splits.
pub static RAGGED_WORDS: HostOp = HostOp {
    path: "example::ragged_words",
    form: tried(),
    infer: |call| {
        let splits = call.element(1)?;
        ragged_types(call, DType::String, splits)
    },
    run: |x| {
        let (values, splits) = example::ragged_words(x.strings(0)?, x.text(0)?, x.element(1)?)?;
        Ok(vec![HostValue::from(values), splits.into()])
    },
};
