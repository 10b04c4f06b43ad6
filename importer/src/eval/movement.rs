//! Ops that move elements.
//!
//! The element of a result at `(i, j, …)` comes from the flat place `tables[0][i] + tables[1][j] + …` of the operand.

use super::tensor::{Tensor, element_count};
use super::{extent, of, only};
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, PadMode, SliceAxis};

/// An element that comes from nowhere. Places add up with saturation, so that it stays outside.
pub(super) const OUTSIDE: usize = usize::MAX;

/// All sums of one entry of each table, in row-major order.
pub(super) fn sums(tables: &[Vec<usize>]) -> Vec<usize> {
    tables.iter().fold(vec![0], |places, table| {
        places
            .iter()
            .flat_map(|place| table.iter().map(|entry| place.saturating_add(*entry)))
            .collect()
    })
}

/// Row-major strides of a shape.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The table of an axis whose elements stay where they are.
fn steps(length: usize, stride: usize) -> Vec<usize> {
    (0..length).map(|i| i * stride).collect()
}

/// The tables of a tensor that does not change.
fn identity(shape: &[usize]) -> Vec<Vec<usize>> {
    shape
        .iter()
        .zip(strides(shape))
        .map(|(&length, stride)| steps(length, stride))
        .collect()
}

fn arrange(x: &Tensor, tables: &[Vec<usize>]) -> Result<Tensor> {
    let shape: Vec<usize> = tables.iter().map(Vec::len).collect();
    element_count(&shape)?;
    x.take(&shape, &sums(tables))
}

pub(super) fn extents(dims: &[Dim], scalar: bool, dtype: DType) -> Result<Tensor> {
    let values = dims.iter().map(|dim| {
        dim.as_known().ok_or_else(|| {
            Error::unsupported(format!(
                "the extent {dim} is not known before the model runs"
            ))
        })
    });
    let values = values.collect::<Result<Vec<i64>>>()?;
    let shape = if scalar { vec![] } else { vec![values.len()] };
    Tensor::from_integers(dtype, &shape, values)
}

pub(super) fn transpose(permutation: &[usize], x: &Tensor) -> Result<Tensor> {
    let tables = identity(x.shape());
    let missing = || Error::malformed(format!("{permutation:?} does not permute {:?}", x.shape()));
    let tables = permutation
        .iter()
        .map(|&axis| tables.get(axis).cloned().ok_or_else(missing));
    arrange(x, &tables.collect::<Result<Vec<_>>>()?)
}

/// Where each element of a broadcast to `shape` comes from.
pub(super) fn broadcast_places(from: &[usize], shape: &[usize]) -> Result<Vec<usize>> {
    let mismatch = || Error::malformed(format!("{from:?} does not broadcast to {shape:?}"));
    element_count(shape)?;
    let lead = shape.len().checked_sub(from.len()).ok_or_else(mismatch)?;
    let mut tables: Vec<Vec<usize>> = shape[..lead].iter().map(|&n| vec![0; n]).collect();
    for ((&old, &new), stride) in from.iter().zip(&shape[lead..]).zip(strides(from)) {
        tables.push(match old {
            1 => vec![0; new],
            n if n == new => steps(n, stride),
            _ => return Err(mismatch()),
        });
    }
    Ok(sums(&tables))
}

/// The second half of the last axis, negated, and then the first.
pub(super) fn rotate_half(x: &Tensor) -> Result<Tensor> {
    let size = x.shape().last().copied().unwrap_or(0);
    let half = size / 2;
    let values = x.to_floats()?;
    let rows = values.chunks(size.max(1));
    let turned = rows.flat_map(|row| {
        let negated = row[half..].iter().map(|x| -x);
        negated
            .chain(row[..half].iter().copied())
            .collect::<Vec<f64>>()
    });
    Tensor::from_floats(x.dtype(), x.shape(), turned.collect())
}

pub(crate) fn broadcast_to(shape: &[usize], x: &Tensor) -> Result<Tensor> {
    match x.shape() == shape {
        true => Ok(x.clone()),
        false => x.take(shape, &broadcast_places(x.shape(), shape)?),
    }
}

/// The shape that several operands broadcast to.
pub(crate) fn broadcast_shape(operands: &[&Tensor]) -> Result<Vec<usize>> {
    let rank = operands.iter().map(|x| x.rank()).max().unwrap_or(0);
    let mut shape = vec![1; rank];
    for x in operands {
        for (extent, &n) in shape[rank - x.rank()..].iter_mut().zip(x.shape()) {
            match (*extent, n) {
                (a, b) if a == b => {}
                (1, b) => *extent = b,
                (_, 1) => {}
                (a, b) => {
                    return Err(Error::malformed(format!(
                        "the extents {a} and {b} do not broadcast"
                    )));
                }
            }
        }
    }
    Ok(shape)
}

pub(super) fn slice(axes: &[SliceAxis], x: &Tensor) -> Result<Tensor> {
    let mut tables = Vec::with_capacity(axes.len());
    for (axis, (part, stride)) in axes.iter().zip(strides(x.shape())).enumerate() {
        let (start, length) = (extent(&part.start)?, extent(&part.length)?);
        let last = start + part.step * length.saturating_sub(1);
        if length > 0 && x.shape().get(axis).is_none_or(|&n| last >= n) {
            return Err(Error::malformed(format!(
                "{part:?} leaves axis {axis} of {:?}",
                x.shape()
            )));
        }
        tables.push(
            (0..length)
                .map(|i| (start + i * part.step) * stride)
                .collect(),
        );
    }
    arrange(x, &tables)
}

pub(super) fn concat(axis: usize, operands: &[&Tensor]) -> Result<Tensor> {
    let chain = Tensor::chain(operands)?;
    let mut shape = operands[0].shape().to_vec();
    let missing = || Error::malformed(format!("axis {axis} does not exist"));
    *shape.get_mut(axis).ok_or_else(missing)? = operands
        .iter()
        .map(|x| x.shape().get(axis).unwrap_or(&0))
        .sum();
    let rows: usize = shape[..axis].iter().product();
    let mut places = Vec::with_capacity(chain.len());
    for row in 0..rows {
        let mut start = 0;
        for x in operands {
            let width = x.len() / rows;
            places.extend(start + row * width..start + (row + 1) * width);
            start += x.len();
        }
    }
    chain.take(&shape, &places)
}

pub(super) fn pad(widths: &[(Dim, Dim)], mode: PadMode, operands: &[&Tensor]) -> Result<Tensor> {
    let x = *operands
        .first()
        .ok_or_else(|| Error::malformed("there is nothing to pad"))?;
    let mut tables = Vec::with_capacity(widths.len());
    for (((before, after), &length), stride) in widths.iter().zip(x.shape()).zip(strides(x.shape()))
    {
        let (before, after) = (extent(before)?, extent(after)?);
        element_count(&[before, after, length])?;
        let places = (0..before + length + after).map(|i| outer_place(i, before, length, mode));
        tables.push(
            places
                .map(|place| place.map(|p| p.map_or(OUTSIDE, |p| p * stride)))
                .collect::<Result<_>>()?,
        );
    }
    match mode {
        PadMode::Reflect | PadMode::Symmetric => arrange(only(operands)?, &tables),
        PadMode::Constant => {
            let [x, value] = of(operands)?;
            let shape: Vec<usize> = tables.iter().map(Vec::len).collect();
            element_count(&shape)?;
            let places: Vec<usize> = sums(&tables)
                .into_iter()
                .map(|place| place.min(x.len()))
                .collect();
            Tensor::chain(&[x, value])?.take(&shape, &places)
        }
    }
}

/// The coordinate that element `i` of a padded axis repeats; `None` outside of a constant padding.
fn outer_place(i: usize, before: usize, length: usize, mode: PadMode) -> Result<Option<usize>> {
    let mirror = match mode {
        PadMode::Constant => return Ok(i.checked_sub(before).filter(|&p| p < length)),
        PadMode::Reflect => 0,
        PadMode::Symmetric => 1,
    };
    let place = match i {
        i if i < before => (before - i).checked_sub(mirror),
        i if i < before + length => Some(i - before),
        i => (2 * length + before).checked_sub(i + 2 - mirror),
    };
    let inside = place.filter(|&p| p < length);
    inside
        .map(Some)
        .ok_or_else(|| Error::malformed("a mirrored padding is wider than the operand"))
}

pub(super) fn reverse(axes: &[usize], x: &Tensor) -> Result<Tensor> {
    let mut tables = identity(x.shape());
    for &axis in axes {
        tables
            .get_mut(axis)
            .ok_or_else(|| Error::malformed(format!("axis {axis} does not exist")))?
            .reverse();
    }
    arrange(x, &tables)
}

pub(super) fn tile(repeats: &[usize], x: &Tensor) -> Result<Tensor> {
    let lengths: Option<Vec<usize>> = x
        .shape()
        .iter()
        .zip(repeats)
        .map(|(&n, &times)| n.checked_mul(times))
        .collect();
    element_count(&lengths.ok_or_else(|| Error::malformed("the result holds too many elements"))?)?;
    let tables: Vec<Vec<usize>> = identity(x.shape())
        .iter()
        .zip(repeats)
        .map(|(t, &times)| t.repeat(times))
        .collect();
    arrange(x, &tables)
}

/// Moves the channels of an image to the end, or from there to axis 1.
pub(super) fn move_channels(x: &Tensor, to_last: bool) -> Result<Tensor> {
    let mut permutation: Vec<usize> = (0..x.rank()).collect();
    match (permutation.get_mut(1..), to_last) {
        (Some(axes), true) => axes.rotate_left(1),
        (Some(axes), false) => axes.rotate_right(1),
        (None, _) => return Err(Error::malformed("an image has a channel axis")),
    }
    transpose(&permutation, x)
}
