//! Fourier transforms of known length, as products with the matrix of the transform.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::{Binary, Dim, Op, Value};
use std::f64::consts::TAU;

pub const OPS: &[Lowering] = &[
    multi("RFFT", |cx| real(cx, 1)),
    multi("RFFT2D", |cx| real(cx, 2)),
];

/// Longer transforms would need a fast algorithm.
const LENGTH_LIMIT: usize = 4096;

/// `[rows, columns]` of `f(2π row column / n)`.
fn table(
    cx: &mut Cx<'_>,
    like: Value,
    n: usize,
    [rows, columns]: [usize; 2],
    f: impl Fn(usize, f64) -> f64,
) -> Result<Value> {
    let place = |row: usize, column: usize| TAU * ((row * column) % n) as f64 / n as f64;
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let values = cells
        .map(|(row, column)| exact_zero(f(row, place(row, column))))
        .collect();
    let tensor = Tensor::from_floats(cx.dtype(like), &[rows, columns], values)?;
    Ok(cx.graph.constant(tensor, cx.origin))
}

/// What sine and cosine give in place of zero at multiples of a quarter turn.
fn exact_zero(value: f64) -> f64 {
    if value.abs() < 1e-15 { 0.0 } else { value }
}

fn times(cx: &mut Cx<'_>, x: Value, matrix: Value) -> Result<Value> {
    cx.push(
        Op::MatMul {
            transpose_lhs: false,
            transpose_rhs: false,
        },
        &[x, matrix],
    )
}

/// The lengths of the transform in operand 1.
fn lengths(cx: &mut Cx<'_>, count: usize) -> Result<Vec<usize>> {
    let lengths: Option<Vec<usize>> = cx
        .integers(1)?
        .into_iter()
        .map(|n| usize::try_from(n).ok())
        .collect();
    let lengths = lengths.filter(|lengths| lengths.len() == count && !lengths.contains(&0));
    checked(lengths.ok_or_else(|| Error::malformed("the length of the transform is not positive"))?)
}

fn checked(lengths: Vec<usize>) -> Result<Vec<usize>> {
    match lengths.iter().find(|&&n| n > LENGTH_LIMIT) {
        Some(n) => Err(Error::unsupported(format!(
            "a Fourier transform of length {n}, above {LENGTH_LIMIT}"
        ))),
        None => Ok(lengths),
    }
}

/// `x` cut or padded with zeros to `length` along an axis.
fn fit(cx: &mut Cx<'_>, x: Value, axis: usize, length: usize) -> Result<Value> {
    let dims = cx.shape(x)?;
    let extent = dims
        .get(axis)
        .ok_or_else(|| Error::malformed("the transform has more axes than its operand"))?;
    match extent.as_usize() {
        Some(extent) if extent >= length => cx.narrow(x, axis, Dim::known(0), Dim::from(length)),
        Some(extent) => {
            let mut widths = vec![(Dim::known(0), Dim::known(0)); dims.len()];
            widths[axis].1 = Dim::from(length - extent);
            let zero = cx.scalar_like(x, 0.0)?;
            cx.pad(x, widths, zero)
        }
        None => Err(Error::unsupported(
            "a Fourier transform over an axis of unknown extent",
        )),
    }
}

/// The transform of real numbers over the last `count` axes: half of the last axis, the rest being its mirror image.
fn real(cx: &mut Cx<'_>, count: usize) -> Result<Vec<Lowered>> {
    let mut x = cx.input(0)?;
    let lengths = lengths(cx, count)?;
    let rank = cx.rank(x)?;
    for (i, &length) in lengths.iter().enumerate() {
        x = fit(cx, x, (rank + i).saturating_sub(count), length)?;
    }
    let n = lengths[count - 1];
    let cosine = table(cx, x, n, [n, n / 2 + 1], |_, angle| angle.cos())?;
    let sine = table(cx, x, n, [n, n / 2 + 1], |_, angle| -angle.sin())?;
    let mut parts = (times(cx, x, cosine)?, times(cx, x, sine)?);
    if count == 2 {
        parts = along(cx, parts, 2, false)?;
    }
    Ok(vec![Lowered::Complex(parts.0, parts.1)])
}

/// The transform of complex numbers over axes counted from the end.
pub fn fft(cx: &mut Cx<'_>, axes: &[usize], inverse: bool) -> Result<Vec<Lowered>> {
    let mut parts = cx.complex(0)?;
    for &axis in axes {
        parts = along(cx, parts, axis, inverse)?;
    }
    Ok(vec![Lowered::Complex(parts.0, parts.1)])
}

/// The transform over the axis that is `from_end` axes from the end.
fn along(
    cx: &mut Cx<'_>,
    parts: (Value, Value),
    from_end: usize,
    inverse: bool,
) -> Result<(Value, Value)> {
    let (re, im) = (swap(cx, parts.0, from_end)?, swap(cx, parts.1, from_end)?);
    let extent = cx
        .shape(re)?
        .pop()
        .and_then(|dim| dim.as_usize())
        .filter(|&n| n > 0);
    let n = extent
        .ok_or_else(|| Error::unsupported("a Fourier transform over an axis of unknown extent"))?;
    checked(vec![n])?;
    let (sign, scale) = if inverse {
        (-1.0, 1.0 / n as f64)
    } else {
        (1.0, 1.0)
    };
    let cosine = table(cx, re, n, [n, n], |_, angle| scale * angle.cos())?;
    let sine = table(cx, re, n, [n, n], |_, angle| scale * sign * angle.sin())?;
    let (a, b) = (times(cx, re, cosine)?, times(cx, im, sine)?);
    let (c, d) = (times(cx, im, cosine)?, times(cx, re, sine)?);
    let (re, im) = (
        cx.combine(Binary::Add, a, b)?,
        cx.combine(Binary::Sub, c, d)?,
    );
    Ok((swap(cx, re, from_end)?, swap(cx, im, from_end)?))
}

/// Exchanges the last axis with the one that is `from_end` axes from the end.
fn swap(cx: &mut Cx<'_>, x: Value, from_end: usize) -> Result<Value> {
    let rank = cx.rank(x)?;
    let other = rank
        .checked_sub(from_end)
        .ok_or_else(|| Error::malformed("the transform has too many axes"))?;
    let mut permutation: Vec<usize> = (0..rank).collect();
    permutation.swap(other, rank - 1);
    cx.transpose(x, permutation)
}

/// The real numbers whose transform has operand 0 as its first half.
pub fn inverse_real(cx: &mut Cx<'_>, count: usize) -> Result<Value> {
    let (mut re, mut im) = cx.complex(0)?;
    let lengths = lengths(cx, count)?;
    let n = lengths[count - 1];
    let rank = cx.rank(re)?;
    for part in [&mut re, &mut im] {
        *part = fit(cx, *part, rank.saturating_sub(1), n / 2 + 1)?;
        if count == 2 {
            *part = fit(cx, *part, rank.saturating_sub(2), lengths[0])?;
        }
    }
    if count == 2 {
        (re, im) = along(cx, (re, im), 2, true)?;
    }
    let weight = move |bin: usize| if bin == 0 || 2 * bin == n { 1.0 } else { 2.0 } / n as f64;
    let cosine = table(cx, re, n, [n / 2 + 1, n], |bin, angle| {
        weight(bin) * angle.cos()
    })?;
    let sine = table(cx, re, n, [n / 2 + 1, n], |bin, angle| {
        weight(bin) * angle.sin()
    })?;
    let (a, b) = (times(cx, re, cosine)?, times(cx, im, sine)?);
    cx.combine(Binary::Sub, a, b)
}
