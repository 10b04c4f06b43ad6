//! Gradients of activations, paddings and norms, as training functions hold them.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, PadMode, Reduction, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("LeakyReluGrad", leaky_relu),
    op("SeluGrad", selu),
    op("SoftsignGrad", softsign),
    op("MirrorPadGrad", mirror_pad),
    op("LRNGrad", local_response),
    op("FakeQuantWithMinMaxArgsGradient", fake_quant),
    multi("FusedBatchNormGrad", batch_norm),
    multi("FusedBatchNormGradV2", batch_norm),
    multi("FusedBatchNormGradV3", batch_norm),
];

/// `dy` where `x` is positive, else `alpha * dy`.
fn leaky_relu(cx: &mut Cx<'_>) -> Result<Value> {
    let (dy, x) = cx.pair()?;
    let alpha: f64 = cx.attr("alpha")?;
    let zero = cx.scalar_like(x, 0.0)?;
    let positive = cx.test(Comparison::Greater, x, zero)?;
    let small = cx.combine_scalar(Binary::Mul, dy, alpha)?;
    cx.select(positive, dy, small)
}

/// Of the gradient and the result.
fn selu(cx: &mut Cx<'_>) -> Result<Value> {
    const SCALE: f64 = 1.050_700_987_355_480_5;
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    let (dy, y) = cx.pair()?;
    let zero = cx.scalar_like(y, 0.0)?;
    let negative = cx.test(Comparison::Less, y, zero)?;
    let slope = cx.combine_scalar(Binary::Add, y, SCALE * ALPHA)?;
    let bent = cx.combine(Binary::Mul, dy, slope)?;
    let straight = cx.combine_scalar(Binary::Mul, dy, SCALE)?;
    cx.select(negative, bent, straight)
}

/// `dy / (1 + |x|)^2`.
fn softsign(cx: &mut Cx<'_>) -> Result<Value> {
    let (dy, x) = cx.pair()?;
    let size = cx.apply(Unary::Abs, x)?;
    let base = cx.combine_scalar(Binary::Add, size, 1.0)?;
    let square = cx.apply(Unary::Square, base)?;
    cx.combine(Binary::Div, dy, square)
}

/// `dy` where `x` is within the range, else zero.
fn fake_quant(cx: &mut Cx<'_>) -> Result<Value> {
    let (dy, x) = cx.pair()?;
    let (low, high): (f64, f64) = (cx.attr("min")?, cx.attr("max")?);
    let (low, high) = (cx.scalar_like(x, low)?, cx.scalar_like(x, high)?);
    let above = cx.test(Comparison::GreaterEqual, x, low)?;
    let below = cx.test(Comparison::LessEqual, x, high)?;
    let within = cx.combine(Binary::LogicalAnd, above, below)?;
    let zero = cx.scalar_like(dy, 0.0)?;
    cx.select(within, dy, zero)
}

/// Each border's gradient is added to what it mirrors, axis by axis.
fn mirror_pad(cx: &mut Cx<'_>) -> Result<Value> {
    let widths = super::slicing::widths(cx)?;
    let border = match cx.attr("mode")? {
        PadMode::Reflect => 1,
        PadMode::Symmetric => 0,
        PadMode::Constant => return Err(Error::malformed("a constant is no mirror")),
    };
    let mut gradient = cx.input(0)?;
    for (axis, (before, after)) in widths.into_iter().enumerate() {
        let padded = cx.shape(gradient)?.get(axis).cloned();
        let padded = padded.ok_or_else(|| Error::malformed("the paddings have too many axes"))?;
        let extent = padded - before.clone() - after.clone();
        let whole = gradient;
        gradient = cx.narrow(whole, axis, before.clone(), extent.clone())?;
        let borders = [
            (Dim::known(0), before.clone(), Dim::known(border)),
            (
                before + extent.clone(),
                after.clone(),
                extent.clone() - after - Dim::known(border),
            ),
        ];
        for (start, length, place) in borders {
            if length.is(0) {
                continue;
            }
            let part = cx.narrow(whole, axis, start, length.clone())?;
            let mirrored = cx.push(Op::Reverse { axes: vec![axis] }, &[part])?;
            let rest = extent.clone() - place.clone() - length;
            let spread = cx.surrounded(mirrored, axis, place, rest)?;
            gradient = cx.combine(Binary::Add, gradient, spread)?;
        }
    }
    Ok(gradient)
}

impl Cx<'_> {
    /// `x` with zeros before and after it along one axis.
    pub(super) fn surrounded(
        &mut self,
        x: Value,
        axis: usize,
        before: Dim,
        after: Dim,
    ) -> Result<Value> {
        let mut widths = vec![(Dim::known(0), Dim::known(0)); self.rank(x)?];
        *widths
            .get_mut(axis)
            .ok_or_else(|| Error::malformed(format!("axis {axis} is out of range")))? =
            (before, after);
        let zero = self.scalar_like(x, 0.0)?;
        self.pad(x, widths, zero)
    }

    /// An extent as a scalar of a float type.
    pub(super) fn number(&mut self, dim: Dim, dtype: DType) -> Result<Value> {
        match dim.as_known() {
            Some(known) => self.scalar(dtype, known as f64),
            None => {
                let count = self.extents(vec![dim], true, DType::I64)?;
                self.cast(count, dtype)
            }
        }
    }
}

/// Operands: gradient, x, scale, then the statistics that `x` was normalised with; in training they are the batch's and
/// have a gradient of their own. Results: the gradients of x, scale and offset, and two empty ones.
fn batch_norm(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (dy, x) = cx.pair()?;
    let (scale, mean, variance) = (cx.input(2)?, cx.input(3)?, cx.input(4)?);
    let epsilon: f64 = cx.attr("epsilon")?;
    let (dtype, wide) = (cx.dtype(x), cx.dtype(scale));
    let (dy, x) = (cx.to_channels_last(dy)?, cx.to_channels_last(x)?);
    let (dy, x) = (cx.cast(dy, wide)?, cx.cast(x, wide)?);
    let axes: Vec<usize> = (0..cx.rank(x)?.saturating_sub(1)).collect();
    let shifted = cx.combine_scalar(Binary::Add, variance, epsilon)?;
    let inverse = cx.apply(Unary::Rsqrt, shifted)?;
    let centred = cx.combine(Binary::Sub, x, mean)?;
    let normal = cx.combine(Binary::Mul, centred, inverse)?;
    let weighed = cx.combine(Binary::Mul, dy, normal)?;
    let of_scale = cx.reduce(Reduction::Sum, weighed, axes.clone(), false)?;
    let of_offset = cx.reduce(Reduction::Sum, dy, axes.clone(), false)?;
    let mut rest = dy;
    if cx.attr("is_training")? {
        let dims = cx.shape(x)?;
        let count = super::emit::product(&dims[..axes.len()]);
        let count = cx.number(count, wide)?;
        let along = cx.combine(Binary::Mul, normal, of_scale)?;
        let moved = cx.combine(Binary::Add, along, of_offset)?;
        let shared = cx.combine(Binary::Div, moved, count)?;
        rest = cx.combine(Binary::Sub, dy, shared)?;
    }
    let slope = cx.combine(Binary::Mul, scale, inverse)?;
    let of_x = cx.combine(Binary::Mul, rest, slope)?;
    let of_x = cx.cast(of_x, dtype)?;
    let of_x = cx.from_channels_last(of_x)?;
    let empty = cx.splat(wide, vec![0], 0.0)?;
    Ok([of_x, of_scale, of_offset, empty, empty]
        .map(Lowered::Value)
        .to_vec())
}

/// Operands: gradient, x, y.
fn local_response(cx: &mut Cx<'_>) -> Result<Value> {
    let (dy, x) = cx.pair()?;
    let y = cx.input(2)?;
    let (alpha, beta): (f64, f64) = (cx.attr("alpha")?, cx.attr("beta")?);
    let norm = super::norm::response_norm(cx, x)?;
    let power = cx.combine_scalar(Binary::Pow, norm, beta)?;
    let own = cx.combine(Binary::Div, dy, power)?;
    let product = cx.combine(Binary::Mul, dy, y)?;
    let share = cx.combine(Binary::Div, product, norm)?;
    let shares = super::norm::sum_of_neighbours(cx, share)?;
    let pull = cx.combine(Binary::Mul, x, shares)?;
    let pull = cx.combine_scalar(Binary::Mul, pull, 2.0 * alpha * beta)?;
    cx.combine(Binary::Sub, own, pull)
}
