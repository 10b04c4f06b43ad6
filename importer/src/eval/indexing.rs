//! Ops that take or make indices.

use super::data::Wide;
use super::movement::strides;
use super::tensor::{Tensor, element_count};
use crate::error::{Error, Result};
use crate::ir::{DType, Join};

/// Indices that must be in `0..extent`.
fn check(index: i64, extent: usize) -> Result<usize> {
    let inside = usize::try_from(index).ok().filter(|&i| i < extent);
    inside.ok_or_else(|| Error::malformed(format!("the index {index} is not in 0..{extent}")))
}

fn integers(indices: &Tensor) -> Result<Vec<i64>> {
    indices
        .as_integers()
        .ok_or_else(|| Error::malformed("the indices are not integers"))
}

pub(super) fn gather(axis: usize, batch_dims: usize, [x, indices]: [&Tensor; 2]) -> Result<Tensor> {
    let (dims, at) = (x.shape(), indices.shape());
    if batch_dims > axis
        || axis >= dims.len()
        || batch_dims > at.len()
        || dims[..batch_dims] != at[..batch_dims]
    {
        return Err(Error::malformed(format!(
            "the indices {at:?} do not fit axis {axis} of {dims:?}"
        )));
    }
    let shape = [&dims[..axis], &at[batch_dims..], &dims[axis + 1..]].concat();
    let batches: usize = dims[..batch_dims].iter().product();
    let outer: usize = dims[batch_dims..axis].iter().product();
    let inner: usize = dims[axis + 1..].iter().product();
    let each: usize = at[batch_dims..].iter().product();
    let indices = integers(indices)?;
    let mut places = Vec::with_capacity(element_count(&shape)?);
    for batch in 0..batches {
        for row in 0..outer {
            for &index in &indices[batch * each..(batch + 1) * each] {
                let start =
                    ((batch * outer + row) * dims[axis] + check(index, dims[axis])?) * inner;
                places.extend(start..start + inner);
            }
        }
    }
    x.take(&shape, &places)
}

/// Flat places of the blocks that `[..., depth]` indices address, within `dims`; `depth` is not zero.
fn addresses(indices: &Tensor, dims: &[usize]) -> Result<Vec<usize>> {
    let depth = depth(indices)?;
    let strides = strides(dims);
    if depth > dims.len() {
        return Err(Error::malformed(format!(
            "the indices address {depth} axes of {dims:?}"
        )));
    }
    if depth == 0 {
        return Ok(vec![
            0;
            element_count(&indices.shape()[..indices.rank() - 1])?
        ]);
    }
    let place = |tuple: &[i64]| {
        let axes = tuple.iter().zip(dims).zip(&strides);
        axes.map(|((&index, &extent), stride)| Ok(check(index, extent)? * stride))
            .sum::<Result<usize>>()
    };
    integers(indices)?.chunks(depth).map(place).collect()
}

fn depth(indices: &Tensor) -> Result<usize> {
    indices
        .shape()
        .last()
        .copied()
        .ok_or_else(|| Error::malformed("the indices are a scalar"))
}

pub(super) fn gather_nd(batch_dims: usize, [x, indices]: [&Tensor; 2]) -> Result<Tensor> {
    let (dims, at, depth) = (x.shape(), indices.shape(), depth(indices)?);
    if batch_dims >= at.len()
        || batch_dims + depth > dims.len()
        || dims[..batch_dims] != at[..batch_dims]
    {
        return Err(Error::malformed(format!(
            "the indices {at:?} do not fit {dims:?}"
        )));
    }
    let shape = [&at[..at.len() - 1], &dims[batch_dims + depth..]].concat();
    let block: usize = dims[batch_dims + depth..].iter().product();
    let batch: usize = dims[batch_dims..].iter().product();
    let each: usize = at[batch_dims..at.len() - 1].iter().product();
    let starts = addresses(indices, &dims[batch_dims..])?;
    let mut places = Vec::with_capacity(element_count(&shape)?);
    for (i, start) in starts.into_iter().enumerate() {
        let start = start + i / each.max(1) * batch;
        places.extend(start..start + block);
    }
    x.take(&shape, &places)
}

pub(super) fn scatter_nd(shape: &[usize], [indices, updates]: [&Tensor; 2]) -> Result<Tensor> {
    let depth = depth(indices)?;
    let starts = addresses(indices, shape)?;
    let (count, block) = (
        element_count(shape)?,
        shape[depth..].iter().product::<usize>(),
    );
    if starts.len().checked_mul(block) != Some(updates.len()) {
        return Err(Error::malformed(format!(
            "the updates {:?} do not fit the indices",
            updates.shape()
        )));
    }
    let places = starts.into_iter().flat_map(|start| start..start + block);
    let wide = match updates.data().widen()? {
        Wide::Float(v) => Wide::Float(accumulate(count, places, v, |sum, x| sum + x)),
        Wide::Integer(v) => Wide::Integer(accumulate(count, places, v, |sum, x| sum + x)),
        Wide::Complex(v) => Wide::Complex(accumulate(count, places, v, |sum, x| sum + x)),
    };
    Tensor::narrow(shape, &wide, updates.dtype())
}

/// Updates in order: of several at one place the last one stays.
pub(super) fn scatter(join: Join, [x, indices, updates]: [&Tensor; 3]) -> Result<Tensor> {
    let shape = x.shape();
    let block: usize = shape[depth(indices)?.min(shape.len())..].iter().product();
    let starts = addresses(indices, shape)?;
    if starts.len().checked_mul(block) != Some(updates.len()) {
        return Err(Error::malformed(format!(
            "the updates {:?} do not fit the indices",
            updates.shape()
        )));
    }
    let places = starts.into_iter().flat_map(|start| start..start + block);
    if join == Join::Update {
        let mut from: Vec<usize> = (0..x.len()).collect();
        for (update, place) in places.enumerate() {
            from[place] = x.len() + update;
        }
        return Tensor::chain(&[x, updates])?.take(shape, &from);
    }
    let wide = match (x.data().widen()?, updates.data().widen()?) {
        (Wide::Float(x), Wide::Float(v)) => Wide::Float(joined(join, x, places, v)?),
        (Wide::Integer(x), Wide::Integer(v)) => Wide::Integer(joined(join, x, places, v)?),
        (Wide::Float(_) | Wide::Integer(_) | Wide::Complex(_), _) => {
            return Err(Error::malformed(
                "the updates are not real numbers of the operand's type",
            ));
        }
    };
    Tensor::narrow(shape, &wide, x.dtype())
}

fn joined<T: Copy + PartialOrd + std::ops::Mul<Output = T>>(
    join: Join,
    mut x: Vec<T>,
    places: impl Iterator<Item = usize>,
    updates: Vec<T>,
) -> Result<Vec<T>> {
    for (place, update) in places.zip(updates) {
        let old = x[place];
        x[place] = match join {
            Join::Update => update,
            Join::Max => {
                if update > old {
                    update
                } else {
                    old
                }
            }
            Join::Min => {
                if update < old {
                    update
                } else {
                    old
                }
            }
            Join::Product => old * update,
        };
    }
    Ok(x)
}

fn accumulate<T: Copy + Default>(
    count: usize,
    places: impl Iterator<Item = usize>,
    updates: Vec<T>,
    add: impl Fn(T, T) -> T,
) -> Vec<T> {
    let mut sums = vec![T::default(); count];
    for (place, update) in places.zip(updates) {
        sums[place] = add(sums[place], update);
    }
    sums
}

/// Indices that are out of range give rows without the `on` value.
pub(super) fn one_hot(
    depth: usize,
    axis: usize,
    [indices, on, off]: [&Tensor; 3],
) -> Result<Tensor> {
    let mut shape = indices.shape().to_vec();
    if axis > shape.len() {
        return Err(Error::malformed(format!(
            "a new axis {axis} does not fit {shape:?}"
        )));
    }
    let inner: usize = shape[axis..].iter().product();
    shape.insert(axis, depth);
    let mut places = vec![0; element_count(&shape)?];
    for (i, index) in integers(indices)?.into_iter().enumerate() {
        if let Some(index) = usize::try_from(index).ok().filter(|&index| index < depth) {
            places[(i / inner * depth + index) * inner + i % inner] = 1;
        }
    }
    Tensor::chain(&[off, on])?.take(&shape, &places)
}

pub(super) fn top_k(k: usize, x: &Tensor) -> Result<Vec<Tensor>> {
    let mut shape = x.shape().to_vec();
    let last = shape
        .last_mut()
        .ok_or_else(|| Error::malformed("a scalar has no last axis"))?;
    let length = std::mem::replace(last, k);
    if k > length {
        return Err(Error::malformed(format!(
            "there are not {k} elements in the last axis of {:?}",
            x.shape()
        )));
    }
    let rows: usize = x.shape()[..x.rank() - 1].iter().product();
    let mut places = Vec::with_capacity(rows * k);
    match x.data().widen()? {
        Wide::Float(v) => rank_rows(&v, length, k, &mut places),
        Wide::Integer(v) => rank_rows(&v, length, k, &mut places),
        Wide::Complex(_) => return Err(Error::malformed("complex numbers have no order")),
    }
    let indices = places
        .iter()
        .map(|place| (place % length.max(1)) as i64)
        .collect();
    Ok(vec![
        x.take(&shape, &places)?,
        Tensor::from_integers(DType::I32, &shape, indices)?,
    ])
}

fn rank_rows<T: PartialOrd>(v: &[T], length: usize, k: usize, places: &mut Vec<usize>) {
    for start in (0..v.len()).step_by(length.max(1)) {
        let mut row: Vec<usize> = (start..start + length).collect();
        row.sort_by(|&a, &b| v[b].partial_cmp(&v[a]).unwrap_or(std::cmp::Ordering::Equal));
        places.extend(&row[..k]);
    }
}

/// Entry of a list as a bound of a slice: see [`crate::ir::Op::Bound`].
pub(super) fn bound(entry: usize, extent: usize, least: i64, list: &Tensor) -> Result<Tensor> {
    let bound = integers(list)?.get(entry).copied();
    let bound = bound.ok_or_else(|| Error::malformed(format!("there is no bound {entry}")))?;
    let extent = extent as i64;
    let bound = if bound < 0 {
        bound.saturating_add(extent)
    } else {
        bound
    };
    let distance = bound.saturating_sub(least).clamp(0, extent);
    Tensor::from_integers(list.dtype(), &[1], vec![distance])
}

pub(super) fn range(length: usize, [start, step]: [&Tensor; 2]) -> Result<Tensor> {
    element_count(&[length, 16])?;
    let wide = match (start.data().widen()?, step.data().widen()?) {
        (Wide::Float(a), Wide::Float(b)) => {
            let (&[start], &[step]) = (&a[..], &b[..]) else {
                return Err(no_scalar());
            };
            Wide::Float((0..length).map(|i| start + step * i as f64).collect())
        }
        (Wide::Integer(a), Wide::Integer(b)) => {
            let (&[start], &[step]) = (&a[..], &b[..]) else {
                return Err(no_scalar());
            };
            Wide::Integer((0..length).map(|i| start + step * i as i128).collect())
        }
        (Wide::Float(_) | Wide::Integer(_) | Wide::Complex(_), _) => return Err(no_scalar()),
    };
    Tensor::narrow(&[length], &wide, start.dtype())
}

fn no_scalar() -> Error {
    Error::malformed("start and step must be real scalars of one element type")
}
