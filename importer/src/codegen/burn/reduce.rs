//! Ops that combine elements along axes.

use super::super::operand::{Arg, Body};
use super::super::rust::Expr;
use super::elementwise::converted;
use super::movement::squeezed;
use super::op::{rank_of, support};
use super::sizes;
use crate::error::Result;
use crate::ir::{DType, Extreme, Reduction};

/// burn's reductions keep their axes; those that go are squeezed out.
pub fn reduce(body: &mut Body, x: &Arg, op: Reduction, axes: &[usize], keep: bool) -> Result<Expr> {
    let rank = match axes {
        [] => return Ok(x.value(body)),
        _ => rank_of(x)?,
    };
    let name = match op {
        Reduction::Sum => "sum",
        Reduction::Mean => "mean",
        Reduction::Product => "prod",
        Reduction::Max => "max",
        Reduction::Min => "min",
        Reduction::All => "all",
        Reduction::Any => "any",
    };
    let x = x.value(body);
    if axes.len() == rank && (!keep || rank == 1) {
        return Ok(x.call_method(name, []));
    }
    let reduced = match axes {
        [axis] => x.call_method(format!("{name}_dim"), [Expr::size(*axis)]),
        axes if matches!(op, Reduction::All | Reduction::Any) => axes.iter().fold(x, |x, axis| {
            x.call_method(format!("{name}_dim"), [Expr::size(*axis)])
        }),
        axes => x.call_method(format!("{name}_dims"), [sizes(axes).by_ref()]),
    };
    Ok(if keep {
        reduced
    } else {
        squeezed(reduced, rank, axes)
    })
}

/// `x.argmax(axis)`, in the element type that TensorFlow gives.
pub fn arg_reduce(
    body: &mut Body,
    x: &Arg,
    op: Extreme,
    axis: usize,
    dtype: DType,
) -> Result<Expr> {
    let rank = rank_of(x)?;
    let name = match op {
        Extreme::Max => "argmax",
        Extreme::Min => "argmin",
    };
    let index = x.value(body).call_method(name, [Expr::size(axis)]);
    let index = if rank == 1 {
        index
    } else {
        squeezed(index, rank, &[axis])
    };
    Ok(converted(body, index, dtype))
}

/// A running sum or product.
pub fn cumulative(
    body: &mut Body,
    x: &Arg,
    op: Reduction,
    axis: usize,
    (exclusive, reverse): (bool, bool),
) -> Result<Expr> {
    let name = match op {
        Reduction::Product => "cumprod",
        Reduction::Sum
        | Reduction::Mean
        | Reduction::Max
        | Reduction::Min
        | Reduction::All
        | Reduction::Any => "cumsum",
    };
    if !exclusive && !reverse {
        return Ok(x.value(body).call_method(name, [Expr::size(axis)]));
    }
    let rest = [Expr::size(axis), Expr::bool(exclusive), Expr::bool(reverse)];
    Ok(support(body, &format!("scan::{name}"), &[x], rest))
}

/// A matrix on the right of more axes is a linear map of the last one.
pub fn matmul(
    body: &mut Body,
    x: &Arg,
    y: &Arg,
    (transpose_x, transpose_y): (bool, bool),
) -> Result<Expr> {
    let turned = |value: Expr, turn: bool| {
        if turn {
            value.call_method("transpose", [])
        } else {
            value
        }
    };
    let (rank_x, rank_y) = (rank_of(x)?, rank_of(y)?);
    if rank_x > 2 && rank_y == 2 && !transpose_x && x.ty.dtype.is_float() {
        let linear = body.using("burn::tensor::module::linear");
        let operands = [
            x.value(body),
            turned(y.value(body), transpose_y),
            Expr::path("None"),
        ];
        return Ok(Expr::call(linear, operands));
    }
    let common = Some(rank_x.max(rank_y));
    let x = turned(x.lifted(body, common), transpose_x);
    Ok(x.call_method("matmul", [turned(y.lifted(body, common), transpose_y)]))
}
