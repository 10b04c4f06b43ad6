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

/// The mean and the population variance over rows. Each chunk is read twice, but the second time from the cache; chunks are
/// put together by Chan's formula.
pub fn moments(x: &[f32], features: usize) -> (Vec<f32>, Vec<f32>) {
    let chunk = rows_chunk(features).max(1);
    let parts: Vec<_> = x
        .par_chunks(chunk)
        .map(|x| {
            let count = (x.len() / features) as f32;
            let (mut mean, mut sums) = (vec![0.0; features], vec![0.0; features]);
            cpu::dispatch(Sum(x, &mut mean));
            mean.iter_mut().for_each(|mean| *mean /= count);
            cpu::dispatch(Deviation(x, &mean, &mut sums));
            (count, mean, sums)
        })
        .collect();
    let (mut all, mut mean, mut sums) = (0.0, vec![0.0; features], vec![0.0; features]);
    for (count, part_mean, part_sums) in parts {
        all += count;
        let share = count / all;
        let parts = part_mean.iter().zip(&part_sums);
        for ((mean, sum), (part_mean, part_sum)) in mean.iter_mut().zip(&mut sums).zip(parts) {
            let step = part_mean - *mean;
            *mean += step * share;
            *sum += part_sum + step * step * (all - count) * share;
        }
    }
    sums.iter_mut().for_each(|sum| *sum /= all.max(1.0));
    (mean, sums)
}

/// Adds rows.
struct Sum<'a>(&'a [f32], &'a mut [f32]);

impl Kernel for Sum<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for row in self.0.chunks_exact(self.1.len()) {
            self.1.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
    }
}

/// What the gradients of a norm by the batch's own statistics are made of: for each element the input, the output and the
/// output's gradient, which counts where the output lies between the limits of the activation.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    pub x: &'a [f32],
    pub y: &'a [f32],
    pub gradient: &'a [f32],
    pub limits: (f32, f32),
}

impl<'a> Batch<'a> {
    fn part(&self, range: std::ops::Range<usize>) -> Batch<'a> {
        Batch {
            x: &self.x[range.clone()],
            y: &self.y[range.clone()],
            gradient: &self.gradient[range],
            limits: self.limits,
        }
    }

    /// The sums over rows of the gradient, and of the gradient times `x - mean`.
    pub fn sums(&self, mean: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (width, chunk) = (mean.len(), rows_chunk(mean.len()).max(1));
        let parts = (0..self.x.len().div_ceil(chunk)).into_par_iter().map(|i| {
            let batch = self.part(i * chunk..self.x.len().min((i + 1) * chunk));
            let mut sums = vec![0.0; 2 * width];
            cpu::dispatch(BatchSums(batch, mean, &mut sums));
            sums
        });
        let mut sums = cpu::sum_vectors(parts.collect(), 2 * width);
        let along = sums.split_off(width);
        (sums, along)
    }
}

/// Adds the gradient to the first half, and the gradient times `x - mean` to the second.
struct BatchSums<'a>(Batch<'a>, &'a [f32], &'a mut [f32]);

impl Kernel for BatchSums<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let BatchSums(batch, mean, sums) = self;
        let ((low, high), width) = (batch.limits, mean.len());
        let (sums, along) = sums.split_at_mut(width);
        let rows = batch.x.chunks_exact(width).zip(batch.y.chunks_exact(width));
        for ((x, y), gradient) in rows.zip(batch.gradient.chunks_exact(width)) {
            for i in 0..width {
                let g = within(y[i], low, high, gradient[i]);
                sums[i] += g;
                along[i] = fma::<FMA>(g, x[i] - mean[i], along[i]);
            }
        }
    }
}

/// `gradient` where the output of an activation lies between its limits, else 0. Outside of infinite ones lies nothing.
#[inline(always)]
fn within(y: f32, low: f32, high: f32, gradient: f32) -> f32 {
    let below = y <= low && low > f32::NEG_INFINITY;
    let above = y >= high && high < f32::INFINITY;
    if below || above { 0.0 } else { gradient }
}

/// The gradient of the input of a norm by the batch's own statistics,
/// `scale * (gradient - db / n - normalised * dw / n)`, regrouped as `scale * gradient + slope * (x - mean) + shift`.
pub fn input_gradient(
    batch: Batch,
    [mean, rstd]: [&[f32]; 2],
    weight: &[f32],
    dw: &[f32],
    db: &[f32],
) -> Vec<f32> {
    let (features, count) = (weight.len(), (batch.x.len() / weight.len()) as f32);
    let of = |f: &dyn Fn(usize) -> f32| (0..features).map(f).collect::<Vec<f32>>();
    let scale = of(&|i| weight[i] * rstd[i]);
    let slope = of(&|i| -scale[i] * rstd[i] * dw[i] / count);
    let shift = of(&|i| -scale[i] * db[i] / count);
    let factors = [mean, &scale, &slope, &shift];
    let chunk = rows_chunk(features);
    cpu::fill(
        batch.x.len(),
        chunk,
        || (),
        |(), i, dx| {
            let batch = batch.part(i * chunk..i * chunk + dx.len());
            cpu::dispatch(InputGradient { factors, batch, dx });
        },
    )
}

struct InputGradient<'a> {
    /// Mean, scale, slope and shift.
    factors: [&'a [f32]; 4],
    batch: Batch<'a>,
    dx: &'a mut [f32],
}

impl Kernel for InputGradient<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let [mean, scale, slope, shift] = self.factors;
        let ((low, high), width) = (self.batch.limits, mean.len());
        let (scale, slope, shift) = (&scale[..width], &slope[..width], &shift[..width]);
        let rows = self.batch.x.chunks_exact(width);
        let rows = rows.zip(self.batch.y.chunks_exact(width));
        let rows = rows.zip(self.batch.gradient.chunks_exact(width));
        for (dx, ((x, y), gradient)) in self.dx.chunks_exact_mut(width).zip(rows) {
            for i in 0..width {
                let along = fma::<FMA>(slope[i], x[i] - mean[i], shift[i]);
                let gradient = within(y[i], low, high, gradient[i]);
                dx[i] = fma::<FMA>(scale[i], gradient, along);
            }
        }
    }
}
