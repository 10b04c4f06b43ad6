//! Identities: what changes nothing goes, and what can be said in one op is.

use super::pattern::unary;
use super::rule::{Rule, Site, apply, close, number, splat};
use crate::error::Result;
use crate::ir::{Binary, DType, Dim, Graph, Op, Reduction, Unary, Value};

/// Drops neutral operands and spells powers and means as what they are.
///
/// # Errors
/// None on a graph that verifies.
pub fn algebra(graph: &Graph) -> Result<Graph> {
    apply(graph, RULES)
}

/// The rules of [`algebra`].
pub const RULES: &[Rule] = &[
    unchanged,
    neutral,
    casts,
    powers,
    negations,
    mean,
    ones_counted,
    broadcast_by_user,
    chosen,
];

/// Whether the operand may stand for the node as it is.
fn same(site: &Site<'_>, x: Value) -> Option<Value> {
    (site.graph.ty(x) == site.ty).then_some(x)
}

/// Ops on shape and type that leave their operand as it is.
fn unchanged(site: &mut Site<'_>) -> Result<Option<Value>> {
    let dims = site.ty.dims();
    let is_identity = match site.op {
        Op::Reshape(_) | Op::Broadcast(_) => !dims.is_empty(),
        Op::Cast(dtype) => site.graph.ty(site.inputs[0]).dtype == *dtype,
        Op::Transpose(permutation) => permutation.iter().enumerate().all(|(i, &axis)| i == axis),
        Op::Slice(axes) => axes
            .iter()
            .zip(site.graph.ty(site.inputs[0]).dims())
            .all(|(axis, dim)| axis.is_whole(Some(dim))),
        Op::Concat { .. } => site.inputs.len() == 1,
        Op::Pad { widths, .. } => widths.iter().all(|(low, high)| low.is(0) && high.is(0)),
        Op::Tile(repeats) => repeats.iter().all(|n| n.is(1)),
        Op::Unary(Unary::StopGradient) => splat(site.graph, site.inputs[0]).is_some(),
        Op::Reverse { axes } | Op::Reduce { axes, .. } => axes.is_empty(),
        _ => false,
    };
    Ok(site
        .inputs
        .first()
        .and_then(|&x| same(site, x))
        .filter(|_| is_identity))
}

/// `x + 0`, `x - 0`, `x * 1`, `x / 1`, `x ^ 1`.
fn neutral(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Binary(f), &[a, b]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    let is = |v: Value, n: f64| splat(site.graph, v) == Some(n);
    let x = match f {
        Binary::Add if is(b, 0.0) => a,
        Binary::Add if is(a, 0.0) => b,
        Binary::Mul if is(b, 1.0) => a,
        Binary::Mul if is(a, 1.0) => b,
        Binary::Sub if is(b, 0.0) => a,
        Binary::Div | Binary::Pow | Binary::DivNoNan if is(b, 1.0) => a,
        _ => return Ok(None),
    };
    Ok(same(site, x))
}

/// A float made wider and narrow again.
fn casts(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Cast(narrow) = *site.op else {
        return Ok(None);
    };
    let node = site.graph.producer(site.inputs[0]);
    let (Op::Cast(wide), Some(&x)) = (&node.op, node.inputs.first()) else {
        return Ok(None);
    };
    let is_wider = matches!(
        (narrow, wide),
        (DType::F16 | DType::BF16, DType::F32 | DType::F64) | (DType::F32, DType::F64)
    );
    Ok(same(site, x).filter(|_| is_wider))
}

/// `x ^ 2`, `x ^ 0.5`, `x * x`.
fn powers(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Binary(f), &[x, y]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    let f = match f {
        Binary::Mul if x == y => Unary::Square,
        Binary::Pow if site.ty.dtype.is_float() && number(site.graph, y) == Some(2.0) => {
            Unary::Square
        }
        Binary::Pow if site.ty.dtype.is_float() && number(site.graph, y) == Some(0.5) => {
            Unary::Sqrt
        }
        _ => return Ok(None),
    };
    match site.graph.ty(x) == site.ty {
        true => site.push(Op::Unary(f), &[x]).map(Some),
        false => Ok(None),
    }
}

/// `--x`, `0 - x`, `x + -y`, `x - -y`.
fn negations(site: &mut Site<'_>) -> Result<Option<Value>> {
    let negated = |site: &Site<'_>, v: Value| unary(site.graph, v, Unary::Neg);
    match (site.op, site.inputs) {
        (Op::Unary(Unary::Neg), &[x]) => Ok(negated(site, x)),
        (Op::Binary(Binary::Sub), &[zero, x])
            if splat(site.graph, zero) == Some(0.0) && same(site, x).is_some() =>
        {
            site.push(Op::Unary(Unary::Neg), &[x]).map(Some)
        }
        (Op::Binary(f @ (Binary::Add | Binary::Sub)), &[x, y]) => {
            let Some(y) = negated(site, y) else {
                return Ok(None);
            };
            let opposite = if *f == Binary::Add {
                Binary::Sub
            } else {
                Binary::Add
            };
            site.push(Op::Binary(opposite), &[x, y]).map(Some)
        }
        _ => Ok(None),
    }
}

/// A sum divided by the number of its elements.
fn mean(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Binary(f), &[sum, by]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    let node = site.graph.producer(sum);
    let Op::Reduce {
        op: Reduction::Sum,
        axes,
        keep,
    } = &node.op
    else {
        return Ok(None);
    };
    let Some(factor) = splat(site.graph, by).filter(|_| site.ty.dtype.is_float()) else {
        return Ok(None);
    };
    let factor = match f {
        Binary::Mul => factor,
        Binary::Div | Binary::DivNoNan => 1.0 / factor,
        _ => return Ok(None),
    };
    let (x, axes, keep) = (node.inputs[0], axes.clone(), *keep);
    let is_mean = count(site.graph, x, &axes).is_some_and(|n| close(factor * n, 1.0));
    match is_mean && site.graph.ty(sum) == site.ty {
        true => site
            .push(
                Op::Reduce {
                    op: Reduction::Mean,
                    axes,
                    keep,
                },
                &[x],
            )
            .map(Some),
        false => Ok(None),
    }
}

fn count(graph: &Graph, x: Value, axes: &[usize]) -> Option<f64> {
    let dims = graph.ty(x).dims();
    axes.iter()
        .try_fold(1.0, |n, &axis| Some(n * dims.get(axis)?.as_known()? as f64))
}

/// The sum of a repeated number is a multiple of it.
fn ones_counted(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Reduce {
        op: Reduction::Sum,
        axes,
        ..
    } = site.op
    else {
        return Ok(None);
    };
    let x = site.inputs[0];
    let (Some(number), Some(count)) = (splat(site.graph, x), count(site.graph, x, axes)) else {
        return Ok(None);
    };
    let total = crate::eval::Tensor::scalar(number * count, site.ty.dtype)?;
    let total = site.graph.constant(total, site.origin);
    site.push(Op::Broadcast(site.ty.dims().to_vec()), &[total])
        .map(Some)
}

/// An operand of an elementwise op needs no repetition, and no leading axes of extent 1, that broadcasting gives.
fn broadcast_by_user(site: &mut Site<'_>) -> Result<Option<Value>> {
    if !matches!(site.op, Op::Binary(_) | Op::Compare(_) | Op::Select) {
        return Ok(None);
    }
    for (i, &value) in site.inputs.iter().enumerate() {
        let Some(x) = plain(site.graph, value) else {
            continue;
        };
        let mut inputs = site.inputs.to_vec();
        inputs[i] = x;
        if broadcast_dims(site.graph, &inputs).as_deref() == Some(site.ty.dims()) {
            return site.push(site.op.clone(), &inputs).map(Some);
        }
    }
    Ok(None)
}

/// What is repeated, or what leading axes of extent 1 are put before.
fn plain(graph: &Graph, value: Value) -> Option<Value> {
    let node = graph.producer(value);
    let x = *node.inputs.first()?;
    match &node.op {
        Op::Broadcast(_) => Some(x),
        Op::Reshape(dims) => {
            let given = graph.ty(x).dims();
            let lead = dims
                .len()
                .checked_sub(given.len())
                .filter(|&lead| lead > 0)?;
            (dims[..lead].iter().all(|dim| dim.is(1)) && dims[lead..] == *given).then_some(x)
        }
        _ => None,
    }
}

/// The extents that operands broadcast to, where it is certain that each of them is some operand's own.
fn broadcast_dims(graph: &Graph, values: &[Value]) -> Option<Vec<Dim>> {
    let shapes: Vec<&[Dim]> = values
        .iter()
        .map(|&v| graph.ty(v).shape.dims())
        .collect::<Option<_>>()?;
    let rank = shapes.iter().map(|dims| dims.len()).max()?;
    let at = |dims: &[Dim], i: usize| {
        (i + dims.len())
            .checked_sub(rank)
            .map_or(Dim::known(1), |i| dims[i].clone())
    };
    (0..rank)
        .map(|i| {
            let mut distinct: Vec<Dim> = shapes
                .iter()
                .map(|dims| at(dims, i))
                .filter(|dim| !dim.is(1))
                .collect();
            distinct.dedup();
            match distinct.len() {
                0 => Some(Dim::known(1)),
                1 => distinct.pop(),
                _ => None,
            }
        })
        .collect()
}

/// A choice by a constant, or between equals.
fn chosen(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Select, &[condition, x, y]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    let choice = match splat(site.graph, condition) {
        _ if x == y => x,
        Some(0.0) => y,
        Some(_) => x,
        None => return Ok(None),
    };
    Ok(same(site, choice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    #[test]
    fn neutral_operands_go() {
        let mut b = Build::default();
        let x = b.input(&[0, 4]);
        let one = b.number(1.0);
        let ones = b.op(Op::Broadcast(vec![Dim::known(4)]), &[one]);
        let y = b.op(Op::Binary(Binary::Mul), &[ones, x]);
        let y = b.op(Op::Unary(Unary::Exp), &[y]);
        b.check(&[y], optimise, "Unary(Exp) [s0, 4]");
    }

    #[test]
    fn a_sum_over_its_count_is_a_mean() {
        let mut b = Build::default();
        let x = b.input(&[0, 4]);
        let four = b.number(4.0);
        let sum = b.op(
            Op::Reduce {
                op: Reduction::Sum,
                axes: vec![1],
                keep: false,
            },
            &[x],
        );
        let y = b.op(Op::Binary(Binary::Div), &[sum, four]);
        b.check(
            &[y],
            optimise,
            "Reduce { op: Mean, axes: [1], keep: false } [s0]",
        );
    }

    #[test]
    fn repetition_is_left_to_broadcasting() {
        let mut b = Build::default();
        let (x, p) = (b.input(&[0, 3, 4]), b.param(&[4]));
        let wide = b.op(Op::Broadcast(vec![Dim::known(3), Dim::known(4)]), &[p]);
        let y = b.op(Op::Binary(Binary::Add), &[x, wide]);
        b.check(&[y], optimise, "Binary(Add) [s0, 3, 4]");
    }
}
