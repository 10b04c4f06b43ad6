//! Batch normalisation on the CPU: a scale and a shift of rows, and the sums over rows that it and its gradient need.

use super::activation::Activation;
use super::cpu::{self, Kernel, fma};
use super::vector_math::clamp;
use rayon::prelude::*;

/// Applies `x * scale + shift` and the activation to rows.
struct Affine<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    limits: (f32, f32),
    y: &'a mut [f32],
}

impl Kernel for Affine<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let (width, (low, high)) = (self.scale.len(), self.limits);
        for (y, x) in self
            .y
            .chunks_exact_mut(width)
            .zip(self.x.chunks_exact(width))
        {
            for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(self.scale).zip(self.shift) {
                *y = clamp(fma::<FMA>(*x, *scale, *shift), low, high);
            }
        }
    }
}

/// The values in the rows of `width` that one worker takes at a time.
fn rows_chunk(width: usize) -> usize {
    (cpu::CHUNK / width.max(1)).max(1) * width
}

/// `activation(x * scale + shift)` for rows.
pub fn affine(x: &[f32], scale: &[f32], shift: &[f32], activation: Activation) -> Vec<f32> {
    let chunk = rows_chunk(scale.len());
    let limits = activation
        .limits()
        .unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
    cpu::fill(
        x.len(),
        chunk,
        || (),
        |(), i, y| {
            cpu::dispatch(Affine {
                x: &x[i * chunk..i * chunk + y.len()],
                scale,
                shift,
                limits,
                y: &mut *y,
            });
            if activation.limits().is_none() {
                activation.finish(y, None, scale.len());
            }
        },
    )
}

/// Adds `gradient * (x - centre)` of each row.
struct Correlate<'a>(&'a [f32], &'a [f32], &'a [f32], &'a mut [f32]);

impl Kernel for Correlate<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Correlate(gradient, x, centre, sums) = self;
        for (gradient, x) in gradient
            .chunks_exact(centre.len())
            .zip(x.chunks_exact(centre.len()))
        {
            for (((sum, gradient), x), centre) in sums.iter_mut().zip(gradient).zip(x).zip(centre) {
                *sum = fma::<FMA>(*gradient, *x - *centre, *sum);
            }
        }
    }
}

/// The sum over rows of `gradient * (x - centre)`.
pub fn correlation(gradient: &[f32], x: &[f32], centre: &[f32]) -> Vec<f32> {
    let chunk = rows_chunk(centre.len()).max(1);
    let parts = gradient
        .par_chunks(chunk)
        .zip(x.par_chunks(chunk))
        .map(|(gradient, x)| {
            let mut sums = vec![0.0; centre.len()];
            cpu::dispatch(Correlate(gradient, x, centre, &mut sums));
            sums
        });
    cpu::sum_vectors(parts.collect(), centre.len())
}

/// Adds `(x - centre)²` of each row.
struct Deviation<'a>(&'a [f32], &'a [f32], &'a mut [f32]);

impl Kernel for Deviation<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Deviation(x, centre, sums) = self;
        for x in x.chunks_exact(centre.len()) {
            for ((sum, x), centre) in sums.iter_mut().zip(x).zip(centre) {
                *sum = fma::<FMA>(*x - *centre, *x - *centre, *sum);
            }
        }
    }
}

/// The mean and the population variance over rows.
pub fn moments(x: &[f32], features: usize) -> (Vec<f32>, Vec<f32>) {
    let count = (x.len() / features.max(1)).max(1) as f32;
    let mean: Vec<f32> = cpu::column_sums(x, features)
        .iter()
        .map(|sum| sum / count)
        .collect();
    let chunk = rows_chunk(features).max(1);
    let parts = x.par_chunks(chunk).map(|x| {
        let mut sums = vec![0.0; features];
        cpu::dispatch(Deviation(x, &mean, &mut sums));
        sums
    });
    let var = cpu::sum_vectors(parts.collect(), features)
        .iter()
        .map(|sum| sum / count)
        .collect();
    (mean, var)
}

/// The gradient of the input of a norm by the batch's own statistics,
/// `scale * (gradient - db / n - normalised * dw / n)`, regrouped as `scale * gradient + slope * (x - mean) + shift`.
pub fn input_gradient(
    [mean, rstd]: [&[f32]; 2],
    x: &[f32],
    weight: &[f32],
    gradient: &[f32],
    dw: &[f32],
    db: &[f32],
) -> Vec<f32> {
    let (features, count) = (weight.len(), (x.len() / weight.len()) as f32);
    let of = |f: &dyn Fn(usize) -> f32| (0..features).map(f).collect::<Vec<f32>>();
    let scale = of(&|i| weight[i] * rstd[i]);
    let slope = of(&|i| -scale[i] * rstd[i] * dw[i] / count);
    let shift = of(&|i| -scale[i] * db[i] / count);
    let factors = [mean, &scale, &slope, &shift];
    let chunk = rows_chunk(features);
    cpu::fill(
        x.len(),
        chunk,
        || (),
        |(), i, dx| {
            let part = i * chunk..i * chunk + dx.len();
            cpu::dispatch(InputGradient {
                factors,
                x: &x[part.clone()],
                gradient: &gradient[part],
                dx,
            });
        },
    )
}

struct InputGradient<'a> {
    /// Mean, scale, slope and shift.
    factors: [&'a [f32]; 4],
    x: &'a [f32],
    gradient: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for InputGradient<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let [mean, scale, slope, shift] = self.factors;
        let width = mean.len();
        let (scale, slope, shift) = (&scale[..width], &slope[..width], &shift[..width]);
        let rows = self
            .x
            .chunks_exact(width)
            .zip(self.gradient.chunks_exact(width));
        for (dx, (x, gradient)) in self.dx.chunks_exact_mut(width).zip(rows) {
            for i in 0..width {
                let along = fma::<FMA>(slope[i], x[i] - mean[i], shift[i]);
                dx[i] = fma::<FMA>(scale[i], gradient[i], along);
            }
        }
    }
}
