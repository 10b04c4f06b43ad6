//! Interpolation of images, with the coordinates of TensorFlow's kernels in single precision.

use super::movement::{move_channels, strides, sums};
use super::tensor::{Tensor, element_count};
use crate::error::{Error, Result};
use crate::ir::{Channels, DType, Interpolation, ResizeMode, Sampling};

/// The source pixels of an output pixel along one axis, with their weights.
type Taps = Vec<(usize, f32)>;

pub(super) fn resize(
    mode: ResizeMode,
    size: [usize; 2],
    channels: Channels,
    dtype: DType,
    x: &Tensor,
) -> Result<Tensor> {
    if channels == Channels::First {
        return move_channels(
            &resize(mode, size, Channels::Last, dtype, &move_channels(x, true)?)?,
            false,
        );
    }
    let &[batch, height, width, depth] = x.shape() else {
        return Err(Error::malformed(format!(
            "{:?} is not a batch of images",
            x.shape()
        )));
    };
    let shape = [batch, size[0], size[1], depth];
    if element_count(&shape)? > 0 && height * width == 0 {
        return Err(Error::malformed(
            "an image without pixels cannot be resized",
        ));
    }
    let (rows, columns) = (axis(mode, height, size[0]), axis(mode, width, size[1]));
    match mode.kind {
        Interpolation::Nearest => nearest(&shape, &rows, &columns, x),
        Interpolation::Bilinear | Interpolation::Bicubic => {
            interpolate(&shape, &rows, &columns, dtype, x)
        }
    }
}

fn nearest(shape: &[usize; 4], rows: &[Taps], columns: &[Taps], x: &Tensor) -> Result<Tensor> {
    let strides = strides(x.shape());
    let places = |taps: &[Taps], stride: usize| {
        taps.iter()
            .flatten()
            .map(|(i, _)| i * stride)
            .collect::<Vec<_>>()
    };
    let tables = [
        (0..shape[0]).map(|i| i * strides[0]).collect(),
        places(rows, strides[1]),
        places(columns, strides[2]),
        (0..shape[3]).collect(),
    ];
    x.take(shape, &sums(&tables))
}

fn interpolate(
    shape: &[usize; 4],
    rows: &[Taps],
    columns: &[Taps],
    dtype: DType,
    x: &Tensor,
) -> Result<Tensor> {
    let (strides, v) = (strides(x.shape()), x.to_floats()?);
    let mut result = Vec::with_capacity(element_count(shape)?);
    for image in 0..shape[0] {
        for row in rows {
            for column in columns {
                for channel in 0..shape[3] {
                    let start = image * strides[0] + channel;
                    let along = |i: usize| -> f64 {
                        column
                            .iter()
                            .map(|&(j, w)| {
                                f64::from(w) * v[start + i * strides[1] + j * strides[2]]
                            })
                            .sum()
                    };
                    result.push(row.iter().map(|&(i, w)| f64::from(w) * along(i)).sum());
                }
            }
        }
    }
    Tensor::from_floats(dtype, shape, result)
}

/// The taps of every output pixel along an axis.
fn axis(mode: ResizeMode, input: usize, output: usize) -> Vec<Taps> {
    let scale = match mode.sampling {
        Sampling::AlignCorners if output > 1 => (input - 1) as f32 / (output - 1) as f32,
        Sampling::AlignCorners | Sampling::HalfPixel | Sampling::Legacy => {
            input as f32 / output as f32
        }
    };
    (0..output)
        .map(|i| taps(mode, i as f32, scale, input))
        .collect()
}

fn taps(mode: ResizeMode, i: f32, scale: f32, input: usize) -> Taps {
    let last = input.saturating_sub(1);
    let bound = |place: f32| (place.max(0.0) as usize).min(last);
    let source = match mode.sampling {
        Sampling::HalfPixel => (i + 0.5) * scale - 0.5,
        Sampling::Legacy | Sampling::AlignCorners => i * scale,
    };
    match (mode.kind, mode.sampling) {
        (Interpolation::Nearest, Sampling::HalfPixel) => {
            vec![(bound(((i + 0.5) * scale).floor()), 1.0)]
        }
        (Interpolation::Nearest, Sampling::Legacy) => vec![(bound(source.floor()), 1.0)],
        (Interpolation::Nearest, Sampling::AlignCorners) => vec![(bound(source.round()), 1.0)],
        (Interpolation::Bilinear, _) => {
            let part = source - source.floor();
            vec![
                (bound(source.floor()), 1.0 - part),
                (bound(source.ceil()), part),
            ]
        }
        (Interpolation::Bicubic, sampling) => {
            bicubic(source, sampling == Sampling::HalfPixel, last)
        }
    }
}

/// Half-pixel sampling takes Keys' kernel and leaves pixels outside of the image out; the others repeat the border.
fn bicubic(source: f32, half_pixel: bool, last: usize) -> Taps {
    let a = if half_pixel { -0.5 } else { -0.75 };
    let near = |x: f32| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    // TensorFlow looks weights up in a table of 1024 steps.
    let part = ((source - source.floor()) * 1024.0).round_ties_even() / 1024.0;
    let weights = [
        far(1.0 + part),
        near(part),
        near(1.0 - part),
        far(2.0 - part),
    ];
    let mut taps = Taps::new();
    for (offset, weight) in (-1i8..).zip(weights) {
        let place = source.floor() + f32::from(offset);
        let inside = (0.0..=last as f32).contains(&place);
        if inside || !half_pixel {
            taps.push(((place.max(0.0) as usize).min(last), weight));
        }
    }
    let sum: f32 = taps.iter().map(|(_, weight)| weight).sum();
    if half_pixel && sum != 0.0 {
        taps.iter_mut().for_each(|(_, weight)| *weight /= sum);
    }
    taps
}
