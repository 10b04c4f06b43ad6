//! Gradients of convolutions with respect to their kernels, and of pools.
//!
//! The gradient of a kernel is itself a convolution: of the image, whose batch takes the place of its channels, by the
//! gradient, with strides and dilations in each other's place. A pool's gradient goes back the way that the transpose
//! of a convolution does, channel by channel.

use super::attr::DataFormat;
use super::conv::Tie;
use super::cx::Cx;
use super::strided::not_negative;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{
    Binary, Channels, Conv, DType, Dim, Extreme, Grouping, Op, Padding, SliceAxis, Value,
};

pub const OPS: &[Lowering] = &[
    op("Conv2DBackpropFilter", |cx| kernel(cx, Tie::Groups)),
    op("Conv3DBackpropFilterV2", |cx| kernel(cx, Tie::Groups)),
    op("DepthwiseConv2dNativeBackpropFilter", |cx| {
        kernel(cx, Tie::Depthwise)
    }),
    op("MaxPoolGrad", max_pool),
    op("MaxPoolGradV2", max_pool_v2),
    op("MaxPool3DGrad", max_pool),
    op("MaxPoolGradWithArgmax", max_pool_with_argmax),
    op("AvgPoolGrad", average_pool),
    op("AvgPool3DGrad", average_pool),
];

/// The windows of an op over an image.
struct Windows {
    taps: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    padding: Padding,
    /// The image's extents, channels last.
    image: Vec<Dim>,
    /// How many windows there are along each spatial axis.
    counts: Vec<Dim>,
}

impl Windows {
    /// `image` and `result` are whole shapes, channels last.
    fn check(&self, result: &[Dim]) -> Result<()> {
        let rank = self.taps.len();
        let fits = self.image.len() == rank + 2
            && result.len() == rank + 2
            && self.strides.len() == rank
            && self.dilations.len() == rank;
        let positive = [&self.taps, &self.strides, &self.dilations]
            .iter()
            .all(|list| !list.contains(&0));
        match fits && positive {
            true => Ok(()),
            false => Err(Error::malformed(format!(
                "windows of {:?} do not fit an image of {} axes",
                self.taps,
                self.image.len()
            ))),
        }
    }

    /// The elements before the first window, and how many elements all windows cover.
    fn cover(&self, axis: usize) -> (Dim, Dim) {
        let reach = (self.taps[axis] - 1).saturating_mul(self.dilations[axis]);
        let steps = (self.counts[axis].clone() - Dim::known(1)) * Dim::from(self.strides[axis]);
        let covered = steps + Dim::from(reach) + Dim::known(1);
        let before = match &self.padding {
            Padding::Valid => Dim::known(0),
            Padding::Explicit(widths) => {
                Dim::from(widths.get(axis).map_or(0, |(before, _)| *before))
            }
            Padding::Same => {
                let missing = not_negative(&(covered.clone() - self.image[axis + 1].clone()));
                let half = missing.div_floor(&Dim::known(2));
                half.unwrap_or(Dim::known(0))
            }
        };
        (before, covered)
    }

    fn conv(&self) -> Conv {
        Conv {
            strides: self.strides.clone(),
            dilations: self.dilations.clone(),
            padding: self.padding.clone(),
            grouping: Grouping::Groups(1),
            channels: Channels::Last,
        }
    }
}

impl Cx<'_> {
    /// The part of the image that windows cover, with `outside` where they look beyond it.
    fn covered(&mut self, x: Value, windows: &Windows, outside: f64) -> Result<Value> {
        let mut widths = vec![(Dim::known(0), Dim::known(0)); windows.image.len()];
        let mut spans = vec![];
        for axis in 0..windows.taps.len() {
            let (before, covered) = windows.cover(axis);
            let after =
                not_negative(&(covered.clone() - before.clone() - windows.image[axis + 1].clone()));
            let after = match windows.padding {
                Padding::Valid => Dim::known(0),
                Padding::Same | Padding::Explicit(_) => after,
            };
            widths[axis + 1] = (before, after);
            spans.push(covered);
        }
        let outside = self.scalar_like(x, outside)?;
        let mut x = self.pad(x, widths, outside)?;
        for (axis, covered) in spans.into_iter().enumerate() {
            x = self.narrow(x, axis + 1, Dim::known(0), covered)?;
        }
        Ok(x)
    }
}

/// Operands: x, the kernel's extents, the gradient.
fn kernel(cx: &mut Cx<'_>, tie: Tie) -> Result<Value> {
    let (x, dy) = (cx.input(0)?, cx.input(2)?);
    let (x, dy) = (cx.to_channels_last(x)?, cx.to_channels_last(dy)?);
    let kernel = sizes(&cx.integers(1)?)?;
    let (image, result) = (cx.shape(x)?, cx.shape(dy)?);
    let rank = kernel.len().saturating_sub(2);
    let windows = Windows {
        taps: kernel.get(..rank).unwrap_or_default().to_vec(),
        strides: cx.spatial_attr("strides")?,
        dilations: cx.spatial_attr("dilations")?,
        padding: cx.window_padding()?,
        counts: result.get(1..=rank).unwrap_or_default().to_vec(),
        image,
    };
    windows.check(&result)?;
    let channels = windows.image[rank + 1].as_usize();
    let channels = channels.ok_or_else(|| Error::unsupported("an unknown number of channels"))?;
    let inner = match tie {
        Tie::Groups => kernel[rank],
        Tie::Depthwise => 1,
    };
    if inner == 0 || !channels.is_multiple_of(inner) {
        return Err(Error::malformed(
            "the channels of the kernel do not divide the image's",
        ));
    }
    let seen = cx.covered(x, &windows, 0.0)?;
    let seen = batch_as_channels(cx, seen, channels / inner, inner)?;
    let mut order: Vec<usize> = (1..=rank).collect();
    order.extend([0, rank + 1]);
    let dy = cx.transpose(dy, order)?;
    let conv = Conv {
        strides: windows.dilations,
        dilations: windows.strides,
        padding: Padding::Valid,
        grouping: Grouping::Groups(channels / inner),
        channels: Channels::Last,
    };
    let sums = cx.push(Op::Conv(conv), &[seen, dy])?;
    let mut order: Vec<usize> = (1..=rank).collect();
    order.extend([0, rank + 1]);
    let sums = cx.transpose(sums, order)?;
    cx.reshape(sums, kernel.into_iter().map(Dim::from).collect())
}

/// `[batch, spatial…, groups * inner]` as `[inner, spatial…, groups * batch]`.
fn batch_as_channels(cx: &mut Cx<'_>, x: Value, groups: usize, inner: usize) -> Result<Value> {
    let dims = cx.shape(x)?;
    let rank = dims.len() - 2;
    if groups == 1 {
        let mut order: Vec<usize> = (0..dims.len()).collect();
        order.swap(0, rank + 1);
        return cx.transpose(x, order);
    }
    let mut split = dims[..=rank].to_vec();
    split.extend([Dim::from(groups), Dim::from(inner)]);
    let split = cx.reshape(x, split)?;
    let mut order = vec![rank + 2];
    order.extend(1..=rank + 1);
    order.push(0);
    let turned = cx.transpose(split, order)?;
    let mut joined = vec![Dim::from(inner)];
    joined.extend_from_slice(&dims[1..=rank]);
    joined.push(Dim::from(groups) * dims[0].clone());
    cx.reshape(turned, joined)
}

fn sizes(integers: &[i64]) -> Result<Vec<usize>> {
    let size = |&n: &i64| usize::try_from(n).map_err(|_| Error::malformed("a size is negative"));
    integers.iter().map(size).collect()
}

/// The windows of a pool over `image`, channels last.
fn pool_windows(cx: &Cx<'_>, image: Vec<Dim>, result: &[Dim]) -> Result<Windows> {
    let (taps, strides) = (cx.spatial_attr("ksize")?, cx.spatial_attr("strides")?);
    windows_of(cx, taps, strides, image, result)
}

fn windows_of(
    cx: &Cx<'_>,
    taps: Vec<usize>,
    strides: Vec<usize>,
    image: Vec<Dim>,
    result: &[Dim],
) -> Result<Windows> {
    let windows = Windows {
        dilations: vec![1; taps.len()],
        padding: cx.window_padding()?,
        counts: result.get(1..=taps.len()).unwrap_or_default().to_vec(),
        taps,
        strides,
        image,
    };
    windows.check(result)?;
    Ok(windows)
}

/// Operands: the image, the result, the gradient.
fn max_pool(cx: &mut Cx<'_>) -> Result<Value> {
    let (taps, strides) = (cx.spatial_attr("ksize")?, cx.spatial_attr("strides")?);
    max_pool_over(cx, taps, strides)
}

/// Window and strides are operands 3 and 4.
fn max_pool_v2(cx: &mut Cx<'_>) -> Result<Value> {
    let format = cx.data_format()?;
    let mut lists = vec![];
    for operand in [3, 4] {
        let all = sizes(&cx.integers(operand)?)?;
        let spatial = match format {
            DataFormat::ChannelsLast => all.get(1..3),
            DataFormat::ChannelsFirst => all.get(2..4),
        };
        lists.push(spatial.unwrap_or_default().to_vec());
    }
    let strides = lists.pop().unwrap_or_default();
    max_pool_over(cx, lists.pop().unwrap_or_default(), strides)
}

/// The gradient goes to the first of a window's largest elements.
fn max_pool_over(cx: &mut Cx<'_>, taps: Vec<usize>, strides: Vec<usize>) -> Result<Value> {
    let (x, dy) = (cx.input(0)?, cx.input(2)?);
    let (x, dy) = (cx.to_channels_last(x)?, cx.to_channels_last(dy)?);
    let (image, result) = (cx.shape(x)?, cx.shape(dy)?);
    let windows = windows_of(cx, taps, strides, image, &result)?;
    let rank = windows.taps.len();
    let taps: usize = windows.taps.iter().product();
    let (x, dy) = (channels_as_batch(cx, x)?, channels_as_batch(cx, dy)?);
    let picks = picks(cx, &windows, cx.dtype(x))?;
    let seen = cx.covered(x, &windows, super::windows::lowest(cx.dtype(x))?)?;
    let conv = Conv {
        padding: Padding::Valid,
        ..windows.conv()
    };
    let seen = cx.push(Op::Conv(conv), &[seen, picks])?;
    let largest = Op::ArgReduce {
        op: Extreme::Max,
        axis: rank + 1,
        dtype: DType::I32,
    };
    let largest = cx.push(largest, &[seen])?;
    let (on, off) = (cx.scalar_like(dy, 1.0)?, cx.scalar_like(dy, 0.0)?);
    let mark = Op::OneHot {
        depth: Dim::from(taps),
        axis: rank + 1,
    };
    let marks = cx.push(mark, &[largest, on, off])?;
    let shares = cx.combine(Binary::Mul, marks, dy)?;
    spread(cx, &windows, shares, picks)
}

/// `[batch, spatial…, channels]` as `[batch * channels, spatial…, 1]`.
fn channels_as_batch(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    let dims = cx.shape(x)?;
    let rank = dims.len() - 2;
    let mut order = vec![0, rank + 1];
    order.extend(1..=rank);
    let x = cx.transpose(x, order)?;
    let mut joined = vec![dims[0].clone() * dims[rank + 1].clone()];
    joined.extend_from_slice(&dims[1..=rank]);
    joined.push(Dim::known(1));
    cx.reshape(x, joined)
}

/// A kernel that gives each element of a window as a channel of its own: `[taps…, 1, elements]`.
fn picks(cx: &mut Cx<'_>, windows: &Windows, dtype: DType) -> Result<Value> {
    let taps: usize = windows.taps.iter().product();
    let numbers = cx.iota(Dim::from(taps), DType::I32)?;
    let (on, off) = (cx.scalar(dtype, 1.0)?, cx.scalar(dtype, 0.0)?);
    let one_hot = Op::OneHot {
        depth: Dim::from(taps),
        axis: 1,
    };
    let marks = cx.push(one_hot, &[numbers, on, off])?;
    let mut dims: Vec<Dim> = windows.taps.iter().copied().map(Dim::from).collect();
    dims.extend([Dim::known(1), Dim::from(taps)]);
    cx.reshape(marks, dims)
}

/// What each window gives to the pixels that it saw: of `[batch * channels, counts…, elements]` an image of the node's
/// format. `kernel` says which element of a window has which share.
fn spread(cx: &mut Cx<'_>, windows: &Windows, shares: Value, kernel: Value) -> Result<Value> {
    let image = &windows.image;
    let rank = windows.taps.len();
    let mut output = vec![image[0].clone() * image[rank + 1].clone()];
    output.extend_from_slice(&image[1..=rank]);
    output.push(Dim::known(1));
    let dx = match rank {
        3 => spread_taps(cx, windows, shares)?,
        _ => {
            let conv = windows.conv();
            cx.push(Op::ConvTranspose { conv, output }, &[shares, kernel])?
        }
    };
    let mut split = vec![image[0].clone(), image[rank + 1].clone()];
    split.extend_from_slice(&image[1..=rank]);
    let dx = cx.reshape(dx, split)?;
    let mut order = vec![0];
    order.extend(2..=rank + 1);
    order.push(1);
    let dx = cx.transpose(dx, order)?;
    cx.from_channels_last(dx)
}

/// The sum of what each tap gives, over volumes, of which the transpose of a convolution is rare among frameworks. There
/// is one share for all taps, or one for each.
fn spread_taps(cx: &mut Cx<'_>, windows: &Windows, shares: Value) -> Result<Value> {
    let rank = windows.taps.len();
    let taps: usize = windows.taps.iter().product();
    let is_common = cx.shape(shares)?[rank + 1].is(1);
    let mut sum = None;
    for tap in 0..taps {
        let mut part = match is_common {
            true => shares,
            false => cx.narrow(shares, rank + 1, Dim::from(tap), Dim::known(1))?,
        };
        let mut rest = tap;
        for axis in (0..rank).rev() {
            let (before, covered) = windows.cover(axis);
            let slice = SliceAxis {
                start: Dim::from(rest % windows.taps[axis]),
                length: windows.counts[axis].clone(),
                step: windows.strides[axis],
            };
            rest /= windows.taps[axis];
            part = super::strided::unslice(cx, part, axis + 1, &slice, &covered)?;
            let extent = windows.image[axis + 1].clone();
            let after = not_negative(&(before.clone() + extent.clone() - covered));
            part = cx.surrounded(part, axis + 1, Dim::known(0), after)?;
            part = cx.narrow(part, axis + 1, before, extent)?;
        }
        sum = Some(match sum {
            Some(sum) => cx.combine(Binary::Add, sum, part)?,
            None => part,
        });
    }
    sum.ok_or_else(|| Error::malformed("an empty window"))
}

/// Operands: the image's extents, the gradient, which all elements of a window share.
fn average_pool(cx: &mut Cx<'_>) -> Result<Value> {
    let dy = cx.input(1)?;
    let mut image = cx.dims(0)?;
    if cx.data_format()? == DataFormat::ChannelsFirst && image.len() > 1 {
        image[1..].rotate_left(1);
    }
    let dy = cx.to_channels_last(dy)?;
    let windows = pool_windows(cx, image, &cx.shape(dy)?)?;
    let dtype = cx.dtype(dy);
    let members = members(cx, &windows, dtype)?;
    let share = cx.combine(Binary::Div, dy, members)?;
    let share = channels_as_batch(cx, share)?;
    let ones = ones(cx, &windows, dtype)?;
    spread(cx, &windows, share, ones)
}

/// A kernel that sums a window.
fn ones(cx: &mut Cx<'_>, windows: &Windows, dtype: DType) -> Result<Value> {
    let mut dims: Vec<Dim> = windows.taps.iter().copied().map(Dim::from).collect();
    dims.extend([Dim::known(1), Dim::known(1)]);
    let one = cx.scalar(dtype, 1.0)?;
    cx.broadcast(one, dims)
}

/// How many elements of the image each window has: a scalar, or `[1, counts…, 1]`.
fn members(cx: &mut Cx<'_>, windows: &Windows, dtype: DType) -> Result<Value> {
    let taps: usize = windows.taps.iter().product();
    if windows.padding == Padding::Valid {
        return cx.scalar(dtype, taps as f64);
    }
    let one = cx.scalar(dtype, 1.0)?;
    let mut image = windows.image.clone();
    image[0] = Dim::known(1);
    image[windows.taps.len() + 1] = Dim::known(1);
    let image = cx.broadcast(one, image)?;
    let kernel = ones(cx, windows, dtype)?;
    cx.push(Op::Conv(windows.conv()), &[image, kernel])
}

/// Operands: the image, the gradient, and where in the flat image the largest elements were.
fn max_pool_with_argmax(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, dy, places) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let dims = cx.shape(x)?;
    let mut places = places;
    if !cx.attr::<bool>("include_batch_in_index")? {
        let (Some(batch), rank) = (dims.first().cloned(), dims.len()) else {
            return Err(Error::malformed("the operand is not an image"));
        };
        let dtype = cx.dtype(places);
        let size = super::emit::product(&dims[1..]);
        let size = cx.extents(vec![size], true, dtype)?;
        let numbers = cx.iota(batch.clone(), dtype)?;
        let starts = cx.combine(Binary::Mul, numbers, size)?;
        let mut column = vec![Dim::known(1); rank];
        column[0] = batch;
        let starts = cx.reshape(starts, column)?;
        places = cx.combine(Binary::Add, places, starts)?;
    }
    let count = super::emit::product(&cx.shape(dy)?);
    let places = cx.reshape(places, vec![count.clone(), Dim::known(1)])?;
    let flat = cx.reshape(dy, vec![count])?;
    let op = Op::ScatterNd {
        shape: vec![super::emit::product(&dims)],
    };
    let sums = cx.push(op, &[places, flat])?;
    cx.reshape(sums, dims)
}
