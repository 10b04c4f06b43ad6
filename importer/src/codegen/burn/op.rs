//! Ops in burn's words: methods where burn has them, else functions of the support code.

use super::super::operand::{Arg, Body};
use super::super::rust::{Expr, Op as Infix};
use super::{aligned, dtype, index, known_rank, number, reduce, shape, sizes, spatial};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Type, Unary};

/// The value of an op as an expression: a tensor, or a tuple of tensors.
///
/// # Errors
/// When burn has no such op and the support code neither.
pub fn op(body: &mut Body, op: &Op, args: &[Arg], results: &[Type]) -> Result<Expr> {
    let malformed = || Error::malformed("internal: an op without its operands or results");
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
        Op::Dropout { .. } => operand(0)?.value(body),
        Op::Input(_) | Op::Param(_) | Op::Constant(_) | Op::Extents { .. } => {
            return Err(Error::malformed(
                "internal: a source among a method's steps",
            ));
        }
    })
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

fn unary(body: &mut Body, op: Unary, x: &Arg) -> Expr {
    let float = x.ty.dtype.is_float();
    let method = match op {
        Unary::Neg => return x.value(body).negated(),
        Unary::Rsqrt => {
            return x
                .value(body)
                .call_method("sqrt", [])
                .call_method("recip", []);
        }
        Unary::Relu if !float => return x.value(body).call_method("clamp_min", [Expr::int(0)]),
        Unary::LogicalNot => return x.value(body).call_method("bool_not", []),
        Unary::Relu => return activation(body, "relu", x, []),
        Unary::Sigmoid => return activation(body, "sigmoid", x, []),
        Unary::LogSigmoid => return activation(body, "log_sigmoid", x, []),
        Unary::Elu { alpha } => return activation(body, "elu", x, [Expr::f32(alpha as f32)]),
        Unary::Selu => return activation(body, "selu", x, []),
        Unary::Softplus => return activation(body, "softplus", x, [Expr::f64(1.0)]),
        Unary::Softsign => return activation(body, "softsign", x, []),
        Unary::LeakyRelu { alpha } => {
            return activation(body, "leaky_relu", x, [Expr::f32(alpha as f32)]);
        }
        Unary::Gelu { approximate: false } => return activation(body, "gelu", x, []),
        Unary::Gelu { approximate: true } => {
            return support(body, "math::gelu_approximate", &[x], []);
        }
        Unary::Silu => return activation(body, "silu", x, []),
        Unary::HardSigmoid => {
            let slope = Expr::f64(1.0) / Expr::f64(6.0);
            return activation(body, "hard_sigmoid", x, [slope, Expr::f64(0.5)]);
        }
        Unary::HardSwish => return activation(body, "hard_swish", x, []),
        Unary::Expm1 => return support(body, "math::expm1", &[x], []),
        Unary::Erfc => return support(body, "math::erfc", &[x], []),
        Unary::Lgamma => return support(body, "gamma::lgamma", &[x], []),
        Unary::Digamma => return support(body, "gamma::digamma", &[x], []),
        Unary::Floor | Unary::Ceil | Unary::Round if !float => return x.value(body),
        Unary::Abs => "abs",
        Unary::Sign => "sign",
        Unary::Square => "square",
        Unary::Sqrt => "sqrt",
        Unary::Reciprocal => "recip",
        Unary::Exp => "exp",
        Unary::Log => "log",
        Unary::Log1p => "log1p",
        Unary::Sin => "sin",
        Unary::Cos => "cos",
        Unary::Tan => "tan",
        Unary::Asin => "asin",
        Unary::Acos => "acos",
        Unary::Atan => "atan",
        Unary::Sinh => "sinh",
        Unary::Cosh => "cosh",
        Unary::Asinh => "asinh",
        Unary::Acosh => "acosh",
        Unary::Atanh => "atanh",
        Unary::Tanh => "tanh",
        Unary::Erf => "erf",
        Unary::Floor => "floor",
        Unary::Ceil => "ceil",
        Unary::Round => "round",
        Unary::BitwiseNot => "bitwise_not",
        Unary::IsNan => "is_nan",
        Unary::IsInf => "is_inf",
        Unary::IsFinite => "is_finite",
        Unary::StopGradient if !float => return x.value(body),
        Unary::StopGradient => "detach",
    };
    x.value(body).call_method(method, [])
}

fn binary(body: &mut Body, op: Binary, x: &Arg, y: &Arg) -> Expr {
    let float = x.ty.dtype.is_float();
    let function = match op {
        Binary::Add => return arithmetic(body, Infix::Add, x, y),
        Binary::Sub => return arithmetic(body, Infix::Sub, x, y),
        Binary::Mul => return arithmetic(body, Infix::Mul, x, y),
        Binary::Div => return arithmetic(body, Infix::Div, x, y),
        Binary::FloorMod => return arithmetic(body, Infix::Rem, x, y),
        Binary::Pow => return pow(body, x, y),
        Binary::Maximum => return extreme(body, ["clamp_min", "max_pair"], x, y),
        Binary::Minimum => return extreme(body, ["clamp_max", "min_pair"], x, y),
        Binary::FloorDiv if float => {
            return arithmetic(body, Infix::Div, x, y).call_method("floor", []);
        }
        Binary::FloorDiv => "math::floor_div",
        Binary::TruncMod if float => return method(body, "fmod", x, y),
        Binary::TruncMod => "math::truncate_mod",
        Binary::DivNoNan => "math::div_no_nan",
        Binary::Xlogy => "math::xlogy",
        Binary::Xdivy => "math::xdivy",
        Binary::Atan2 => return method(body, "atan2", x, y),
        Binary::LogicalAnd => return method(body, "bool_and", x, y),
        Binary::LogicalOr => return method(body, "bool_or", x, y),
        Binary::BitwiseAnd => return method(body, "bitwise_and", x, y),
        Binary::BitwiseOr => return method(body, "bitwise_or", x, y),
        Binary::BitwiseXor => return method(body, "bitwise_xor", x, y),
        Binary::ShiftLeft => return method(body, "bitwise_left_shift", x, y),
        Binary::ShiftRight => return method(body, "bitwise_right_shift", x, y),
    };
    support(body, function, &[x, y], [])
}

/// `x.name(y)`.
fn method(body: &mut Body, name: &str, x: &Arg, y: &Arg) -> Expr {
    let [x, y] = pair(body, x, y);
    x.call_method(name, [y])
}

fn pair(body: &mut Body, x: &Arg, y: &Arg) -> [Expr; 2] {
    let common = super::common_rank(&[x, y]);
    [x.lifted(body, common), y.lifted(body, common)]
}

fn arithmetic(body: &mut Body, infix: Infix, x: &Arg, y: &Arg) -> Expr {
    if let Some(scalar) = scalar_beside(y, x) {
        let x = x.value(body);
        return x.infix(infix, number(scalar, y.ty.dtype));
    }
    let from_left = matches!(infix, Infix::Add | Infix::Mul | Infix::Sub)
        || x.ty.dtype.is_float() && infix == Infix::Div;
    if let Some(scalar) = scalar_beside(x, y).filter(|_| from_left) {
        let (y, scalar) = (y.value(body), number(scalar, x.ty.dtype));
        return match infix {
            Infix::Sub => y.negated() + scalar,
            Infix::Div if scalar.to_string() == "1.0" => y.call_method("recip", []),
            Infix::Div => y.call_method("recip", []) * scalar,
            infix => y.infix(infix, scalar),
        };
    }
    let [x, y] = pair(body, x, y);
    x.infix(infix, y)
}

/// The number that `constant` is, if it changes nothing but the elements of `other`.
fn scalar_beside(constant: &Arg, other: &Arg) -> Option<f64> {
    let number = constant.splat().filter(|number| number.is_finite())?;
    if other.splat().is_some() && constant.ty.rank() == other.ty.rank() {
        return None;
    }
    if constant.ty.rank() == Some(0) {
        return Some(number);
    }
    let offset = other.ty.rank()?.checked_sub(constant.ty.rank()?)?;
    let beside = &other.ty.dims()[offset..];
    let fits = constant
        .ty
        .dims()
        .iter()
        .zip(beside)
        .all(|(own, other)| own.is(1) || own == other);
    fits.then_some(number)
}

fn pow(body: &mut Body, x: &Arg, y: &Arg) -> Expr {
    let float = x.ty.dtype.is_float();
    let exponent = scalar_beside(y, x);
    match exponent {
        Some(2.0) => x.value(body).call_method("square", []),
        Some(0.5) if float => x.value(body).call_method("sqrt", []),
        Some(power) if power.fract() == 0.0 && power.abs() < 64.0 => x
            .value(body)
            .call_method("powi_scalar", [Expr::int(power as i64)]),
        Some(power) if float => x
            .value(body)
            .call_method("powf_scalar", [number(power, x.ty.dtype)]),
        Some(_) | None => method(body, if float { "powf" } else { "powi" }, x, y),
    }
}

/// A maximum or minimum, by a bound where one operand is a number.
fn extreme(body: &mut Body, [bound, general]: [&str; 2], x: &Arg, y: &Arg) -> Expr {
    for (constant, other) in [(y, x), (x, y)] {
        if let Some(scalar) = scalar_beside(constant, other) {
            return other
                .value(body)
                .call_method(bound, [number(scalar, other.ty.dtype)]);
        }
    }
    method(body, general, x, y)
}

fn compare(body: &mut Body, op: Comparison, x: &Arg, y: &Arg) -> Expr {
    let (name, mirrored) = match op {
        Comparison::Equal => ("equal", "equal"),
        Comparison::NotEqual => ("not_equal", "not_equal"),
        Comparison::Less => ("lower", "greater"),
        Comparison::LessEqual => ("lower_equal", "greater_equal"),
        Comparison::Greater => ("greater", "lower"),
        Comparison::GreaterEqual => ("greater_equal", "lower_equal"),
    };
    for (constant, other, name) in [(y, x, name), (x, y, mirrored)] {
        if let Some(scalar) = scalar_beside(constant, other) {
            return other.value(body).call_method(
                format!("{name}_scalar"),
                [number(scalar, constant.ty.dtype)],
            );
        }
    }
    method(body, name, x, y)
}

/// `y.mask_where(condition, x)`: `y` is read first, so a local that is several of the operands must outlive that.
fn select(body: &mut Body, condition: &Arg, x: &Arg, y: &Arg) -> Expr {
    let common = super::common_rank(&[condition, x, y]);
    let y = if y.is_same_local(x) || y.is_same_local(condition) {
        y.kept()
    } else {
        y.clone()
    };
    let [y, condition, x] = [&y, condition, x].map(|arg| arg.lifted(body, common));
    y.call_method("mask_where", [condition, x])
}

fn clamp(body: &mut Body, x: &Arg, low: f64, high: f64) -> Expr {
    let mut value = x.value(body);
    if low != f64::NEG_INFINITY {
        value = value.call_method("clamp_min", [number(low, x.ty.dtype)]);
    }
    if high != f64::INFINITY {
        value = value.call_method("clamp_max", [number(high, x.ty.dtype)]);
    }
    value
}

/// A conversion of the element type.
pub fn cast(body: &mut Body, x: &Arg, to: DType) -> Expr {
    let value = x.value(body);
    if to == x.ty.dtype {
        value
    } else {
        converted(body, value, to)
    }
}

/// `value` in another element type.
pub fn converted(body: &mut Body, value: Expr, to: DType) -> Expr {
    if to == DType::Bool {
        return value.call_method("bool", []);
    }
    let family = if to.is_float() {
        "FloatDType"
    } else {
        "IntDType"
    };
    body.using(&format!("burn::tensor::{family}"));
    let element = dtype(to).replace("DType", family);
    value.call_method("cast", [Expr::path(element)])
}

fn reshape(body: &mut Body, x: &Arg, dims: &[Dim]) -> Expr {
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

fn transpose(body: &mut Body, x: &Arg, permutation: &[usize]) -> Expr {
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

/// The rank of an operand, which an op that changes it needs.
pub fn rank_of(arg: &Arg) -> Result<usize> {
    known_rank(&arg.ty)
}
