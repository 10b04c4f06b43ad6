//! Convolutions, pools, resizing and batch norms in candle's words.

use super::super::operand::{Arg, Body};
use super::super::rust::Expr;
use super::layer::{config, padding};
use super::op::{extents, optional, sizes};
use crate::error::{Error, Result};
use crate::ir::{
    Channels, Conv, Dim, Grouping, Interpolation, Padding, Pooling, ResizeMode, Sampling,
};

/// `conv2d_op(x, kernel, None, &config, Activation::Linear)`.
pub(super) fn convolution(body: &mut Body, args: &[Arg], conv: &Conv) -> Result<Expr> {
    let function = match (conv.grouping, conv.strides.len()) {
        (Grouping::Depthwise, 2) => "depthwise_conv::depthwise_conv2d_op",
        (Grouping::Depthwise | Grouping::Groups(_) | Grouping::ByKernel, 1) => "conv1d::conv1d_op",
        (Grouping::Groups(_) | Grouping::ByKernel, 2) => "conv::conv2d_op",
        (Grouping::Groups(_) | Grouping::ByKernel, 3) => "conv3d::conv3d_op",
        (Grouping::Depthwise | Grouping::Groups(_) | Grouping::ByKernel, rank) => {
            return Err(Error::unsupported(format!(
                "a convolution over {rank} axes in groups"
            )));
        }
    };
    let function = body.support(function);
    let activation = body.support("activation::Activation");
    let mut config = config(
        body,
        &conv.strides,
        &conv.dilations,
        &conv.padding,
        conv.grouping,
    );
    if conv.grouping == Grouping::ByKernel {
        let last = conv.strides.len() + 1;
        let [all, inner] = [(0, last), (1, last - 1)].map(|(arg, axis)| {
            let channels = args[arg].receiver(body);
            channels.call_method("dim", [Expr::size(axis)]).tried()
        });
        config = config.call_method("groups", [all / inner]);
    }
    let (x, mut kernel) = (args[0].reference(body), args[1].reference(body));
    if let (Grouping::Depthwise, [width, channels, multiplier]) = (conv.grouping, args[1].ty.dims())
    {
        let outputs = channels.clone() * multiplier.clone();
        let dims = [body.extent(width), Expr::int(1), body.extent(&outputs)];
        config = config.call_method("groups", [body.extent(channels)]);
        kernel = args[1]
            .receiver(body)
            .call_method("reshape", [Expr::tuple(dims)])
            .tried()
            .by_ref();
    }
    let linear = Expr::path(format!("{activation}::Linear"));
    Ok(Expr::call(
        function,
        [x, kernel, Expr::path("None"), config.by_ref(), linear],
    )
    .tried())
}

pub(super) fn transposed(
    body: &mut Body,
    args: &[Arg],
    conv: &Conv,
    output: &[Dim],
) -> Result<Expr> {
    let function = match conv.strides.len() {
        1 => "conv_transpose::conv_transpose1d_op",
        2 => "conv_transpose::conv_transpose2d_op",
        3 => "conv_transpose::conv_transpose3d_op",
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

pub(super) fn pool(
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

pub(super) fn resize(body: &mut Body, x: &Arg, mode: ResizeMode, size: &[Dim; 2]) -> Expr {
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

pub(super) fn batch_norm(
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
