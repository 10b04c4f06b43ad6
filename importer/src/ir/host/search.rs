//! Rows of searches: results whose extents only the data tells.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::call::{HostValue, Inference};
use super::{Attribute, Form, HostOp, Lists, tried};
use crate::error::{Error, Result};
use savedmodel_import_kernels::{array, search};

/// Coordinates of elements that are not zero, as rows of `I64`.
pub static NON_ZERO: HostOp = HostOp {
    path: "search::non_zero",
    form: tried(),
    infer: |call| {
        let rank = Dim::from(call.dims(0)?.len());
        let count = call.extent_of_data();
        Ok(vec![Type::new(DType::I64, vec![count, rank])])
    },
    run: |x| {
        let places = match x.value(0)? {
            HostValue::Strings(words) => search::non_zero(words),
            HostValue::Numbers(numbers) => search::non_zero(numbers),
        };
        Ok(vec![places?.into()])
    },
};

/// Rows that only the data counts, of the first operand's other extents.
fn some_rows(call: &mut Inference<'_>) -> Result<(Dim, Type)> {
    let (ty, dims) = (call.ty(0)?, call.dims(0)?);
    let count = call.extent_of_data();
    let inner = dims.get(1..).unwrap_or_default();
    let dims = [std::slice::from_ref(&count), inner].concat();
    Ok((count, Type::new(ty.dtype, dims)))
}

/// Distinct rows, and which each is. Attribute: the type of the indices.
pub static UNIQUE: HostOp = HostOp {
    path: "search::unique",
    form: tried(),
    infer: |call| {
        let (_, values) = some_rows(call)?;
        let which = Type::new(call.element(0)?, vec![call.dims(0)?[0].clone()]);
        Ok(vec![values, which])
    },
    run: |x| {
        Ok(match x.value(0)? {
            HostValue::Strings(words) => {
                let (values, which) = search::unique(words, x.element(0)?)?;
                vec![values.into(), which.into()]
            }
            HostValue::Numbers(numbers) => {
                let (values, which) = search::unique(numbers, x.element(0)?)?;
                vec![values.into(), which.into()]
            }
        })
    },
};

/// Distinct rows, which each is, and how often they occur. Attribute: the type of indices and counts.
pub static UNIQUE_WITH_COUNTS: HostOp = HostOp {
    path: "search::unique_with_counts",
    form: tried(),
    infer: |call| {
        let (count, values) = some_rows(call)?;
        let indices = call.element(0)?;
        let which = Type::new(indices, vec![call.dims(0)?[0].clone()]);
        Ok(vec![values, which, Type::new(indices, vec![count])])
    },
    run: |x| {
        Ok(match x.value(0)? {
            HostValue::Strings(words) => {
                let (values, which, sums) = search::unique_with_counts(words, x.element(0)?)?;
                vec![values.into(), which.into(), sums.into()]
            }
            HostValue::Numbers(numbers) => {
                let (values, which, sums) = search::unique_with_counts(numbers, x.element(0)?)?;
                vec![values.into(), which.into(), sums.into()]
            }
        })
    },
};

/// Elements that another list has not, and their places. Attribute: the type of the places.
pub static LIST_DIFFERENCE: HostOp = HostOp {
    path: "search::list_difference",
    form: tried(),
    infer: |call| {
        let (count, values) = some_rows(call)?;
        Ok(vec![values, Type::new(call.element(0)?, vec![count])])
    },
    run: |x| {
        Ok(match (x.value(0)?, x.value(1)?) {
            (HostValue::Strings(all), HostValue::Strings(others)) => {
                let (values, places) = search::list_difference(all, others, x.element(0)?)?;
                vec![values.into(), places.into()]
            }
            (_, _) => {
                let (all, others) = (x.numbers(0)?, x.numbers(1)?);
                let (values, places) = search::list_difference(all, others, x.element(0)?)?;
                vec![values.into(), places.into()]
            }
        })
    },
};

/// The rows that go to each part. Operands: data, the part of each row. Attribute: how many parts.
pub static PARTITION: HostOp = HostOp {
    path: "search::partition",
    form: Form {
        gives_list: true,
        ..tried()
    },
    infer: |call| {
        let (ty, dims) = (call.ty(0)?, call.dims(0)?);
        let rank = call.dims(1)?.len();
        let inner = dims.get(rank..).unwrap_or_default();
        let Some(Attribute::Extent(parts)) = call.attribute(0) else {
            return Err(Error::internal("a partition without parts"));
        };
        let parts = parts.as_usize().unwrap_or(0);
        let mut part = || {
            let count = call.extent_of_data();
            Type::new(ty.dtype, [std::slice::from_ref(&count), inner].concat())
        };
        Ok((0..parts).map(|_| part()).collect())
    },
    run: |x| {
        let (partitions, parts) = (x.numbers(1)?, x.extent(0)?);
        Ok(match x.value(0)? {
            HostValue::Strings(words) => {
                let parts = search::partition_into(words, partitions, parts)?;
                parts.into_iter().map(HostValue::from).collect()
            }
            HostValue::Numbers(numbers) => {
                let parts = search::partition_into(numbers, partitions, parts)?;
                parts.into_iter().map(HostValue::from).collect()
            }
        })
    },
};

/// Rows at places. Operands: lists of indices, and as many tensors of rows.
pub static STITCH: HostOp = HostOp {
    path: "search::stitch",
    form: Form {
        lists: Lists::Halves,
        ..tried()
    },
    infer: |call| {
        let half = call.inputs.len() / 2;
        let rank = call.dims(0)?.len();
        let inner = call.dims(half)?.get(rank..).unwrap_or_default();
        let count = call.extent_of_data();
        let dims = [std::slice::from_ref(&count), inner].concat();
        Ok(vec![Type::new(call.ty(half)?.dtype, dims)])
    },
    run: |x| {
        let half = x.values.len() / 2;
        let indices = (0..half).map(|i| x.numbers(i));
        let indices = indices.collect::<array::Result<Vec<_>>>()?;
        let stitched: HostValue = match x.value(half)? {
            HostValue::Strings(_) => {
                let data = (half..2 * half).map(|i| x.strings(i));
                let data = data.collect::<array::Result<Vec<_>>>()?;
                search::stitch(&indices, &data)?.into()
            }
            HostValue::Numbers(_) => search::stitch(&indices, &x.numbers_from(half)?)?.into(),
        };
        Ok(vec![stitched])
    },
};

/// Places in sorted rows, before equals. Operands: rows, values. Attribute: the type of the places.
pub static LOWER_BOUND: HostOp = HostOp {
    path: "search::lower_bound",
    form: tried(),
    infer: place_type,
    run: |x| {
        let places = search::lower_bound(x.numbers(0)?, x.numbers(1)?, x.element(0)?)?;
        Ok(vec![places.into()])
    },
};

/// Places in sorted rows, behind equals. Operands: rows, values. Attribute: the type of the places.
pub static UPPER_BOUND: HostOp = HostOp {
    path: "search::upper_bound",
    form: tried(),
    infer: place_type,
    run: |x| {
        let places = search::upper_bound(x.numbers(0)?, x.numbers(1)?, x.element(0)?)?;
        Ok(vec![places.into()])
    },
};

fn place_type(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    let (dtype, shape) = (call.element(0)?, call.shape(1)?);
    Ok(vec![Type { dtype, shape }])
}
