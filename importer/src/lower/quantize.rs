//! Simulated quantisation. Where TensorFlow lets the gradient pass a rounding, a difference that is zero carries it.

use super::attr::Choice;
use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, Dim, Op, Reduction, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("FakeQuantWithMinMaxArgs", |cx| {
        let bounds = (cx.attr("min")?, cx.attr("max")?);
        fake_quant(cx, bounds)
    }),
    op("FakeQuantWithMinMaxVars", fake_quant_by_operands),
    op("FakeQuantWithMinMaxVarsPerChannel", fake_quant_by_operands),
    op("QuantizeAndDequantizeV2", |cx| {
        let bits = cx.attr("num_bits")?;
        quantize(cx, bits, Slope::One)
    }),
    op("QuantizeAndDequantizeV3", |cx| {
        let bits = cx.integer(3)?;
        quantize(cx, bits, Slope::One)
    }),
    op("QuantizeAndDequantizeV4", |cx| {
        let bits = cx.attr("num_bits")?;
        quantize(cx, bits, Slope::Clamped)
    }),
];

/// The value of `x` with the gradient of `like`.
fn with_gradient_of(cx: &mut Cx<'_>, x: Value, like: Value) -> Result<Value> {
    let x = cx.apply(Unary::StopGradient, x)?;
    let still = cx.apply(Unary::StopGradient, like)?;
    let change = cx.combine(Binary::Sub, like, still)?;
    cx.combine(Binary::Add, x, change)
}

/// The lowest and the highest level of the node's integers.
fn levels(cx: &Cx<'_>) -> Result<(f64, f64)> {
    let bits: i64 = cx.attr("num_bits")?;
    let lowest = f64::from(u8::from(cx.attr::<bool>("narrow_range")?));
    Ok((lowest, ((1i64 << bits.clamp(2, 16)) - 1) as f64))
}

/// Rounds to the levels of an integer type whose range is moved a little, so that zero is a level.
fn fake_quant(cx: &mut Cx<'_>, (min, max): (f64, f64)) -> Result<Value> {
    let x = cx.input(0)?;
    let (lowest, highest) = levels(cx)?;
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
    let level = cx.combine_scalar(Binary::Mul, shifted, 1.0 / scale)?;
    let level = cx.combine_scalar(Binary::Add, level, 0.5)?;
    let level = cx.apply(Unary::Floor, level)?;
    let scaled = cx.combine_scalar(Binary::Mul, level, scale)?;
    let rounded = cx.combine_scalar(Binary::Add, scaled, low)?;
    with_gradient_of(cx, rounded, clamped)
}

/// The bounds are operands 1 and 2: numbers, or one for each channel of the last axis.
fn fake_quant_by_operands(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, min, max) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    if let (Some(min), Some(max)) = (cx.graph.as_splat(min), cx.graph.as_splat(max)) {
        return fake_quant(cx, (min, max));
    }
    let (lowest, highest) = levels(cx)?;
    let range = cx.combine(Binary::Sub, max, min)?;
    let scale = cx.combine_scalar(Binary::Div, range, highest - lowest)?;
    let offset = cx.combine(Binary::Div, min, scale)?;
    let start = cx.scalar_like(x, lowest)?;
    let zero = cx.combine(Binary::Sub, start, offset)?;
    let (low, high) = (lowest, highest);
    let zero = cx.push(Op::Clamp { low, high }, &[zero])?;
    let zero = half_up(cx, zero)?;
    let mut edge = |level: f64, bound: Value| {
        let level = cx.scalar_like(zero, level)?;
        let steps = cx.combine(Binary::Sub, level, zero)?;
        let edge = cx.combine(Binary::Mul, steps, scale)?;
        with_gradient_of(cx, edge, bound)
    };
    let (low, high) = (edge(lowest, min)?, edge(highest, max)?);
    let clamped = cx.combine(Binary::Minimum, x, high)?;
    let clamped = cx.combine(Binary::Maximum, clamped, low)?;
    let shifted = cx.combine(Binary::Sub, clamped, low)?;
    let level = cx.combine(Binary::Div, shifted, scale)?;
    let level = half_up(cx, level)?;
    let scaled = cx.combine(Binary::Mul, level, scale)?;
    let rounded = cx.combine(Binary::Add, scaled, low)?;
    with_gradient_of(cx, rounded, clamped)
}

fn half_up(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    let x = cx.combine_scalar(Binary::Add, x, 0.5)?;
    cx.apply(Unary::Floor, x)
}

/// What the gradient is multiplied by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slope {
    /// One everywhere.
    One,
    /// One within the range; the bounds have what is beyond them.
    Clamped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    HalfToEven,
    HalfUp,
}

impl Choice for Rounding {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("HALF_TO_EVEN", Rounding::HalfToEven),
        ("HALF_UP", Rounding::HalfUp),
    ];
}

/// Rounds to the levels that an integer type has between two bounds, or between the extremes of each channel.
fn quantize(cx: &mut Cx<'_>, bits: i64, slope: Slope) -> Result<Value> {
    let x = cx.input(0)?;
    let (min, max) = range(cx, x)?;
    let (least, most) = integers(cx, bits)?;
    let per_unit = |cx: &mut Cx<'_>, level: f64, bound: Value| {
        let level_tensor = cx.scalar_like(bound, level)?;
        let zero = cx.scalar_like(bound, 0.0)?;
        let test = match level < 0.0 {
            true => Comparison::Less,
            false => Comparison::Greater,
        };
        let counts = cx.test(test, bound, zero)?;
        let scale = cx.combine(Binary::DivNoNan, level_tensor, bound)?;
        let endless = cx.scalar_like(bound, f64::from(f32::MAX))?;
        cx.select(counts, scale, endless)
    };
    let of_high = per_unit(cx, most, max)?;
    let scale = match least < 0.0 {
        true => {
            let of_low = per_unit(cx, least, min)?;
            cx.combine(Binary::Minimum, of_low, of_high)?
        }
        false => of_high,
    };
    let bounds = (bound(cx, least, scale)?, bound(cx, most, scale)?);
    let clamped = cx.combine(Binary::Minimum, x, bounds.1)?;
    let clamped = cx.combine(Binary::Maximum, clamped, bounds.0)?;
    let level = cx.combine(Binary::Mul, clamped, scale)?;
    let level = match cx
        .attr_if_any("round_mode")?
        .unwrap_or(Rounding::HalfToEven)
    {
        Rounding::HalfToEven => cx.apply(Unary::Round, level)?,
        Rounding::HalfUp => half_up(cx, level)?,
    };
    let rounded = cx.combine(Binary::Div, level, scale)?;
    match slope {
        Slope::One => with_gradient_of(cx, rounded, x),
        Slope::Clamped => {
            let held = cx.combine(Binary::Minimum, x, max)?;
            let held = cx.combine(Binary::Maximum, held, min)?;
            with_gradient_of(cx, rounded, held)
        }
    }
}

/// The number at a level.
fn bound(cx: &mut Cx<'_>, level: f64, scale: Value) -> Result<Value> {
    let level = cx.scalar_like(scale, level)?;
    cx.combine(Binary::Div, level, scale)
}

/// The least and the largest integer.
fn integers(cx: &Cx<'_>, bits: i64) -> Result<(f64, f64)> {
    let signed: bool = cx.attr("signed_input")?;
    let narrow: bool = cx.attr("narrow_range")?;
    let bits = i32::try_from(bits.clamp(1, 62)).unwrap_or(8);
    let half = 2f64.powi(bits - 1);
    Ok(match (signed, narrow) {
        (true, false) => (-half, half - 1.0),
        (true, true) => (1.0 - half, half - 1.0),
        (false, _) => (0.0, 2f64.powi(bits) - 1.0),
    })
}

/// The bounds that are given, or those of the numbers: of all, or of each channel of the node's axis.
fn range(cx: &mut Cx<'_>, x: Value) -> Result<(Value, Value)> {
    let rank = cx.rank(x)?;
    let axis: i64 = cx.attr_if_any("axis")?.unwrap_or(-1);
    let channel = usize::try_from(axis).ok().filter(|&axis| axis < rank);
    if !cx.attr::<bool>("range_given")? {
        let others: Vec<usize> = (0..rank).filter(|&axis| Some(axis) != channel).collect();
        let keep = channel.is_some();
        return Ok((
            cx.reduce(Reduction::Min, x, others.clone(), keep)?,
            cx.reduce(Reduction::Max, x, others, keep)?,
        ));
    }
    let (min, max) = (cx.input(1)?, cx.input(2)?);
    let Some(channel) = channel else {
        return Ok((min, max));
    };
    let mut dims = vec![Dim::known(1); rank];
    dims[channel] = cx.shape(x)?[channel].clone();
    Ok((cx.reshape(min, dims.clone())?, cx.reshape(max, dims)?))
}
