//! Random numbers whose result is the same for all of them.
//!
//! Dropout in TensorFlow 1 is `floor(keep_prob + uniform())`, and with a `keep_prob` of 1, the usual default of its
//! placeholder, always 1. Ranges of random numbers are followed through arithmetic until they have only one result; where they
//! do not, the numbers are drawn.

use super::Lowering;
use super::cx::{Cx, Lowered};
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, Value};

/// Random numbers of `low..high` in a tensor of some shape.
#[derive(Clone, Debug)]
pub struct Range {
    /// No number is smaller.
    pub low: f64,
    /// All numbers are smaller.
    pub high: f64,
    /// The extents of the tensor.
    pub dims: Vec<Dim>,
    /// Its element type.
    pub dtype: DType,
    /// The numbers.
    pub value: Value,
}

/// What is known of the result of a node with a random operand.
enum Known {
    /// It is this number everywhere.
    Constant(DType, f64),
    /// It lies in a range.
    Within(f64, f64),
}

impl Cx<'_> {
    /// Random numbers whose range is followed.
    pub fn add_range(&mut self, range: Range) -> Vec<Lowered> {
        self.ranges.push(range);
        vec![Lowered::Random(self.ranges.len() - 1)]
    }

    /// The numbers of a range.
    ///
    /// # Errors
    /// There is no such range.
    pub fn random_value(&self, index: usize) -> Result<Value> {
        let range = self.ranges.get(index).map(|range| range.value);
        range.ok_or_else(|| Error::internal("a range that does not exist"))
    }
}

/// Lowers a node with a random operand.
///
/// # Errors
/// What the row says.
pub fn apply(cx: &mut Cx<'_>, row: &Lowering) -> Result<Vec<Lowered>> {
    if matches!(cx.def.op.as_str(), "Identity" | "StopGradient") {
        return Ok(vec![cx.operand(0)?]);
    }
    match known(cx)? {
        Some((range, Known::Constant(dtype, number))) => {
            let scalar = cx.scalar(dtype, number)?;
            let value = cx.broadcast(scalar, range.dims)?;
            Ok(vec![Lowered::Value(value)])
        }
        Some((range, Known::Within(low, high))) => match row.apply(cx)?.as_slice() {
            &[Lowered::Value(value)] => Ok(cx.add_range(Range {
                low,
                high,
                value,
                ..range
            })),
            other => Ok(other.to_vec()),
        },
        None => row.apply(cx),
    }
}

/// What is known of the result, and the operand's range.
fn known(cx: &mut Cx<'_>) -> Result<Option<(Range, Known)>> {
    let operands = cx.operands().iter();
    let mut random = operands
        .enumerate()
        .filter_map(|(i, operand)| match operand {
            Lowered::Random(range) => Some((i, *range)),
            _ => None,
        });
    let (Some((place, range)), None) = (random.next(), random.next()) else {
        return Ok(None);
    };
    let Some(range) = cx.ranges.get(range).cloned() else {
        return Ok(None);
    };
    let other = match cx.arity() {
        1 => 0.0,
        2 => match number(cx, 1 - place) {
            Some(number) => number,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let (low, high) = (range.low, range.high);
    let known = match (cx.def.op.as_str(), place) {
        ("Add" | "AddV2", _) => Known::Within(low + other, high + other),
        ("Sub", 0) => Known::Within(low - other, high - other),
        ("Mul", _) if other >= 0.0 => Known::Within(low * other, high * other),
        ("Floor", _) if high <= low.floor() + 1.0 => Known::Constant(range.dtype, low.floor()),
        ("GreaterEqual", 0) if low >= other => Known::Constant(DType::Bool, 1.0),
        ("Less", 0) if low >= other => Known::Constant(DType::Bool, 0.0),
        (_, _) => return Ok(None),
    };
    Ok(Some((range, known)))
}

/// The number that operand `i` is, if it is a scalar that every call gives.
fn number(cx: &mut Cx<'_>, i: usize) -> Option<f64> {
    let value = cx.input(i).ok()?;
    let number = cx.graph.as_splat(value)?;
    (cx.ty(value).rank() == Some(0)).then_some(number)
}
