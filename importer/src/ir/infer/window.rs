//! Convolutions, pools and resizes. Each is inferred over `[batch, spatial…, channels]`; another layout is turned into that.

use super::super::dim::Dim;
use super::super::op::{Channels, Conv, Grouping, Interpolation, Padding, ResizeMode};
use super::super::ty::{DType, Type};
use super::{expect, numeric, of_rank, operands, ranked, same_dtype, unify};
use crate::error::{Error, Result};

/// With the channels last.
fn channels_last(ty: &Type, channels: Channels) -> Result<Type> {
    let mut dims = ranked("the operand", ty)?.to_vec();
    match channels {
        Channels::First if dims.len() > 1 => dims[1..].rotate_left(1),
        Channels::First | Channels::Last => {}
    }
    Ok(Type::new(ty.dtype, dims))
}

/// With the channels where `channels` has them.
fn restored(ty: &Type, channels: Channels) -> Type {
    let mut dims = ty.dims().to_vec();
    match channels {
        Channels::First if dims.len() > 1 => dims[1..].rotate_right(1),
        Channels::First | Channels::Last => {}
    }
    Type::new(ty.dtype, dims)
}

pub(super) fn conv(conv: &Conv, inputs: &[&Type]) -> Result<Type> {
    let [x, kernel] = operands(inputs)?;
    let x = &channels_last(x, conv.channels)?;
    conv_channels_last(conv, x, kernel).map(|result| restored(&result, conv.channels))
}

fn conv_channels_last(conv: &Conv, x: &Type, kernel: &Type) -> Result<Type> {
    let dtype = same_dtype(x, kernel)?;
    numeric(x)?;
    let (dims, taps) = (ranked("the operand", x)?, ranked("the kernel", kernel)?);
    check_ranks(conv, x, kernel)?;
    let [_, spatial @ .., channels] = dims else {
        return Err(no_image(x));
    };
    let [window @ .., inner, outer] = taps else {
        return Err(no_image(kernel));
    };
    let mismatch =
        |e: Error| Error::malformed(format!("the kernel {kernel} does not fit {x}: {e}"));
    let outputs = match conv.grouping {
        Grouping::Groups(groups) => {
            expect(groups > 0, || {
                "a convolution has at least one group".to_owned()
            })?;
            unify(channels, &(inner.clone() * Dim::from(groups))).map_err(mismatch)?;
            expect(outer.as_usize().is_none_or(|n| n % groups == 0), || {
                format!("{outer} outputs do not divide into {groups} groups")
            })?;
            outer.clone()
        }
        Grouping::ByKernel => outer.clone(),
        Grouping::Depthwise => {
            unify(channels, inner).map_err(mismatch)?;
            inner.clone() * outer.clone()
        }
    };
    let mut result = vec![dims[0].clone()];
    for (axis, (extent, taps)) in spatial.iter().zip(window).enumerate() {
        result.push(windows(
            extent,
            taps,
            conv.strides[axis],
            conv.dilations[axis],
            &conv.padding,
            axis,
        )?);
    }
    result.push(outputs);
    Ok(Type::new(dtype, result))
}

/// `output` is the whole shape of the result, in its layout.
pub(super) fn conv_transpose(conv: &Conv, output: &[Dim], inputs: &[&Type]) -> Result<Type> {
    let [x, kernel] = operands(inputs)?;
    let dtype = same_dtype(x, kernel)?;
    let result = Type::new(dtype, output);
    check_ranks(conv, x, kernel)?;
    let forward = self::conv(conv, &[&result, kernel])?;
    let given = of_rank("the operand", x, forward.dims().len())?;
    for (a, b) in given.iter().zip(forward.dims()) {
        unify(a, b).map_err(|e| {
            Error::malformed(format!(
                "{x} is not what a convolution of {result} gives: {e}"
            ))
        })?;
    }
    Ok(result)
}

fn check_ranks(conv: &Conv, x: &Type, kernel: &Type) -> Result<()> {
    let spatial = conv.strides.len();
    expect(conv.dilations.len() == spatial, || {
        "strides and dilations differ in number".to_owned()
    })?;
    of_rank("the operand", x, spatial + 2)?;
    of_rank("the kernel", kernel, spatial + 2)?;
    Ok(())
}

fn no_image(ty: &Type) -> Error {
    Error::malformed(format!(
        "{ty} must have a batch, spatial and a channel axis"
    ))
}

pub(super) fn pool(
    window: &[usize],
    strides: &[usize],
    padding: &Padding,
    channels: Channels,
    inputs: &[&Type],
) -> Result<Type> {
    let [x] = operands(inputs)?;
    let x = &channels_last(x, channels)?;
    numeric(x)?;
    expect(strides.len() == window.len(), || {
        "window and strides differ in number".to_owned()
    })?;
    let mut dims = of_rank("the operand", x, window.len() + 2)?.to_vec();
    for (axis, (&taps, &stride)) in window.iter().zip(strides).enumerate() {
        dims[axis + 1] = windows(&dims[axis + 1], &Dim::from(taps), stride, 1, padding, axis)?;
    }
    Ok(restored(&Type::new(x.dtype, dims), channels))
}

/// How many windows of `taps` taps fit an axis.
fn windows(
    extent: &Dim,
    taps: &Dim,
    stride: usize,
    dilation: usize,
    padding: &Padding,
    axis: usize,
) -> Result<Dim> {
    expect(stride > 0 && dilation > 0, || {
        "strides and dilations are positive".to_owned()
    })?;
    expect(!taps.is(0), || {
        "a window has at least one element".to_owned()
    })?;
    let step = i64::try_from(stride).map_err(|_| Error::malformed("the stride is too large"))?;
    let padded = match padding {
        Padding::Same => {
            return extent
                .div_ceil(step)
                .ok_or_else(|| Error::malformed("a stride is zero"));
        }
        Padding::Valid => extent.clone(),
        Padding::Explicit(widths) => {
            let missing =
                || Error::malformed(format!("there is no padding for spatial axis {axis}"));
            let (before, after) = widths.get(axis).ok_or_else(missing)?;
            extent.clone() + Dim::from(*before) + Dim::from(*after)
        }
    };
    let reach = Dim::from(dilation) * (taps.clone() - Dim::known(1)) + Dim::known(1);
    let steps = (padded - reach)
        .div_floor(&Dim::known(step))
        .ok_or_else(|| Error::malformed("a stride is zero"))?;
    Ok(steps + Dim::known(1))
}

/// Nearest keeps the element type; what interpolates gives `F32`.
pub(super) fn resize(
    mode: ResizeMode,
    size: &[Dim; 2],
    channels: Channels,
    inputs: &[&Type],
) -> Result<Type> {
    let [x] = operands(inputs)?;
    let x = &channels_last(x, channels)?;
    numeric(x)?;
    let dims = of_rank("the operand", x, 4)?;
    let dtype = match mode.kind {
        Interpolation::Nearest => x.dtype,
        Interpolation::Bilinear | Interpolation::Bicubic => DType::F32,
    };
    let [height, width] = size.clone();
    let result = Type::new(dtype, [dims[0].clone(), height, width, dims[3].clone()]);
    Ok(restored(&result, channels))
}
