//! Batch norm in inference, from its arithmetic on variables.

use super::pattern::is_weight;
use super::rule::{Rule, Site, apply, splat};
use super::standardised::{Standardised, standardised};
use crate::error::Result;
use crate::ir::{Binary, Channels, Dim, Graph, Op, Value};

/// Recognises [`Op::BatchNorm`]: a normalisation whose statistics are variables along one axis.
///
/// # Errors
/// None on a graph that verifies.
pub fn batch_norm(graph: &Graph) -> Result<Graph> {
    apply(graph, RULES)
}

/// The rules of [`batch_norm`].
pub const RULES: &[Rule] = &[from_arithmetic, with_scale, with_offset, without_constants];

fn from_arithmetic(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Some(found) = standardised(site) else {
        return Ok(None);
    };
    let Standardised {
        x,
        mean,
        variance,
        epsilon,
        scale,
        offset,
    } = found;
    let parameters: Vec<Value> = [Some(mean), Some(variance), scale, offset]
        .into_iter()
        .flatten()
        .collect();
    let Some(axis) = common_axis(site, x, &parameters) else {
        return Ok(None);
    };
    let rank = site.dims(x).len();
    let channels = site.dims(x)[axis].clone();
    let mut inputs = vec![];
    for parameter in parameters {
        inputs.push(site.reshape(parameter, std::slice::from_ref(&channels))?);
    }
    let op = Op::BatchNorm {
        epsilon,
        scale: scale.is_some(),
        offset: offset.is_some(),
        channels: Channels::Last,
    };
    if axis + 1 == rank {
        inputs.insert(0, x);
        return site.push(op, &inputs).map(Some);
    }
    let (to_last, back) = (last(axis, rank), from_last(axis, rank));
    inputs.insert(0, site.transpose(x, &to_last)?);
    let normal = site.push(op, &inputs)?;
    site.transpose(normal, &back).map(Some)
}

/// The permutation that moves an axis to the end.
fn last(axis: usize, rank: usize) -> Vec<usize> {
    (0..rank).filter(|&i| i != axis).chain([axis]).collect()
}

/// The permutation that moves the last axis to `axis`.
fn from_last(axis: usize, rank: usize) -> Vec<usize> {
    let mut permutation: Vec<usize> = (0..rank - 1).collect();
    permutation.insert(axis, rank - 1);
    permutation
}

/// The axis of `x` that all of the variables lie along: the last one, or axis 1.
fn common_axis(site: &Site<'_>, x: Value, parameters: &[Value]) -> Option<usize> {
    let rank = site.graph.ty(x).rank().filter(|&rank| rank > 1)?;
    let all = |axis: usize| {
        parameters
            .iter()
            .all(|&parameter| lies_along(site.graph, x, parameter, axis))
    };
    [rank - 1, 1].into_iter().find(|&axis| all(axis))
}

fn lies_along(graph: &Graph, x: Value, parameter: Value, axis: usize) -> bool {
    let (dims, given) = (graph.ty(x).dims(), graph.ty(parameter).dims());
    let Some(lead) = dims
        .len()
        .checked_sub(given.len())
        .filter(|&lead| lead <= axis)
    else {
        return false;
    };
    let extent = |i: usize| {
        if i == axis {
            dims[axis].clone()
        } else {
            Dim::known(1)
        }
    };
    is_weight(graph, parameter)
        && dims[axis].as_known().is_some()
        && given
            .iter()
            .enumerate()
            .all(|(i, dim)| *dim == extent(lead + i))
}

/// A norm without scale, times a variable.
fn with_scale(site: &mut Site<'_>) -> Result<Option<Value>> {
    absorb(site, Binary::Mul, |op| match op {
        Op::BatchNorm {
            scale: scale @ false,
            offset: false,
            channels: Channels::Last,
            ..
        } => {
            *scale = true;
            true
        }
        _ => false,
    })
}

/// A norm without offset, plus a variable.
fn with_offset(site: &mut Site<'_>) -> Result<Option<Value>> {
    absorb(site, Binary::Add, |op| match op {
        Op::BatchNorm {
            offset: offset @ false,
            channels: Channels::Last,
            ..
        } => {
            *offset = true;
            true
        }
        _ => false,
    })
}

/// A scale of ones and an offset of zeros are none.
fn without_constants(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::BatchNorm {
        epsilon,
        scale,
        offset,
        channels,
    } = *site.op
    else {
        return Ok(None);
    };
    let (statistics, parameters) = site.inputs.split_at(3);
    let mut inputs = statistics.to_vec();
    let mut parameters = parameters.iter().copied();
    let mut keep = |present: bool, neutral: f64| {
        let parameter = if present { parameters.next() } else { None };
        let parameter = parameter.filter(|&v| splat(site.graph, v) != Some(neutral));
        inputs.extend(parameter);
        parameter.is_some()
    };
    let (scale_kept, offset_kept) = (keep(scale, 1.0), keep(offset, 0.0));
    if (scale_kept, offset_kept) == (scale, offset) {
        return Ok(None);
    }
    let op = Op::BatchNorm {
        epsilon,
        scale: scale_kept,
        offset: offset_kept,
        channels,
    };
    site.push(op, &inputs).map(Some)
}

fn absorb(
    site: &mut Site<'_>,
    f: Binary,
    extend: impl Fn(&mut Op) -> bool,
) -> Result<Option<Value>> {
    if *site.op != Op::Binary(f) {
        return Ok(None);
    }
    for (i, other) in [(0, 1), (1, 0)] {
        let (normal, parameter) = (site.inputs[i], site.inputs[other]);
        let node = site.graph.producer(normal);
        let (mut op, mut inputs) = (node.op.clone(), node.inputs.clone());
        let rank = node.types[0].rank().unwrap_or(0);
        if !site.is_only_user(i)
            || !extend(&mut op)
            || !lies_along(site.graph, inputs[0], parameter, rank - 1)
        {
            continue;
        }
        let channels = site.dims(inputs[1]);
        inputs.push(site.reshape(parameter, &channels)?);
        return site.push(op, &inputs).map(Some);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Unary;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    /// What Keras 3 exports: `x * (rsqrt(variance + epsilon) * scale) + (offset - mean * …)`.
    fn exported(dims: &[i64], stored: &[i64], expected: &str) {
        let mut b = Build::default();
        let x = b.input(dims);
        let channels = stored.iter().product();
        let [mean, variance, scale, offset] = std::array::from_fn(|_| {
            let vector = b.param(&[channels]);
            b.reshape(vector, stored)
        });
        let epsilon = b.number(0.001);
        let shifted = b.op(Op::Binary(Binary::Add), &[variance, epsilon]);
        let inverse = b.op(Op::Unary(Unary::Rsqrt), &[shifted]);
        let inverse = b.op(Op::Binary(Binary::Mul), &[inverse, scale]);
        let product = b.op(Op::Binary(Binary::Mul), &[x, inverse]);
        let moved = b.op(Op::Binary(Binary::Mul), &[mean, inverse]);
        let shift = b.op(Op::Binary(Binary::Sub), &[offset, moved]);
        let y = b.op(Op::Binary(Binary::Add), &[product, shift]);
        b.check(&[y], optimise, expected);
    }

    #[test]
    fn the_arithmetic_of_a_batch_norm_is_one_op() {
        let expected =
            "BatchNorm { epsilon: 0.001, scale: true, offset: true, channels: Last } [s0, 4, 4, 3]";
        exported(&[0, 4, 4, 3], &[3], expected);
        exported(&[0, 4, 4, 3], &[1, 1, 1, 3], expected);
    }

    #[test]
    fn statistics_along_axis_1_are_channels_between_transposes() {
        let expected = "
            Transpose([0, 2, 3, 1]) [s0, 4, 4, 3]
            BatchNorm { epsilon: 0.001, scale: true, offset: true, channels: Last } [s0, 4, 4, 3]
            Transpose([0, 3, 1, 2]) [s0, 3, 4, 4]";
        exported(&[0, 3, 4, 4], &[1, 3, 1, 1], expected);
    }

    #[test]
    fn scale_and_offset_join_a_bare_norm() {
        let mut b = Build::default();
        let x = b.input(&[0, 5]);
        let [mean, variance, scale, offset] = std::array::from_fn(|_| b.param(&[5]));
        let epsilon = b.number(0.25);
        let centred = b.op(Op::Binary(Binary::Sub), &[x, mean]);
        let sum = b.op(Op::Binary(Binary::Add), &[epsilon, variance]);
        let deviation = b.op(Op::Unary(Unary::Sqrt), &[sum]);
        let y = b.op(Op::Binary(Binary::Div), &[centred, deviation]);
        let y = b.op(Op::Binary(Binary::Mul), &[scale, y]);
        let y = b.op(Op::Binary(Binary::Add), &[y, offset]);
        let expected =
            "BatchNorm { epsilon: 0.25, scale: true, offset: true, channels: Last } [s0, 5]";
        b.check(&[y], optimise, expected);
    }

    #[test]
    fn statistics_of_the_batch_are_no_batch_norm_in_inference() {
        let mut b = Build::default();
        let x = b.input(&[0, 5]);
        let mean = b.op(
            Op::Reduce {
                op: crate::ir::Reduction::Mean,
                axes: vec![0],
                keep: true,
            },
            &[x],
        );
        let y = b.op(Op::Binary(Binary::Sub), &[x, mean]);
        b.check(
            &[y],
            optimise,
            "Reduce { op: Mean, axes: [0], keep: true } [1, 5]\nBinary(Sub) [s0, 5]",
        );
    }

    #[test]
    fn a_scale_of_ones_is_none() {
        let mut b = Build::default();
        let x = b.input(&[0, 5]);
        let [mean, variance, offset] = std::array::from_fn(|_| b.param(&[5]));
        let one = b.number(1.0);
        let ones = b.op(Op::Broadcast(vec![Dim::known(5)]), &[one]);
        let op = Op::BatchNorm {
            epsilon: 0.25,
            scale: true,
            offset: true,
            channels: Channels::Last,
        };
        let y = b.op(op, &[x, mean, variance, ones, offset]);
        let expected =
            "BatchNorm { epsilon: 0.25, scale: false, offset: true, channels: Last } [s0, 5]";
        b.check(&[y], optimise, expected);
    }
}
