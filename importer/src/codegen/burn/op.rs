//! Ops in burn's words: methods where burn has them, else functions of the support code.

use super::super::operand::{Arg, Body, attention, attention_scale, fourier, linear, special};
use super::super::recurrent;
use super::super::rust::Expr;
use super::elementwise::{binary, cast, clamp, compare, select, unary};
use super::movement::{reshape, transpose};
use super::{aligned, index, known_rank, reduce, shape, sizes, spatial};
use crate::error::{Error, Result};
use crate::ir::{Fourier, Linear, Op, Type};

/// The value of an op as an expression: a tensor, or a tuple of tensors.
///
/// # Errors
/// When burn has no such op and the support code neither.
pub fn op(body: &mut Body, op: &Op, args: &[Arg], results: &[Type]) -> Result<Expr> {
    if super::host::moves_strings(op, args) {
        return super::host::moved(body, op, args);
    }
    let malformed = || Error::internal("an op without its operands or results");
    let operand = |index: usize| args.get(index).ok_or_else(malformed);
    let result = results.first().ok_or_else(malformed)?;
    Ok(match op {
        Op::Unary(unary) => self::unary(body, *unary, operand(0)?),
        Op::Binary(binary) => self::binary(body, *binary, operand(0)?, operand(1)?),
        Op::Compare(comparison) => compare(body, *comparison, operand(0)?, operand(1)?),
        Op::Select => select(body, operand(0)?, operand(1)?, operand(2)?),
        Op::Clamp { low, high } => clamp(body, operand(0)?, *low, *high),
        Op::Cast(to) => cast(body, operand(0)?, *to),
        Op::Reshape(dims) => reshape(body, operand(0)?, dims),
        Op::Transpose(permutation) => transpose(body, operand(0)?, permutation),
        Op::Broadcast(dims) => {
            let x = operand(0)?.value(body);
            x.call_method("expand", [shape(body, dims)])
        }
        Op::Slice(axes) => index::slice(body, operand(0)?, axes),
        Op::Concat { axis } => {
            let parts: Vec<Expr> = args.iter().map(|arg| arg.value(body)).collect();
            body.using("burn::tensor::Tensor");
            Expr::call("Tensor::cat", [Expr::vec(parts), Expr::size(*axis)])
        }
        Op::Pad { widths, mode } => index::pad(body, args, widths, *mode)?,
        Op::Reverse { axes } => operand(0)?.value(body).call_method("flip", [sizes(axes)]),
        Op::Tile(multiples) => match multiples.as_slice() {
            [] => operand(0)?.value(body),
            multiples => operand(0)?
                .value(body)
                .call_method("repeat", [shape(body, multiples).by_ref()]),
        },
        Op::Gather { axis, batch_dims } => {
            index::gather(body, operand(0)?, operand(1)?, (*axis, *batch_dims), result)?
        }
        Op::GatherNd { batch_dims } => {
            index::gather_nd(body, operand(0)?, operand(1)?, *batch_dims, result)?
        }
        Op::ScatterNd { shape } => index::scatter_nd(body, operand(0)?, operand(1)?, shape)?,
        Op::Scatter { join } => {
            index::scatter(body, [operand(0)?, operand(1)?, operand(2)?], *join)?
        }
        Op::OneHot { depth, axis } => index::one_hot(
            body,
            [operand(0)?, operand(1)?, operand(2)?],
            depth,
            *axis,
            result,
        )?,
        Op::TopK { k } => index::top_k(body, operand(0)?, k)?,
        Op::Range { length } => index::range(body, operand(0)?, operand(1)?, length, result),
        Op::Reduce { op, axes, keep } => reduce::reduce(body, operand(0)?, *op, axes, *keep)?,
        Op::ArgReduce { op, axis, dtype } => {
            reduce::arg_reduce(body, operand(0)?, *op, *axis, *dtype)?
        }
        Op::Cumulative {
            op,
            axis,
            exclusive,
            reverse,
        } => reduce::cumulative(body, operand(0)?, *op, *axis, (*exclusive, *reverse))?,
        Op::Softmax { axis } => activation(body, "softmax", operand(0)?, [Expr::size(*axis)]),
        Op::LogSoftmax { axis } => {
            activation(body, "log_softmax", operand(0)?, [Expr::size(*axis)])
        }
        Op::MatMul {
            transpose_lhs,
            transpose_rhs,
        } => reduce::matmul(
            body,
            operand(0)?,
            operand(1)?,
            (*transpose_lhs, *transpose_rhs),
        )?,
        Op::Linear(op) => linear_algebra(body, *op, args, results)?,
        Op::Fourier(transform) => {
            let args: Vec<&Arg> = args.iter().collect();
            let length = match transform {
                Fourier::ToReal(length) => Some(body.extent(length)),
                Fourier::Forward | Fourier::Inverse | Fourier::OfReal => None,
            };
            called(body, fourier(transform), &args, length)
        }
        Op::Special(function) => {
            let args: Vec<&Arg> = args.iter().collect();
            support(body, special(*function), &args, [])
        }
        Op::Bound {
            entry,
            extent,
            least,
        } => {
            let extent = body.extent(extent);
            let rest = [Expr::size(*entry), extent, Expr::int(*least)];
            support(body, "extents::bound", &[operand(0)?], rest)
        }
        Op::Conv(conv) => spatial::convolution(body, operand(0)?, operand(1)?, conv)?,
        Op::ConvTranspose { conv, output } => {
            spatial::transposed(body, operand(0)?, operand(1)?, conv, output)?
        }
        Op::Pool {
            op,
            window,
            strides,
            padding,
            channels,
        } => spatial::pool(
            body,
            operand(0)?,
            *op,
            (window, strides, padding),
            *channels,
        )?,
        Op::Resize {
            mode,
            size,
            channels,
        } => spatial::resize(body, operand(0)?, *mode, size, *channels),
        Op::BatchNorm {
            epsilon,
            scale,
            offset,
            channels,
        } => {
            operand(2)?;
            spatial::batch_norm(body, args, *epsilon, [*scale, *offset], *channels)?
        }
        Op::LayerNorm {
            axes,
            epsilon,
            scale,
            offset,
        } => {
            operand(0)?;
            spatial::layer_norm(body, args, *axes, *epsilon, [*scale, *offset])?
        }
        Op::Recurrent { recurrence, pass } => {
            recurrent::op(body, recurrence, pass, args, &|arg, body| arg.value(body))?
        }
        Op::RotateHalf => {
            let function = body.support("attention::rotate_half");
            Expr::call(function, [operand(0)?.value(body)])
        }
        Op::FromEnd(extent) => {
            let function = body.support("gather::from_end");
            let x = operand(0)?.value(body);
            Expr::call(function, [x, Expr::size(*extent)])
        }
        Op::Attention { scale, masking } => {
            operand(2)?;
            let function = body.support(attention(*masking));
            let scale = attention_scale(*scale, args);
            let operands: Vec<Expr> = args.iter().map(|arg| arg.value(body)).collect();
            Expr::call(function, operands.into_iter().chain([scale]))
        }
        Op::RmsNorm { epsilon, .. } => {
            let function = body.support("math::rms_norm");
            let operands: Vec<Expr> = args.iter().map(|arg| arg.value(body)).collect();
            match operands.as_slice() {
                [x] => Expr::call(function, [x.clone(), Expr::f64(*epsilon)]),
                [x, scale] => {
                    let scale = scale.clone().call_method("unsqueeze", []);
                    Expr::call(function, [x.clone(), Expr::f64(*epsilon)]) * scale
                }
                _ => return Err(Error::internal("a norm without operands")),
            }
        }
        Op::Host(host) => super::host::call(body, host, args, results),
        Op::If { .. } | Op::Loop(_) => {
            return Err(Error::internal("a region is no expression"));
        }
        Op::Dropout { .. } | Op::ReadExtents(_) => operand(0)?.value(body),
        Op::Input(_) | Op::Param(_) | Op::Constant(_) | Op::Extents { .. } => {
            return Err(Error::internal("a source among a method's steps"));
        }
    })
}

/// `linalg::eigen::<3, 2>(x)`: the rank of a result that is no matrix follows that of the operand.
fn linear_algebra(body: &mut Body, op: Linear, args: &[Arg], results: &[Type]) -> Result<Expr> {
    let (path, flag) = linear(op);
    let first = args
        .first()
        .ok_or_else(|| Error::internal("an op without operands"))?;
    let other = match op {
        Linear::Determinant | Linear::LogDeterminant | Linear::Eigen | Linear::Svd { .. } => {
            results.first()
        }
        Linear::Lu => results.get(1),
        Linear::Inverse
        | Linear::Solve
        | Linear::TriangularSolve { .. }
        | Linear::Cholesky
        | Linear::Qr { .. } => None,
    };
    let mut function = body.support(path);
    if let Some(other) = other {
        function = format!("{function}::<{}, {}>", rank_of(first)?, known_rank(other)?);
    }
    let args: Vec<&Arg> = args.iter().collect();
    let args = aligned(body, &args).into_iter();
    Ok(Expr::call(
        function,
        args.chain(flag.map(Expr::bool)).collect::<Vec<_>>(),
    ))
}

/// `function(x, …)`, perhaps with an extent.
fn called(body: &mut Body, path: &str, args: &[&Arg], last: Option<Expr>) -> Expr {
    match last {
        Some(last) => support(body, path, args, [last]),
        None => support(body, path, args, []),
    }
}

/// `function(x, rest…)` of the support code.
pub fn support<const N: usize>(
    body: &mut Body,
    path: &str,
    args: &[&Arg],
    rest: [Expr; N],
) -> Expr {
    let function = body.support(path);
    let args: Vec<Expr> = aligned(body, args).into_iter().chain(rest).collect();
    Expr::call(function, args)
}

/// `activation::name(x, rest…)`.
pub fn activation<const N: usize>(body: &mut Body, name: &str, x: &Arg, rest: [Expr; N]) -> Expr {
    let module = body.using("burn::tensor::activation");
    let x = x.value(body);
    Expr::call(format!("{module}::{name}"), std::iter::once(x).chain(rest))
}

/// The rank of an operand, which an op that changes it needs.
pub fn rank_of(arg: &Arg) -> Result<usize> {
    known_rank(&arg.ty)
}
