//! The norm by the root of the mean square, from its arithmetic.

use super::layer_norm::{spans, square};
use super::pattern::{binary, either, is_weight, unary, with_number};
use super::rule::{Rule, Site};
use crate::error::Result;
use crate::ir::{Binary, Graph, Op, Reduction, Unary, Value};

/// Recognises [`Op::RmsNorm`], and takes in what it is scaled by.
pub const RULES: &[Rule] = &[from_arithmetic, with_scale];

/// `x * rsqrt(mean(x²) + epsilon)`, or a quotient.
fn from_arithmetic(site: &mut Site<'_>) -> Result<Option<Value>> {
    let graph = &*site.graph;
    let found = match (site.op, site.inputs) {
        (Op::Binary(Binary::Mul), &[a, b]) => either([a, b], |x, inverse| {
            let sum = unary(graph, inverse, Unary::Rsqrt)?;
            Some((x, epsilon(graph, x, sum)?))
        }),
        (Op::Binary(Binary::Div), &[x, root]) => {
            unary(graph, root, Unary::Sqrt).and_then(|sum| Some((x, epsilon(graph, x, sum)?)))
        }
        _ => None,
    };
    let Some((x, epsilon)) = found else {
        return Ok(None);
    };
    let op = Op::RmsNorm {
        epsilon,
        scale: false,
    };
    site.push(op, &[x]).map(Some)
}

/// The number that is added to the mean square of `x` over the last axis.
fn epsilon(graph: &Graph, x: Value, sum: Value) -> Option<f64> {
    let (mean, epsilon) = with_number(graph, sum, Binary::Add)?;
    let node = graph.producer(mean);
    let last = graph.ty(x).rank()?.checked_sub(1)?;
    match &node.op {
        Op::Reduce {
            op: Reduction::Mean,
            axes,
            keep: true,
        } if *axes == [last] && square(graph, node.inputs[0]) == Some(x) => Some(epsilon),
        _ => None,
    }
}

/// A norm without scale, times a variable or one more than a variable.
fn with_scale(site: &mut Site<'_>) -> Result<Option<Value>> {
    if *site.op != Op::Binary(Binary::Mul) {
        return Ok(None);
    }
    for (i, other) in [(0, 1), (1, 0)] {
        let (normal, scale) = (site.inputs[i], site.inputs[other]);
        let node = site.graph.producer(normal);
        let Op::RmsNorm {
            epsilon,
            scale: false,
        } = node.op
        else {
            continue;
        };
        let x = node.inputs[0];
        let dims = site.dims(normal);
        let Some(last) = dims.last().filter(|_| site.is_only_user(i)) else {
            continue;
        };
        let last = std::slice::from_ref(last);
        if is_scale(site.graph, scale) && spans(site.graph, scale, last) {
            let scale = site.reshape(scale, last)?;
            let op = Op::RmsNorm {
                epsilon,
                scale: true,
            };
            return site.push(op, &[x, scale]).map(Some);
        }
    }
    Ok(None)
}

fn is_scale(graph: &Graph, value: Value) -> bool {
    let offset = binary(graph, value, Binary::Add);
    let is_offset = |[a, b]: [Value; 2]| is_weight(graph, a) && is_weight(graph, b);
    is_weight(graph, value) || offset.is_some_and(is_offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    fn normal(b: &mut Build, x: Value) -> Value {
        let squares = b.op(Op::Unary(Unary::Square), &[x]);
        let mean = Op::Reduce {
            op: Reduction::Mean,
            axes: vec![2],
            keep: true,
        };
        let mean = b.op(mean, &[squares]);
        let epsilon = b.number(1e-6);
        let sum = b.op(Op::Binary(Binary::Add), &[mean, epsilon]);
        let inverse = b.op(Op::Unary(Unary::Rsqrt), &[sum]);
        b.op(Op::Binary(Binary::Mul), &[x, inverse])
    }

    #[test]
    fn a_quotient_by_the_root_of_the_mean_square_is_a_norm_with_its_scale() {
        let mut b = Build::default();
        let (x, scale) = (b.input(&[0, 6, 8]), b.param(&[8]));
        let normal = normal(&mut b, x);
        let y = b.op(Op::Binary(Binary::Mul), &[scale, normal]);
        b.check(
            &[y],
            optimise,
            "RmsNorm { epsilon: 1e-6, scale: true } [s0, 6, 8]",
        );
    }

    #[test]
    fn a_scale_may_be_counted_from_one() {
        let mut b = Build::default();
        let (x, scale) = (b.input(&[0, 6, 8]), b.param(&[8]));
        let normal = normal(&mut b, x);
        let one = b.number(1.0);
        let scale = b.op(Op::Binary(Binary::Add), &[scale, one]);
        let y = b.op(Op::Binary(Binary::Mul), &[normal, scale]);
        b.check(
            &[y],
            optimise,
            "Binary(Add) [8]\nRmsNorm { epsilon: 1e-6, scale: true } [s0, 6, 8]",
        );
    }
}
