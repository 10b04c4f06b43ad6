//! Resizing and colours.

use super::conv::in_floats;
use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{
    Binary, Channels, DType, Interpolation, Op, Reduction, ResizeMode, Sampling, Value,
};

pub const OPS: &[Lowering] = &[
    op("ResizeBilinear", |cx| resize(cx, Interpolation::Bilinear)),
    op("ResizeNearestNeighbor", |cx| {
        resize(cx, Interpolation::Nearest)
    }),
    op("ResizeBicubic", |cx| resize(cx, Interpolation::Bicubic)),
    op("AdjustContrastv2", adjust_contrast),
];

fn resize(cx: &mut Cx<'_>, kind: Interpolation) -> Result<Value> {
    let x = cx.input(0)?;
    let size = <[_; 2]>::try_from(cx.dims(1)?)
        .map_err(|_| Error::malformed("the size has to be height and width"))?;
    let sampling = match (cx.attr("align_corners")?, cx.attr("half_pixel_centers")?) {
        (false, false) => Sampling::Legacy,
        (false, true) => Sampling::HalfPixel,
        (true, false) => Sampling::AlignCorners,
        (true, true) => {
            return Err(Error::malformed(
                "align_corners excludes half_pixel_centers",
            ));
        }
    };
    let resize = Op::Resize {
        mode: ResizeMode { kind, sampling },
        size,
        channels: Channels::Last,
    };
    match kind {
        Interpolation::Nearest => in_floats(cx, [x], |cx, operands| cx.push(resize, &operands)),
        Interpolation::Bilinear | Interpolation::Bicubic if cx.dtype(x).is_integer() => {
            let x = cx.cast(x, DType::F32)?;
            cx.push(resize, &[x])
        }
        Interpolation::Bilinear | Interpolation::Bicubic => cx.push(resize, &[x]),
    }
}

/// `(x - mean) * factor + mean`, with the mean of each channel of each image.
fn adjust_contrast(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, factor) = cx.pair()?;
    let dtype = cx.dtype(x);
    let x = cx.cast(x, DType::F32)?;
    let rank = cx.rank(x)?;
    let axes = vec![rank.saturating_sub(3), rank.saturating_sub(2)];
    let mean = cx.reduce(Reduction::Mean, x, axes, true)?;
    let difference = cx.combine(Binary::Sub, x, mean)?;
    let scaled = cx.combine(Binary::Mul, difference, factor)?;
    let y = cx.combine(Binary::Add, scaled, mean)?;
    cx.cast(y, dtype)
}
