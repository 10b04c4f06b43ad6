//! Ops on images and normalisations. burn has the channels first.

use super::super::operand::{Arg, Body};
use super::super::rust::{Block, Expr, Stmt};
use super::conv::{explicit, padding};
use super::op::rank_of;
use super::{associated, options, sizes};
use crate::error::{Error, Result};
use crate::ir::{
    Channels, Conv, Dim, Grouping, Interpolation, Padding, Pooling, ResizeMode, Sampling,
};

/// `f` of a value with the channels first, and back to where they were.
pub fn channels_first(
    x: Expr,
    rank: usize,
    channels: Channels,
    f: impl FnOnce(Expr) -> Expr,
) -> Expr {
    if channels == Channels::First || rank < 3 {
        return f(x);
    }
    let to: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    let from: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
    f(x.call_method("permute", [sizes(&to)])).call_method("permute", [sizes(&from)])
}

/// The spatial ones of an image's extents.
pub fn spatial_extents(all: &[Dim], n: usize, channels: Channels) -> &[Dim] {
    let first = match channels {
        Channels::First => 2,
        Channels::Last => 1,
    };
    all.get(first..first + n).unwrap_or(all)
}

fn known(dims: &[Dim], what: &str) -> Result<Vec<usize>> {
    let known: Option<Vec<usize>> = dims.iter().map(Dim::as_usize).collect();
    known.ok_or_else(|| Error::unsupported(format!("{what} with a kernel of unknown shape")))
}

/// A convolution whose kernel is a value.
pub fn convolution(body: &mut Body, x: &Arg, kernel: &Arg, conv: &Conv) -> Result<Expr> {
    let n = conv.strides.len();
    let dims = kernel.ty.dims();
    if dims.len() != n + 2 || !(1..=3).contains(&n) {
        return Err(Error::unsupported(format!(
            "a convolution with {n} spatial axes"
        )));
    }
    let (inputs, last) = (dims[n].clone(), dims[n + 1].clone());
    let plain = |body: &mut Body| {
        let order: Vec<usize> = [n + 1, n].into_iter().chain(0..n).collect();
        kernel.value(body).call_method("permute", [sizes(&order)])
    };
    let (channels, groups, weight) = match conv.grouping {
        Grouping::Groups(groups) => (
            super::shape(body, &[inputs * Dim::from(groups), last]),
            Expr::size(groups),
            plain(body),
        ),
        Grouping::ByKernel => {
            let axis = match conv.channels {
                Channels::First => 1,
                Channels::Last => n + 1,
            };
            let all = x.place_of(body).call_method("dims", []);
            let all = all.index(Expr::size(axis));
            let channels = Expr::array([all.clone(), body.extent(&last)]);
            (channels, all / body.extent(&inputs), plain(body))
        }
        Grouping::Depthwise => {
            let order: Vec<usize> = [n, n + 1].into_iter().chain(0..n).collect();
            let outputs = inputs.clone() * last;
            let shape: Vec<Dim> = [outputs.clone(), Dim::known(1)]
                .into_iter()
                .chain(dims[..n].iter().cloned())
                .collect();
            let weight = kernel.value(body).call_method("permute", [sizes(&order)]);
            (
                super::shape(body, &[inputs.clone(), outputs]),
                body.extent(&inputs),
                weight.call_method("reshape", [super::shape(body, &shape)]),
            )
        }
    };
    body.using("support::conv");
    let mut config = Expr::call(
        format!("conv::Conv{n}dConfig::new"),
        [channels, super::shape(body, &dims[..n])],
    );
    if conv.strides.iter().any(|&stride| stride != 1) {
        config = config.call_method("with_stride", [sizes(&conv.strides)]);
    }
    if conv.dilations.iter().any(|&dilation| dilation != 1) {
        config = config.call_method("with_dilation", [sizes(&conv.dilations)]);
    }
    if conv.grouping != Grouping::Groups(1) {
        config = config.call_method("with_groups", [groups]);
    }
    if conv.padding != Padding::Valid {
        config = config.call_method("with_padding", [padding(body, &conv.padding)]);
    }
    let x = x.value(body);
    Ok(channels_first(x, n + 2, conv.channels, |x| {
        config.call_method("apply", [x, weight, Expr::path("None")])
    }))
}

/// A transposed convolution whose kernel is a value.
pub fn transposed(
    body: &mut Body,
    x: &Arg,
    kernel: &Arg,
    conv: &Conv,
    output: &[Dim],
) -> Result<Expr> {
    let n = conv.strides.len();
    let dims = known(kernel.ty.dims(), "a transposed convolution")?;
    if dims.len() != n + 2 || !(1..=3).contains(&n) || conv.grouping != Grouping::Groups(1) {
        return Err(Error::unsupported(format!(
            "a transposed convolution with {n} spatial axes or groups"
        )));
    }
    let order: Vec<usize> = [n + 1, n].into_iter().chain(0..n).collect();
    let weight = kernel.value(body).call_method("permute", [sizes(&order)]);
    let config = body.support(&format!("conv_transpose::ConvTranspose{n}dConfig"));
    let channels = sizes(&[dims[n + 1], dims[n]]);
    let mut config = Expr::call(format!("{config}::new"), [channels, sizes(&dims[..n])]);
    config = config.call_method("with_stride", [sizes(&conv.strides)]);
    if conv.dilations.iter().any(|&dilation| dilation != 1) {
        config = config.call_method("with_dilation", [sizes(&conv.dilations)]);
    }
    config = config.call_method("with_padding", [padding(body, &conv.padding)]);
    let output = spatial_extents(output, n, conv.channels);
    config = config.call_method("with_output_size", [super::shape(body, output)]);
    let x = x.value(body);
    Ok(channels_first(x, n + 2, conv.channels, |x| {
        config.call_method("apply", [x, weight, Expr::path("None")])
    }))
}

/// `MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(x)`.
pub fn pool(
    body: &mut Body,
    x: &Arg,
    op: Pooling,
    (window, strides, around): (&[usize], &[usize], &Padding),
    channels: Channels,
) -> Result<Expr> {
    let n = window.len();
    let value = x.value(body);
    if n == 3 {
        let function = body.support(match op {
            Pooling::Max => "pool::max_pool3d",
            Pooling::Average => "pool::avg_pool3d",
        });
        let around = padding(body, around);
        return Ok(channels_first(value, 5, channels, |x| {
            Expr::call(function, [x, sizes(window), sizes(strides), around])
        }));
    }
    if !(1..=2).contains(&n) {
        return Err(Error::unsupported(format!("pooling of {n} spatial axes")));
    }
    let kind = match op {
        Pooling::Max => "Max",
        Pooling::Average => "Avg",
    };
    let config = body.using(&format!("burn::nn::pool::{kind}Pool{n}dConfig"));
    let list = |list: &[usize]| {
        if let [one] = list {
            Expr::size(*one)
        } else {
            sizes(list)
        }
    };
    let mut config = Expr::call(format!("{config}::new"), [list(window)]);
    config = config.call_method(
        if n == 1 {
            "with_stride"
        } else {
            "with_strides"
        },
        [list(strides)],
    );
    if *around != Padding::Valid {
        config = config.call_method("with_padding", [explicit(body, around, n)]);
        if op == Pooling::Average {
            config = config.call_method("with_count_include_pad", [Expr::bool(false)]);
        }
    }
    let layer = config.call_method("init", []);
    Ok(channels_first(value, n + 2, channels, |x| {
        layer.call_method("forward", [x])
    }))
}

/// `resize_bilinear(x, [h, w], Sampling::HalfPixel)`.
pub fn resize(
    body: &mut Body,
    x: &Arg,
    mode: ResizeMode,
    size: &[Dim; 2],
    channels: Channels,
) -> Expr {
    let function = body.support(match mode.kind {
        Interpolation::Nearest => "resize::resize_nearest",
        Interpolation::Bilinear => "resize::resize_bilinear",
        Interpolation::Bicubic => "resize::resize_bicubic",
    });
    let sampling = body.support("resize::Sampling");
    let sampling = match mode.sampling {
        Sampling::Legacy => format!("{sampling}::TopLeft"),
        Sampling::HalfPixel => format!("{sampling}::HalfPixel"),
        Sampling::AlignCorners => format!("{sampling}::AlignCorners"),
    };
    let size = super::shape(body, size);
    let x = x.value(body);
    channels_first(x, 4, channels, |x| {
        Expr::call(function, [x, size, Expr::path(sampling)])
    })
}

/// Batch normalisation with given statistics.
pub fn batch_norm(
    body: &mut Body,
    args: &[Arg],
    epsilon: f64,
    affine: [bool; 2],
    channels: Channels,
) -> Result<Expr> {
    let rank = rank_of(&args[0])?;
    let function = body.support("batch_norm::batch_norm");
    let x = args[0].value(body);
    let statistics = Expr::tuple([args[1].value(body), args[2].value(body)]);
    let [scale, offset] = optional(body, &args[3..], affine);
    Ok(channels_first(x, rank, channels, |x| {
        Expr::call(function, [x, statistics, scale, offset, Expr::f64(epsilon)])
    }))
}

/// `Some(x)` for the operands that are present, in order.
fn optional(body: &mut Body, args: &[Arg], present: [bool; 2]) -> [Expr; 2] {
    let mut args = args.iter();
    present.map(|present| match present.then(|| args.next()).flatten() {
        Some(arg) => Expr::call("Some", [arg.value(body)]),
        None => Expr::path("None"),
    })
}

/// burn's layer norm over the last axis; several last axes are flattened into one.
pub fn layer_norm(
    body: &mut Body,
    args: &[Arg],
    axes: usize,
    epsilon: f64,
    [scale, offset]: [bool; 2],
) -> Result<Expr> {
    let rank = rank_of(&args[0])?;
    let first = rank.saturating_sub(axes);
    let size = known(&args[0].ty.dims()[first..], "layer normalisation")?
        .into_iter()
        .product::<usize>();
    let function = body.using("burn::tensor::module::layer_norm");
    let flat = |value: Expr| {
        if axes == 1 {
            value
        } else {
            value.call_method("reshape", [sizes(&[size])])
        }
    };
    let x = args[0].value(body);
    let mut weights = args[1..].iter();
    let mut next = |body: &mut Body| weights.next().map(|arg| flat(arg.value(body)));
    let gamma = if scale { next(body) } else { None };
    let beta = if offset { next(body) } else { None };
    let gamma = match gamma {
        Some(gamma) => gamma,
        None => {
            let element = args[0].ty.dtype;
            let ones = associated(body, 1, element, "ones");
            Expr::call(ones, [sizes(&[size]), options(body, element)])
        }
    };
    let beta = beta.map_or_else(|| Expr::path("None"), |beta| Expr::call("Some", [beta]));
    let normalised = |x: Expr| Expr::call(function, [x, gamma, beta, Expr::f64(epsilon)]);
    if axes == 1 {
        return Ok(normalised(x));
    }
    let shape = Stmt::bind("shape", args[0].place_of(body).call_method("dims", []));
    let flattened = x.call_method(
        format!("flatten::<{}>", first + 1),
        [Expr::size(first), Expr::size(rank - 1)],
    );
    let restored = normalised(flattened).call_method("reshape", [Expr::path("shape")]);
    Ok(Expr::block(Block::new([shape]).tail(restored)))
}
