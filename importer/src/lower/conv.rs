//! Convolutions. Images are brought to channels last, and back.

use super::attr::{DataFormat, WindowPadding};
use super::cx::Cx;
use super::gather::inverse;
use super::strided::{not_negative, unslice};
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Channels, Conv, DType, Dim, Grouping, Op, Padding, SliceAxis, Value};

pub const OPS: &[Lowering] = &[
    op("Conv2D", conv),
    op("Conv3D", conv),
    op("DepthwiseConv2dNative", depthwise),
    op("Conv2DBackpropInput", |cx| transposed(cx, Tie::Groups)),
    op("Conv3DBackpropInputV2", |cx| transposed(cx, Tie::Groups)),
    op("DepthwiseConv2dNativeBackpropInput", |cx| {
        transposed(cx, Tie::Depthwise)
    }),
];

/// How an op ties the channels of its convolution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    /// In as many blocks as the kernel's channels say.
    Groups,
    /// Each to filters of its own.
    Depthwise,
}

impl Cx<'_> {
    /// The node's `data_format`.
    pub fn data_format(&self) -> Result<DataFormat> {
        self.attr("data_format")
    }

    /// An image of the node's format, channels last.
    pub fn to_channels_last(&mut self, x: Value) -> Result<Value> {
        let rank = self.rank(x)?;
        match self.data_format()? {
            DataFormat::ChannelsLast => Ok(x),
            DataFormat::ChannelsFirst => self.transpose(x, to_last(rank)),
        }
    }

    /// An image with channels last in the node's format.
    pub fn from_channels_last(&mut self, x: Value) -> Result<Value> {
        let rank = self.rank(x)?;
        match self.data_format()? {
            DataFormat::ChannelsLast => Ok(x),
            DataFormat::ChannelsFirst => self.transpose(x, inverse(&to_last(rank))),
        }
    }

    /// The spatial part of a list attribute with an entry per axis of the image.
    pub fn spatial_attr(&self, name: &str) -> Result<Vec<usize>> {
        let all: Vec<usize> = self.attr(name)?;
        let format = self.data_format()?;
        let spatial = spatial(&all, format)
            .ok_or_else(|| Error::malformed(format!("attribute `{name}` is too short: {all:?}")))?;
        let (batch, channel) = match format {
            DataFormat::ChannelsLast => (all.first(), all.last()),
            DataFormat::ChannelsFirst => (all.first(), all.get(1)),
        };
        match (batch, channel) {
            (Some(1), Some(1)) => Ok(spatial.to_vec()),
            (_, _) => Err(Error::unsupported(format!(
                "attribute `{name}` is {all:?}, over batch or channels"
            ))),
        }
    }

    /// The padding of a window op.
    pub fn window_padding(&self) -> Result<Padding> {
        match self.attr("padding")? {
            WindowPadding::Same => Ok(Padding::Same),
            WindowPadding::Valid => Ok(Padding::Valid),
            WindowPadding::Explicit => {
                let all: Vec<usize> = self.attr("explicit_paddings")?;
                let pairs: Vec<(usize, usize)> =
                    all.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
                let spatial = spatial(&pairs, self.data_format()?);
                let spatial = spatial.ok_or_else(|| {
                    Error::malformed("attribute `explicit_paddings` is too short")
                })?;
                Ok(Padding::Explicit(spatial.to_vec()))
            }
        }
    }

    fn conv_attrs(&self, grouping: Grouping) -> Result<Conv> {
        let strides = self.spatial_attr("strides")?;
        let dilations = self.spatial_attr("dilations")?;
        Ok(Conv {
            strides,
            dilations,
            padding: self.window_padding()?,
            grouping,
            channels: Channels::Last,
        })
    }
}

/// The permutation that takes channels from axis 1 to the end.
fn to_last(rank: usize) -> Vec<usize> {
    let mut permutation: Vec<usize> = (0..rank).collect();
    permutation
        .get_mut(1..)
        .into_iter()
        .for_each(|axes| axes.rotate_left(1.min(axes.len())));
    permutation
}

fn spatial<T>(all: &[T], format: DataFormat) -> Option<&[T]> {
    match format {
        DataFormat::ChannelsLast => all.get(1..all.len().checked_sub(1)?),
        DataFormat::ChannelsFirst => all.get(2..),
    }
}

/// Layers of images are of floating point numbers: those of integers make a detour, which is exact up to 2^53.
pub fn in_floats<const N: usize>(
    cx: &mut Cx<'_>,
    mut operands: [Value; N],
    f: impl FnOnce(&mut Cx<'_>, [Value; N]) -> Result<Value>,
) -> Result<Value> {
    let dtype = cx.dtype(operands[0]);
    if !dtype.is_integer() {
        return f(cx, operands);
    }
    for operand in &mut operands {
        *operand = cx.cast(*operand, DType::F64)?;
    }
    let y = f(cx, operands)?;
    cx.cast(y, dtype)
}

fn conv(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, kernel) = cx.pair()?;
    let x = cx.to_channels_last(x)?;
    let grouping = grouping(&cx.shape(x)?, &cx.shape(kernel)?)?;
    let attrs = cx.conv_attrs(grouping)?;
    let y = in_floats(cx, [x, kernel], |cx, operands| {
        cx.push(Op::Conv(attrs), &operands)
    })?;
    cx.from_channels_last(y)
}

/// The kernel tells how many groups there are: it has the channels of one.
fn grouping(image: &[Dim], kernel: &[Dim]) -> Result<Grouping> {
    let channels = image.last().and_then(Dim::as_usize);
    let inner = kernel
        .len()
        .checked_sub(2)
        .and_then(|axis| kernel[axis].as_usize());
    match (channels, inner) {
        (Some(channels), Some(inner)) if inner > 0 && channels % inner == 0 => {
            Ok(Grouping::Groups(channels / inner))
        }
        (Some(_), Some(_)) => Err(Error::malformed(
            "the channels of the kernel do not divide the image's",
        )),
        (None, _) | (_, None) => Ok(Grouping::ByKernel),
    }
}

fn depthwise(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, kernel) = cx.pair()?;
    let x = cx.to_channels_last(x)?;
    let attrs = cx.conv_attrs(Grouping::Depthwise)?;
    let y = in_floats(cx, [x, kernel], |cx, operands| {
        cx.push(Op::Conv(attrs), &operands)
    })?;
    cx.from_channels_last(y)
}

fn transposed(cx: &mut Cx<'_>, tie: Tie) -> Result<Value> {
    let (kernel, x) = (cx.input(1)?, cx.input(2)?);
    let x = cx.to_channels_last(x)?;
    let mut output = output_extents(cx, x, kernel)?;
    if cx.data_format()? == DataFormat::ChannelsFirst && output.len() > 1 {
        output[1..].rotate_left(1);
    }
    let grouping = match tie {
        Tie::Groups => match grouping(&output, &cx.shape(kernel)?)? {
            Grouping::ByKernel => Grouping::Groups(1),
            known => known,
        },
        Tie::Depthwise => Grouping::Depthwise,
    };
    let conv = cx.conv_attrs(grouping)?;
    let y = in_floats(cx, [x, kernel], |cx, [x, kernel]| match grouping {
        Grouping::Groups(1) | Grouping::ByKernel => {
            cx.push(Op::ConvTranspose { conv, output }, &[x, kernel])
        }
        Grouping::Groups(groups) => grouped(cx, x, kernel, &conv, &output, groups),
        Grouping::Depthwise => {
            let channels = output.last().and_then(Dim::as_usize);
            let unknown = || Error::unsupported("an unknown number of channels");
            grouped(cx, x, kernel, &conv, &output, channels.ok_or_else(unknown)?)
        }
    })?;
    cx.from_channels_last(y)
}

/// The transpose of a convolution in groups, as a convolution: by the kernel turned round, of what was given with zeros
/// between for the strides and around.
fn grouped(
    cx: &mut Cx<'_>,
    x: Value,
    kernel: Value,
    conv: &Conv,
    output: &[Dim],
    groups: usize,
) -> Result<Value> {
    let rank = conv.strides.len();
    let taps = cx.shape(kernel)?;
    if taps.len() != rank + 2 || output.len() != rank + 2 {
        return Err(Error::malformed("the kernel is not of an image"));
    }
    let mut spread = x;
    for axis in 0..rank {
        spread = spread_axis(cx, spread, conv, axis, &taps[axis], &output[axis + 1])?;
    }
    let turned = turned(cx, kernel, conv, groups)?;
    let forward = Conv {
        strides: vec![1; rank],
        dilations: conv.dilations.clone(),
        padding: Padding::Valid,
        grouping: Grouping::Groups(groups),
        channels: Channels::Last,
    };
    cx.push(Op::Conv(forward), &[spread, turned])
}

/// The axis with zeros between its elements, and as many around as give an axis of `extent` behind a window of `taps`.
fn spread_axis(
    cx: &mut Cx<'_>,
    x: Value,
    conv: &Conv,
    axis: usize,
    taps: &Dim,
    extent: &Dim,
) -> Result<Value> {
    let one = Dim::known(1);
    let count = cx.shape(x)?[axis + 1].clone();
    let reach = (taps.clone() - one.clone()) * Dim::from(conv.dilations[axis]);
    let span = (count.clone() - one.clone()) * Dim::from(conv.strides[axis]) + one;
    let before = match &conv.padding {
        Padding::Valid => Dim::known(0),
        Padding::Explicit(widths) => Dim::from(widths.get(axis).map_or(0, |(before, _)| *before)),
        Padding::Same => {
            let missing = not_negative(&(span.clone() + reach.clone() - extent.clone()));
            missing.div_floor(&Dim::known(2)).unwrap_or(Dim::known(0))
        }
    };
    let slice = SliceAxis {
        start: reach.clone() - before,
        length: count,
        step: conv.strides[axis],
    };
    unslice(cx, x, axis + 1, &slice, &(extent.clone() + reach))
}

/// The kernel `[taps…, inputs, outputs]` of a convolution in groups as that of its transpose: each tap in the opposite
/// place, inputs and outputs of a group changed.
fn turned(cx: &mut Cx<'_>, kernel: Value, conv: &Conv, groups: usize) -> Result<Value> {
    let rank = conv.strides.len();
    let axes = (0..rank).collect();
    let kernel = cx.push(Op::Reverse { axes }, &[kernel])?;
    let dims = cx.shape(kernel)?;
    let number = Dim::from(groups);
    let (inner, outer) = match conv.grouping {
        Grouping::Depthwise => (Dim::known(1), dims[rank + 1].clone()),
        Grouping::Groups(_) | Grouping::ByKernel => {
            let outer = dims[rank + 1].div_floor(&number);
            let none = || Error::malformed("a convolution has at least one group");
            (dims[rank].clone(), outer.ok_or_else(none)?)
        }
    };
    let mut split = dims[..rank].to_vec();
    split.extend([inner.clone(), number.clone(), outer.clone()]);
    let kernel = cx.reshape(kernel, split)?;
    let mut order: Vec<usize> = (0..rank).collect();
    order.extend([rank + 2, rank + 1, rank]);
    let kernel = cx.transpose(kernel, order)?;
    let mut joined = dims[..rank].to_vec();
    joined.extend([outer, number * inner]);
    cx.reshape(kernel, joined)
}

/// Operand 0: all extents of the result, or its spatial ones. Batch and channels follow from the other operands where
/// only the data tells them.
fn output_extents(cx: &mut Cx<'_>, x: Value, kernel: Value) -> Result<Vec<Dim>> {
    let mut given = cx.partial_dims(0)?;
    let (dims, taps) = (cx.shape(x)?, cx.shape(kernel)?);
    let [.., channels, _] = taps.as_slice() else {
        return Err(Error::malformed("the kernel is not of an image"));
    };
    let Some(batch) = dims.first() else {
        return Err(Error::malformed("the operand is not an image"));
    };
    let last = match cx.data_format()? {
        DataFormat::ChannelsLast => dims.len() - 1,
        DataFormat::ChannelsFirst => 1,
    };
    let is_whole = given.len() == dims.len();
    if is_whole {
        given[0].get_or_insert_with(|| batch.clone());
    }
    if is_whole
        && channels.as_known().is_some()
        && let Some(given) = given.get_mut(last)
    {
        given.get_or_insert_with(|| channels.clone());
    }
    let mut extents = cx.known_or_read(0, given)?;
    if extents.len() + 2 == dims.len() {
        extents.insert(0, batch.clone());
        extents.insert(last, channels.clone());
    }
    Ok(extents)
}
