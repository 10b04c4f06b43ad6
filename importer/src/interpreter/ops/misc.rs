//! Quantisation, decoding of sequences, special functions, bit patterns, optional values.

use super::super::cx::{Cx, count};
use super::super::value::{Value, Variant};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

pub(super) const OPS: &[Row] = &[
    one("QuantizeAndDequantizeV2", quantize),
    one("QuantizeAndDequantizeV3", quantize),
    one("QuantizeAndDequantizeV4", quantize),
    one("FakeQuantWithMinMaxVarsPerChannel", fake_quantize),
    one("Erfinv", |cx| match cx.tensor(0)?.dtype() {
        // As TensorFlow does, with the same loss near one: by the normal distribution's quantile.
        DType::F32 => map(cx, |x| {
            inverse_error(2.0 * f64::from((x as f32 + 1.0) / 2.0) - 1.0)
        }),
        _ => map(cx, inverse_error),
    }),
    one("Ndtri", |cx| {
        map(cx, |p| {
            std::f64::consts::SQRT_2 * inverse_error(2.0 * p - 1.0)
        })
    }),
    one("Bitcast", bitcast),
    one("NextAfter", |cx| {
        let (x, y) = (cx.tensor(0)?, cx.tensor(1)?);
        let pairs = x.to_floats()?.into_iter().zip(y.to_floats()?);
        let next = |(x, y): (f64, f64)| f64::from(next_after(x as f32, y as f32));
        Tensor::from_floats(x.dtype(), x.shape(), pairs.map(next).collect())
    }),
    many("OptionalFromValue", |cx| {
        let all = cx.inputs.to_vec();
        Ok(vec![Value::variant(Variant::Optional(Some(all)))])
    }),
    many("OptionalGetValue", |cx| match cx.variant(0)? {
        Variant::Optional(Some(values)) => Ok(values.clone()),
        Variant::Optional(None)
        | Variant::Empty
        | Variant::List { .. }
        | Variant::Ragged(_)
        | Variant::Dataset(_) => Err(Error::usage("the given optional does not have a value")),
    }),
    one("OptionalHasValue", |cx| {
        let has = matches!(cx.variant(0)?, Variant::Optional(Some(_)));
        Tensor::new(&[], vec![has])
    }),
    many("ScalarSummary", nothing),
    many("HistogramSummary", nothing),
    many("MergeSummary", nothing),
    many("ImageSummary", nothing),
    many("TensorSummary", nothing),
    many("TensorSummaryV2", nothing),
    many("AudioSummary", nothing),
    many("AudioSummaryV2", nothing),
];

/// A summary that nobody reads.
fn nothing(_: &mut Cx<'_>) -> Result<Vec<Value>> {
    Ok(vec![Tensor::new(&[], vec![Vec::<u8>::new()])?.into()])
}

fn map(cx: &mut Cx<'_>, of: fn(f64) -> f64) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    Tensor::from_floats(
        x.dtype(),
        x.shape(),
        x.to_floats()?.into_iter().map(of).collect(),
    )
}

/// Rounds to the levels that an integer type has between the bounds, or between the extremes of each channel.
fn quantize(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let bits = match cx.def().op.ends_with("V3") {
        true => cx.integer(3)?,
        false => cx.attr::<i64>("num_bits")?,
    };
    let levels = Levels {
        bits: bits.clamp(1, 62),
        signed: cx.attr("signed_input")?,
        narrow: cx.attr("narrow_range")?,
        ties_up: cx
            .attr::<String>("round_mode")
            .is_ok_and(|mode| mode == "HALF_UP"),
    };
    let given: bool = cx.attr("range_given")?;
    let axis: i64 = cx.attr("axis").unwrap_or(-1);
    let numbers = x.to_floats()?;
    let (channels, inner) = match usize::try_from(axis) {
        Ok(axis) if axis < x.rank() => (x.shape()[axis], count(&x.shape()[axis + 1..])?),
        _ => (1, numbers.len().max(1)),
    };
    let channel = |i: usize| i / inner.max(1) % channels.max(1);
    let (low, high) = match given {
        true => (cx.floats(1)?, cx.floats(2)?),
        false => extremes(&numbers, channels, channel),
    };
    let scales: Vec<(f64, f64, f64)> = low
        .iter()
        .zip(&high)
        .map(|(&low, &high)| levels.scale(low, high))
        .collect();
    let rounded = numbers.iter().enumerate().map(|(i, &number)| {
        let (scale, low, high) = scales
            .get(channel(i))
            .or(scales.first())
            .copied()
            .unwrap_or((1.0, 0.0, 0.0));
        let level = number.min(high).max(low) * scale;
        let level = if levels.ties_up {
            (level + 0.5).floor()
        } else {
            level.round_ties_even()
        };
        level / scale
    });
    Tensor::from_floats(x.dtype(), x.shape(), rounded.collect())
}

fn extremes(
    numbers: &[f64],
    channels: usize,
    channel: impl Fn(usize) -> usize,
) -> (Vec<f64>, Vec<f64>) {
    let mut low = vec![f64::INFINITY; channels];
    let mut high = vec![f64::NEG_INFINITY; channels];
    for (i, &number) in numbers.iter().enumerate() {
        let channel = channel(i);
        low[channel] = low[channel].min(number);
        high[channel] = high[channel].max(number);
    }
    (low, high)
}

struct Levels {
    bits: i64,
    signed: bool,
    narrow: bool,
    ties_up: bool,
}

impl Levels {
    /// Levels per unit, and the bounds that they allow: one of both is an exact level.
    fn scale(&self, low: f64, high: f64) -> (f64, f64, f64) {
        let (least, most) = match (self.signed, self.narrow) {
            (true, false) => (
                -(2f64.powi(self.bits as i32 - 1)),
                2f64.powi(self.bits as i32 - 1) - 1.0,
            ),
            (true, true) => (
                1.0 - 2f64.powi(self.bits as i32 - 1),
                2f64.powi(self.bits as i32 - 1) - 1.0,
            ),
            (false, _) => (0.0, 2f64.powi(self.bits as i32) - 1.0),
        };
        let of_low = if least * low > 0.0 {
            least / low
        } else {
            f64::MAX
        };
        let of_high = if most * high > 0.0 {
            most / high
        } else {
            f64::MAX
        };
        match of_low < of_high {
            true => (of_low, low, most / of_low),
            false => (of_high, least / of_high, high),
        }
    }
}

/// Rounds to levels in a range of its own for each channel, moved a little so that zero is a level.
fn fake_quantize(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let (low, high) = (cx.floats(1)?, cx.floats(2)?);
    let bits: i64 = cx.attr("num_bits")?;
    let lowest = f32::from(u8::from(cx.attr::<bool>("narrow_range")?));
    let highest = ((1i64 << bits.clamp(2, 16)) - 1) as f32;
    let channels = x.shape().last().copied().unwrap_or(1);
    if low.len() != channels || high.len() != channels {
        return Err(Error::usage("there is not a range for each channel"));
    }
    let rounded = x.to_floats()?.into_iter().enumerate().map(|(i, number)| {
        let (low, high) = (low[i % channels] as f32, high[i % channels] as f32);
        let number = number as f32;
        let scale = (high - low) / (highest - lowest);
        let zero = (lowest - low / scale).clamp(lowest, highest).round();
        let (low, high) = ((lowest - zero) * scale, (highest - zero) * scale);
        let level = ((number.min(high).max(low) - low) * (1.0 / scale) + 0.5).floor();
        f64::from(level * scale + low)
    });
    Tensor::from_floats(x.dtype(), x.shape(), rounded.collect())
}

/// `erf(y) = x`, by Newton's steps from an approximation of Giles.
fn inverse_error(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        return if x.abs() > 1.0 {
            f64::NAN
        } else {
            x * f64::INFINITY
        };
    }
    let w = -((1.0 - x) * (1.0 + x)).ln();
    let central = [
        2.81022636e-08,
        3.43273939e-07,
        -3.5233877e-06,
        -4.39150654e-06,
        0.00021858087,
        -0.00125372503,
        -0.00417768164,
        0.246640727,
        1.50140941,
    ];
    let tail = [
        -0.000200214257,
        0.000100950558,
        0.00134934322,
        -0.00367342844,
        0.00573950773,
        -0.0076224613,
        0.00943887047,
        1.00167406,
        2.83297682,
    ];
    let (at, coefficients) = if w < 5.0 {
        (w - 2.5, central)
    } else {
        (w.sqrt() - 3.0, tail)
    };
    let mut y = coefficients.iter().fold(0.0, |sum, c| sum * at + c) * x;
    for _ in 0..2 {
        let slope = std::f64::consts::FRAC_2_SQRT_PI * (-y * y).exp();
        if slope > 0.0 {
            y -= (libm::erf(y) - x) / slope;
        }
    }
    y
}

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
