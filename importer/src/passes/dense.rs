//! Dense layers: matrix products free of the reshapes and transposes around them, biases next to what they belong to.

use super::pattern::{either, is_weight};
use super::rule::{Rule, Site, apply};
use crate::error::Result;
use crate::ir::{Binary, Dim, Graph, Op, Value};

/// Products of tensors and matrices keep the tensor's rank; biases are added before a reshape that splits or squeezes;
/// transposes become attributes of the product.
///
/// # Errors
/// None on a graph that verifies.
pub fn dense(graph: &Graph) -> Result<Graph> {
    apply(graph, RULES)
}

/// The rules of [`dense`].
pub const RULES: &[Rule] = &[
    product_of_rank,
    bias_before_reshape,
    transposed_product,
    transposed_operands,
];

/// `reshape(matmul(reshape(x), w))` that only joins and splits leading axes is `matmul(x, w)`.
fn product_of_rank(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Reshape(dims) = site.op else {
        return Ok(None);
    };
    let product = site.graph.producer(site.inputs[0]);
    let Op::MatMul {
        transpose_lhs: false,
        ..
    } = product.op
    else {
        return Ok(None);
    };
    let (op, rows, matrix) = (product.op.clone(), product.inputs[0], product.inputs[1]);
    let Op::Reshape(_) = site.graph.producer(rows).op else {
        return Ok(None);
    };
    let x = site.graph.producer(rows).inputs[0];
    let (from, flat, to) = (site.dims(x), site.dims(rows), dims);
    let keeps_lead =
        from.len() == to.len() && from.len() > 1 && from[..from.len() - 1] == to[..to.len() - 1];
    let keeps_last_of_product = site.dims(site.inputs[0]).last() == to.last();
    let keeps_last = flat.last() == from.last();
    let is_matrix = site.graph.ty(matrix).rank() == Some(2) && flat.len() == 2;
    if !(keeps_last_of_product && is_matrix) {
        return Ok(None);
    }
    if keeps_lead && keeps_last {
        return site.push(op, &[x, matrix]).map(Some);
    }
    // The rows are made of something else: then they are made with the leading axes that they get later.
    let (Some((last, lead)), [rows, size]) = (to.split_last(), flat.as_slice()) else {
        return Ok(None);
    };
    let product = lead.iter().cloned().fold(Dim::known(1), |a, b| a * b);
    if lead.len() < 2 || product != *rows || last.as_known().is_none() {
        return Ok(None);
    }
    let x = site.reshape(x, &[lead, std::slice::from_ref(size)].concat())?;
    site.push(op, &[x, matrix]).map(Some)
}

/// `reshape(y) + bias`, where `y` is a layer's result and the bias spans what the reshape made of its last axis.
fn bias_before_reshape(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Binary(Binary::Add), &[a, b]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    let Some((reshaped, bias)) = either([a, b], |x, bias| is_bias(site.graph, x, bias)) else {
        return Ok(None);
    };
    if site.graph.ty(reshaped).dims() != site.ty.dims() {
        return Ok(None);
    }
    let y = site.graph.producer(reshaped).inputs[0];
    let Some(channels) = site.dims(y).last().cloned() else {
        return Ok(None);
    };
    let bias = site.reshape(bias, &[channels])?;
    let sum = site.push(Op::Binary(Binary::Add), &[y, bias])?;
    site.push(Op::Reshape(site.ty.dims().to_vec()), &[sum])
        .map(Some)
}

fn is_bias(graph: &Graph, reshaped: Value, bias: Value) -> Option<(Value, Value)> {
    let Op::Reshape(dims) = &graph.producer(reshaped).op else {
        return None;
    };
    let y = graph.producer(reshaped).inputs[0];
    let is_layer = matches!(
        graph.producer(y).op,
        Op::MatMul { .. } | Op::Conv(_) | Op::ConvTranspose { .. }
    );
    if !is_layer || !is_weight(graph, bias) {
        return None;
    }
    let given = graph.ty(bias).dims();
    let unit = given.iter().take_while(|dim| dim.is(1)).count();
    let given = &given[unit..];
    let elements = given.iter().cloned().fold(Dim::known(1), |a, b| a * b);
    let fits =
        !given.is_empty() && dims.ends_with(given) && graph.ty(y).dims().last() == Some(&elements);
    fits.then_some((reshaped, bias))
}

/// `(a b)ᵀ = bᵀ aᵀ`.
fn transposed_product(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Transpose(permutation) = site.op else {
        return Ok(None);
    };
    let product = site.graph.producer(site.inputs[0]);
    let Op::MatMul {
        transpose_lhs,
        transpose_rhs,
    } = product.op
    else {
        return Ok(None);
    };
    let (lhs, rhs) = (product.inputs[0], product.inputs[1]);
    let ranks = [lhs, rhs].map(|v| site.graph.ty(v).rank());
    if !is_swap(permutation)
        || ranks[0] != ranks[1]
        || !site.is_only_user(0)
        || is_weight(site.graph, rhs)
    {
        return Ok(None);
    }
    site.push(
        Op::MatMul {
            transpose_lhs: !transpose_rhs,
            transpose_rhs: !transpose_lhs,
        },
        &[rhs, lhs],
    )
    .map(Some)
}

/// A transpose of an operand that only swaps the matrix's axes becomes the attribute; where the attribute is set, it
/// goes into the transpose that is there anyway.
fn transposed_operands(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::MatMul {
        transpose_lhs,
        transpose_rhs,
    } = *site.op
    else {
        return Ok(None);
    };
    let (lhs, left) = operand(site, site.inputs[0], transpose_lhs)?;
    let (rhs, right) = operand(site, site.inputs[1], transpose_rhs)?;
    if [lhs, rhs] == *site.inputs {
        return Ok(None);
    }
    site.push(
        Op::MatMul {
            transpose_lhs: left,
            transpose_rhs: right,
        },
        &[lhs, rhs],
    )
    .map(Some)
}

fn operand(site: &mut Site<'_>, value: Value, transposed: bool) -> Result<(Value, bool)> {
    let node = site.graph.producer(value);
    let Op::Transpose(permutation) = &node.op else {
        return Ok((value, transposed));
    };
    let (x, mut permutation) = (node.inputs[0], permutation.clone());
    match (transposed, is_swap(&permutation)) {
        (_, true) => Ok((x, !transposed)),
        (false, false) => Ok((value, false)),
        (true, false) => {
            let rank = permutation.len();
            permutation.swap(rank - 2, rank - 1);
            Ok((site.transpose(x, &permutation)?, false))
        }
    }
}

/// Whether a permutation swaps the last two axes and no other.
fn is_swap(permutation: &[usize]) -> bool {
    let rank = permutation.len();
    let swapped = |(i, &axis): (usize, &usize)| match rank - i {
        2 => axis == i + 1,
        1 => axis + 1 == i,
        _ => axis == i,
    };
    rank > 1 && permutation.iter().enumerate().all(swapped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    const PRODUCT: Op = Op::MatMul {
        transpose_lhs: false,
        transpose_rhs: false,
    };

    #[test]
    fn a_dense_layer_on_rank_3_keeps_its_rank() {
        let mut b = Build::default();
        let x = b.input(&[0, 5, 8]);
        let (w, bias) = (b.param(&[8, 3]), b.param(&[3]));
        let rows = b.reshape(x, &[-1, 8]);
        let y = b.op(PRODUCT, &[rows, w]);
        let y = b.reshape(y, &[0, 5, 3]);
        let y = b.op(Op::Binary(Binary::Add), &[y, bias]);
        let expected = "
            MatMul { transpose_lhs: false, transpose_rhs: false } [s0, 5, 3]
            Binary(Add) [s0, 5, 3]";
        b.check(&[y], optimise, expected);
    }

    #[test]
    fn a_bias_of_heads_is_added_before_they_are_split() {
        let mut b = Build::default();
        let x = b.input(&[0, 5, 8]);
        let (w, bias) = (b.param(&[8, 2, 4]), b.param(&[2, 4]));
        let w = b.reshape(w, &[8, 8]);
        let y = b.op(PRODUCT, &[x, w]);
        let y = b.reshape(y, &[0, 5, 2, 4]);
        let y = b.op(Op::Binary(Binary::Add), &[y, bias]);
        let expected = "
            Reshape([8, 8]) [8, 8]
            MatMul { transpose_lhs: false, transpose_rhs: false } [s0, 5, 8]
            Reshape([8]) [8]
            Binary(Add) [s0, 5, 8]
            Reshape([s0, 5, 2, 4]) [s0, 5, 2, 4]";
        b.check(&[y], optimise, expected);
    }

    #[test]
    fn a_transposed_product_swaps_its_operands() {
        let mut b = Build::default();
        let (x, y) = (b.input(&[0, 5, 8]), b.input(&[0, 7, 8]));
        let swapped = b.op(Op::Transpose(vec![0, 2, 1]), &[y]);
        let product = b.op(PRODUCT, &[x, swapped]);
        let z = b.op(Op::Transpose(vec![0, 2, 1]), &[product]);
        b.check(
            &[z],
            optimise,
            "MatMul { transpose_lhs: false, transpose_rhs: true } [s0, 7, 5]",
        );
    }
}
