//! Gradients of convolutions with respect to their kernels, of pools, and of resizes.

use super::super::cx::{Cx, count};
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::{self, Tensor};
use crate::ir::{DType, Op, Type};
use crate::lower::attr::{DataFormat, WindowPadding};
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    one("Conv2DBackpropFilter", |cx| conv_filter(cx, 2)),
    one("Conv3DBackpropFilterV2", |cx| conv_filter(cx, 3)),
    one("DepthwiseConv2dNativeBackpropFilter", depthwise_filter),
    one("MaxPoolGrad", |cx| max_pool(cx, 2)),
    one("MaxPoolGradV2", |cx| max_pool(cx, 2)),
    one("MaxPool3DGrad", |cx| max_pool(cx, 3)),
    one("AvgPoolGrad", |cx| average_pool(cx, 2)),
    one("AvgPool3DGrad", |cx| average_pool(cx, 3)),
    one("ResizeBilinearGrad", |cx| {
        let original = cx.tensor(1)?;
        let size = original.shape().get(1..3).unwrap_or_default().to_vec();
        resize(cx, &size, false)
    }),
    one("ResizeNearestNeighborGrad", |cx| {
        let size = cx.extents(1)?;
        resize(cx, &size, true)
    }),
];

/// A window op over the spatial axes of `[batch, spatial…, channels]`.
struct Windows {
    input: Vec<usize>,
    output: Vec<usize>,
    window: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    /// Elements before the image.
    before: Vec<usize>,
    channels_first: bool,
}

impl Windows {
    /// Of a node, by its attributes and the whole shapes of the image and the result.
    fn new(
        cx: &Cx<'_>,
        input: &[usize],
        output: &[usize],
        window: &[usize],
        rank: usize,
    ) -> Result<Windows> {
        let channels_first = cx.attr::<DataFormat>("data_format")? == DataFormat::ChannelsFirst;
        let start = if channels_first { 2 } else { 1 };
        let wrong = || Error::usage(format!("an image has {} axes", rank + 2));
        let spatial = |shape: &[usize]| shape.get(start..start + rank).map(<[usize]>::to_vec);
        let (input, output) = (
            spatial(input).ok_or_else(wrong)?,
            spatial(output).ok_or_else(wrong)?,
        );
        let strides: Vec<usize> = cx.attr("strides")?;
        let strides = spatial(&strides).ok_or_else(wrong)?;
        let dilations: Vec<usize> = cx.attr("dilations").unwrap_or_else(|_| vec![1; rank + 2]);
        let dilations = spatial(&dilations).unwrap_or_else(|| vec![1; rank]);
        let explicit: Vec<usize> = cx.attr("explicit_paddings").unwrap_or_default();
        let padding: WindowPadding = cx.attr("padding")?;
        let before = |axis: usize| match padding {
            WindowPadding::Valid => 0,
            WindowPadding::Explicit => explicit.get(2 * (start + axis)).copied().unwrap_or(0),
            WindowPadding::Same => {
                let span = (window[axis].max(1) - 1) * dilations[axis] + 1;
                let needed = output[axis].max(1).saturating_sub(1) * strides[axis] + span;
                needed.saturating_sub(input[axis]) / 2
            }
        };
        if window.len() != rank || strides.contains(&0) {
            return Err(wrong());
        }
        Ok(Windows {
            before: (0..rank).map(before).collect(),
            input,
            output,
            window: window.to_vec(),
            strides,
            dilations,
            channels_first,
        })
    }

    fn outputs(&self) -> usize {
        self.output.iter().product()
    }

    fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    fn taps(&self) -> usize {
        self.window.iter().product()
    }

    /// The pixel that a tap of the window at an output sees; `None` outside of the image.
    fn pixel(&self, mut output: usize, mut tap: usize) -> Option<usize> {
        let (mut place, mut stride) = (0, 1);
        for axis in (0..self.input.len()).rev() {
            let (at, in_window) = (output % self.output[axis], tap % self.window[axis]);
            output /= self.output[axis];
            tap /= self.window[axis];
            let at = (at * self.strides[axis] + in_window * self.dilations[axis])
                .checked_sub(self.before[axis])
                .filter(|&at| at < self.input[axis])?;
            place += at * stride;
            stride *= self.input[axis];
        }
        Some(place)
    }
}

/// The tensor with its channels last, and what undoes it.
fn channels_last(tensor: &Arc<Tensor>, channels_first: bool) -> Result<Arc<Tensor>> {
    if !channels_first {
        return Ok(tensor.clone());
    }
    let rank = tensor.rank();
    let order: Vec<usize> = [0].into_iter().chain(2..rank).chain([1]).collect();
    Ok(Arc::new(transposed(tensor, &order)?))
}

fn channels_back(tensor: Tensor, channels_first: bool) -> Result<Tensor> {
    if !channels_first {
        return Ok(tensor);
    }
    let rank = tensor.rank();
    let order: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    transposed(&tensor, &order)
}

fn transposed(tensor: &Tensor, order: &[usize]) -> Result<Tensor> {
    let shape: Vec<usize> = order.iter().map(|&axis| tensor.shape()[axis]).collect();
    one_op(
        Op::Transpose(order.to_vec()),
        &[tensor],
        tensor.dtype(),
        &shape,
    )
}

fn one_op(op: Op, operands: &[&Tensor], dtype: DType, shape: &[usize]) -> Result<Tensor> {
    let dims: Vec<crate::ir::Dim> = shape.iter().map(|&n| n.into()).collect();
    let mut results = eval::evaluate(&op, operands, &[Type::new(dtype, dims)])?;
    results.pop().ok_or_else(|| Error::internal("no result"))
}

fn last(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(0)
}

/// Operands: x, the kernel's shape `[spatial…, inputs, outputs]`, the gradient. Each tap of the kernel is a product of
/// what it saw with the gradient.
fn conv_filter(cx: &mut Cx<'_>, rank: usize) -> Result<Tensor> {
    let (x, gradient) = (cx.tensor(0)?, cx.tensor(2)?);
    let kernel = cx.extents(1)?;
    let windows = Windows::new(
        cx,
        x.shape(),
        gradient.shape(),
        kernel.get(..rank).unwrap_or_default(),
        rank,
    )?;
    let x = channels_last(&x, windows.channels_first)?;
    let gradient = channels_last(&gradient, windows.channels_first)?;
    let (inputs, outputs) = (last(x.shape()), last(gradient.shape()));
    let per_group = kernel.get(rank).copied().unwrap_or(0);
    if per_group == 0 || kernel.last() != Some(&outputs) || !inputs.is_multiple_of(per_group) {
        return Err(Error::usage(
            "the kernel does not fit the image and the gradient",
        ));
    }
    let groups = inputs / per_group;
    count(&kernel)?;
    let numbers = x.to_floats()?;
    let batch = x.shape().first().copied().unwrap_or(0);
    let flat = gradient.reshaped(&[batch * windows.outputs(), outputs])?;
    let flat = flat.cast(DType::F32)?;
    let mut taps = Vec::with_capacity(windows.taps());
    for tap in 0..windows.taps() {
        let seen = seen(&windows, &numbers, batch, inputs, tap);
        let seen = Tensor::new(&[batch * windows.outputs(), inputs], seen)?;
        let product = Op::MatMul {
            transpose_lhs: true,
            transpose_rhs: false,
        };
        let product = one_op(product, &[&seen, &flat], DType::F32, &[inputs, outputs])?;
        taps.push(diagonal(&product, groups, per_group, outputs)?);
    }
    let taps: Vec<&Tensor> = taps.iter().collect();
    Tensor::chain(&taps)?
        .reshaped(&kernel)?
        .cast(gradient.dtype())
}

/// The rows of pixels that a tap saw, zeros outside.
fn seen(windows: &Windows, x: &[f64], batch: usize, inputs: usize, tap: usize) -> Vec<f32> {
    let mut rows = Vec::with_capacity(batch * windows.outputs() * inputs);
    for image in 0..batch {
        for output in 0..windows.outputs() {
            match windows.pixel(output, tap) {
                Some(pixel) => {
                    let start = (image * windows.inputs() + pixel) * inputs;
                    rows.extend(x[start..start + inputs].iter().map(|&x| x as f32));
                }
                None => rows.extend(std::iter::repeat_n(0f32, inputs)),
            }
        }
    }
    rows
}

/// Of `[inputs, outputs]` the blocks that belong to one group, one above the other: `[per group, outputs]`.
fn diagonal(product: &Tensor, groups: usize, per_group: usize, outputs: usize) -> Result<Tensor> {
    let width = outputs / groups.max(1);
    let mut places = vec![];
    for input in 0..per_group {
        for output in 0..outputs {
            let group = output / width.max(1);
            places.push((group * per_group + input) * outputs + output);
        }
    }
    product.take(&[per_group, outputs], &places)
}

fn depthwise_filter(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (x, gradient) = (cx.tensor(0)?, cx.tensor(2)?);
    let kernel = cx.extents(1)?;
    let &[height, width, channels, multiplier] = kernel.as_slice() else {
        return Err(Error::usage("a depthwise kernel has four axes"));
    };
    let windows = Windows::new(cx, x.shape(), gradient.shape(), &[height, width], 2)?;
    let x = channels_last(&x, windows.channels_first)?;
    let gradient = channels_last(&gradient, windows.channels_first)?;
    if last(x.shape()) != channels || last(gradient.shape()) != channels * multiplier {
        return Err(Error::usage(
            "the kernel does not fit the image and the gradient",
        ));
    }
    let (numbers, g) = (x.to_floats()?, gradient.to_floats()?);
    let batch = x.shape()[0];
    let mut sums = vec![0.0; count(&kernel)?];
    for (tap, sums) in sums.chunks_mut((channels * multiplier).max(1)).enumerate() {
        for image in 0..batch {
            for output in 0..windows.outputs() {
                let Some(pixel) = windows.pixel(output, tap) else {
                    continue;
                };
                let from = (image * windows.inputs() + pixel) * channels;
                let to = (image * windows.outputs() + output) * channels * multiplier;
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum += numbers[from + i / multiplier] * g[to + i];
                }
            }
        }
    }
    Tensor::from_floats(gradient.dtype(), &kernel, sums)
}

/// The window's spatial extents: of attribute `ksize`, or for V2 of operand 3.
fn pool_windows(
    cx: &mut Cx<'_>,
    input: &[usize],
    output: &[usize],
    rank: usize,
) -> Result<Windows> {
    let channels_first = cx.attr::<DataFormat>("data_format")? == DataFormat::ChannelsFirst;
    let start = if channels_first { 2 } else { 1 };
    let sizes: Vec<usize> = cx.attr("ksize")?;
    let window = sizes.get(start..start + rank);
    Windows::new(cx, input, output, window.unwrap_or_default(), rank)
}

/// Operands: the image, the result, the gradient, which goes to the first of the largest elements.
fn max_pool(cx: &mut Cx<'_>, rank: usize) -> Result<Tensor> {
    let (x, gradient) = (cx.tensor(0)?, cx.tensor(2)?);
    if cx.inputs.len() > 3 {
        return Err(Error::unsupported("a pool whose window is an operand"));
    }
    let windows = pool_windows(cx, x.shape(), gradient.shape(), rank)?;
    let x = channels_last(&x, windows.channels_first)?;
    let gradient = channels_last(&gradient, windows.channels_first)?;
    let channels = last(x.shape());
    let (numbers, g) = (x.to_floats()?, gradient.to_floats()?);
    let mut sums = vec![0.0; numbers.len()];
    for image in 0..x.shape()[0] {
        for output in 0..windows.outputs() {
            let pixels: Vec<usize> = (0..windows.taps())
                .filter_map(|tap| windows.pixel(output, tap))
                .collect();
            for channel in 0..channels {
                let place = |pixel: &usize| (image * windows.inputs() + pixel) * channels + channel;
                let best = pixels.iter().map(place).reduce(|best, other| {
                    if numbers[other] > numbers[best] {
                        other
                    } else {
                        best
                    }
                });
                if let Some(best) = best {
                    sums[best] += g[(image * windows.outputs() + output) * channels + channel];
                }
            }
        }
    }
    let sums = Tensor::from_floats(gradient.dtype(), x.shape(), sums)?;
    channels_back(sums, windows.channels_first)
}

/// Operands: the image's shape, the gradient, which all elements of a window share.
fn average_pool(cx: &mut Cx<'_>, rank: usize) -> Result<Tensor> {
    let (shape, gradient) = (cx.extents(0)?, cx.tensor(1)?);
    let windows = pool_windows(cx, &shape, gradient.shape(), rank)?;
    let gradient = channels_last(&gradient, windows.channels_first)?;
    let channels = last(gradient.shape());
    let g = gradient.to_floats()?;
    let batch = shape.first().copied().unwrap_or(0);
    let mut sums = vec![0.0; count(&shape)?];
    for image in 0..batch {
        for output in 0..windows.outputs() {
            let pixels: Vec<usize> = (0..windows.taps())
                .filter_map(|tap| windows.pixel(output, tap))
                .collect();
            let share = 1.0 / pixels.len().max(1) as f64;
            let from = (image * windows.outputs() + output) * channels;
            for pixel in pixels {
                let to = (image * windows.inputs() + pixel) * channels;
                for channel in 0..channels {
                    sums[to + channel] += g[from + channel] * share;
                }
            }
        }
    }
    let last_shape: Vec<usize> = [&[batch], windows.input.as_slice(), &[channels]].concat();
    let sums = Tensor::from_floats(gradient.dtype(), &last_shape, sums)?;
    channels_back(sums, windows.channels_first)
}

/// The gradient of each output pixel goes to the pixels that it was made of.
fn resize(cx: &mut Cx<'_>, size: &[usize], is_nearest: bool) -> Result<Tensor> {
    let gradient = cx.tensor(0)?;
    let (corners, half): (bool, bool) = (cx.attr("align_corners")?, cx.attr("half_pixel_centers")?);
    let (&[batch, height, width, channels], &[in_height, in_width]) = (gradient.shape(), size)
    else {
        return Err(Error::usage("images have four axes"));
    };
    let g = gradient.to_floats()?;
    let shape = [batch, in_height, in_width, channels];
    let mut sums = vec![0.0; count(&shape)?];
    let rows = sources(in_height, height, corners, half, is_nearest);
    let columns = sources(in_width, width, corners, half, is_nearest);
    for image in 0..batch {
        for (y, row) in rows.iter().enumerate() {
            for (x, column) in columns.iter().enumerate() {
                let from = ((image * height + y) * width + x) * channels;
                for &(in_y, down) in row {
                    for &(in_x, across) in column {
                        let to = ((image * in_height + in_y) * in_width + in_x) * channels;
                        for channel in 0..channels {
                            sums[to + channel] += g[from + channel] * down * across;
                        }
                    }
                }
            }
        }
    }
    Tensor::from_floats(gradient.dtype(), &shape, sums)
}

/// For each output row or column the input ones and their weights.
fn sources(
    extent: usize,
    count: usize,
    corners: bool,
    half: bool,
    is_nearest: bool,
) -> Vec<Vec<(usize, f64)>> {
    let scale = match corners && count > 1 {
        true => (extent as f32 - 1.0) / (count as f32 - 1.0),
        false => extent as f32 / count as f32,
    };
    let end = extent.saturating_sub(1);
    let source = |i: usize| {
        if is_nearest {
            let at = match (corners, half) {
                (true, _) => (i as f32 * scale).round(),
                (false, true) => ((i as f32 + 0.5) * scale).floor(),
                (false, false) => (i as f32 * scale).floor(),
            };
            return vec![((at.max(0.0) as usize).min(end), 1.0)];
        }
        let at = match half {
            true => (i as f32 + 0.5) * scale - 0.5,
            false => i as f32 * scale,
        };
        let low = at.floor();
        let weight = f64::from(at - low);
        let (first, second) = (
            low.max(0.0) as usize,
            (at.ceil().max(0.0) as usize).min(end),
        );
        vec![(first.min(end), 1.0 - weight), (second, weight)]
    };
    (0..count).map(source).collect()
}
