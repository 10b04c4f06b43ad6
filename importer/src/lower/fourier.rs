//! Fourier transforms. Axes other than the last are exchanged with it.

use super::cx::{Cx, Lowered};
use super::strided::not_negative;
use super::{Lowering, multi};
use crate::error::{Error, Result};
use crate::ir::{Dim, Fourier, Op, Value};

pub const OPS: &[Lowering] = &[
    multi("RFFT", |cx| of_real(cx, 1)),
    multi("RFFT2D", |cx| of_real(cx, 2)),
    multi("RFFT3D", |cx| of_real(cx, 3)),
];

/// The lengths of the transform in operand 1.
fn lengths(cx: &mut Cx<'_>, count: usize) -> Result<Vec<Dim>> {
    let lengths = cx.dims(1)?;
    let fits = lengths.len() == count && lengths.iter().all(|n| n.as_known().is_none_or(|n| n > 0));
    match fits {
        true => Ok(lengths),
        false => Err(Error::malformed(
            "the length of the transform is not positive",
        )),
    }
}

/// `x` cut or padded with zeros to `length` along an axis.
fn fit(cx: &mut Cx<'_>, x: Value, axis: usize, length: &Dim) -> Result<Value> {
    let dims = cx.shape(x)?;
    let extent = dims
        .get(axis)
        .ok_or_else(|| Error::malformed("the transform has more axes than its operand"))?;
    if extent == length {
        return Ok(x);
    }
    let kept = extent.smaller(length);
    let x = cx.narrow(x, axis, Dim::known(0), kept.clone())?;
    let mut widths = vec![(Dim::known(0), Dim::known(0)); dims.len()];
    widths[axis].1 = not_negative(&(length.clone() - kept));
    let zero = cx.scalar_like(x, 0.0)?;
    cx.pad(x, widths, zero)
}

/// The axis that is `from_end` axes from the end.
fn axis(cx: &Cx<'_>, x: Value, from_end: usize) -> Result<usize> {
    let rank = cx.rank(x)?;
    rank.checked_sub(from_end)
        .ok_or_else(|| Error::malformed("the transform has too many axes"))
}

/// The transform of real numbers over the last `count` axes: half of the last axis, the rest being its mirror image.
fn of_real(cx: &mut Cx<'_>, count: usize) -> Result<Vec<Lowered>> {
    let mut x = cx.input(0)?;
    let lengths = lengths(cx, count)?;
    for (i, length) in lengths.iter().enumerate() {
        let axis = axis(cx, x, count - i)?;
        x = fit(cx, x, axis, length)?;
    }
    let mut parts = cx.transform(Fourier::OfReal, &[x])?;
    for from_end in 2..=count {
        parts = along(cx, parts, from_end, Fourier::Forward)?;
    }
    Ok(vec![Lowered::Complex(parts.0, parts.1)])
}

/// The transform of complex numbers over the last `count` axes.
pub fn complex(cx: &mut Cx<'_>, count: usize, transform: Fourier) -> Result<Vec<Lowered>> {
    let mut parts = cx.complex(0)?;
    for from_end in 1..=count {
        parts = along(cx, parts, from_end, transform.clone())?;
    }
    Ok(vec![Lowered::Complex(parts.0, parts.1)])
}

/// The real numbers whose transform has operand 0 as its first half.
pub fn to_real(cx: &mut Cx<'_>, count: usize) -> Result<Value> {
    let mut parts = cx.complex(0)?;
    let lengths = lengths(cx, count)?;
    for (i, length) in lengths.iter().enumerate() {
        let axis = axis(cx, parts.0, count - i)?;
        let is_last = i + 1 == count;
        let bins = match is_last {
            true => half(length)? + Dim::known(1),
            false => length.clone(),
        };
        parts = (
            fit(cx, parts.0, axis, &bins)?,
            fit(cx, parts.1, axis, &bins)?,
        );
        if !is_last {
            parts = along(cx, parts, count - i, Fourier::Inverse)?;
        }
    }
    let length = lengths[count - 1].clone();
    cx.push(Op::Fourier(Fourier::ToReal(length)), &[parts.0, parts.1])
}

fn half(length: &Dim) -> Result<Dim> {
    length
        .div_floor(&Dim::known(2))
        .ok_or_else(|| Error::internal("a division by two"))
}

/// The transform over the axis that is `from_end` axes from the end.
fn along(
    cx: &mut Cx<'_>,
    parts: (Value, Value),
    from_end: usize,
    transform: Fourier,
) -> Result<(Value, Value)> {
    let (re, im) = (swap(cx, parts.0, from_end)?, swap(cx, parts.1, from_end)?);
    let (re, im) = cx.transform(transform, &[re, im])?;
    Ok((swap(cx, re, from_end)?, swap(cx, im, from_end)?))
}

impl Cx<'_> {
    /// Over the last axis.
    fn transform(&mut self, transform: Fourier, operands: &[Value]) -> Result<(Value, Value)> {
        let op = Op::Fourier(transform);
        let node = self.graph.push(op, operands, self.origin)?;
        Ok((Value { node, result: 0 }, Value { node, result: 1 }))
    }
}

/// Exchanges the last axis with the one that is `from_end` axes from the end.
fn swap(cx: &mut Cx<'_>, x: Value, from_end: usize) -> Result<Value> {
    let (rank, other) = (cx.rank(x)?, axis(cx, x, from_end)?);
    let mut permutation: Vec<usize> = (0..rank).collect();
    permutation.swap(other, rank - 1);
    cx.transpose(x, permutation)
}
