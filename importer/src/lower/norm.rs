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

/// Statistics of a batch.
struct Statistics {
    mean: Value,
    /// Of the batch itself.
    variance: Value,
    /// As an estimate of what the batch was drawn from.
    unbiased: Value,
}

/// Results: the normalised image; mean and variance, in training the running ones; the statistics that it was
/// normalised with, for its gradient; and a cache that is empty on a CPU.
fn fused_batch_norm(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let (scale, offset) = (cx.input(1)?, cx.input(2)?);
    let x = cx.to_channels_last(x)?;
    let (y, running, own) = match cx.attr("is_training")? {
        true => {
            let (y, batch) = batch_statistics(cx, x, scale, offset)?;
            let mean = averaged(cx, 3, batch.mean)?;
            let variance = averaged(cx, 4, batch.unbiased)?;
            (y, [mean, variance], [batch.mean, batch.variance])
        }
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
                [mean, variance],
                [mean, variance],
            )
        }
    };
    let y = cx.from_channels_last(y)?;
    let mut results = vec![Lowered::Value(y)];
    results.extend(running.into_iter().chain(own).map(Lowered::Value));
    let cache = cx.splat(cx.dtype(scale), vec![0], 0.0)?;
    results.push(Lowered::Value(cache));
    Ok(results)
}

/// The batch's statistic, averaged with the one in operand `old` where the node says with which weight.
fn averaged(cx: &mut Cx<'_>, old: usize, new: Value) -> Result<Value> {
    match cx.attr_if_any::<f64>("exponential_avg_factor")? {
        None | Some(1.0) => Ok(new),
        Some(weight) => {
            let old = cx.input(old)?;
            let kept = cx.combine_scalar(Binary::Mul, old, 1.0 - weight)?;
            let added = cx.combine_scalar(Binary::Mul, new, weight)?;
            cx.combine(Binary::Add, kept, added)
        }
    }
}

/// The normalised image, and the statistics.
fn batch_statistics(
    cx: &mut Cx<'_>,
    x: Value,
    scale: Value,
    offset: Value,
) -> Result<(Value, Statistics)> {
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
    Ok((
        y,
        Statistics {
            mean,
            variance,
            unbiased,
        },
    ))
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
    let beta: f64 = cx.attr("beta")?;
    let base = response_norm(cx, x)?;
    let divisor = cx.combine_scalar(Binary::Pow, base, beta)?;
    cx.combine(Binary::Div, x, divisor)
}

/// `bias + alpha * sum of squares of the neighbouring channels`, by the node's attributes.
pub(super) fn response_norm(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    let (bias, alpha): (f64, f64) = (cx.attr("bias")?, cx.attr("alpha")?);
    let square = cx.apply(Unary::Square, x)?;
    let sum = sum_of_neighbours(cx, square)?;
    let scaled = cx.combine_scalar(Binary::Mul, sum, alpha)?;
    cx.combine_scalar(Binary::Add, scaled, bias)
}

/// The sum of each channel and of those within the node's `depth_radius`.
pub(super) fn sum_of_neighbours(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    let radius: usize = cx.attr("depth_radius")?;
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
    let padded = cx.surrounded(x, axis, Dim::from(radius), Dim::from(radius))?;
    let mut sum = cx.narrow(padded, axis, Dim::known(0), channels.clone())?;
    for shift in 1..=2 * radius {
        let shifted = cx.narrow(padded, axis, Dim::from(shift), channels.clone())?;
        sum = cx.combine(Binary::Add, sum, shifted)?;
    }
    Ok(sum)
}
