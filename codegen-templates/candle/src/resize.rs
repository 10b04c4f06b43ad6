//! Interpolation of the height and the width of images in NHWC.

use super::cpu;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

/// Where in the input an output place `i` falls, for a scale `s = input / output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// `i * s`.
    Legacy,
    /// `(i + 0.5) * s - 0.5`.
    HalfPixel,
    /// `i * (input - 1) / (output - 1)`.
    AlignCorners,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interpolation {
    Nearest,
    Bilinear,
    Bicubic,
}

/// Each place takes the value of the nearest one of x `[batch, height, width, channels]`.
pub fn resize_nearest(x: &Tensor, size: [usize; 2], sampling: Sampling) -> Result<Tensor> {
    resize(x, size, Interpolation::Nearest, sampling)
}

/// Each place is interpolated linearly along both axes of x `[batch, height, width, channels]`.
pub fn resize_bilinear(x: &Tensor, size: [usize; 2], sampling: Sampling) -> Result<Tensor> {
    resize(x, size, Interpolation::Bilinear, sampling)
}

/// Each place is interpolated by cubics along both axes of x `[batch, height, width, channels]`.
pub fn resize_bicubic(x: &Tensor, size: [usize; 2], sampling: Sampling) -> Result<Tensor> {
    resize(x, size, Interpolation::Bicubic, sampling)
}

fn resize(
    x: &Tensor,
    size: [usize; 2],
    interpolation: Interpolation,
    sampling: Sampling,
) -> Result<Tensor> {
    let (_, height, width, channels) = x.dims4()?;
    if height * width * channels == 0 || size[0] * size[1] == 0 {
        bail!("an image of {height} by {width} with {channels} channels cannot become {size:?}");
    }
    let rows = Table::new(height, size[0], interpolation, sampling);
    let cols = Table::new(width, size[1], interpolation, sampling);
    rows.apply(&cols.apply(x, 2)?, 1)
}

/// For each output place, the input places that it is a weighted sum of.
#[derive(Clone, Debug)]
struct Table {
    input: usize,
    taps: Vec<Vec<(usize, f32)>>,
}

impl Table {
    fn new(input: usize, output: usize, interpolation: Interpolation, sampling: Sampling) -> Self {
        let aligned = sampling == Sampling::AlignCorners && output > 1;
        let scale = if aligned {
            (input - 1) as f32 / (output - 1) as f32
        } else {
            input as f32 / output as f32
        };
        let half = if sampling == Sampling::HalfPixel {
            0.5
        } else {
            0.0
        };
        let taps = (0..output).map(|i| match interpolation {
            Interpolation::Nearest => vec![(nearest(i, scale, half, aligned, input), 1.0)],
            Interpolation::Bilinear => linear((i as f32 + half) * scale - half, input),
            Interpolation::Bicubic => cubic((i as f32 + half) * scale - half, input, sampling),
        });
        Self {
            input,
            taps: taps.collect(),
        }
    }

    fn apply(self, x: &Tensor, axis: usize) -> Result<Tensor> {
        if cpu::is_short(x.dtype()) {
            return self
                .apply(&x.to_dtype(candle_core::DType::F32)?, axis)?
                .to_dtype(x.dtype());
        }
        if cpu::is_native(x) {
            x.contiguous()?.apply_op1(ResizeOp { table: self, axis })
        } else {
            self.composed(x, axis)
        }
    }

    fn composed(&self, x: &Tensor, axis: usize) -> Result<Tensor> {
        let x = &x.contiguous()?;
        let depth = self.taps.iter().map(Vec::len).max().unwrap_or(0);
        let mut dims = vec![1; x.rank()];
        dims[axis] = self.taps.len();
        let mut total: Option<Tensor> = None;
        for k in 0..depth {
            let tap = |taps: &Vec<(usize, f32)>| taps.get(k).copied().unwrap_or((0, 0.0));
            let ids: Vec<u32> = self.taps.iter().map(|taps| tap(taps).0 as u32).collect();
            let weights: Vec<f32> = self.taps.iter().map(|taps| tap(taps).1).collect();
            let picked = x.index_select(&Tensor::new(ids, x.device())?, axis)?;
            if !x.dtype().is_float() {
                return Ok(picked);
            }
            let term = picked.broadcast_mul(
                &Tensor::from_vec(weights, dims.clone(), x.device())?.to_dtype(x.dtype())?,
            )?;
            total = Some(match total {
                Some(total) => (total + term)?,
                None => term,
            });
        }
        total.map_or_else(|| x.zeros_like(), Ok)
    }
}

fn nearest(i: usize, scale: f32, half: f32, aligned: bool, input: usize) -> usize {
    let at = (i as f32 + half) * scale;
    let at = if aligned { at.round() } else { at.floor() };
    (at as usize).min(input - 1)
}

fn linear(at: f32, input: usize) -> Vec<(usize, f32)> {
    let floor = at.floor();
    let part = at - floor;
    let low = (floor.max(0.0) as usize).min(input - 1);
    let high = ((floor + 1.0).max(0.0) as usize).min(input - 1);
    if low == high {
        vec![(low, 1.0)]
    } else {
        vec![(low, 1.0 - part), (high, part)]
    }
}

/// TensorFlow takes the cubics' weights from a table of 1024 steps. With half-pixel centres the coefficient is Keys'
/// -0.5, and places outside the image count for nothing; else it is -0.75, and the border is repeated.
fn cubic(at: f32, input: usize, sampling: Sampling) -> Vec<(usize, f32)> {
    let half_pixel = sampling == Sampling::HalfPixel;
    let a = if half_pixel { -0.5 } else { -0.75 };
    let near = |d: f32| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    let far = |d: f32| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
    let floor = at.floor();
    let part = ((at - floor) * 1024.0).round_ties_even() / 1024.0;
    let weights = [
        far(part + 1.0),
        near(part),
        near(1.0 - part),
        far(2.0 - part),
    ];
    let places = weights
        .into_iter()
        .enumerate()
        .map(|(k, weight)| (floor as isize - 1 + k as isize, weight));
    let mut taps: Vec<(usize, f32)> = places
        .filter(|(place, _)| !half_pixel || (0..input as isize).contains(place))
        .map(|(place, weight)| (place.clamp(0, input as isize - 1) as usize, weight))
        .collect();
    let total: f32 = taps.iter().map(|(_, weight)| weight).sum();
    if half_pixel && total.abs() >= 1000.0 * f32::MIN_POSITIVE {
        taps.iter_mut().for_each(|(_, weight)| *weight /= total);
    }
    taps
}

struct ResizeOp {
    table: Table,
    axis: usize,
}

impl ResizeOp {
    /// The values between two places of the axis, and between two runs of it, before and after.
    fn strides(&self, x: &[usize]) -> (usize, usize, usize) {
        let inner: usize = x[self.axis + 1..].iter().product();
        (
            inner,
            self.table.input * inner,
            self.table.taps.len() * inner,
        )
    }
}

impl CustomOp1 for ResizeOp {
    fn name(&self) -> &'static str {
        "resize"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = cpu::values(x, layout)?;
        let (inner, from, to) = self.strides(layout.dims());
        let y = cpu::fill(
            x.len() / from * to,
            inner,
            || (),
            |(), i, y| {
                y.fill(0.0);
                let run = &x[i * inner / to * from..];
                for &(place, weight) in &self.table.taps[i % self.table.taps.len()] {
                    y.iter_mut()
                        .zip(&run[place * inner..])
                        .for_each(|(y, x)| *y += weight * x);
                }
            },
        );
        let mut dims = layout.dims().to_vec();
        dims[self.axis] = self.table.taps.len();
        cpu::output(y, dims)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let gradient = gradient.contiguous()?;
        let (storage, layout) = gradient.storage_and_layout();
        let gradient = cpu::stored(&storage, layout)?;
        let (inner, from, to) = self.strides(x.dims());
        let dx = cpu::fill(
            x.elem_count(),
            from,
            || (),
            |(), run, dx| {
                dx.fill(0.0);
                for (taps, gradient) in self
                    .table
                    .taps
                    .iter()
                    .zip(gradient[run * to..].chunks_exact(inner))
                {
                    for &(place, weight) in taps {
                        dx[place * inner..]
                            .iter_mut()
                            .zip(gradient)
                            .for_each(|(dx, gradient)| *dx += weight * gradient);
                    }
                }
            },
        );
        Tensor::from_vec(dx, x.shape(), x.device()).map(Some)
    }
}
