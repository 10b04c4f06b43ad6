//! Resizing, colours and patches.

use super::attr::WindowPadding;
use super::cx::Cx;
use super::strided::not_negative;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{
    Binary, Channels, DType, Dim, Interpolation, Op, Reduction, ResizeMode, Sampling, SliceAxis,
    Value,
};

pub const OPS: &[Lowering] = &[
    op("ResizeBilinear", |cx| resize(cx, Interpolation::Bilinear)),
    op("ResizeNearestNeighbor", |cx| {
        resize(cx, Interpolation::Nearest)
    }),
    op("ResizeBicubic", |cx| resize(cx, Interpolation::Bicubic)),
    op("AdjustContrastv2", adjust_contrast),
    op("ExtractImagePatches", extract_patches),
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
    cx.push(
        Op::Resize {
            mode: ResizeMode { kind, sampling },
            size,
            channels: Channels::Last,
        },
        &[x],
    )
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

/// Every window as one pixel: its elements, row by row, become channels.
fn extract_patches(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let [sizes, strides, rates] =
        ["ksizes", "strides", "rates"].map(|name| cx.attr::<Vec<usize>>(name));
    let (sizes, strides, rates) = (sizes?, strides?, rates?);
    if [&sizes, &strides, &rates]
        .into_iter()
        .chain([&vec![1; dims.len()]])
        .any(|list| list.len() != 4)
    {
        return Err(Error::malformed(
            "patches of an image need four sizes, strides and rates",
        ));
    }
    let same = cx.attr::<WindowPadding>("padding")? == WindowPadding::Same;
    let mut widths = vec![(Dim::known(0), Dim::known(0)); 4];
    let mut counts = vec![];
    for axis in [1, 2] {
        let reach = Dim::from((sizes[axis].max(1) - 1) * rates[axis] + 1);
        let stride = Dim::from(strides[axis]);
        let broken = || Error::malformed("a stride is zero");
        let one = Dim::known(1);
        let span = if same {
            dims[axis].clone() - one.clone()
        } else {
            dims[axis].clone() - reach.clone()
        };
        let count = span.div_floor(&stride).ok_or_else(broken)? + one.clone();
        if same {
            let missing =
                not_negative(&((count.clone() - one) * stride + reach - dims[axis].clone()));
            let before = missing.div_floor(&Dim::known(2)).ok_or_else(broken)?;
            widths[axis] = (before.clone(), missing - before);
        }
        counts.push(count);
    }
    let zero = cx.scalar_like(x, 0.0)?;
    let padded = cx.pad(x, widths, zero)?;
    let mut parts = vec![];
    for (row, column) in
        (0..sizes[1]).flat_map(|row| (0..sizes[2]).map(move |column| (row, column)))
    {
        let mut axes = super::emit::whole_axes(&cx.shape(padded)?);
        for (axis, offset) in [(1, row), (2, column)] {
            let start = Dim::from(offset * rates[axis]);
            axes[axis] = SliceAxis {
                start,
                length: counts[axis - 1].clone(),
                step: strides[axis],
            };
        }
        parts.push(cx.slice(padded, axes)?);
    }
    cx.concat(&parts, 3)
}
