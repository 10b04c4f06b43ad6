//! Ops along axes.

use super::data::Wide;
use super::movement::{strides, sums};
use super::tensor::{Tensor, element_count};
use crate::error::{Error, Result};
use crate::ir::{DType, Extreme, Reduction};
use num_complex::Complex64;

pub(super) fn reduce(op: Reduction, axes: &[usize], keep: bool, x: &Tensor) -> Result<Tensor> {
    let reduced = |axis: &usize| axes.contains(axis);
    let kept: Vec<usize> = x
        .shape()
        .iter()
        .enumerate()
        .map(|(i, &n)| if reduced(&i) { 1 } else { n })
        .collect();
    let shape: Vec<usize> = match keep {
        true => kept.clone(),
        false => (0..x.rank())
            .filter(|axis| !reduced(axis))
            .map(|axis| kept[axis])
            .collect(),
    };
    let tables =
        x.shape()
            .iter()
            .zip(strides(&kept))
            .enumerate()
            .map(|(axis, (&length, stride))| {
                let stride = if reduced(&axis) { 0 } else { stride };
                (0..length).map(|i| i * stride).collect()
            });
    let targets = sums(&tables.collect::<Vec<Vec<usize>>>());
    let count = element_count(&kept)?;
    let wide = match x.data().widen()? {
        Wide::Float(v) => Wide::Float(reduce_floats(op, v, &targets, count)?),
        Wide::Integer(v) => Wide::Integer(reduce_integers(op, v, &targets, count, x.dtype())?),
        Wide::Complex(v) => Wide::Complex(reduce_complex(op, v, &targets, count)?),
    };
    Tensor::narrow(&shape, &wide, x.dtype())
}

fn fold<T: Copy>(v: Vec<T>, targets: &[usize], start: Vec<T>, f: impl Fn(T, T) -> T) -> Vec<T> {
    let mut results = start;
    for (x, &target) in v.into_iter().zip(targets) {
        results[target] = f(results[target], x);
    }
    results
}

/// NaN wins over any extreme.
fn reduce_floats(op: Reduction, v: Vec<f64>, targets: &[usize], count: usize) -> Result<Vec<f64>> {
    let elements = v.len();
    Ok(match op {
        Reduction::Sum => fold(v, targets, vec![0.0; count], |a, x| a + x),
        Reduction::Product => fold(v, targets, vec![1.0; count], |a, x| a * x),
        Reduction::Mean => {
            let each = elements as f64 / count as f64;
            fold(v, targets, vec![0.0; count], |a, x| a + x)
                .into_iter()
                .map(|sum| sum / each)
                .collect()
        }
        Reduction::Max => fold(v, targets, vec![f64::NEG_INFINITY; count], |a, x| {
            if x > a || x.is_nan() { x } else { a }
        }),
        Reduction::Min => fold(v, targets, vec![f64::INFINITY; count], |a, x| {
            if x < a || x.is_nan() { x } else { a }
        }),
        Reduction::All | Reduction::Any => {
            return Err(Error::malformed(format!("{op:?} does not take floats")));
        }
    })
}

/// Truth values are 0 and 1. A mean truncates towards zero.
fn reduce_integers(
    op: Reduction,
    v: Vec<i128>,
    targets: &[usize],
    count: usize,
    dtype: DType,
) -> Result<Vec<i128>> {
    let (low, high) = bounds(dtype);
    let each = v.len().checked_div(count).unwrap_or(0).max(1) as i128;
    Ok(match op {
        Reduction::Sum => fold(v, targets, vec![0; count], |a, x| a + x),
        Reduction::Product => fold(v, targets, vec![1; count], i128::wrapping_mul),
        Reduction::Mean => fold(v, targets, vec![0; count], |a, x| a + x)
            .into_iter()
            .map(|sum| sum / each)
            .collect(),
        Reduction::Max => fold(v, targets, vec![low; count], i128::max),
        Reduction::Min => fold(v, targets, vec![high; count], i128::min),
        Reduction::All => fold(v, targets, vec![1; count], |a, x| a & x),
        Reduction::Any => fold(v, targets, vec![0; count], |a, x| a | x),
    })
}

/// The smallest and the largest integer of an element type.
fn bounds(dtype: DType) -> (i128, i128) {
    let bits = dtype.width().map_or(64, |width| 8 * width as u32);
    match dtype.is_signed_integer() {
        true => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        false => (0, (1i128 << bits) - 1),
    }
}

fn reduce_complex(
    op: Reduction,
    v: Vec<Complex64>,
    targets: &[usize],
    count: usize,
) -> Result<Vec<Complex64>> {
    let each = v.len() as f64 / count as f64;
    let zero = vec![Complex64::ZERO; count];
    Ok(match op {
        Reduction::Sum => fold(v, targets, zero, |a, x| a + x),
        Reduction::Mean => fold(v, targets, zero, |a, x| a + x)
            .into_iter()
            .map(|sum| sum / each)
            .collect(),
        Reduction::Product => fold(v, targets, vec![Complex64::ONE; count], |a, x| a * x),
        Reduction::Max | Reduction::Min | Reduction::All | Reduction::Any => {
            return Err(Error::malformed(format!(
                "{op:?} does not take complex numbers"
            )));
        }
    })
}

/// The lanes of a tensor along an axis: the start of each, their length, and the distance of their elements.
struct Lanes {
    length: usize,
    stride: usize,
    count: usize,
}

impl Lanes {
    fn of(x: &Tensor, axis: usize) -> Result<Self> {
        let missing = || Error::malformed(format!("axis {axis} of {:?} does not exist", x.shape()));
        let length = *x.shape().get(axis).ok_or_else(missing)?;
        let stride = x.shape()[axis + 1..].iter().product();
        let outer: usize = x.shape()[..axis].iter().product();
        Ok(Lanes {
            length,
            stride,
            count: outer * stride,
        })
    }

    /// The flat places of each lane.
    fn each(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        (0..self.count).map(|lane| {
            let start = lane / self.stride * self.stride * self.length + lane % self.stride;
            (0..self.length).map(|i| start + i * self.stride).collect()
        })
    }
}

/// NaN is never the extreme element.
pub(super) fn arg_reduce(op: Extreme, axis: usize, dtype: DType, x: &Tensor) -> Result<Tensor> {
    let lanes = Lanes::of(x, axis)?;
    let mut shape = x.shape().to_vec();
    if shape.remove(axis) == 0 {
        return Err(Error::malformed("an empty axis has no extreme element"));
    }
    let indices = match x.data().widen()? {
        Wide::Float(v) => lanes.each().map(|lane| extreme(op, &lane, &v)).collect(),
        Wide::Integer(v) => lanes.each().map(|lane| extreme(op, &lane, &v)).collect(),
        Wide::Complex(_) => return Err(Error::malformed("complex numbers have no order")),
    };
    Tensor::from_integers(dtype, &shape, indices)
}

#[allow(clippy::eq_op, reason = "NaN is not equal to itself")]
fn extreme<T: PartialOrd>(op: Extreme, lane: &[usize], v: &[T]) -> i64 {
    let better = |a: &T, b: &T| match op {
        Extreme::Max => a > b,
        Extreme::Min => a < b,
    };
    let mut best: Option<usize> = None;
    for (i, &place) in lane
        .iter()
        .enumerate()
        .filter(|(_, place)| v[**place] == v[**place])
    {
        if best.is_none_or(|b| better(&v[place], &v[lane[b]])) {
            best = Some(i);
        }
    }
    best.unwrap_or(0) as i64
}

pub(super) fn cumulative(
    op: Reduction,
    axis: usize,
    exclusive: bool,
    reverse: bool,
    x: &Tensor,
) -> Result<Tensor> {
    let lanes = Lanes::of(x, axis)?;
    let product = op == Reduction::Product;
    let wide = match x.data().widen()? {
        Wide::Float(v) => {
            let (start, f) = if product {
                (1.0, (|a, x| a * x) as fn(f64, f64) -> f64)
            } else {
                (0.0, (|a, x| a + x) as _)
            };
            Wide::Float(scan(&lanes, v, start, f, exclusive, reverse))
        }
        Wide::Integer(v) => {
            let (start, f) = if product {
                (1, i128::wrapping_mul as fn(i128, i128) -> i128)
            } else {
                (0, i128::wrapping_add as _)
            };
            Wide::Integer(scan(&lanes, v, start, f, exclusive, reverse))
        }
        Wide::Complex(_) => {
            return Err(Error::unsupported("complex numbers are not supported here"));
        }
    };
    Tensor::narrow(x.shape(), &wide, x.dtype())
}

fn scan<T: Copy>(
    lanes: &Lanes,
    mut v: Vec<T>,
    start: T,
    f: fn(T, T) -> T,
    exclusive: bool,
    reverse: bool,
) -> Vec<T> {
    for mut lane in lanes.each() {
        if reverse {
            lane.reverse();
        }
        let mut total = start;
        for place in lane {
            let before = total;
            total = f(total, v[place]);
            v[place] = if exclusive { before } else { total };
        }
    }
    v
}

pub(super) fn softmax(axis: usize, logarithm: bool, x: &Tensor) -> Result<Tensor> {
    let lanes = Lanes::of(x, axis)?;
    let mut v = x.to_floats()?;
    for lane in lanes.each() {
        let largest = lane
            .iter()
            .map(|&place| v[place])
            .fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = lane.iter().map(|&place| (v[place] - largest).exp()).sum();
        for place in lane {
            let shifted = v[place] - largest;
            v[place] = if logarithm {
                shifted - sum.ln()
            } else {
                shifted.exp() / sum
            };
        }
    }
    Tensor::from_floats(x.dtype(), x.shape(), v)
}
