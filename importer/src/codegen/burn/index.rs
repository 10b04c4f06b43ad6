//! Ops that move, take or place elements.

use super::super::operand::{Arg, Body};
use super::super::rust::Expr;
use super::elementwise::converted;
use super::movement::squeezed;
use super::op::{rank_of, support};
use super::{as_i64, associated, known_rank, number, options, shape};
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, Join, PadMode, SliceAxis, Type};

/// `x.slice_dim(1, 0..4)` for each axis that is not taken whole.
pub fn slice(body: &mut Body, x: &Arg, axes: &[SliceAxis]) -> Expr {
    let mut value = x.value(body);
    for (axis, part) in axes
        .iter()
        .enumerate()
        .filter(|(i, part)| !part.is_whole(x.ty.dims().get(*i)))
    {
        let range = match part.step {
            1 => Expr::range(
                Some(body.extent(&part.start)),
                Some(end(body, &part.start, &part.length)),
            ),
            step => strided(body, part, step),
        };
        value = value.call_method("slice_dim", [Expr::size(axis), range]);
    }
    value
}

/// `start + length`, in fewer words where the sum is simpler than its parts.
fn end(body: &Body, start: &Dim, length: &Dim) -> Expr {
    let sum = start.clone() + length.clone();
    let mut can_be_spelt = true;
    sum.visit_symbols(&mut |symbol| can_be_spelt &= body.name_of(&Dim::symbol(symbol)).is_some());
    match can_be_spelt || start.is(0) {
        true => body.extent(&sum),
        false => body.extent(start) + body.extent(length),
    }
}

/// `Slice::new(start, Some(end), step)`.
fn strided(body: &mut Body, part: &SliceAxis, step: usize) -> Expr {
    body.using("burn::tensor::Slice");
    let signed = |extent: Expr| match extent.to_string().parse::<i64>() {
        Ok(number) => Expr::int(number),
        Err(_) => extent.cast("isize"),
    };
    let reach = part.length.clone() * Dim::known(step as i64);
    let (start, end) = (
        signed(body.extent(&part.start)),
        signed(end(body, &part.start, &reach)),
    );
    Expr::call(
        "Slice::new",
        [start, Expr::call("Some", [end]), Expr::size(step)],
    )
}

/// Padding of all axes.
pub fn pad(body: &mut Body, args: &[Arg], widths: &[(Dim, Dim)], mode: PadMode) -> Result<Expr> {
    let x = args
        .first()
        .ok_or_else(|| Error::internal("padding of nothing"))?;
    let pair =
        |body: &Body, (low, high): &(Dim, Dim)| Expr::tuple([body.extent(low), body.extent(high)]);
    let pairs = |body: &Body, widths: &[(Dim, Dim)]| {
        Expr::array(
            widths
                .iter()
                .map(|width| pair(body, width))
                .collect::<Vec<_>>(),
        )
    };
    let function = match mode {
        PadMode::Constant => {
            let fill = args.get(1).and_then(Arg::splat);
            let fill =
                fill.ok_or_else(|| Error::unsupported("padding with a value that is no constant"))?;
            let untouched = widths
                .iter()
                .take_while(|(low, high)| low.is(0) && high.is(0))
                .count();
            let pairs = pairs(
                body,
                &widths[untouched.min(widths.len().saturating_sub(1))..],
            );
            return Ok(as_numbers(body, x, |body, x| {
                body.using("burn::tensor::ops::PadMode");
                let fill = match number(fill, DType::F32).to_string().as_str() {
                    text if text.contains("::") || text.contains('.') || text.contains('e') => {
                        number(fill, DType::F32)
                    }
                    _ => Expr::f32(fill as f32),
                };
                x.call_method("pad", [pairs, Expr::call("PadMode::Constant", [fill])])
            }));
        }
        PadMode::Reflect => "pad::reflect_pad",
        PadMode::Symmetric => "pad::symmetric_pad",
    };
    let pairs = pairs(body, widths);
    Ok(support(body, function, &[x], [pairs]))
}

/// Applies what burn does to numbers only; truth values make a detour.
fn as_numbers(body: &mut Body, x: &Arg, f: impl FnOnce(&mut Body, Expr) -> Expr) -> Expr {
    let value = x.value(body);
    match x.ty.dtype {
        DType::Bool => f(body, value.call_method("int", [])).call_method("bool", []),
        _ => f(body, value),
    }
}

/// `x.select(axis, indices)`, `x.take(…)`, or the support code's function for batches.
pub fn gather(
    body: &mut Body,
    x: &Arg,
    indices: &Arg,
    (axis, batch_dims): (usize, usize),
    result: &Type,
) -> Result<Expr> {
    let (from, by, to) = (rank_of(x)?, rank_of(indices)?, known_rank(result)?);
    if let (Some(index), Some(0), 0) = (indices.splat(), indices.ty.rank(), batch_dims) {
        let range = Expr::range(
            Some(Expr::int(index as i64)),
            Some(Expr::int(index as i64 + 1)),
        );
        let one = x
            .value(body)
            .call_method("slice_dim", [Expr::size(axis), range]);
        return Ok(squeezed(one, from, &[axis]));
    }
    let is_scalar = indices.ty.rank() == Some(0);
    let is_bool = x.ty.dtype == DType::Bool;
    Ok(match (batch_dims, by) {
        (0, 1) => {
            let taken = as_numbers(body, x, |body, x| {
                x.call_method("select", [Expr::size(axis), indices.value(body)])
            });
            if is_scalar {
                squeezed(taken, from, &[axis])
            } else {
                taken
            }
        }
        (0, by) => as_numbers(body, x, |body, x| {
            x.call_method(
                format!("take::<{by}, {to}>"),
                [Expr::size(axis), indices.value(body)],
            )
        }),
        (_, by) => {
            let function = body.support("gather::gather");
            let x = x.value(body);
            let x = if is_bool { x.call_method("int", []) } else { x };
            let args = [
                x,
                indices.value(body),
                Expr::size(axis),
                Expr::size(batch_dims),
            ];
            let taken = Expr::call(format!("{function}::<{from}, {by}, {to}, _>"), args);
            if is_bool {
                taken.call_method("bool", [])
            } else {
                taken
            }
        }
    })
}

/// `x.gather_nd(indices)`, or the support code's function for batches.
pub fn gather_nd(
    body: &mut Body,
    x: &Arg,
    indices: &Arg,
    batch_dims: usize,
    result: &Type,
) -> Result<Expr> {
    let (from, to) = (rank_of(x)?, known_rank(result)?);
    let by = if result.rank() == Some(0) {
        2
    } else {
        rank_of(indices)?
    };
    let function = (batch_dims > 0).then(|| body.support("gather::gather_nd"));
    Ok(as_numbers(body, x, |body, x| {
        let indices = indices.lifted(body, Some(by));
        match function {
            None => x.call_method(format!("gather_nd::<{by}, {to}>"), [indices]),
            Some(function) => Expr::call(
                format!("{function}::<{from}, {by}, {to}, _>"),
                [x, indices, Expr::size(batch_dims)],
            ),
        }
    }))
}

/// `Tensor::zeros(shape, options).scatter_nd(indices, updates, IndexingUpdateOp::Add)`.
pub fn scatter_nd(body: &mut Body, indices: &Arg, updates: &Arg, dims: &[Dim]) -> Result<Expr> {
    body.using("burn::tensor::IndexingUpdateOp");
    let element = updates.ty.dtype;
    let zeros = associated(body, dims.len().max(1), element, "zeros");
    let options = options(body, element);
    let zeros = Expr::call(zeros, [shape(body, dims), options]);
    let (by, values) = match indices.ty.rank() {
        Some(1) => (2, updates.ty.rank().map(|rank| rank + 1)),
        _ => (rank_of(indices)?, Some(rank_of(updates)?)),
    };
    let operands = [
        indices.lifted(body, Some(by)),
        updates.lifted(body, values),
        Expr::path("IndexingUpdateOp::Add"),
    ];
    Ok(zeros.call_method("scatter_nd", operands))
}

/// `x.scatter_nd(indices, updates, IndexingUpdateOp::Assign)`, or the support code's function where equal numbers share
/// the gradient.
pub fn scatter(body: &mut Body, [x, indices, updates]: [&Arg; 3], join: Join) -> Result<Expr> {
    body.using("burn::tensor::IndexingUpdateOp");
    let (by, values) = match indices.ty.rank() {
        Some(1) => (2, updates.ty.rank().map(|rank| rank + 1)),
        _ => (rank_of(indices)?, Some(rank_of(updates)?)),
    };
    let update = match join {
        Join::Update => "Assign",
        Join::Max => "Max",
        Join::Min => "Min",
        Join::Product => "Mul",
    };
    let update = Expr::path(format!("IndexingUpdateOp::{update}"));
    if matches!(join, Join::Max | Join::Min) && x.ty.dtype.is_float() {
        let function = body.support("scatter::extremes");
        let operands = [
            x.value(body),
            indices.lifted(body, Some(by)),
            updates.lifted(body, values),
            update,
        ];
        return Ok(Expr::call(function, operands));
    }
    let is_bool = x.ty.dtype == DType::Bool;
    let updates = updates.lifted(body, values);
    let updates = if is_bool {
        updates.call_method("int", [])
    } else {
        updates
    };
    Ok(as_numbers(body, x, |body, x| {
        let indices = indices.lifted(body, Some(by));
        x.call_method("scatter_nd", [indices, updates, update])
    }))
}

/// `one_hot(indices, depth, axis)` as numbers.
pub fn one_hot(
    body: &mut Body,
    [indices, on, off]: [&Arg; 3],
    depth: &Dim,
    axis: usize,
    result: &Type,
) -> Result<Expr> {
    let (from, to) = (rank_of(indices)?, known_rank(result)?);
    let function = body.support("one_hot::one_hot");
    let args = [indices.value(body), body.extent(depth), Expr::size(axis)];
    let mut mask = Expr::call(format!("{function}::<{from}, {}>", from + 1), args);
    if to != from + 1 {
        mask = mask.call_method("reshape", [Expr::array([body.extent(depth)])]);
    }
    Ok(match (on.splat(), off.splat(), result.dtype) {
        (Some(1.0), Some(0.0), DType::Bool) => mask,
        (Some(1.0), Some(0.0), element) => converted(body, mask, element),
        (_, _, DType::Bool) => {
            return Err(Error::unsupported("a one-hot mask of other truth values"));
        }
        (_, _, _) => {
            let choose = body.support("one_hot::choose");
            Expr::call(choose, [mask, on.value(body), off.value(body)])
        }
    })
}

/// `top_k(x, k)`.
pub fn top_k(body: &mut Body, x: &Arg, k: &Dim) -> Result<Expr> {
    let last = rank_of(x)?;
    let k = body.extent(k);
    match last {
        0 => Err(Error::malformed("the largest elements of a scalar")),
        _ => Ok(support(body, "top_k::top_k", &[x], [k])),
    }
}

/// `Tensor::arange(0..n, options) * step + start`.
pub fn range(body: &mut Body, start: &Arg, step: &Arg, length: &Dim, result: &Type) -> Expr {
    let element = result.dtype;
    let counted = if element.is_float() {
        DType::I64
    } else {
        element
    };
    let arange = associated(body, 1, counted, "arange");
    let options = options(body, counted);
    let end = as_i64(body.extent(length));
    let mut value = Expr::call(
        arange,
        [Expr::range(Some(Expr::int(0)), Some(end)), options],
    );
    if element.is_float() {
        value = converted(body, value, element);
    }
    match step.splat() {
        Some(1.0) => {}
        Some(step) => value = value * number(step, element),
        None => value = value * step.value(body),
    }
    match start.splat() {
        Some(0.0) => value,
        Some(start) => value + number(start, element),
        None => value + start.value(body),
    }
}
