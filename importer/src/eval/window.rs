//! Convolutions and pools over `[batch, spatial…, channels]`; another layout is turned into that.

use super::data::{Data, Wide};
use super::geometry::{Geometry, no_image};
use super::linear::single;
use super::movement::{OUTSIDE, move_channels};
use super::tensor::{Tensor, element_count};
use crate::error::{Error, Result};
use crate::ir::{Channels, Conv, DType, Grouping, Padding, Pooling};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, LinalgScalar, s};
use rayon::prelude::*;

/// Windows that one task computes.
const WINDOWS: usize = 128;

/// How channels are tied: `groups` blocks of `inner` inputs and `outer` outputs each.
struct Groups {
    groups: usize,
    inner: usize,
    outer: usize,
}

impl Groups {
    fn new(grouping: Grouping, channels: usize, kernel: &[usize]) -> Result<Self> {
        let [.., inner, outer] = *kernel else {
            return Err(no_image(kernel));
        };
        let (groups, fits) = match grouping {
            Grouping::Groups(groups) => (
                groups,
                groups > 0 && inner.checked_mul(groups) == Some(channels),
            ),
            Grouping::ByKernel => {
                let groups = channels.checked_div(inner).unwrap_or(0);
                (groups, groups > 0 && inner * groups == channels)
            }
            Grouping::Depthwise => (inner, inner == channels),
        };
        match (grouping, fits) {
            (Grouping::Groups(_) | Grouping::ByKernel, true) if outer % groups == 0 => Ok(Groups {
                groups,
                inner,
                outer: outer / groups,
            }),
            (Grouping::Depthwise, true) => Ok(Groups {
                groups,
                inner: 1,
                outer,
            }),
            (Grouping::Groups(_) | Grouping::ByKernel | Grouping::Depthwise, _) => {
                Err(Error::malformed(format!(
                    "the kernel {kernel:?} does not fit {channels} channels"
                )))
            }
        }
    }
}

/// A kernel as one matrix `[taps * inner, outer]` for each group.
fn group_kernels<T: LinalgScalar>(
    kernel: &[T],
    taps: usize,
    g: &Groups,
    grouping: Grouping,
) -> Vec<Array2<T>> {
    let place = |group: usize, tap: usize, i: usize, o: usize| match grouping {
        Grouping::Groups(_) | Grouping::ByKernel => {
            (tap * g.inner + i) * g.outer * g.groups + group * g.outer + o
        }
        Grouping::Depthwise => (tap * g.groups + group) * g.outer + o,
    };
    let matrix = |group| {
        Array2::from_shape_fn((taps * g.inner, g.outer), |(row, o)| {
            kernel[place(group, row / g.inner, row % g.inner, o)]
        })
    };
    (0..g.groups).map(matrix).collect()
}

pub(super) fn conv(conv: &Conv, [x, kernel]: [&Tensor; 2]) -> Result<Tensor> {
    match conv.channels {
        Channels::Last => conv_channels_last(conv, x, kernel),
        Channels::First => move_channels(
            &conv_channels_last(conv, &move_channels(x, true)?, kernel)?,
            false,
        ),
    }
}

fn conv_channels_last(conv: &Conv, x: &Tensor, kernel: &Tensor) -> Result<Tensor> {
    let (geometry, groups) = prepare(conv, x.shape(), kernel)?;
    let shape = geometry.result_shape(groups.groups * groups.outer);
    element_count(&shape)?;
    let run = Convolution {
        geometry,
        groups,
        grouping: conv.grouping,
    };
    match in_single(x.dtype()) {
        true => finish(
            &shape,
            run.forward(&single(x)?, &single(kernel)?),
            x.dtype(),
        ),
        false => Tensor::from_floats(
            x.dtype(),
            &shape,
            run.forward(&x.to_floats()?, &kernel.to_floats()?),
        ),
    }
}

fn in_single(dtype: DType) -> bool {
    dtype.is_float() && dtype != DType::F64
}

fn finish(shape: &[usize], v: Vec<f32>, dtype: DType) -> Result<Tensor> {
    match dtype {
        DType::F32 => Tensor::from_data(shape, Data::F32(v)),
        _ => Tensor::narrow(
            shape,
            &Wide::Float(v.into_iter().map(f64::from).collect()),
            dtype,
        ),
    }
}

fn prepare(conv: &Conv, image: &[usize], kernel: &Tensor) -> Result<(Geometry, Groups)> {
    let [taps @ .., _, _] = kernel.shape() else {
        return Err(no_image(kernel.shape()));
    };
    let channels = image.last().copied().unwrap_or(0);
    let groups = Groups::new(conv.grouping, channels, kernel.shape())?;
    Ok((
        Geometry::new(image, taps, &conv.strides, &conv.dilations, &conv.padding)?,
        groups,
    ))
}

struct Convolution {
    geometry: Geometry,
    groups: Groups,
    grouping: Grouping,
}

impl Convolution {
    fn forward<T: LinalgScalar + Send + Sync>(&self, x: &[T], kernel: &[T]) -> Vec<T> {
        let Groups {
            groups,
            inner,
            outer,
        } = self.groups;
        let (taps, outputs) = (self.geometry.tap_count(), groups * outer);
        let mut result = vec![T::zero(); self.geometry.count() * outputs];
        if result.is_empty() {
            return result;
        }
        let kernels = group_kernels(kernel, taps, &self.groups, self.grouping);
        result
            .par_chunks_mut(WINDOWS * outputs)
            .enumerate()
            .for_each(|(block, result)| {
                let rows = result.len() / outputs;
                let pixels: Vec<Vec<usize>> = (0..rows)
                    .map(|row| self.geometry.pixels(block * WINDOWS + row))
                    .collect();
                let mut patches = Array2::zeros((rows, taps * inner));
                let Ok(mut result) = ArrayViewMut2::from_shape((rows, outputs), result) else {
                    return;
                };
                for (group, kernel) in kernels.iter().enumerate() {
                    self.fill(&mut patches, &pixels, x, group);
                    let mut part = result.slice_mut(s![.., group * outer..(group + 1) * outer]);
                    general_mat_mul(T::one(), &patches, kernel, T::zero(), &mut part);
                }
            });
        result
    }

    /// What the windows see of a group's channels; zero outside.
    fn fill<T: LinalgScalar>(
        &self,
        patches: &mut Array2<T>,
        pixels: &[Vec<usize>],
        x: &[T],
        group: usize,
    ) {
        let Groups { groups, inner, .. } = self.groups;
        for (mut row, pixels) in patches.outer_iter_mut().zip(pixels) {
            for (tap, &pixel) in pixels.iter().enumerate() {
                let start = pixel
                    .saturating_mul(groups * inner)
                    .saturating_add(group * inner);
                for i in 0..inner {
                    row[tap * inner + i] = if pixel == OUTSIDE {
                        T::zero()
                    } else {
                        x[start + i]
                    };
                }
            }
        }
    }

    /// The gradient of `forward` with respect to the image, given that of its result.
    fn backward<T: LinalgScalar + Send + Sync>(&self, x: &[T], kernel: &[T]) -> Vec<T> {
        let Groups {
            groups,
            inner,
            outer,
        } = self.groups;
        let channels = groups * inner;
        let pixels: usize = self.geometry.image.iter().product();
        let mut result = vec![T::zero(); self.geometry.batch * pixels * channels];
        let windows: usize = self.geometry.windows.iter().product();
        if result.is_empty() || x.is_empty() {
            return result;
        }
        let kernels = group_kernels(
            kernel,
            self.geometry.tap_count(),
            &self.groups,
            self.grouping,
        );
        result
            .par_chunks_mut(pixels * channels)
            .enumerate()
            .for_each(|(image, result)| {
                let x = ArrayView2::from_shape(
                    (windows, groups * outer),
                    &x[image * windows * groups * outer..][..windows * groups * outer],
                );
                let Ok(x) = x else { return };
                for (group, kernel) in kernels.iter().enumerate() {
                    let patches = x
                        .slice(s![.., group * outer..(group + 1) * outer])
                        .dot(&kernel.t());
                    self.spread(result, &patches, image * windows, group);
                }
            });
        result
    }

    /// Adds what each window gives to the pixels under it, of one image.
    fn spread<T: LinalgScalar>(
        &self,
        result: &mut [T],
        patches: &Array2<T>,
        first: usize,
        group: usize,
    ) {
        let Groups { groups, inner, .. } = self.groups;
        let image: usize = self.geometry.image.iter().product();
        for (window, row) in patches.outer_iter().enumerate() {
            for (tap, pixel) in self.geometry.pixels(first + window).into_iter().enumerate() {
                if pixel != OUTSIDE {
                    let start = pixel % image * groups * inner + group * inner;
                    for i in 0..inner {
                        result[start + i] = result[start + i] + row[tap * inner + i];
                    }
                }
            }
        }
    }
}

/// `output` is the whole shape of the result.
pub(super) fn conv_transpose(
    conv: &Conv,
    output: &[usize],
    [x, kernel]: [&Tensor; 2],
) -> Result<Tensor> {
    if conv.channels == Channels::First {
        let last = Conv {
            channels: Channels::Last,
            ..conv.clone()
        };
        let mut output = output.to_vec();
        output
            .get_mut(1..)
            .ok_or_else(|| no_image(x.shape()))?
            .rotate_left(1);
        return move_channels(
            &conv_transpose(&last, &output, [&move_channels(x, true)?, kernel])?,
            false,
        );
    }
    element_count(output)?;
    let (geometry, groups) = prepare(conv, output, kernel)?;
    if geometry.result_shape(groups.groups * groups.outer) != x.shape() {
        let shape = x.shape();
        return Err(Error::malformed(format!(
            "{shape:?} is not what a convolution of {output:?} gives"
        )));
    }
    let run = Convolution {
        geometry,
        groups,
        grouping: conv.grouping,
    };
    match in_single(x.dtype()) {
        true => finish(
            output,
            run.backward(&single(x)?, &single(kernel)?),
            x.dtype(),
        ),
        false => Tensor::from_floats(
            x.dtype(),
            output,
            run.backward(&x.to_floats()?, &kernel.to_floats()?),
        ),
    }
}

pub(super) fn pool(
    op: Pooling,
    window: &[usize],
    strides: &[usize],
    padding: &Padding,
    channels: Channels,
    x: &Tensor,
) -> Result<Tensor> {
    if channels == Channels::First {
        let x = move_channels(x, true)?;
        return move_channels(
            &pool(op, window, strides, padding, Channels::Last, &x)?,
            false,
        );
    }
    let geometry = Geometry::new(x.shape(), window, strides, &vec![1; window.len()], padding)?;
    let depth = x.shape().last().copied().unwrap_or(0);
    let v = x.to_floats()?;
    let mut result = vec![0.0; geometry.count() * depth];
    result
        .par_chunks_mut(depth.max(1))
        .enumerate()
        .for_each(|(window, row)| {
            let mut pixels = geometry.pixels(window);
            pixels.retain(|&pixel| pixel != OUTSIDE);
            for (channel, result) in row.iter_mut().enumerate() {
                let values = pixels.iter().map(|pixel| v[pixel * depth + channel]);
                *result = match op {
                    Pooling::Max => {
                        values.fold(
                            f64::NEG_INFINITY,
                            |a, x| if x > a || x.is_nan() { x } else { a },
                        )
                    }
                    Pooling::Average => values.sum::<f64>() / pixels.len() as f64,
                };
            }
        });
    Tensor::from_floats(x.dtype(), &geometry.result_shape(depth), result)
}
