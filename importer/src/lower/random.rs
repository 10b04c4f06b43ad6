//! Random numbers, as far as the result is the same for all of them.
//!
//! Dropout in TensorFlow 1 is `floor(keep_prob + uniform())`, and with a `keep_prob` of 1, the usual default of its
//! placeholder, always 1. Ranges of random numbers are followed through arithmetic until they have only one result.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi};
use crate::error::{Error, Result};
use crate::ir::{DType, Dim};

pub const OPS: &[Lowering] = &[multi("RandomUniform", uniform)];

/// Random numbers of `low..high` in a tensor of some shape.
#[derive(Clone, Debug)]
pub struct Range {
    low: f64,
    high: f64,
    dims: Vec<Dim>,
    dtype: DType,
}

fn uniform(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (dims, dtype) = (cx.dims(0)?, cx.attr("dtype")?);
    Ok(cx.add_range(Range {
        low: 0.0,
        high: 1.0,
        dims,
        dtype,
    }))
}

impl Cx<'_> {
    fn add_range(&mut self, range: Range) -> Vec<Lowered> {
        self.ranges.push(range);
        vec![Lowered::Random(self.ranges.len() - 1)]
    }
}

/// Lowers a node with a random operand.
///
/// # Errors
/// The result would be random.
pub fn apply(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let random = || Error::unsupported("random numbers, here of a dropout or a sampling");
    if matches!(cx.def.op.as_str(), "Identity" | "StopGradient") {
        return Ok(vec![cx.operand(0)?]);
    }
    let number = cx
        .operands()
        .iter()
        .position(|operand| matches!(operand, Lowered::Random(_)));
    let place = number.ok_or_else(random)?;
    let Lowered::Random(index) = cx.operand(place)? else {
        return Err(random());
    };
    let range = cx.ranges.get(index).cloned().ok_or_else(random)?;
    let other = match cx.arity() {
        1 => 0.0,
        2 => {
            let value = cx.input(1 - place).map_err(|_| random())?;
            cx.graph.as_splat(value).ok_or_else(random)?
        }
        _ => return Err(random()),
    };
    if cx.arity() == 2 && cx.ty_of_other(1 - place).is_none_or(|rank| rank != 0) {
        return Err(random());
    }
    let Range { low, high, .. } = range;
    match (cx.def.op.as_str(), place) {
        ("Add" | "AddV2", _) => Ok(cx.add_range(Range {
            low: low + other,
            high: high + other,
            ..range
        })),
        ("Sub", 0) => Ok(cx.add_range(Range {
            low: low - other,
            high: high - other,
            ..range
        })),
        ("Mul", _) if other >= 0.0 => Ok(cx.add_range(Range {
            low: low * other,
            high: high * other,
            ..range
        })),
        ("Floor", _) if high <= low.floor() + 1.0 => {
            cx.constant_of(&range, range.dtype, low.floor())
        }
        ("GreaterEqual", 0) if low >= other => cx.constant_of(&range, DType::Bool, 1.0),
        ("Less", 0) if low >= other => cx.constant_of(&range, DType::Bool, 0.0),
        (_, _) => Err(random()),
    }
}

impl Cx<'_> {
    fn ty_of_other(&mut self, i: usize) -> Option<usize> {
        let value = self.input(i).ok()?;
        self.ty(value).rank()
    }

    fn constant_of(&mut self, range: &Range, dtype: DType, number: f64) -> Result<Vec<Lowered>> {
        let scalar = self.scalar(dtype, number)?;
        Ok(vec![Lowered::Value(
            self.broadcast(scalar, range.dims.clone())?,
        )])
    }
}
