//! Counts of values by row, sparse and ragged.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::index;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::collections::BTreeMap;

pub(super) const OPS: &[Row] = &[
    many("DenseCountSparseOutput", |cx| {
        let rows = dense_rows(cx, 0)?;
        let weights = cx.floats(1)?;
        sparse_counts(cx, rows, weights)
    }),
    many("SparseCountSparseOutput", |cx| {
        let rows = sparse_rows(cx)?;
        let weights = cx.floats(3)?;
        sparse_counts(cx, rows, weights)
    }),
    many("RaggedCountSparseOutput", |cx| {
        let rows = ragged_rows(cx)?;
        let weights = cx.floats(2)?;
        sparse_counts(cx, rows, weights)
    }),
    one("RaggedBincount", |cx| {
        let rows = ragged_rows(cx)?;
        let (size, weights) = (cx.integer(2)?, cx.floats(3)?);
        dense_counts(cx, rows, size, weights, 3)
    }),
    one("SparseBincount", |cx| {
        let rows = sparse_rows(cx)?;
        let (size, weights) = (cx.integer(3)?, cx.floats(4)?);
        dense_counts(cx, rows, size, weights, 4)
    }),
];

/// Of each row the values with their places among all.
struct Rows {
    rows: Vec<Vec<(usize, i64)>>,
    is_vector: bool,
}

fn dense_rows(cx: &mut Cx<'_>, operand: usize) -> Result<Rows> {
    let x = cx.tensor(operand)?;
    let width = x.shape().last().copied().unwrap_or(1).max(1);
    let all: Vec<(usize, i64)> = cx.integers(operand)?.into_iter().enumerate().collect();
    Ok(Rows {
        rows: all.chunks(width).map(<[_]>::to_vec).collect(),
        is_vector: x.rank() == 1,
    })
}

/// Operands: indices, values, shape.
fn sparse_rows(cx: &mut Cx<'_>) -> Result<Rows> {
    let (indices, values, shape) = (cx.integers(0)?, cx.integers(1)?, cx.extents(2)?);
    let is_vector = shape.len() == 1;
    let rows = if is_vector {
        1
    } else {
        shape.first().copied().unwrap_or(0)
    };
    count(&[rows])?;
    let mut found = vec![vec![]; rows];
    for ((place, &value), at) in values
        .iter()
        .enumerate()
        .zip(indices.chunks(shape.len().max(1)))
    {
        let row = if is_vector { 0 } else { index(at[0], rows)? };
        found[row].push((place, value));
    }
    Ok(Rows {
        rows: found,
        is_vector,
    })
}

/// Operands: splits, values.
fn ragged_rows(cx: &mut Cx<'_>) -> Result<Rows> {
    let (splits, values) = (cx.extents(0)?, cx.integers(1)?);
    let mut rows = vec![];
    for pair in splits.windows(2) {
        let row = values.get(pair[0]..pair[1]);
        let row = row.ok_or_else(|| Error::usage("row splits do not fit the values"))?;
        rows.push(
            row.iter()
                .enumerate()
                .map(|(i, &value)| (pair[0] + i, value))
                .collect(),
        );
    }
    Ok(Rows {
        rows,
        is_vector: false,
    })
}

fn sparse_counts(cx: &mut Cx<'_>, rows: Rows, weights: Vec<f64>) -> Result<Vec<Value>> {
    let (least, most): (i64, i64) = (cx.attr("minlength")?, cx.attr("maxlength")?);
    let binary: bool = cx.attr("binary_output")?;
    let dtype: DType = cx.attr("output_type")?;
    let mut largest = -1;
    let (mut indices, mut counts) = (vec![], vec![]);
    for (number, row) in rows.rows.iter().enumerate() {
        let mut found: BTreeMap<i64, f64> = BTreeMap::new();
        for &(place, value) in row.iter().filter(|(_, value)| most < 0 || *value < most) {
            let weight = weights.get(place).copied().unwrap_or(1.0);
            let sum = found.entry(value).or_default();
            *sum = if binary { 1.0 } else { *sum + weight };
            largest = largest.max(value);
        }
        for (value, sum) in found {
            indices.extend(
                (!rows.is_vector)
                    .then_some(number as i64)
                    .into_iter()
                    .chain([value]),
            );
            counts.push(sum);
        }
    }
    let length = if most >= 0 {
        most
    } else {
        (largest + 1).max(least)
    };
    let shape: Vec<i64> = (!rows.is_vector)
        .then_some(rows.rows.len() as i64)
        .into_iter()
        .chain([length])
        .collect();
    Ok(vec![
        Tensor::new(&[counts.len(), shape.len()], indices)?.into(),
        Tensor::from_floats(dtype, &[counts.len()], counts)?.into(),
        Tensor::new(&[shape.len()], shape)?.into(),
    ])
}

fn dense_counts(
    cx: &mut Cx<'_>,
    rows: Rows,
    size: i64,
    weights: Vec<f64>,
    weight: usize,
) -> Result<Tensor> {
    let binary: bool = cx.attr("binary_output")?;
    let dtype = cx.tensor(weight)?.dtype();
    let size = usize::try_from(size).map_err(|_| Error::usage("a negative number of bins"))?;
    let mut counts = vec![0.0; count(&[rows.rows.len(), size])?];
    for (number, row) in rows.rows.iter().enumerate() {
        for &(place, value) in row {
            if let Some(bin) = usize::try_from(value).ok().filter(|&bin| bin < size) {
                let sum = &mut counts[number * size + bin];
                *sum = if binary {
                    1.0
                } else {
                    *sum + weights.get(place).copied().unwrap_or(1.0)
                };
            }
        }
    }
    let shape: Vec<usize> = (!rows.is_vector)
        .then_some(rows.rows.len())
        .into_iter()
        .chain([size])
        .collect();
    Tensor::from_floats(dtype, &shape, counts)
}
