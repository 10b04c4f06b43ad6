//! Ragged tensors: rows of different lengths, as splits and flat values.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::index;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;

pub(super) const OPS: &[Row] = &[
    many("RaggedGather", gather),
    many("RaggedTensorToSparse", to_sparse),
];

/// A row is not longer.
const ROW_LIMIT: i64 = 1 << 27;

/// Rows of a ragged tensor: operands are its splits, its flat values, and the numbers of the rows.
fn gather(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let levels: usize = cx.attr("PARAMS_RAGGED_RANK")?;
    let mut splits = vec![];
    for i in 0..levels {
        splits.push(cx.integers(i)?);
    }
    let dtype = cx.tensor(0)?.dtype();
    let (values, indices) = (cx.tensor(levels)?, cx.tensor(levels + 1)?);
    let numbers = cx.integers(levels + 1)?;
    let mut outputs = vec![];
    if indices.rank() > 1 {
        let inner: i64 = indices.shape()[1..].iter().product::<usize>() as i64;
        let rows = (0..=indices.shape()[0] as i64)
            .map(|row| row * inner)
            .collect::<Vec<_>>();
        outputs.push(Tensor::from_integers(dtype, &[rows.len()], rows)?.into());
    }
    let mut rows: Vec<i64> = numbers;
    for splits in &splits {
        let (mut ends, mut below) = (vec![0i64], vec![]);
        for &row in &rows {
            let row = index(row, splits.len().saturating_sub(1))?;
            let (start, end) = (splits[row], splits[row + 1]);
            if end.saturating_sub(start) > ROW_LIMIT {
                return Err(Error::usage("row splits do not fit the values"));
            }
            below.extend(start..end);
            ends.push(below.len() as i64);
        }
        outputs.push(Tensor::from_integers(dtype, &[ends.len()], ends)?.into());
        rows = below;
    }
    let inner = values.shape().get(1..).unwrap_or_default();
    let (size, count_of_rows) = (count(inner)?, values.shape().first().copied().unwrap_or(0));
    let mut places = vec![];
    for &row in &rows {
        let row = index(row, count_of_rows)?;
        places.extend(row * size..(row + 1) * size);
    }
    let shape: Vec<usize> = [rows.len()].iter().chain(inner).copied().collect();
    outputs.push(values.take(&shape, &places)?.into());
    Ok(outputs)
}

/// Operands: splits, then flat values.
fn to_sparse(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let levels = cx.inputs.len().saturating_sub(1);
    let values = cx.tensor(levels)?;
    let mut indices: Vec<Vec<i64>> = vec![];
    let mut shape = vec![];
    for level in 0..levels {
        let splits = cx.integers(level)?;
        if level == 0 {
            let rows = splits.len().saturating_sub(1) as i64;
            indices = (0..rows).map(|row| vec![row]).collect();
            shape.push(rows);
        }
        let mut below = vec![];
        for (row, pair) in indices.iter().zip(splits.windows(2)) {
            below.extend(
                (0..pair[1].saturating_sub(pair[0]).min(ROW_LIMIT))
                    .map(|i| [row.as_slice(), &[i]].concat()),
            );
        }
        shape.push(
            splits
                .windows(2)
                .map(|pair| pair[1].saturating_sub(pair[0]))
                .max()
                .unwrap_or(0),
        );
        indices = below;
    }
    let inner = values.shape().get(1..).unwrap_or_default();
    let size = count(inner)?;
    shape.extend(inner.iter().map(|&n| n as i64));
    let mut all = vec![];
    for row in &indices {
        for place in 0..size {
            all.extend(row);
            all.extend(super::numbers::coordinates(place, inner));
        }
    }
    Ok(vec![
        Tensor::new(&[values.len(), shape.len()], all)?.into(),
        values.reshaped(&[values.len()])?.into(),
        Tensor::new(&[shape.len()], shape)?.into(),
    ])
}
