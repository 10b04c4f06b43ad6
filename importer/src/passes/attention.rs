//! Scaled dot-product attention, from its products and its softmax.

use super::pattern::{binary, either, scaled, with_number};
use super::rule::{Rule, Site, splat};
use crate::error::Result;
use crate::ir::{Binary, Dim, Graph, Masking, Op, Value};

/// Recognises [`Op::Attention`].
pub const RULES: &[Rule] = &[from_products];

/// A score that is replaced by no more than this takes no part in a softmax.
const MASKED: f64 = -1e6;

/// What the scores of an attention are made of.
struct Scores {
    q: Value,
    /// With the axis of the heads' size first.
    turned_k: Value,
    scale: f64,
    masking: Masking,
    mask: Option<Value>,
    /// Whether `turned_k` is `k` itself.
    is_k: bool,
}

/// `softmax(scale * q kᵀ) v`.
fn from_products(site: &mut Site<'_>) -> Result<Option<Value>> {
    let plain = Op::MatMul {
        transpose_lhs: false,
        transpose_rhs: false,
    };
    let (true, &[weights, v]) = (*site.op == plain && site.is_only_user(0), site.inputs) else {
        return Ok(None);
    };
    let Some(scores) = masked(site.graph, weights).or_else(|| open(site.graph, weights)) else {
        return Ok(None);
    };
    let rank = site.dims(v).len();
    let is_alike = |value: Value| site.graph.ty(value).rank() == Some(rank);
    if rank < 3 || !is_alike(scores.q) || !is_alike(scores.turned_k) {
        return Ok(None);
    }
    let (q, factor) = without_factor(site, scores.q)?;
    let k = match scores.is_k {
        true => scores.turned_k,
        false => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.swap(rank - 2, rank - 1);
            site.transpose(scores.turned_k, &order)?
        }
    };
    let mut operands = vec![q, k, v];
    if let Some(mask) = scores.mask {
        let dims = site.dims(mask);
        let Some(lead) = rank.checked_sub(dims.len()) else {
            return Ok(None);
        };
        let dims: Vec<Dim> = vec![Dim::known(1); lead].into_iter().chain(dims).collect();
        operands.push(site.reshape(mask, &dims)?);
    }
    let op = Op::Attention {
        scale: scores.scale * factor,
        masking: scores.masking,
    };
    site.push(op, &operands).map(Some)
}

/// `mask ? softmax(mask ? scores : -1e9) : 0`, as Keras has it.
fn masked(graph: &Graph, weights: Value) -> Option<Scores> {
    let outer = graph.producer(weights);
    let (Op::Select, [mask, weights, zero]) = (&outer.op, outer.inputs.as_slice()) else {
        return None;
    };
    let inner = graph.producer(softmax(graph, *weights)?);
    let (Op::Select, [inner_mask, scores, fill]) = (&inner.op, inner.inputs.as_slice()) else {
        return None;
    };
    let fits = inner_mask == mask
        && splat(graph, *zero) == Some(0.0)
        && splat(graph, *fill).is_some_and(|fill| fill <= MASKED);
    let scores = product(graph, *scores).filter(|_| fits)?;
    Some(Scores {
        masking: Masking::Kept,
        mask: Some(*mask),
        ..scores
    })
}

/// `softmax(scores)`, or of scores and a bias.
fn open(graph: &Graph, weights: Value) -> Option<Scores> {
    let logits = softmax(graph, weights)?;
    product(graph, logits).or_else(|| {
        either(binary(graph, logits, Binary::Add)?, |scores, bias| {
            let scores = product(graph, scores)?;
            Some(Scores {
                masking: Masking::Added,
                mask: Some(bias),
                ..scores
            })
        })
    })
}

/// What a value is the softmax of, over its last axis.
fn softmax(graph: &Graph, value: Value) -> Option<Value> {
    let node = graph.producer(value);
    let last = graph.ty(value).rank()?.checked_sub(1)?;
    (node.op == Op::Softmax { axis: last }).then(|| node.inputs[0])
}

fn product(graph: &Graph, value: Value) -> Option<Scores> {
    let (product, scale) = scaled(graph, value);
    let node = graph.producer(product);
    let Op::MatMul {
        transpose_lhs: false,
        transpose_rhs,
    } = node.op
    else {
        return None;
    };
    Some(Scores {
        q: node.inputs[0],
        turned_k: node.inputs[1],
        scale,
        masking: Masking::None,
        mask: None,
        is_k: transpose_rhs,
    })
}

/// The queries without a number that they are multiplied by, perhaps before their axes were moved.
fn without_factor(site: &mut Site<'_>, q: Value) -> Result<(Value, f64)> {
    if let Some((x, factor)) = with_number(site.graph, q, Binary::Mul) {
        return Ok((x, factor));
    }
    let node = site.graph.producer(q);
    let (Op::Transpose(order), inner) = (node.op.clone(), node.inputs.first().copied()) else {
        return Ok((q, 1.0));
    };
    let inner = inner.and_then(|inner| with_number(site.graph, inner, Binary::Mul));
    match inner {
        Some((x, factor)) => Ok((site.transpose(x, &order)?, factor)),
        None => Ok((q, 1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    fn matmul(b: &mut Build, x: Value, y: Value) -> Value {
        let op = Op::MatMul {
            transpose_lhs: false,
            transpose_rhs: false,
        };
        b.op(op, &[x, y])
    }

    #[test]
    fn a_softmax_between_two_products_is_an_attention() {
        let mut b = Build::default();
        let (q, k, v) = (
            b.input(&[0, 2, 6, 4]),
            b.input(&[0, 2, 6, 4]),
            b.input(&[0, 2, 6, 4]),
        );
        let factor = b.number(0.5);
        let q = b.op(Op::Binary(Binary::Mul), &[q, factor]);
        let turned = b.op(Op::Transpose(vec![0, 1, 3, 2]), &[k]);
        let scores = matmul(&mut b, q, turned);
        let weights = b.op(Op::Softmax { axis: 3 }, &[scores]);
        let y = matmul(&mut b, weights, v);
        b.check(
            &[y],
            optimise,
            "Attention { scale: 0.5, masking: None } [s0, 2, 6, 4]",
        );
    }

    #[test]
    fn what_is_added_to_the_scores_is_a_bias() {
        let mut b = Build::default();
        let (q, k, v) = (
            b.input(&[0, 2, 6, 4]),
            b.input(&[0, 2, 4, 6]),
            b.input(&[0, 2, 6, 4]),
        );
        let bias = b.param(&[2, 6, 6]);
        let scores = matmul(&mut b, q, k);
        let scores = b.op(Op::Binary(Binary::Add), &[scores, bias]);
        let weights = b.op(Op::Softmax { axis: 3 }, &[scores]);
        let y = matmul(&mut b, weights, v);
        b.check(
            &[y],
            optimise,
            "Transpose([0, 1, 3, 2]) [s0, 2, 6, 4]\nReshape([1, 2, 6, 6]) [1, 2, 6, 6]\nAttention { scale: 1.0, masking: Added } [s0, 2, 6, 4]",
        );
    }
}
