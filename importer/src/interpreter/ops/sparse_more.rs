//! Sparse tensors element by element: with dense ones, with each other, along rows, in parts.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::{Join, Numbers, index};
use super::sparse::{Sparse, sparse};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::{Tensor, broadcast_to};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    one("SparseDenseCwiseAdd", |cx| with_dense(cx, Join::Add)),
    one("SparseDenseCwiseMul", |cx| with_dense(cx, Join::Mul)),
    one("SparseDenseCwiseDiv", |cx| with_dense(cx, Join::Div)),
    one("SparseTensorDenseAdd", |cx| {
        let (a, b) = (sparse(cx, 0, 1, 2)?, cx.tensor(3)?);
        let mut sum = Numbers::of(&b)?;
        let places = places(&a)?.into_iter().enumerate();
        let places = places.map(|(entry, place)| (place, entry));
        sum.join(Join::Add, &Numbers::of(&a.values)?, places)?;
        sum.tensor(b.dtype(), b.shape())
    }),
    one("SparseSoftmax", softmax),
    many("SparseSparseMaximum", |cx| extreme(cx, f64::max)),
    many("SparseSparseMinimum", |cx| extreme(cx, f64::min)),
    many("SparseSplit", split),
    one("SparseMatMul", matmul),
];

/// The flat place of each entry.
fn places(sparse: &Sparse) -> Result<Vec<usize>> {
    count(&sparse.extents())?;
    let indices = sparse.indices.iter();
    indices.map(|at| sparse.place(at)).collect()
}

/// Joins the entries with those of a dense tensor at the same places; gives the new values.
fn with_dense(cx: &mut Cx<'_>, join: Join) -> Result<Tensor> {
    let a = sparse(cx, 0, 1, 2)?;
    let dense = broadcast_to(&a.extents(), &*cx.tensor(3)?)?;
    let mut values = Numbers::of(&a.values)?;
    let pairs = places(&a)?.into_iter().enumerate();
    values.join(join, &Numbers::of(&dense)?, pairs)?;
    values.tensor(a.values.dtype(), a.values.shape())
}

/// Over the entries of each row.
fn softmax(cx: &mut Cx<'_>) -> Result<Tensor> {
    let a = sparse(cx, 0, 1, 2)?;
    let values = a.values.to_floats()?;
    let mut rows: BTreeMap<&[i64], Vec<usize>> = BTreeMap::new();
    for (entry, at) in a.indices.iter().enumerate() {
        let row = at.split_last().map_or(&[][..], |(_, row)| row);
        rows.entry(row).or_default().push(entry);
    }
    let mut results = vec![0.0; values.len()];
    for entries in rows.values() {
        let largest = entries
            .iter()
            .map(|&e| values[e])
            .fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = entries.iter().map(|&e| (values[e] - largest).exp()).sum();
        for &entry in entries {
            results[entry] = (values[entry] - largest).exp() / total;
        }
    }
    Tensor::from_floats(a.values.dtype(), a.values.shape(), results)
}

/// Where one tensor has no entry, it has a zero.
fn extreme(cx: &mut Cx<'_>, of: fn(f64, f64) -> f64) -> Result<Vec<Value>> {
    let (a, b) = (sparse(cx, 0, 1, 2)?, sparse(cx, 3, 4, 5)?);
    let mut pairs: BTreeMap<Vec<i64>, [f64; 2]> = BTreeMap::new();
    for (side, one) in [&a, &b].into_iter().enumerate() {
        for (at, value) in one.indices.iter().zip(one.values.to_floats()?) {
            pairs.entry(at.clone()).or_default()[side] = value;
        }
    }
    let values: Vec<f64> = pairs.values().map(|&[a, b]| of(a, b)).collect();
    let dtype = a.values.dtype();
    let joined = Sparse {
        values: Arc::new(Tensor::from_floats(dtype, &[values.len()], values)?),
        indices: pairs.into_keys().collect(),
        shape: a.shape,
    };
    let mut outputs = joined.outputs()?;
    outputs.truncate(2);
    Ok(outputs)
}

/// Operands: the axis, then the tensor. The first parts are one longer where the extent does not divide.
fn split(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let parts: usize = cx.attr("num_split")?;
    let (axis, whole) = (cx.integer(0)?, sparse(cx, 1, 2, 3)?);
    let rank = whole.shape.len();
    let axis = index(if axis < 0 { axis + rank as i64 } else { axis }, rank)?;
    let extent = whole.extents()[axis];
    if parts == 0 || parts > extent {
        return Err(Error::usage(format!(
            "an extent of {extent} cannot be split into {parts}"
        )));
    }
    let (mut outputs, mut start) = (vec![vec![]; 3], 0);
    for part in 0..parts {
        let length = (extent / parts + usize::from(part < extent % parts)) as i64;
        let within = |at: &&Vec<i64>| (start..start + length).contains(&at[axis]);
        let entries: Vec<usize> = (0..whole.indices.len())
            .filter(|&entry| within(&&whole.indices[entry]))
            .collect();
        let values = whole.values.take(&[entries.len()], &entries)?;
        let mut indices: Vec<Vec<i64>> =
            entries.iter().map(|&e| whole.indices[e].clone()).collect();
        indices.iter_mut().for_each(|at| at[axis] -= start);
        let mut shape = whole.shape.clone();
        shape[axis] = length;
        let one = Sparse {
            values: Arc::new(values),
            indices,
            shape,
        };
        outputs
            .iter_mut()
            .zip(one.outputs()?)
            .for_each(|(all, value)| all.push(value));
        start += length;
    }
    Ok(outputs.concat())
}

/// Two dense matrices of which many elements may be zero.
fn matmul(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (a, b) = (cx.tensor(0)?, cx.tensor(1)?);
    let (flip_a, flip_b): (bool, bool) = (cx.attr("transpose_a")?, cx.attr("transpose_b")?);
    let (&[a0, a1], &[b0, b1]) = (a.shape(), b.shape()) else {
        return Err(Error::usage("two matrices are multiplied"));
    };
    let (rows, inner) = if flip_a { (a1, a0) } else { (a0, a1) };
    let (other, columns) = if flip_b { (b1, b0) } else { (b0, b1) };
    if inner != other {
        return Err(Error::usage(format!(
            "Matrix size-incompatible: {:?} by {:?}",
            a.shape(),
            b.shape()
        )));
    }
    let (x, y) = (a.to_floats()?, b.to_floats()?);
    let mut product = vec![0.0; count(&[rows, columns])?];
    for (at, sum) in product.iter_mut().enumerate() {
        let (row, column) = (at / columns, at % columns);
        let left = |k: usize| x[if flip_a { k * a1 + row } else { row * a1 + k }];
        let right = |k: usize| {
            y[if flip_b {
                column * b1 + k
            } else {
                k * b1 + column
            }]
        };
        *sum = (0..inner).map(|k| left(k) * right(k)).sum();
    }
    Tensor::from_floats(crate::ir::DType::F32, &[rows, columns], product)
}
