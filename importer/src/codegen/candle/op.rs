//! Ops in candle's words: methods where candle has them, else functions of the support code.

use super::super::operand::{Arg, Body, attention, attention_scale, fourier, linear, special};
use super::super::recurrent;
use super::super::rust::Expr;
use super::elementwise::{self, cast, clamp, compare};
use super::spatial::{batch_norm, convolution, pool, resize, transposed};
use super::{Slots, dtype};
use crate::error::{Error, Result};
use crate::ir::{Dim, Extreme, Fourier, Join, Op, PadMode, Reduction, SliceAxis, Type};

/// The value of an op as an expression: a `Tensor`, or a tuple of tensors.
///
/// # Errors
/// When candle has no such op and the support code neither.
pub fn op(body: &mut Body, op: &Op, args: &[Arg], results: &[Type]) -> Result<Expr> {
    if super::host::moves_strings(op, args) {
        return super::host::moved(body, op, args);
    }
    let x = args.first();
    let first = || x.ok_or_else(|| Error::internal("an op without operands"));
    Ok(match op {
        Op::Unary(unary) => elementwise::unary(body, *unary, first()?),
        Op::Binary(binary) => elementwise::binary(body, *binary, &args[0], &args[1]),
        Op::Compare(comparison) => compare(body, *comparison, &args[0], &args[1]),
        Op::Select => support(body, "binary::select", args, []),
        Op::Clamp { low, high } => clamp(body, first()?, *low, *high),
        Op::Cast(to) => cast(body, first()?, *to),
        Op::Reshape(dims) => {
            let dims = extents(body, dims);
            first()?
                .receiver(body)
                .call_method("reshape", [Expr::shape(dims)])
                .tried()
        }
        Op::Transpose(permutation) => transpose(body, first()?, permutation),
        Op::Broadcast(dims) => {
            let dims = extents(body, dims);
            first()?
                .receiver(body)
                .call_method("broadcast_as", [Expr::shape(dims)])
                .tried()
        }
        Op::Slice(axes) => slice(body, first()?, axes),
        Op::Concat { axis } => {
            body.using("candle_core::Tensor");
            let parts: Vec<Expr> = args.iter().map(|arg| arg.reference(body)).collect();
            Expr::call(
                "Tensor::cat",
                [Expr::array(parts).by_ref(), Expr::size(*axis)],
            )
            .tried()
        }
        Op::Pad { widths, mode } => pad(body, args, widths, *mode),
        Op::Reverse { axes } => support(body, "pad::reverse", args, [sizes(axes).by_ref()]),
        Op::Tile(multiples) => {
            let multiples = extents(body, multiples);
            first()?
                .receiver(body)
                .call_method("repeat", [Expr::shape(multiples)])
                .tried()
        }
        Op::Gather { axis, batch_dims } => support(
            body,
            "gather::gather",
            args,
            [Expr::size(*axis), Expr::size(*batch_dims)],
        ),
        Op::GatherNd { batch_dims } => {
            support(body, "gather::gather_nd", args, [Expr::size(*batch_dims)])
        }
        Op::ScatterNd { shape } => {
            let shape = Expr::array(extents(body, shape)).by_ref();
            support(body, "gather::scatter_nd", args, [shape])
        }
        Op::Scatter { join } => {
            let ty = body.support("gather::Join");
            let join = match join {
                Join::Update => "Update",
                Join::Max => "Max",
                Join::Min => "Min",
                Join::Product => "Product",
            };
            let join = Expr::path(format!("{ty}::{join}"));
            support(body, "gather::scatter", args, [join])
        }
        Op::OneHot { depth, axis } => {
            let function = body.support("gather::one_hot");
            let (on, off) = (args[1].reference(body), args[2].reference(body));
            let args = [
                args[0].reference(body),
                body.extent(depth),
                on,
                off,
                Expr::size(*axis),
            ];
            Expr::call(function, args).tried()
        }
        Op::TopK { k } => {
            let k = body.extent(k);
            support(body, "gather::top_k", args, [k])
        }
        Op::Range { length } => range(body, args, length),
        Op::Reduce { op, axes, keep } => reduce(body, first()?, *op, axes, *keep),
        Op::ArgReduce { op, axis, .. } => {
            let name = match op {
                Extreme::Max => "reduce::argmax",
                Extreme::Min => "reduce::argmin",
            };
            support(body, name, args, [Expr::size(*axis)])
        }
        Op::Cumulative {
            op,
            axis,
            exclusive,
            reverse,
        } => {
            let name = match op {
                Reduction::Product => "cumulative::cumprod",
                Reduction::Sum
                | Reduction::Mean
                | Reduction::Max
                | Reduction::Min
                | Reduction::All
                | Reduction::Any => "cumulative::cumsum",
            };
            support(
                body,
                name,
                args,
                [
                    Expr::size(*axis),
                    Expr::bool(*exclusive),
                    Expr::bool(*reverse),
                ],
            )
        }
        Op::Softmax { axis } => support(body, "softmax::softmax", args, [Expr::size(*axis)]),
        Op::LogSoftmax { axis } => support(body, "softmax::log_softmax", args, [Expr::size(*axis)]),
        Op::MatMul {
            transpose_lhs,
            transpose_rhs,
        } => matmul(body, args, *transpose_lhs, *transpose_rhs),
        Op::Linear(op) => match linear(*op) {
            (function, None) => support(body, function, args, []),
            (function, Some(flag)) => support(body, function, args, [Expr::bool(flag)]),
        },
        Op::Fourier(Fourier::ToReal(length)) => {
            let length = body.extent(length);
            support(body, "fourier::irfft", args, [length])
        }
        Op::Fourier(transform) => support(body, fourier(transform), args, []),
        Op::Special(function) => support(body, special(*function), args, []),
        Op::Bound {
            entry,
            extent,
            least,
        } => {
            let extent = body.extent(extent);
            let rest = [Expr::size(*entry), extent, Expr::int(*least)];
            support(body, "extents::bound", args, rest)
        }
        Op::Conv(conv) => convolution(body, args, conv)?,
        Op::ConvTranspose { conv, output } => transposed(body, args, conv, output)?,
        Op::Pool {
            op,
            window,
            strides,
            padding,
            ..
        } => pool(body, first()?, *op, window, strides, padding)?,
        Op::Resize { mode, size, .. } => resize(body, first()?, *mode, size),
        Op::BatchNorm {
            epsilon,
            scale,
            offset,
            channels,
        } => batch_norm(body, args, *epsilon, (*scale, *offset), *channels)?,
        Op::LayerNorm {
            axes,
            epsilon,
            scale,
            offset,
        } => {
            let function = body.support("layer_norm::layer_norm_over");
            let [weight, bias] = optional(body, &args[1..], [*scale, *offset]);
            let x = first()?.reference(body);
            Expr::call(
                function,
                [x, Expr::size(*axes), weight, bias, Expr::f64(*epsilon)],
            )
            .tried()
        }
        Op::Recurrent { recurrence, pass } => {
            recurrent::op(body, recurrence, pass, args, &|arg, body| {
                arg.reference(body)
            })?
            .tried()
        }
        Op::RotateHalf => support(body, "attention::rotate_half", args, []),
        Op::FromEnd(extent) => support(body, "gather::from_end", args, [Expr::size(*extent)]),
        Op::Attention { scale, masking } => {
            let scale = attention_scale(*scale, args);
            support(body, attention(*masking), args, [scale])
        }
        Op::RmsNorm { epsilon, scale } => {
            let function = body.support("layer_norm::rms_norm_op");
            let [weight, _] = optional(body, &args[1..], [*scale, false]);
            let x = first()?.reference(body);
            Expr::call(function, [x, weight, Expr::f64(*epsilon)]).tried()
        }
        Op::Host(host) => super::host::call(body, host, args, results),
        Op::If { .. } | Op::Loop(_) => {
            return Err(Error::internal("a region is no expression"));
        }
        Op::Dropout { .. } | Op::ReadExtents(_) => first()?.owned(body),
        Op::Input(_) | Op::Param(_) | Op::Constant(_) | Op::Extents { .. } => {
            return Err(Error::internal("a source among a method's steps"));
        }
    })
}

/// `function(&x, &y, …, rest…)?` of the support code.
pub(super) fn support<const N: usize>(
    body: &mut Body,
    path: &str,
    args: &[Arg],
    rest: [Expr; N],
) -> Expr {
    let function = body.support(path);
    let args: Vec<Expr> = args
        .iter()
        .map(|arg| arg.reference(body))
        .chain(rest)
        .collect();
    Expr::call(function, args).tried()
}

pub(super) fn method(body: &mut Body, x: &Arg, name: &str) -> Expr {
    x.receiver(body).call_method(name, []).tried()
}

pub(super) fn extents(body: &Body, dims: &[Dim]) -> Vec<Expr> {
    dims.iter().map(|dim| body.extent(dim)).collect()
}

pub(super) fn sizes(sizes: &[usize]) -> Expr {
    Expr::array(sizes.iter().map(|&size| Expr::size(size)))
}

fn transpose(body: &mut Body, x: &Arg, permutation: &[usize]) -> Expr {
    let moved: Vec<usize> = (0..permutation.len())
        .filter(|&i| permutation[i] != i)
        .collect();
    let x = x.receiver(body);
    match moved.as_slice() {
        [_, _] if permutation.len() == 2 => x.call_method("t", []).tried(),
        [a, b] => x
            .call_method("transpose", [Expr::size(*a), Expr::size(*b)])
            .tried(),
        _ => x
            .call_method("permute", [Expr::tuple_shape(permutation)])
            .tried(),
    }
}

fn slice(body: &mut Body, x: &Arg, axes: &[SliceAxis]) -> Expr {
    let mut value: Option<Expr> = None;
    for (axis, part) in axes
        .iter()
        .enumerate()
        .filter(|(i, part)| !part.is_whole(x.ty.dims().get(*i)))
    {
        let (start, length) = (body.extent(&part.start), body.extent(&part.length));
        value = Some(match part.step {
            1 => {
                let receiver = value.unwrap_or_else(|| x.receiver(body));
                receiver
                    .call_method("narrow", [Expr::size(axis), start, length])
                    .tried()
            }
            step => {
                let function = body.support("pad::slice");
                let reference = value.map_or_else(|| x.reference(body), Expr::by_ref);
                Expr::call(
                    function,
                    [reference, Expr::size(axis), start, length, Expr::size(step)],
                )
                .tried()
            }
        });
    }
    value.unwrap_or_else(|| x.owned(body))
}

fn pad(body: &mut Body, args: &[Arg], widths: &[(Dim, Dim)], mode: PadMode) -> Expr {
    if mode == PadMode::Constant && args[1].splat() == Some(0.0) {
        return pad_with_zeros(body, &args[0], widths);
    }
    let function = body.support("pad::pad");
    let mode_type = body.support("pad::PadMode");
    let pairs = widths
        .iter()
        .map(|(low, high)| Expr::tuple([body.extent(low), body.extent(high)]));
    let pairs = Expr::array(pairs.collect::<Vec<_>>()).by_ref();
    let mode = match mode {
        PadMode::Constant => {
            let value = args[1].reference(body);
            Expr::call(format!("{mode_type}::Constant"), [value])
        }
        PadMode::Reflect => Expr::path(format!("{mode_type}::Reflect")),
        PadMode::Symmetric => Expr::path(format!("{mode_type}::Symmetric")),
    };
    Expr::call(function, [args[0].reference(body), pairs, mode]).tried()
}

fn pad_with_zeros(body: &mut Body, x: &Arg, widths: &[(Dim, Dim)]) -> Expr {
    let is_padded = |(_, (low, high)): &(usize, &(Dim, Dim))| !low.is(0) || !high.is(0);
    let padded = widths.iter().enumerate().filter(is_padded);
    let steps: Vec<[Expr; 3]> = padded
        .map(|(axis, (low, high))| [Expr::size(axis), body.extent(low), body.extent(high)])
        .collect();
    match steps.is_empty() {
        true => x.owned(body),
        false => steps.into_iter().fold(x.receiver(body), |value, step| {
            value.call_method("pad_with_zeros", step).tried()
        }),
    }
}

fn range(body: &mut Body, args: &[Arg], length: &Dim) -> Expr {
    let length = body.extent(length);
    support(body, "binary::range", args, [length])
}

fn reduce(body: &mut Body, x: &Arg, op: Reduction, axes: &[usize], keep: bool) -> Expr {
    let name = match op {
        Reduction::Sum => "reduce::sum",
        Reduction::Mean => "reduce::mean",
        Reduction::Max => "reduce::max",
        Reduction::Min => "reduce::min",
        Reduction::Product => "reduce::prod",
        Reduction::All => "reduce::all",
        Reduction::Any => "reduce::any",
    };
    match axes {
        [] => x.owned(body),
        axes => {
            let rest = [sizes(axes).by_ref(), Expr::bool(keep)];
            support(body, name, std::slice::from_ref(x), rest)
        }
    }
}

fn matmul(body: &mut Body, args: &[Arg], transpose_lhs: bool, transpose_rhs: bool) -> Expr {
    if !args[0].ty.dtype.is_float() {
        return integer_matmul(body, args, [transpose_lhs, transpose_rhs]);
    }
    let turned = |body: &mut Body, arg: &Arg, turn: bool| match turn {
        true => arg.receiver(body).call_method("t", []).tried().by_ref(),
        false => arg.reference(body),
    };
    // Two axes of the same unknown extent may still be one and several, of which TensorFlow repeats the one.
    let batch = |arg: &Arg| {
        let (batch, _) = arg.ty.dims().split_last_chunk::<2>()?;
        let known: Option<Vec<i64>> = batch.iter().map(Dim::as_known).collect();
        known
    };
    // candle's own product refuses permuted views of more than one batch axis.
    if batch(&args[0]).is_some_and(|axes| axes.len() < 2) && batch(&args[0]) == batch(&args[1]) {
        let rhs = turned(body, &args[1], transpose_rhs);
        let lhs = args[0].receiver(body);
        let lhs = if transpose_lhs {
            lhs.call_method("t", []).tried()
        } else {
            lhs
        };
        return lhs.call_method("matmul", [rhs]).tried();
    }
    let function = body.support("matmul::matmul");
    let operands = [
        turned(body, &args[0], transpose_lhs),
        turned(body, &args[1], transpose_rhs),
    ];
    Expr::call(function, operands).tried()
}

/// candle has no product of integers: those of double precision are exact up to 2^53.
fn integer_matmul(body: &mut Body, args: &[Arg], transpose: [bool; 2]) -> Expr {
    body.using("candle_core::DType");
    let function = body.support("matmul::matmul");
    let to = |value: Expr, dtype: &str| value.call_method("to_dtype", [Expr::path(dtype)]).tried();
    let operands = [0, 1].map(|i| {
        let value = to(args[i].receiver(body), "DType::F64");
        match transpose[i] {
            true => value.call_method("t", []).tried().by_ref(),
            false => value.by_ref(),
        }
    });
    to(
        Expr::call(function, operands).tried(),
        dtype(args[0].ty.dtype),
    )
}

/// `Some(&x)` for the operands that are present, in order.
pub(super) fn optional(body: &mut Body, args: &[Arg], present: [bool; 2]) -> [Expr; 2] {
    let mut args = args.iter();
    present.map(|present| match present.then(|| args.next()).flatten() {
        Some(arg) => Expr::call("Some", [arg.reference(body)]),
        None => Expr::path("None"),
    })
}
