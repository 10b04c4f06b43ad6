//! Ops in candle's words: methods where candle has them, else functions of the support code.

use super::super::operand::{Arg, Body};
use super::super::rust::{Expr, Op as Infix};
use super::layer::{config, padding};
use super::{Slots, dtype, typed_number};
use crate::error::{Error, Result};
use crate::ir::{
    Binary, Channels, Comparison, Conv, DType, Dim, Extreme, Grouping, Interpolation, Op, PadMode,
    Padding, Pooling, Reduction, ResizeMode, Sampling, SliceAxis, Unary,
};

/// The value of an op as an expression: a `Tensor`, or a tuple of tensors.
///
/// # Errors
/// When candle has no such op and the support code neither.
pub fn op(body: &mut Body, op: &Op, args: &[Arg]) -> Result<Expr> {
    let x = args.first();
    let first = || x.ok_or_else(|| Error::malformed("internal: an op without operands"));
    Ok(match op {
        Op::Unary(unary) => self::unary(body, *unary, first()?),
        Op::Binary(binary) => self::binary(body, *binary, &args[0], &args[1]),
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
        Op::Reverse { axes } => {
            let x = first()?.receiver(body);
            x.call_method("flip", [sizes(axes).by_ref()]).tried()
        }
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
        Op::Dropout { .. } => first()?.owned(body),
        Op::Input(_) | Op::Param(_) | Op::Constant(_) | Op::Extents { .. } => {
            return Err(Error::malformed(
                "internal: a source among a method's steps",
            ));
        }
    })
}

/// `function(&x, &y, …, rest…)?` of the support code.
fn support<const N: usize>(body: &mut Body, path: &str, args: &[Arg], rest: [Expr; N]) -> Expr {
    let function = body.support(path);
    let args: Vec<Expr> = args
        .iter()
        .map(|arg| arg.reference(body))
        .chain(rest)
        .collect();
    Expr::call(function, args).tried()
}

fn method(body: &mut Body, x: &Arg, name: &str) -> Expr {
    x.receiver(body).call_method(name, []).tried()
}

pub(super) fn extents(body: &Body, dims: &[Dim]) -> Vec<Expr> {
    dims.iter().map(|dim| body.extent(dim)).collect()
}

pub(super) fn sizes(sizes: &[usize]) -> Expr {
    Expr::array(sizes.iter().map(|&size| Expr::size(size)))
}

fn unary(body: &mut Body, op: Unary, x: &Arg) -> Expr {
    let float = x.ty.dtype.is_float();
    let function = match op {
        Unary::Exp => return method(body, x, "exp"),
        Unary::Log => return method(body, x, "log"),
        Unary::Sin => return method(body, x, "sin"),
        Unary::Cos => return method(body, x, "cos"),
        Unary::Tanh => return method(body, x, "tanh"),
        Unary::Reciprocal => return method(body, x, "recip"),
        Unary::Relu => "activation::relu",
        Unary::Neg if float => return method(body, x, "neg"),
        Unary::Abs if float => return method(body, x, "abs"),
        Unary::Square if float => return method(body, x, "sqr"),
        Unary::StopGradient => return x.receiver(body).call_method("detach", []),
        Unary::LeakyRelu { alpha } => {
            return support(
                body,
                "activation::leaky_relu",
                std::slice::from_ref(x),
                [Expr::f32(alpha as f32)],
            );
        }
        Unary::Elu { alpha } => {
            return support(
                body,
                "activation::elu",
                std::slice::from_ref(x),
                [Expr::f32(alpha as f32)],
            );
        }
        Unary::Neg => "math::neg",
        Unary::Abs => "math::abs",
        Unary::Square => "math::square",
        Unary::Sign => "math::sign",
        Unary::Sqrt => "math::sqrt",
        Unary::Rsqrt => "math::rsqrt",
        Unary::Expm1 => "math::expm1",
        Unary::Log1p => "math::log1p",
        Unary::Tan => "math::tan",
        Unary::Asin => "math::asin",
        Unary::Acos => "math::acos",
        Unary::Atan => "math::atan",
        Unary::Sinh => "math::sinh",
        Unary::Cosh => "math::cosh",
        Unary::Asinh => "math::asinh",
        Unary::Acosh => "math::acosh",
        Unary::Atanh => "math::atanh",
        Unary::Sigmoid => "activation::sigmoid",
        Unary::LogSigmoid => "math::log_sigmoid",
        Unary::Selu => "activation::selu",
        Unary::Softplus => "activation::softplus",
        Unary::Softsign => "activation::softsign",
        Unary::Gelu { approximate: false } => "activation::gelu",
        Unary::Gelu { approximate: true } => "activation::gelu_tanh",
        Unary::Silu => "activation::silu",
        Unary::HardSigmoid => "activation::hard_sigmoid",
        Unary::HardSwish => "activation::hard_silu",
        Unary::Erf => "math::erf",
        Unary::Erfc => "math::erfc",
        Unary::Lgamma => "math::lgamma",
        Unary::Digamma => "math::digamma",
        Unary::Floor => "math::floor",
        Unary::Ceil => "math::ceil",
        Unary::Round => "math::round",
        Unary::LogicalNot => "math::logical_not",
        Unary::BitwiseNot => "math::bitwise_not",
        Unary::IsNan => "math::is_nan",
        Unary::IsInf => "math::is_inf",
        Unary::IsFinite => "math::is_finite",
    };
    support(body, function, std::slice::from_ref(x), [])
}

fn binary(body: &mut Body, op: Binary, x: &Arg, y: &Arg) -> Expr {
    let (infix, broadcast) = match op {
        Binary::Add => (Infix::Add, "broadcast_add"),
        Binary::Sub => (Infix::Sub, "broadcast_sub"),
        Binary::Mul => (Infix::Mul, "broadcast_mul"),
        Binary::Div if x.ty.dtype.is_float() => (Infix::Div, "broadcast_div"),
        Binary::Pow => return pow(body, x, y),
        Binary::Div => return support(body, "binary::div", &pair(x, y), []),
        Binary::FloorDiv => return support(body, "binary::floor_div", &pair(x, y), []),
        Binary::FloorMod => return support(body, "binary::floor_mod", &pair(x, y), []),
        Binary::TruncMod => return support(body, "binary::trunc_mod", &pair(x, y), []),
        Binary::Maximum => return support(body, "binary::maximum", &pair(x, y), []),
        Binary::Minimum => return support(body, "binary::minimum", &pair(x, y), []),
        Binary::Atan2 => return support(body, "binary::atan2", &pair(x, y), []),
        Binary::DivNoNan => return support(body, "binary::div_no_nan", &pair(x, y), []),
        Binary::Xlogy => return support(body, "binary::xlogy", &pair(x, y), []),
        Binary::Xdivy => return support(body, "binary::xdivy", &pair(x, y), []),
        Binary::LogicalAnd => return support(body, "binary::logical_and", &pair(x, y), []),
        Binary::LogicalOr => return support(body, "binary::logical_or", &pair(x, y), []),
        Binary::BitwiseAnd => return support(body, "binary::bitwise_and", &pair(x, y), []),
        Binary::BitwiseOr => return support(body, "binary::bitwise_or", &pair(x, y), []),
        Binary::BitwiseXor => return support(body, "binary::bitwise_xor", &pair(x, y), []),
        Binary::ShiftLeft => return support(body, "binary::shift_left", &pair(x, y), []),
        Binary::ShiftRight => return support(body, "binary::shift_right", &pair(x, y), []),
    };
    let float = x.ty.dtype.is_float();
    if let Some(number) = scalar_beside(y, x).filter(|_| float) {
        return x
            .reference(body)
            .infix(infix, number_of(number, y.ty.dtype))
            .tried();
    }
    if let Some(number) = scalar_beside(x, y).filter(|_| float) {
        return number_of(number, x.ty.dtype)
            .infix(infix, y.reference(body))
            .tried();
    }
    match same_shape(x, y) {
        true => x.reference(body).infix(infix, y.reference(body)).tried(),
        false => x
            .receiver(body)
            .call_method(broadcast, [y.reference(body)])
            .tried(),
    }
}

fn pair(x: &Arg, y: &Arg) -> [Arg; 2] {
    [x.clone(), y.clone()]
}

/// The number that `constant` is, if it changes nothing but the elements of `other`.
fn scalar_beside(constant: &Arg, other: &Arg) -> Option<f64> {
    let fits = match (constant.ty.rank(), other.ty.rank()) {
        (Some(a), Some(b)) => a <= b,
        (Some(a), None) => a == 0,
        (None, _) => false,
    };
    constant
        .scalar()
        .filter(|number| fits && number.is_finite())
}

/// A number that candle takes as `f64`, in as few digits as its element type needs.
fn number_of(number: f64, dtype: DType) -> Expr {
    match dtype {
        DType::F64 => Expr::f64(number),
        _ => Expr::f64(format!("{}", number as f32).parse().unwrap_or(number)),
    }
}

fn same_shape(x: &Arg, y: &Arg) -> bool {
    x.ty.rank().is_some() && x.ty.shape == y.ty.shape
}

fn pow(body: &mut Body, x: &Arg, y: &Arg) -> Expr {
    match scalar_beside(y, x).filter(|_| x.ty.dtype.is_float()) {
        Some(2.0) => method(body, x, "sqr"),
        _ => support(body, "binary::pow", &pair(x, y), []),
    }
}

fn compare(body: &mut Body, op: Comparison, x: &Arg, y: &Arg) -> Expr {
    let (method, broadcast) = match op {
        Comparison::Equal => ("eq", "broadcast_eq"),
        Comparison::NotEqual => ("ne", "broadcast_ne"),
        Comparison::Less => ("lt", "broadcast_lt"),
        Comparison::LessEqual => ("le", "broadcast_le"),
        Comparison::Greater => ("gt", "broadcast_gt"),
        Comparison::GreaterEqual => ("ge", "broadcast_ge"),
    };
    if let Some(number) = scalar_beside(y, x) {
        return x
            .receiver(body)
            .call_method(method, [typed_number(number, y.ty.dtype)])
            .tried();
    }
    match same_shape(x, y) {
        true => x
            .receiver(body)
            .call_method(method, [y.reference(body)])
            .tried(),
        false => x
            .receiver(body)
            .call_method(broadcast, [y.reference(body)])
            .tried(),
    }
}

fn clamp(body: &mut Body, x: &Arg, low: f64, high: f64) -> Expr {
    match (low, high) {
        (0.0, 6.0) if x.ty.dtype.is_float() => {
            support(body, "activation::relu6", std::slice::from_ref(x), [])
        }
        _ => support(
            body,
            "math::clamp",
            std::slice::from_ref(x),
            [Expr::f64(low), Expr::f64(high)],
        ),
    }
}

fn cast(body: &mut Body, x: &Arg, to: DType) -> Expr {
    if dtype(to) == dtype(x.ty.dtype) && to != DType::Bool {
        return x.owned(body);
    }
    if to == DType::Bool {
        return support(body, "math::to_bool", std::slice::from_ref(x), []);
    }
    body.using("candle_core::DType");
    let plain = to.is_float() || x.ty.dtype == DType::Bool;
    match plain {
        true => x
            .receiver(body)
            .call_method("to_dtype", [Expr::path(dtype(to))])
            .tried(),
        false => support(
            body,
            "math::cast",
            std::slice::from_ref(x),
            [Expr::path(dtype(to))],
        ),
    }
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
    let turned = |body: &mut Body, arg: &Arg, turn: bool| match turn {
        true => arg.receiver(body).call_method("t", []).tried().by_ref(),
        false => arg.reference(body),
    };
    let batch = |arg: &Arg| {
        arg.ty
            .dims()
            .len()
            .checked_sub(2)
            .map(|rank| arg.ty.dims()[..rank].to_vec())
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

fn convolution(body: &mut Body, args: &[Arg], conv: &Conv) -> Result<Expr> {
    let function = match (conv.grouping, conv.strides.len()) {
        (Grouping::Depthwise, 2) => "depthwise_conv::depthwise_conv2d_op",
        (Grouping::Groups(_), 1) => "conv1d::conv1d_op",
        (Grouping::Groups(_), 2) => "conv::conv2d_op",
        (Grouping::Groups(_), 3) => "conv3d::conv3d_op",
        (_, rank) => {
            return Err(Error::unsupported(format!(
                "a depthwise convolution with {rank} spatial axes"
            )));
        }
    };
    let function = body.support(function);
    let activation = body.support("activation::Activation");
    let config = config(
        body,
        &conv.strides,
        &conv.dilations,
        &conv.padding,
        conv.grouping,
    );
    let (x, kernel) = (args[0].reference(body), args[1].reference(body));
    let linear = Expr::path(format!("{activation}::Linear"));
    Ok(Expr::call(
        function,
        [x, kernel, Expr::path("None"), config.by_ref(), linear],
    )
    .tried())
}

fn transposed(body: &mut Body, args: &[Arg], conv: &Conv, output: &[Dim]) -> Result<Expr> {
    let function = match conv.strides.len() {
        1 => "conv_transpose::conv_transpose1d_op",
        2 => "conv_transpose::conv_transpose2d_op",
        rank => {
            return Err(Error::unsupported(format!(
                "a transposed convolution with {rank} spatial axes"
            )));
        }
    };
    let function = body.support(function);
    let activation = body.support("activation::Activation");
    let config = config(
        body,
        &conv.strides,
        &conv.dilations,
        &conv.padding,
        conv.grouping,
    );
    let output = output_size(body, output, conv.strides.len());
    let (x, kernel) = (args[0].reference(body), args[1].reference(body));
    let linear = Expr::path(format!("{activation}::Linear"));
    Ok(Expr::call(
        function,
        [
            x,
            kernel,
            Expr::path("None"),
            config.by_ref(),
            output,
            linear,
        ],
    )
    .tried())
}

/// `Some([h, w])`, or `Some(n)` for one axis, of all extents of a result or its `spatial` ones.
pub(super) fn output_size(body: &Body, output: &[Dim], spatial: usize) -> Expr {
    let mut size = extents(body, inner(output, spatial));
    let size = if size.len() == 1 {
        size.remove(0)
    } else {
        Expr::array(size)
    };
    Expr::call("Some", [size])
}

/// The `spatial` extents among all of an image.
pub(super) fn inner(dims: &[Dim], spatial: usize) -> &[Dim] {
    if dims.len() == spatial + 2 {
        &dims[1..=spatial]
    } else {
        dims
    }
}

fn pool(
    body: &mut Body,
    x: &Arg,
    op: Pooling,
    window: &[usize],
    strides: &[usize],
    around: &Padding,
) -> Result<Expr> {
    let kind = match op {
        Pooling::Max => "max",
        Pooling::Average => "avg",
    };
    let function = body.support(&format!("pool::{kind}_pool{}d", window.len()));
    let list = |list: &[usize]| {
        if let [one] = list {
            Expr::size(*one)
        } else {
            sizes(list)
        }
    };
    let around = padding(body, around);
    Ok(Expr::call(
        function,
        [x.reference(body), list(window), list(strides), around],
    )
    .tried())
}

fn resize(body: &mut Body, x: &Arg, mode: ResizeMode, size: &[Dim; 2]) -> Expr {
    let function = match mode.kind {
        Interpolation::Nearest => "resize::resize_nearest",
        Interpolation::Bilinear => "resize::resize_bilinear",
        Interpolation::Bicubic => "resize::resize_bicubic",
    };
    let function = body.support(function);
    let sampling_type = body.support("resize::Sampling");
    let sampling = match mode.sampling {
        Sampling::Legacy => "Legacy",
        Sampling::HalfPixel => "HalfPixel",
        Sampling::AlignCorners => "AlignCorners",
    };
    let size = Expr::array(extents(body, size));
    Expr::call(
        function,
        [
            x.reference(body),
            size,
            Expr::path(format!("{sampling_type}::{sampling}")),
        ],
    )
    .tried()
}

fn batch_norm(
    body: &mut Body,
    args: &[Arg],
    epsilon: f64,
    affine: (bool, bool),
    channels: Channels,
) -> Result<Expr> {
    if channels == Channels::First {
        return Err(Error::unsupported(
            "batch normalisation with the channels first",
        ));
    }
    let function = body.support("batch_norm_op::normalise_by");
    let [scale, offset] = optional(body, &args[3..], [affine.0, affine.1]);
    let (x, mean, variance) = (
        args[0].reference(body),
        args[1].reference(body),
        args[2].reference(body),
    );
    Ok(Expr::call(
        function,
        [x, mean, variance, scale, offset, Expr::f64(epsilon)],
    )
    .tried())
}

/// `Some(&x)` for the operands that are present, in order.
fn optional(body: &mut Body, args: &[Arg], present: [bool; 2]) -> [Expr; 2] {
    let mut args = args.iter();
    present.map(|present| match present.then(|| args.next()).flatten() {
        Some(arg) => Expr::call("Some", [arg.reference(body)]),
        None => Expr::path("None"),
    })
}
