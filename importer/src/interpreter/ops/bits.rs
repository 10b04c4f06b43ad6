//! Bit patterns of numbers.

use super::super::cx::Cx;
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

pub(super) const OPS: &[Row] = &[
    one("Bitcast", bitcast),
    one("NextAfter", |cx| {
        let (x, y) = (cx.tensor(0)?, cx.tensor(1)?);
        let pairs = x.to_floats()?.into_iter().zip(y.to_floats()?);
        let next = |(x, y): (f64, f64)| f64::from(next_after(x as f32, y as f32));
        Tensor::from_floats(x.dtype(), x.shape(), pairs.map(next).collect())
    }),
];

/// The same bytes as another type; a difference in width is the last axis.
fn bitcast(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let dtype: DType = cx.attr("type")?;
    let (from, to) = (x.dtype().width(), dtype.width());
    let (Some(from), Some(to)) = (from, to) else {
        return Err(Error::usage("strings have no bits"));
    };
    let mut shape = x.shape().to_vec();
    if from > to {
        shape.push(from / to);
    }
    if from < to && shape.pop() != Some(to / from) {
        return Err(Error::usage("the last axis has to make up one element"));
    }
    Tensor::from_bytes(dtype, &shape, &x.to_bytes()?)
}

fn next_after(x: f32, y: f32) -> f32 {
    match x.partial_cmp(&y) {
        Some(std::cmp::Ordering::Less) => x.next_up(),
        Some(std::cmp::Ordering::Greater) => x.next_down(),
        Some(std::cmp::Ordering::Equal) => y,
        None => f32::NAN,
    }
}
