//! Ops that move elements in burn's words.

use super::super::operand::{Arg, Body};
use super::super::rust::Expr;
use super::{shape, sizes};
use crate::ir::Dim;

pub fn reshape(body: &mut Body, x: &Arg, dims: &[Dim]) -> Expr {
    let value = x.value(body);
    let from = x.ty.dims();
    let is_new = |axis: usize| {
        dims[axis].is(1) && dims[..axis] == from[..axis] && dims[axis + 1..] == from[axis..]
    };
    let has_one_more = !from.is_empty() && dims.len() == from.len() + 1;
    match (x.ty.rank(), dims.len()) {
        (Some(0), 0) => value,
        _ => match (0..dims.len()).find(|&axis| has_one_more && is_new(axis)) {
            Some(axis) => value.call_method(
                format!("unsqueeze_dim::<{}>", dims.len()),
                [Expr::size(axis)],
            ),
            None => value.call_method("reshape", [shape(body, dims)]),
        },
    }
}

pub fn transpose(body: &mut Body, x: &Arg, permutation: &[usize]) -> Expr {
    let moved: Vec<usize> = (0..permutation.len())
        .filter(|&i| permutation[i] != i)
        .collect();
    let value = x.value(body);
    match moved.as_slice() {
        [] => value,
        [_, _] if permutation.len() == 2 => value.call_method("transpose", []),
        [a, b] => value.call_method("swap_dims", [Expr::size(*a), Expr::size(*b)]),
        _ => value.call_method("permute", [sizes(permutation)]),
    }
}

/// `value` without axes of extent 1, of which it had `rank`.
pub fn squeezed(value: Expr, rank: usize, axes: &[usize]) -> Expr {
    let left = rank.saturating_sub(axes.len()).max(1);
    match axes {
        [] => value,
        _ if rank == axes.len() => value.call_method("reshape", [Expr::array([Expr::int(1)])]),
        [axis] => value.call_method(format!("squeeze_dim::<{left}>"), [Expr::size(*axis)]),
        axes => value.call_method(format!("squeeze_dims::<{left}>"), [sizes(axes).by_ref()]),
    }
}
