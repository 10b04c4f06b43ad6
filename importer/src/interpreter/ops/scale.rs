//! Images scaled and moved, sampled by a kernel.

use super::super::cx::{Cx, count};
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::f64::consts::PI;

pub(super) const OPS: &[Row] = &[one("ScaleAndTranslate", scale_and_translate)];

/// How far a sample looks, and the weight of a pixel at a distance.
struct Kernel {
    radius: f64,
    weight: fn(f64) -> f64,
}

fn kernel(name: &str) -> Result<Kernel> {
    Ok(match name {
        "lanczos1" => Kernel {
            radius: 1.0,
            weight: |x| lanczos(x, 1.0),
        },
        "lanczos3" => Kernel {
            radius: 3.0,
            weight: |x| lanczos(x, 3.0),
        },
        "lanczos5" => Kernel {
            radius: 5.0,
            weight: |x| lanczos(x, 5.0),
        },
        "gaussian" => Kernel {
            radius: 1.5,
            weight: |x| {
                if x < 1.5 {
                    (-x * x / (2.0 * 0.25)).exp()
                } else {
                    0.0
                }
            },
        },
        "box" => Kernel {
            radius: 1.0,
            weight: |x| {
                if x < 0.5 {
                    1.0
                } else if x == 0.5 {
                    0.5
                } else {
                    0.0
                }
            },
        },
        "triangle" => Kernel {
            radius: 1.0,
            weight: |x| (1.0 - x).max(0.0),
        },
        "keyscubic" => Kernel {
            radius: 2.0,
            weight: keys,
        },
        "mitchellcubic" => Kernel {
            radius: 2.0,
            weight: mitchell,
        },
        other => return Err(Error::unsupported(format!("the kernel `{other}`"))),
    })
}

fn lanczos(x: f64, radius: f64) -> f64 {
    if x > radius {
        return 0.0;
    }
    match x <= 1e-3 {
        true => 1.0,
        false => radius * (PI * x).sin() * (PI * x / radius).sin() / (PI * PI * x * x),
    }
}

fn keys(x: f64) -> f64 {
    if x >= 2.0 {
        0.0
    } else if x >= 1.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        (1.5 * x - 2.5) * x * x + 1.0
    }
}

fn mitchell(x: f64) -> f64 {
    if x >= 2.0 {
        0.0
    } else if x >= 1.0 {
        ((-7.0 / 18.0 * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0
    } else {
        (7.0 / 6.0 * x - 2.0) * x * x + 8.0 / 9.0
    }
}

/// For each output pixel the input pixels that it takes, and their weights.
fn spans(
    kernel: &Kernel,
    from: usize,
    to: usize,
    scale: f64,
    shift: f64,
    smooth: bool,
) -> Vec<Vec<(usize, f64)>> {
    let inverse = 1.0 / scale;
    let wide = if smooth { inverse.max(1.0) } else { 1.0 };
    let reach = kernel.radius * wide;
    let last = from as f64 - 1.0;
    let span = |i: usize| {
        let sample = (i as f64 + 0.5) * inverse - inverse * shift;
        if sample < 0.0 || sample > from as f64 || from == 0 {
            return vec![];
        }
        let start = (sample - reach - 0.5).ceil().clamp(0.0, last) as usize;
        let end = (sample + reach - 0.5).floor().clamp(0.0, last) as usize;
        let weight = |at: usize| (kernel.weight)(((at as f64 + 0.5 - sample) / wide).abs());
        let weights: Vec<(usize, f64)> = (start..=end).map(|at| (at, weight(at))).collect();
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        match total.abs() > 1e-30 {
            true => weights
                .into_iter()
                .map(|(at, weight)| (at, weight / total))
                .collect(),
            false => vec![],
        }
    };
    (0..to).map(span).collect()
}

/// Operands: images, size, scale, translation.
fn scale_and_translate(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let (size, scale, shift) = (cx.extents(1)?, cx.floats(2)?, cx.floats(3)?);
    let kernel = kernel(&cx.attr::<String>("kernel_type")?)?;
    let smooth: bool = cx.attr("antialias")?;
    let (&[batch, height, width, channels], &[out_height, out_width]) =
        (x.shape(), size.as_slice())
    else {
        return Err(Error::usage("images have four axes"));
    };
    let (&[down, across], &[below, right]) = (scale.as_slice(), shift.as_slice()) else {
        return Err(Error::usage("scale and translation are two numbers each"));
    };
    let numbers = x.to_floats()?;
    let rows = spans(&kernel, height, out_height, down, below, smooth);
    let columns = spans(&kernel, width, out_width, across, right, smooth);
    let shape = [batch, out_height, out_width, channels];
    let mut sums = vec![0.0; count(&shape)?];
    for (place, sums) in sums.chunks_mut(channels.max(1)).enumerate() {
        let (image, y, x) = (
            place / (out_height * out_width),
            place / out_width % out_height,
            place % out_width,
        );
        for &(from_y, of_row) in &rows[y] {
            for &(from_x, of_column) in &columns[x] {
                let start = ((image * height + from_y) * width + from_x) * channels;
                let pixel = &numbers[start..start + channels];
                sums.iter_mut()
                    .zip(pixel)
                    .for_each(|(sum, x)| *sum += x * of_row * of_column);
            }
        }
    }
    Tensor::from_floats(DType::F32, &shape, sums)
}
