//! Normalisations.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Channels, Dim, Op, Reduction, Unary, Value};

pub const OPS: &[Lowering] = &[
    multi("FusedBatchNorm", fused_batch_norm),
    multi("FusedBatchNormV2", fused_batch_norm),
    multi("FusedBatchNormV3", fused_batch_norm),
    op("BatchNormWithGlobalNormalization", global_batch_norm),
    op("LRN", local_response),
];

const RESERVED: Lowered = Lowered::Opaque("a cache for the gradient of batch normalisation");

fn fused_batch_norm(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let (scale, offset) = (cx.input(1)?, cx.input(2)?);
    let x = cx.to_channels_last(x)?;
    let (y, mean, variance) = match cx.attr("is_training")? {
        true => batch_statistics(cx, x, scale, offset)?,
        false => {
            let (mean, variance) = (cx.input(3)?, cx.input(4)?);
            let epsilon = cx.attr("epsilon")?;
            let op = Op::BatchNorm {
                epsilon,
                scale: true,
                offset: true,
                channels: Channels::Last,
            };
            (
                cx.push(op, &[x, mean, variance, scale, offset])?,
                mean,
                variance,
            )
        }
    };
    let y = cx.from_channels_last(y)?;
    let [y, mean, variance] = [y, mean, variance].map(Lowered::Value);
    Ok(vec![y, mean, variance, RESERVED, RESERVED, RESERVED])
}

/// The normalised image, and the statistics as TensorFlow reports them: the variance is the unbiased one.
fn batch_statistics(
    cx: &mut Cx<'_>,
    x: Value,
    scale: Value,
    offset: Value,
) -> Result<(Value, Value, Value)> {
    let dtype = cx.dtype(x);
    let wide = cx.cast(x, cx.dtype(scale))?;
    let mut dims = cx.shape(wide)?;
    let axes: Vec<usize> = (0..dims.len().saturating_sub(1)).collect();
    let kept = cx.reduce(Reduction::Mean, wide, axes.clone(), true)?;
    let centred = cx.combine(Binary::Sub, wide, kept)?;
    let square = cx.apply(Unary::Square, centred)?;
    let variance = cx.reduce(Reduction::Mean, square, axes, true)?;
    let epsilon: f64 = cx.attr("epsilon")?;
    let shifted = cx.combine_scalar(Binary::Add, variance, epsilon)?;
    let inverse = cx.apply(Unary::Rsqrt, shifted)?;
    let normal = cx.combine(Binary::Mul, centred, inverse)?;
    let scaled = cx.combine(Binary::Mul, normal, scale)?;
    let y = cx.combine(Binary::Add, scaled, offset)?;
    let y = cx.cast(y, dtype)?;
    let channels = vec![dims.pop().unwrap_or(Dim::known(1))];
    let mean = cx.reshape(kept, channels.clone())?;
    let variance = cx.reshape(variance, channels)?;
    let unbiased = unbiased(cx, variance, &dims)?;
    Ok((y, mean, unbiased))
}

/// `variance * n / max(n - 1, 1)`.
fn unbiased(cx: &mut Cx<'_>, variance: Value, dims: &[Dim]) -> Result<Value> {
    let count = super::emit::product(dims);
    let rest = (count.clone() - Dim::known(1)).larger(&Dim::known(1));
    let dtype = cx.dtype(variance);
    let mut float = |dim: Dim| {
        let dim = cx.extents(vec![dim], true, crate::ir::DType::I64)?;
        cx.cast(dim, dtype)
    };
    let (count, rest) = (float(count)?, float(rest)?);
    let factor = cx.combine(Binary::Div, count, rest)?;
    cx.combine(Binary::Mul, variance, factor)
}

fn global_batch_norm(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, mean, variance) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (offset, scale) = (cx.input(3)?, cx.input(4)?);
    let epsilon = cx.attr("variance_epsilon")?;
    let channels = Channels::Last;
    match cx.attr("scale_after_normalization")? {
        true => {
            let op = Op::BatchNorm {
                epsilon,
                scale: true,
                offset: true,
                channels,
            };
            cx.push(op, &[x, mean, variance, scale, offset])
        }
        false => {
            let normal = cx.push(
                Op::BatchNorm {
                    epsilon,
                    scale: false,
                    offset: false,
                    channels,
                },
                &[x, mean, variance],
            )?;
            cx.combine(Binary::Add, normal, offset)
        }
    }
}

/// Every neighbour is a node.
const RADIUS_LIMIT: usize = 256;

/// `x / (bias + alpha * sum of squares of the neighbouring channels) ^ beta`.
fn local_response(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let radius: usize = cx.attr("depth_radius")?;
    let (bias, alpha, beta): (f64, f64, f64) =
        (cx.attr("bias")?, cx.attr("alpha")?, cx.attr("beta")?);
    let dims = cx.shape(x)?;
    let (Some(channels), axis) = (dims.last().cloned(), dims.len().saturating_sub(1)) else {
        return Ok(x);
    };
    let radius = channels
        .as_usize()
        .map_or(radius, |channels| radius.min(channels));
    if radius > RADIUS_LIMIT {
        return Err(Error::unsupported(format!(
            "attribute `depth_radius` is {radius}, above {RADIUS_LIMIT}"
        )));
    }
    let square = cx.apply(Unary::Square, x)?;
    let zero = cx.scalar_like(x, 0.0)?;
    let mut widths = vec![(Dim::known(0), Dim::known(0)); axis];
    widths.push((Dim::from(radius), Dim::from(radius)));
    let padded = cx.pad(square, widths, zero)?;
    let mut sum = cx.narrow(padded, axis, Dim::known(0), channels.clone())?;
    for shift in 1..=2 * radius {
        let shifted = cx.narrow(padded, axis, Dim::from(shift), channels.clone())?;
        sum = cx.combine(Binary::Add, sum, shifted)?;
    }
    let scaled = cx.combine_scalar(Binary::Mul, sum, alpha)?;
    let base = cx.combine_scalar(Binary::Add, scaled, bias)?;
    let divisor = cx.combine_scalar(Binary::Pow, base, beta)?;
    cx.combine(Binary::Div, x, divisor)
}
