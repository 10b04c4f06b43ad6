//! Convolutions. Images are brought to channels last, and back.

use super::attr::{DataFormat, WindowPadding};
use super::cx::Cx;
use super::gather::inverse;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Channels, Conv, Dim, Grouping, Op, Padding, Value};

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

fn conv(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, kernel) = cx.pair()?;
    let x = cx.to_channels_last(x)?;
    let groups = groups(&cx.shape(x)?, &cx.shape(kernel)?)?;
    let attrs = cx.conv_attrs(Grouping::Groups(groups))?;
    let y = cx.push(Op::Conv(attrs), &[x, kernel])?;
    cx.from_channels_last(y)
}

/// The kernel tells how many groups there are: it has the channels of one.
fn groups(image: &[Dim], kernel: &[Dim]) -> Result<usize> {
    let channels = image.last().and_then(Dim::as_usize);
    let inner = kernel
        .len()
        .checked_sub(2)
        .and_then(|axis| kernel[axis].as_usize());
    match (channels, inner) {
        (Some(channels), Some(inner)) if inner > 0 && channels % inner == 0 => Ok(channels / inner),
        (Some(_), Some(_)) => Err(Error::malformed(
            "the channels of the kernel do not divide the image's",
        )),
        (None, _) | (_, None) => Ok(1),
    }
}

fn depthwise(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, kernel) = cx.pair()?;
    let x = cx.to_channels_last(x)?;
    let attrs = cx.conv_attrs(Grouping::Depthwise)?;
    let y = cx.push(Op::Conv(attrs), &[x, kernel])?;
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
        Tie::Groups => Grouping::Groups(groups(&output, &cx.shape(kernel)?)?),
        Tie::Depthwise => Grouping::Depthwise,
    };
    let conv = cx.conv_attrs(grouping)?;
    let y = cx.push(Op::ConvTranspose { conv, output }, &[x, kernel])?;
    cx.from_channels_last(y)
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
