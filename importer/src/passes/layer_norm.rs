//! Layer norm, from its arithmetic on moments.

use super::pattern::{binary, is_weight, unary};
use super::rule::{Rule, Site, apply, number};
use super::standardised::{Standardised, standardised};
use crate::error::Result;
use crate::ir::{Binary, Dim, Graph, Op, Reduction, Unary, Value};

/// Recognises [`Op::LayerNorm`]: a normalisation by the moments over the last axes.
///
/// # Errors
/// None on a graph that verifies.
pub fn layer_norm(graph: &Graph) -> Result<Graph> {
    apply(graph, RULES)
}

/// The rules of [`layer_norm`].
pub const RULES: &[Rule] = &[from_arithmetic, with_scale, with_offset, under_reshapes];

fn from_arithmetic(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Some(found) = standardised(site) else {
        return Ok(None);
    };
    let Some(axes) = moments(site.graph, &found) else {
        return Ok(None);
    };
    let rank = site.dims(found.x).len();
    let normalised = rank - axes[0];
    if axes.iter().copied().eq(axes[0]..rank) {
        return normalise(site, &found, normalised).map(Some);
    }
    if axes.iter().copied().eq(0..rank - 1) && is_row_in_image(&site.dims(found.x)) {
        return rows(site, &found).map(Some);
    }
    Ok(None)
}

/// The norm over the last axes, then scale and offset: as its operands where they span the same axes.
fn normalise(site: &mut Site<'_>, found: &Standardised, axes: usize) -> Result<Value> {
    let Standardised {
        x,
        epsilon,
        scale,
        offset,
        ..
    } = *found;
    let dims = site.dims(x);
    let normalised = &dims[dims.len() - axes..];
    let spans = |v: Option<Value>| {
        v.is_none_or(|v| is_weight(site.graph, v) && spans(site.graph, v, normalised))
    };
    if spans(scale) && spans(offset) {
        let mut inputs = vec![x];
        for parameter in [scale, offset].into_iter().flatten() {
            inputs.push(site.reshape(parameter, normalised)?);
        }
        return site.push(
            Op::LayerNorm {
                axes,
                epsilon,
                scale: scale.is_some(),
                offset: offset.is_some(),
            },
            &inputs,
        );
    }
    let mut y = site.push(
        Op::LayerNorm {
            axes,
            epsilon,
            scale: false,
            offset: false,
        },
        &[x],
    )?;
    for (f, parameter) in [(Binary::Mul, scale), (Binary::Add, offset)] {
        if let Some(parameter) = parameter {
            y = site.push(Op::Binary(f), &[y, parameter])?;
        }
    }
    Ok(y)
}

/// Whether the extents are those of rows to be normalised, dressed as the image of one example: `[1, row, 1, rows]`.
fn is_row_in_image(dims: &[Dim]) -> bool {
    matches!(dims, [one, _, other, _] if one.is(1) && other.is(1))
}

/// The norm over all axes but the last, of `[1, row, 1, rows]`.
fn rows(site: &mut Site<'_>, found: &Standardised) -> Result<Value> {
    let dims = site.dims(found.x);
    let (row, rows) = (dims[1].clone(), dims[3].clone());
    let columns = site.transpose(found.x, &[3, 0, 1, 2])?;
    let matrix = site.reshape(columns, &[rows.clone(), row.clone()])?;
    let op = Op::LayerNorm {
        axes: 1,
        epsilon: found.epsilon,
        scale: false,
        offset: false,
    };
    let normal = site.push(op, &[matrix])?;
    let columns = site.reshape(normal, &[rows, Dim::known(1), row, Dim::known(1)])?;
    let mut y = site.transpose(columns, &[1, 2, 3, 0])?;
    for (f, parameter) in [(Binary::Mul, found.scale), (Binary::Add, found.offset)] {
        if let Some(parameter) = parameter {
            y = site.push(Op::Binary(f), &[y, parameter])?;
        }
    }
    Ok(y)
}

/// The axes over which mean and variance are the moments of `x`.
fn moments(graph: &Graph, found: &Standardised) -> Option<Vec<usize>> {
    let axes = mean_of(graph, found.mean, found.x)?;
    let variance = clipped(graph, found.variance);
    let mean_square = |value: Value| {
        let node = graph.producer(value);
        match &node.op {
            Op::Reduce {
                op: Reduction::Mean,
                axes: a,
                keep: true,
            } if *a == axes => square(graph, node.inputs[0]),
            _ => None,
        }
    };
    if let Some(deviation) = mean_square(variance) {
        return is_centred(graph, deviation, found).then_some(axes);
    }
    let [squares, square_mean] = binary(graph, variance, Binary::Sub)?;
    let same = mean_square(squares) == Some(found.x)
        && square(graph, square_mean).is_some_and(|mean| through_stop(graph, mean) == found.mean);
    same.then_some(axes)
}

/// The axes that `mean` is the mean of `x` over.
fn mean_of(graph: &Graph, mean: Value, x: Value) -> Option<Vec<usize>> {
    let node = graph.producer(through_stop(graph, mean));
    match &node.op {
        Op::Reduce {
            op: Reduction::Mean,
            axes,
            keep: true,
        } if node.inputs[0] == x && !axes.is_empty() => Some(axes.clone()),
        _ => None,
    }
}

/// No gradient flows through the mean inside of a variance, because it would be zero: stopping it changes nothing.
fn through_stop(graph: &Graph, value: Value) -> Value {
    unary(graph, value, Unary::StopGradient).unwrap_or(value)
}

/// A variance that is kept from being negative.
fn clipped(graph: &Graph, variance: Value) -> Value {
    let node = graph.producer(variance);
    match &node.op {
        Op::Unary(Unary::Relu) => node.inputs[0],
        Op::Binary(Binary::Maximum) if number(graph, node.inputs[1]) == Some(0.0) => node.inputs[0],
        _ => variance,
    }
}

fn is_centred(graph: &Graph, value: Value, found: &Standardised) -> bool {
    let is_mean = |mean: Value| through_stop(graph, mean) == through_stop(graph, found.mean);
    binary(graph, value, Binary::Sub)
        .is_some_and(|[a, b]| (a == found.x && is_mean(b)) || (b == found.x && is_mean(a)))
}

/// What the value is the square of.
pub(super) fn square(graph: &Graph, value: Value) -> Option<Value> {
    if let Some(x) = unary(graph, value, Unary::Square) {
        return Some(x);
    }
    if let Some([x, exponent]) = binary(graph, value, Binary::Pow) {
        return (number(graph, exponent) == Some(2.0)).then_some(x);
    }
    binary(graph, value, Binary::Mul).and_then(|[x, y]| (x == y).then_some(x))
}

/// Whether a value has these extents, but for leading ones.
pub(super) fn spans(graph: &Graph, value: Value, dims: &[Dim]) -> bool {
    let given = graph.ty(value).dims();
    let lead = given.len().checked_sub(dims.len());
    lead.is_some_and(|lead| given[..lead].iter().all(|dim| dim.is(1)) && given[lead..] == *dims)
}

/// A norm without scale, times a variable.
fn with_scale(site: &mut Site<'_>) -> Result<Option<Value>> {
    absorb(site, Binary::Mul, |op| match op {
        Op::LayerNorm {
            scale: scale @ false,
            offset: false,
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
        Op::LayerNorm {
            offset: offset @ false,
            ..
        } => {
            *offset = true;
            true
        }
        _ => false,
    })
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
        let Op::LayerNorm { axes, .. } = op else {
            continue;
        };
        let dims = site.dims(normal);
        let normalised = &dims[dims.len() - axes..];
        let fits = is_weight(site.graph, parameter) && spans(site.graph, parameter, normalised);
        if !site.is_only_user(i) || !fits || !extend(&mut op) {
            continue;
        }
        inputs.push(site.reshape(parameter, normalised)?);
        return site.push(op, &inputs).map(Some);
    }
    Ok(None)
}

/// A bare norm of rows between two reshapes that undo each other is a norm over the axes that the rows were made of.
fn under_reshapes(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Reshape(dims) = site.op else {
        return Ok(None);
    };
    let node = site.graph.producer(site.inputs[0]);
    let Op::LayerNorm {
        axes,
        epsilon,
        scale: false,
        offset: false,
    } = node.op
    else {
        return Ok(None);
    };
    let rows = node.inputs[0];
    let Op::Reshape(_) = site.graph.producer(rows).op else {
        return Ok(None);
    };
    let x = site.graph.producer(rows).inputs[0];
    if site.graph.ty(x).dims() != dims.as_slice() {
        return Ok(None);
    }
    let rows = site.dims(rows);
    let size = product(&rows[rows.len() - axes..]);
    let Some(axes) = (1..=dims.len()).find(|&n| product(&dims[dims.len() - n..]) == size) else {
        return Ok(None);
    };
    site.push(
        Op::LayerNorm {
            axes,
            epsilon,
            scale: false,
            offset: false,
        },
        &[x],
    )
    .map(Some)
}

fn product(dims: &[Dim]) -> Dim {
    dims.iter().cloned().fold(Dim::known(1), |a, b| a * b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    fn mean(b: &mut Build, x: Value, axes: &[usize]) -> Value {
        b.op(
            Op::Reduce {
                op: Reduction::Mean,
                axes: axes.to_vec(),
                keep: true,
            },
            &[x],
        )
    }

    /// One over the deviation of `x` from its mean.
    fn inverse(b: &mut Build, x: Value, mean_of: Value, axes: &[usize]) -> Value {
        let centred = b.op(Op::Binary(Binary::Sub), &[x, mean_of]);
        let square = b.op(Op::Unary(Unary::Square), &[centred]);
        let variance = mean(b, square, axes);
        let epsilon = b.number(1e-6);
        let sum = b.op(Op::Binary(Binary::Add), &[variance, epsilon]);
        b.op(Op::Unary(Unary::Rsqrt), &[sum])
    }

    #[test]
    fn moments_with_a_stopped_gradient_are_a_layer_norm() {
        let mut b = Build::default();
        let x = b.input(&[0, 6, 8]);
        let (scale, offset) = (b.param(&[8]), b.param(&[8]));
        let (scale, offset) = (b.reshape(scale, &[1, 1, 8]), b.reshape(offset, &[1, 1, 8]));
        let m = mean(&mut b, x, &[2]);
        let stopped = b.op(Op::Unary(Unary::StopGradient), &[m]);
        let inverse = inverse(&mut b, x, stopped, &[2]);
        let inverse = b.op(Op::Binary(Binary::Mul), &[inverse, scale]);
        let product = b.op(Op::Binary(Binary::Mul), &[x, inverse]);
        let negated = b.op(Op::Unary(Unary::Neg), &[m]);
        let moved = b.op(Op::Binary(Binary::Mul), &[negated, inverse]);
        let shift = b.op(Op::Binary(Binary::Add), &[moved, offset]);
        let y = b.op(Op::Binary(Binary::Add), &[product, shift]);
        b.check(
            &[y],
            optimise,
            "LayerNorm { axes: 1, epsilon: 1e-6, scale: true, offset: true } [s0, 6, 8]",
        );
    }

    #[test]
    fn rows_dressed_as_an_image_are_a_layer_norm() {
        let mut b = Build::default();
        let x = b.input(&[0, 6, 8]);
        let (scale, offset) = (b.param(&[6, 8]), b.param(&[6, 8]));
        let image = b.reshape(x, &[1, 0, 48, 1]);
        let image = b.op(Op::Transpose(vec![0, 2, 3, 1]), &[image]);
        let m = mean(&mut b, image, &[0, 1, 2]);
        let inverse = inverse(&mut b, image, m, &[0, 1, 2]);
        let centred = b.op(Op::Binary(Binary::Sub), &[image, m]);
        let normal = b.op(Op::Binary(Binary::Mul), &[centred, inverse]);
        let y = b.op(Op::Transpose(vec![0, 3, 1, 2]), &[normal]);
        let y = b.reshape(y, &[0, 6, 8]);
        let y = b.op(Op::Binary(Binary::Mul), &[y, scale]);
        let y = b.op(Op::Binary(Binary::Add), &[y, offset]);
        b.check(
            &[y],
            optimise,
            "LayerNorm { axes: 2, epsilon: 1e-6, scale: true, offset: true } [s0, 6, 8]",
        );
    }

    #[test]
    fn a_variance_from_the_mean_square_is_one_too() {
        let mut b = Build::default();
        let x = b.input(&[0, 8]);
        let m = mean(&mut b, x, &[1]);
        let square = b.op(Op::Unary(Unary::Square), &[x]);
        let (squares, square_of_mean) = (
            mean(&mut b, square, &[1]),
            b.op(Op::Binary(Binary::Mul), &[m, m]),
        );
        let variance = b.op(Op::Binary(Binary::Sub), &[squares, square_of_mean]);
        let epsilon = b.number(0.5);
        let sum = b.op(Op::Binary(Binary::Add), &[variance, epsilon]);
        let deviation = b.op(Op::Unary(Unary::Sqrt), &[sum]);
        let centred = b.op(Op::Binary(Binary::Sub), &[x, m]);
        let y = b.op(Op::Binary(Binary::Div), &[centred, deviation]);
        b.check(
            &[y],
            optimise,
            "LayerNorm { axes: 1, epsilon: 0.5, scale: false, offset: false } [s0, 8]",
        );
    }
}
