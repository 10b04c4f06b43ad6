//! Rows of operations on sets, whose results are sparse: indices, values, shape. Attribute: the operation.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::call::{HostValue, Inference};
use super::{HostOp, tried};
use savedmodel_import_kernels::array::{Array, Result as Made};
use savedmodel_import_kernels::sets::{self, Sparse};

/// A result of so many axes.
fn sparse_types(call: &mut Inference<'_>, rank: Dim, dtype: DType) -> Vec<Type> {
    let count = call.extent_of_data();
    vec![
        Type::new(DType::I64, vec![count.clone(), rank.clone()]),
        Type::new(dtype, vec![count]),
        Type::new(DType::I64, vec![rank]),
    ]
}

fn values<T: Into<HostValue>>((indices, values, shape): Sparse<T>) -> Vec<HostValue> {
    vec![indices.into(), values.into(), shape.into()]
}

/// Of the last axes of two tensors.
pub static OF_DENSE: HostOp = HostOp {
    path: "sets::of_dense",
    form: tried(),
    infer: |call| {
        let (rank, dtype) = (Dim::from(call.dims(0)?.len()), call.ty(0)?.dtype);
        Ok(sparse_types(call, rank, dtype))
    },
    run: |x| match x.value(0)? {
        HostValue::Strings(a) => Ok(values(sets::of_dense(a, x.strings(1)?, x.text(0)?)?)),
        HostValue::Numbers(a) => Ok(values(sets::of_dense(a, x.numbers(1)?, x.text(0)?)?)),
    },
};

/// Of a tensor's last axis and a sparse tensor, the operands after it.
pub static OF_DENSE_AND_SPARSE: HostOp = HostOp {
    path: "sets::of_dense_and_sparse",
    form: tried(),
    infer: |call| {
        let (rank, dtype) = (Dim::from(call.dims(0)?.len()), call.ty(0)?.dtype);
        Ok(sparse_types(call, rank, dtype))
    },
    run: |x| {
        let (indices, shape, operation) = (x.numbers(1)?, x.numbers(3)?, x.text(0)?);
        match x.value(0)? {
            HostValue::Strings(a) => {
                let made = sets::of_dense_and_sparse(a, indices, x.strings(2)?, shape, operation);
                Ok(values(made?))
            }
            HostValue::Numbers(a) => {
                let made = sets::of_dense_and_sparse(a, indices, x.numbers(2)?, shape, operation);
                Ok(values(made?))
            }
        }
    },
};

/// Of two sparse tensors.
pub static OF_SPARSE: HostOp = HostOp {
    path: "sets::of_sparse",
    form: tried(),
    infer: |call| {
        let rank = call.dims(2)?.first().cloned().unwrap_or(Dim::known(1));
        let dtype = call.ty(1)?.dtype;
        Ok(sparse_types(call, rank, dtype))
    },
    run: |x| {
        let [a, b] = [[0, 2], [3, 5]].map(|places| places.map(|i| x.numbers(i)));
        let ([a, of_a], [b, of_b]) = (a, b);
        let (a, of_a, b, of_b) = (a?, of_a?, b?, of_b?);
        let operation = x.text(0)?;
        match x.value(1)? {
            HostValue::Strings(v) => {
                let made = sets::of_sparse(a, v, of_a, b, x.strings(4)?, of_b, operation);
                Ok(values(made?))
            }
            HostValue::Numbers(v) => {
                let made = sets::of_sparse(a, v, of_a, b, x.numbers(4)?, of_b, operation);
                Ok(values(made?))
            }
        }
    },
};

/// How many distinct elements the sets of a sparse tensor have.
pub static SET_SIZES: HostOp = HostOp {
    path: "sets::sizes",
    form: tried(),
    infer: |call| {
        let rank = call.dims(2)?.first().and_then(Dim::as_usize).unwrap_or(1);
        let outer = (1..rank).map(|_| call.extent_of_data());
        Ok(vec![Type::new(DType::I32, outer.collect::<Vec<_>>())])
    },
    run: |x| {
        let (indices, shape) = (x.numbers(0)?, x.numbers(2)?);
        let sizes: Made<Array> = match x.value(1)? {
            HostValue::Strings(words) => sets::sizes(indices, words, shape),
            HostValue::Numbers(numbers) => sets::sizes(indices, numbers, shape),
        };
        Ok(vec![sizes?.into()])
    },
};
