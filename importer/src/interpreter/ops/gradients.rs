//! Gradients of elementwise ops, slices, paddings and norms, as training functions hold them.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::lists::zeros;
use super::numbers::Join;
use super::scatter::{changed, strided_places};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;

pub(super) const OPS: &[Row] = &[
    one("SeluGrad", |cx| {
        // Of the gradient and the outputs.
        const SCALE: f64 = 1.050_700_987_355_480_5;
        const ALPHA: f64 = 1.673_263_242_354_377_2;
        pairwise(cx, |g, y| {
            g * if y < 0.0 { y + SCALE * ALPHA } else { SCALE }
        })
    }),
    one("LeakyReluGrad", |cx| {
        let alpha: f64 = cx.attr("alpha")?;
        pairwise(cx, |g, x| if x > 0.0 { g } else { g * alpha })
    }),
    one("SoftsignGrad", |cx| {
        pairwise(cx, |g, x| g / (1.0 + x.abs()).powi(2))
    }),
    one("StridedSliceGrad", strided_slice),
    one("MirrorPadGrad", mirror_pad),
    one("LRNGrad", response),
    many("FusedBatchNormGrad", batch_norm),
    many("FusedBatchNormGradV2", batch_norm),
    many("FusedBatchNormGradV3", batch_norm),
    many("FakeQuantWithMinMaxArgsGradient", |cx| {
        let (low, high) = (cx.attr("min")?, cx.attr("max")?);
        let within = pairwise(
            cx,
            move |g, x| if (low..=high).contains(&x) { g } else { 0.0 },
        );
        Ok(vec![within?.into()])
    }),
];

/// A function of the gradient and another tensor, element by element.
fn pairwise(cx: &mut Cx<'_>, of: impl Fn(f64, f64) -> f64) -> Result<Tensor> {
    let (gradient, other) = (cx.tensor(0)?, cx.tensor(1)?);
    if gradient.len() != other.len() {
        return Err(Error::usage(
            "the gradient does not have the operand's shape",
        ));
    }
    let pairs = gradient.to_floats()?.into_iter().zip(other.to_floats()?);
    let numbers = pairs.map(|(g, x)| of(g, x)).collect();
    Tensor::from_floats(gradient.dtype(), gradient.shape(), numbers)
}

/// The gradient where the slice was, and zeros elsewhere. Operands: shape, begin, end, strides, gradient.
fn strided_slice(cx: &mut Cx<'_>) -> Result<Tensor> {
    let shape = cx.extents(0)?;
    let gradient = cx.tensor(4)?;
    let places = strided_places(cx, &shape)?;
    if places.len() != gradient.len() {
        return Err(Error::usage("the gradient does not have the slice's shape"));
    }
    let places: Vec<(usize, usize)> = places.into_iter().zip(0..).collect();
    changed(
        &zeros(gradient.dtype(), &shape)?,
        &gradient,
        Join::Update,
        &places,
    )
}

/// Each border's gradient is added to what it mirrors.
fn mirror_pad(cx: &mut Cx<'_>) -> Result<Tensor> {
    let gradient = cx.tensor(0)?;
    let widths = cx.extents(1)?;
    let border = match cx.attr::<String>("mode")?.as_str() {
        "REFLECT" => 1,
        "SYMMETRIC" => 0,
        other => return Err(Error::unsupported(format!("the padding `{other}`"))),
    };
    let too_wide = || Error::usage("the padding is wider than the gradient");
    let mut shape = vec![];
    for (&extent, pair) in gradient.shape().iter().zip(widths.chunks(2)) {
        shape.push(extent.checked_sub(pair.iter().sum()).ok_or_else(too_wide)?);
    }
    let mut places = vec![];
    for from in 0..gradient.len() {
        let at = super::search::coordinates(from, gradient.shape());
        let mut to = 0;
        for ((&i, &extent), pair) in at.iter().zip(&shape).zip(widths.chunks(2)) {
            let n = extent as i64;
            let i = i - pair[0] as i64;
            let i = if i < 0 { -i - 1 + border } else { i };
            let i = if i >= n { 2 * n - 1 - i - border } else { i };
            to = to * extent + usize::try_from(i).map_err(|_| too_wide())?;
        }
        places.push((to, from));
    }
    changed(
        &zeros(gradient.dtype(), &shape)?,
        &gradient,
        Join::Add,
        &places,
    )
}

/// Operands: gradient, x, scale, then the mean and variance that inference uses. Outputs: the gradients of x, scale and
/// offset, and two empty ones.
fn batch_norm(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (gradient, x) = (cx.tensor(0)?, cx.tensor(1)?);
    let scale = cx.floats(2)?;
    let (epsilon, trains): (f64, bool) = (cx.attr("epsilon")?, cx.attr("is_training")?);
    let axis = match cx.attr::<String>("data_format")?.as_str() {
        "NCHW" | "NCDHW" => 1,
        _ => x.rank().saturating_sub(1),
    };
    let channels = scale.len();
    let inner = count(x.shape().get(axis + 1..).unwrap_or_default())?;
    let channel = |i: usize| i / inner.max(1) % channels.max(1);
    let (g, numbers) = (gradient.to_floats()?, x.to_floats()?);
    if g.len() != numbers.len() || x.shape().get(axis) != Some(&channels) {
        return Err(Error::usage("the gradient and the scale do not fit x"));
    }
    let members = (numbers.len() / channels.max(1)).max(1) as f64;
    let sums = |of: &dyn Fn(usize) -> f64| {
        let mut sums = vec![0.0; channels];
        (0..numbers.len()).for_each(|i| sums[channel(i)] += of(i));
        sums
    };
    let (mean, variance) = match trains {
        true => {
            let mean: Vec<f64> = sums(&|i| numbers[i])
                .iter()
                .map(|sum| sum / members)
                .collect();
            let squares = sums(&|i| (numbers[i] - mean[channel(i)]).powi(2));
            let variance = squares.iter().map(|sum| sum / members).collect();
            (mean, variance)
        }
        false => (cx.floats(3)?, cx.floats(4)?),
    };
    let deviation: Vec<f64> = variance
        .iter()
        .map(|v: &f64| (v + epsilon).sqrt())
        .collect();
    let normal = |i: usize| (numbers[i] - mean[channel(i)]) / deviation[channel(i)];
    let of_offset = sums(&|i| g[i]);
    let of_scale = sums(&|i| g[i] * normal(i));
    let of_x = (0..numbers.len()).map(|i| {
        let c = channel(i);
        let correction = match trains {
            true => (of_offset[c] + normal(i) * of_scale[c]) / members,
            false => 0.0,
        };
        scale[c] / deviation[c] * (g[i] - correction)
    });
    let of_x = Tensor::from_floats(x.dtype(), x.shape(), of_x.collect())?;
    let dtype = cx.tensor(2)?.dtype();
    let vector = |numbers| Tensor::from_floats(dtype, &[channels], numbers).map(Value::from);
    let empty = || zeros(dtype, &[0]).map(Value::from);
    Ok(vec![
        of_x.into(),
        vector(of_scale)?,
        vector(of_offset)?,
        empty()?,
        empty()?,
    ])
}

/// Operands: gradient, x, y. The norm of an element is of its neighbours in the last axis.
fn response(cx: &mut Cx<'_>) -> Result<Tensor> {
    let radius: usize = cx.attr("depth_radius")?;
    let (bias, alpha, beta): (f64, f64, f64) =
        (cx.attr("bias")?, cx.attr("alpha")?, cx.attr("beta")?);
    let (gradient, x, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.tensor(2)?);
    let depth = x.shape().last().copied().unwrap_or(0).max(1);
    let (g, xs, ys) = (gradient.to_floats()?, x.to_floats()?, y.to_floats()?);
    let mut sums = vec![0.0; xs.len()];
    let rows = xs
        .chunks(depth)
        .zip(g.chunks(depth))
        .zip(ys.chunks(depth))
        .zip(sums.chunks_mut(depth));
    for (((xs, g), ys), sums) in rows {
        let around = |i: usize| i.saturating_sub(radius)..(i + radius + 1).min(depth);
        for j in 0..xs.len() {
            let norm = bias + alpha * xs[around(j)].iter().map(|x| x * x).sum::<f64>();
            for k in around(j) {
                let own = if k == j { norm.powf(-beta) } else { 0.0 };
                sums[k] += g[j] * (own - 2.0 * alpha * beta * xs[k] * ys[j] / norm);
            }
        }
    }
    Tensor::from_floats(x.dtype(), x.shape(), sums)
}
