//! Matrix products and normalisations.

use super::data::{Data, Wide};
use super::movement::{broadcast_places, broadcast_shape, move_channels};
use super::tensor::{Tensor, element_count};
use crate::error::{Error, Result};
use crate::ir::{Channels, DType};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, LinalgScalar, ShapeError};
use num_complex::Complex64;
use rayon::prelude::*;
use std::borrow::Cow;
use std::num::Wrapping;

/// Rows of a product that one task computes.
const ROWS: usize = 64;

/// Which matrices of the operands make each matrix of a product, and how large they are.
struct Product {
    /// Indices of a left and a right matrix.
    pairs: Vec<(usize, usize)>,
    rows: usize,
    inner: usize,
    columns: usize,
    transpose_lhs: bool,
    transpose_rhs: bool,
}

pub(super) fn matmul(
    transpose_lhs: bool,
    transpose_rhs: bool,
    [x, y]: [&Tensor; 2],
) -> Result<Tensor> {
    let mismatch = || {
        Error::malformed(format!(
            "the product of {:?} and {:?} does not exist",
            x.shape(),
            y.shape()
        ))
    };
    let (a, rows, inner) = matrix(x.shape(), transpose_lhs).ok_or_else(mismatch)?;
    let (b, other, columns) = matrix(y.shape(), transpose_rhs).ok_or_else(mismatch)?;
    if inner != other || x.dtype() != y.dtype() {
        return Err(mismatch());
    }
    let batches = |shape: &[usize]| Tensor::new(shape, vec![0u8; element_count(shape)?]);
    let mut shape = broadcast_shape(&[&batches(a)?, &batches(b)?])?;
    let pairs = broadcast_places(a, &shape)?
        .into_iter()
        .zip(broadcast_places(b, &shape)?)
        .collect();
    shape.extend([rows, columns]);
    element_count(&shape)?;
    let product = Product {
        pairs,
        rows,
        inner,
        columns,
        transpose_lhs,
        transpose_rhs,
    };
    Tensor::from_data(&shape, product.of_data(x, y)?)
}

/// Leading extents, rows and columns.
fn matrix(shape: &[usize], transposed: bool) -> Option<(&[usize], usize, usize)> {
    match (shape, transposed) {
        ([lead @ .., rows, columns], false) | ([lead @ .., columns, rows], true) => {
            Some((lead, *rows, *columns))
        }
        ([] | [_], _) => None,
    }
}

impl Product {
    fn of_data(&self, x: &Tensor, y: &Tensor) -> Result<Data> {
        let dtype = x.dtype();
        match (x.data(), y.data()) {
            (Data::F64(a), Data::F64(b)) => Ok(Data::F64(self.compute(a, b))),
            _ if dtype.is_float() => {
                let result = self.compute(&single(x)?, &single(y)?);
                match dtype {
                    DType::F32 => Ok(Data::F32(result)),
                    _ => Data::narrow(
                        &Wide::Float(result.into_iter().map(f64::from).collect()),
                        dtype,
                    ),
                }
            }
            (a, b) => match (a.widen()?, b.widen()?) {
                (Wide::Complex(a), Wide::Complex(b)) => {
                    Data::narrow(&Wide::Complex(self.compute::<Complex64>(&a, &b)), dtype)
                }
                (Wide::Integer(a), Wide::Integer(b)) => {
                    let wrap = |v: Vec<i128>| {
                        v.into_iter()
                            .map(|x| Wrapping(x as i64))
                            .collect::<Vec<_>>()
                    };
                    let result = self.compute(&wrap(a), &wrap(b));
                    Data::narrow(
                        &Wide::Integer(result.into_iter().map(|x| x.0.into()).collect()),
                        dtype,
                    )
                }
                (Wide::Float(_) | Wide::Integer(_) | Wide::Complex(_), _) => {
                    Err(Error::malformed("the operands differ in element type"))
                }
            },
        }
    }

    fn compute<T: LinalgScalar + Send + Sync>(&self, a: &[T], b: &[T]) -> Vec<T> {
        let mut result = vec![T::zero(); self.pairs.len() * self.rows * self.columns];
        if result.is_empty() || self.inner == 0 {
            return result;
        }
        let (left, right) = (self.rows * self.inner, self.inner * self.columns);
        let blocks = result
            .par_chunks_mut(self.rows * self.columns)
            .zip(&self.pairs);
        blocks.for_each(|(block, &(i, j))| {
            let a = view(
                &a[i * left..(i + 1) * left],
                self.rows,
                self.inner,
                self.transpose_lhs,
            );
            let b = view(
                &b[j * right..(j + 1) * right],
                self.inner,
                self.columns,
                self.transpose_rhs,
            );
            let (Ok(a), Ok(b)) = (a, b) else { return };
            block
                .par_chunks_mut(ROWS * self.columns)
                .enumerate()
                .for_each(|(part, c)| {
                    let rows = c.len() / self.columns;
                    let a = a.slice(ndarray::s![part * ROWS..part * ROWS + rows, ..]);
                    if let Ok(mut c) = ArrayViewMut2::from_shape((rows, self.columns), c) {
                        general_mat_mul(T::one(), &a, &b, T::zero(), &mut c);
                    }
                });
        });
        result
    }
}

/// A matrix of row-major elements; a `transposed` one is stored as `[columns, rows]`.
fn view<T>(
    v: &[T],
    rows: usize,
    columns: usize,
    transposed: bool,
) -> Result<ArrayView2<'_, T>, ShapeError> {
    match transposed {
        true => ArrayView2::from_shape((columns, rows), v).map(ArrayView2::reversed_axes),
        false => ArrayView2::from_shape((rows, columns), v),
    }
}

/// The floats of a tensor in single precision.
pub(super) fn single(x: &Tensor) -> Result<Cow<'_, [f32]>> {
    match x.data() {
        Data::F32(v) => Ok(Cow::Borrowed(v)),
        _ => Ok(Cow::Owned(
            x.to_floats()?.into_iter().map(|x| x as f32).collect(),
        )),
    }
}

pub(super) fn batch_norm(
    epsilon: f64,
    scale: bool,
    offset: bool,
    channels: Channels,
    operands: &[&Tensor],
) -> Result<Tensor> {
    let (x, parameters) = split(3 + usize::from(scale) + usize::from(offset), operands)?;
    match channels {
        Channels::Last => normalise_channels(epsilon, scale, x, parameters),
        Channels::First => move_channels(
            &normalise_channels(epsilon, scale, &move_channels(x, true)?, parameters)?,
            false,
        ),
    }
}

fn normalise_channels(
    epsilon: f64,
    scale: bool,
    x: &Tensor,
    parameters: &[&Tensor],
) -> Result<Tensor> {
    let channels = x
        .shape()
        .last()
        .copied()
        .ok_or_else(|| Error::malformed("a scalar has no channels"))?;
    let vectors = parameters
        .iter()
        .map(|p| vector(p, channels))
        .collect::<Result<Vec<_>>>()?;
    let mut v = x.to_floats()?;
    for row in v.chunks_mut(channels.max(1)) {
        for (i, x) in row.iter_mut().enumerate() {
            *x = (*x - vectors[0][i]) / (vectors[1][i] + epsilon).sqrt();
        }
        scale_and_offset(row, &vectors[2..], scale);
    }
    Tensor::from_floats(x.dtype(), x.shape(), v)
}

pub(super) fn layer_norm(
    axes: usize,
    epsilon: f64,
    scale: bool,
    offset: bool,
    operands: &[&Tensor],
) -> Result<Tensor> {
    let (x, parameters) = split(1 + usize::from(scale) + usize::from(offset), operands)?;
    let first = x
        .rank()
        .checked_sub(axes)
        .ok_or_else(|| Error::malformed(format!("{:?} has fewer axes", x.shape())))?;
    let width: usize = x.shape()[first..].iter().product();
    let vectors = parameters
        .iter()
        .map(|p| vector(p, width))
        .collect::<Result<Vec<_>>>()?;
    let mut v = x.to_floats()?;
    for row in v.chunks_mut(width.max(1)) {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        row.iter_mut()
            .for_each(|x| *x = (*x - mean) / (variance + epsilon).sqrt());
        scale_and_offset(row, &vectors, scale);
    }
    Tensor::from_floats(x.dtype(), x.shape(), v)
}

pub(super) fn rms_norm(epsilon: f64, scale: bool, operands: &[&Tensor]) -> Result<Tensor> {
    let (x, parameters) = split(1 + usize::from(scale), operands)?;
    let width = x.shape().last().copied();
    let width = width.ok_or_else(|| Error::malformed("a scalar has no axis to normalise"))?;
    let vectors = parameters
        .iter()
        .map(|p| vector(p, width))
        .collect::<Result<Vec<_>>>()?;
    let mut v = x.to_floats()?;
    for row in v.chunks_mut(width.max(1)) {
        let square = row.iter().map(|x| x * x).sum::<f64>() / width as f64;
        row.iter_mut().for_each(|x| *x /= (square + epsilon).sqrt());
        scale_and_offset(row, &vectors, scale);
    }
    Tensor::from_floats(x.dtype(), x.shape(), v)
}

fn split<'a, 'b>(
    count: usize,
    operands: &'b [&'a Tensor],
) -> Result<(&'a Tensor, &'b [&'a Tensor])> {
    match operands.split_first() {
        Some((x, parameters)) if operands.len() == count => Ok((x, parameters)),
        Some(_) | None => Err(Error::malformed(format!(
            "takes {count} operands and has {}",
            operands.len()
        ))),
    }
}

fn vector(x: &Tensor, width: usize) -> Result<Vec<f64>> {
    let v = x.to_floats()?;
    match v.len() == width {
        true => Ok(v),
        false => Err(Error::malformed(format!(
            "a parameter has {} elements for {width} channels",
            v.len()
        ))),
    }
}

/// `vectors` are the scale, if there is one, and the offset, if there is one.
fn scale_and_offset(row: &mut [f64], vectors: &[Vec<f64>], scale: bool) {
    let (scales, offsets) = vectors.split_at(usize::from(scale));
    for factors in scales {
        row.iter_mut()
            .zip(factors)
            .for_each(|(x, factor)| *x *= factor);
    }
    for terms in offsets {
        row.iter_mut().zip(terms).for_each(|(x, term)| *x += term);
    }
}
