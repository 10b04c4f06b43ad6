//! Simulated quantisation.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Op, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("FakeQuantWithMinMaxArgs", |cx| {
        let bounds = (cx.attr("min")?, cx.attr("max")?);
        fake_quant(cx, bounds)
    }),
    op("FakeQuantWithMinMaxVars", |cx| {
        let bounds = (cx.constant_bound(1)?, cx.constant_bound(2)?);
        fake_quant(cx, bounds)
    }),
];

impl Cx<'_> {
    fn constant_bound(&mut self, i: usize) -> Result<f64> {
        let bound = self.constant_input(i)?.as_splat();
        bound.ok_or_else(|| Error::malformed(format!("input {i} should be a scalar")))
    }
}

/// Rounds to the levels of an integer type whose range is moved a little, so that zero is a level.
fn fake_quant(cx: &mut Cx<'_>, (min, max): (f64, f64)) -> Result<Value> {
    let x = cx.input(0)?;
    let bits: i64 = cx.attr("num_bits")?;
    let lowest = f64::from(u8::from(cx.attr::<bool>("narrow_range")?));
    let highest = ((1i64 << bits.clamp(2, 16)) - 1) as f64;
    let scale = (max - min) / (highest - lowest);
    if scale.is_nan() || scale <= 0.0 {
        return Err(Error::malformed(format!(
            "the range from {min} to {max} is empty"
        )));
    }
    let zero = (lowest - min / scale).clamp(lowest, highest).round();
    let (low, high) = ((lowest - zero) * scale, (highest - zero) * scale);
    let clamped = cx.push(Op::Clamp { low, high }, &[x])?;
    let shifted = cx.combine_scalar(Binary::Sub, clamped, low)?;
    let levels = cx.combine_scalar(Binary::Mul, shifted, 1.0 / scale)?;
    let levels = cx.combine_scalar(Binary::Add, levels, 0.5)?;
    let levels = cx.apply(Unary::Floor, levels)?;
    let scaled = cx.combine_scalar(Binary::Mul, levels, scale)?;
    cx.combine_scalar(Binary::Add, scaled, low)
}
