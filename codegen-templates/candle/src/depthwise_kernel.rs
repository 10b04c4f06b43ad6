//! Depthwise convolution in NHWC on the CPU: each channel with its own kernels, by vectors of channels.

use super::activation::Activation;
use super::cpu::{self, Kernel, fma};
use super::padding::Window;
use super::vector_math::clamp;
use rayon::prelude::*;

/// The geometry of a depthwise convolution: input `[batch, rows.input, cols.input, channels]`, kernel
/// `[rows.size, cols.size, channels]`, output `[batch, rows.output, cols.output, channels]`.
#[derive(Clone, Copy, Debug)]
pub struct DepthwiseShape {
    pub batch: usize,
    pub rows: Window,
    pub cols: Window,
    pub channels: usize,
}

impl DepthwiseShape {
    /// The dimensions of the output.
    pub fn output_dims(&self) -> [usize; 4] {
        [
            self.batch,
            self.rows.output,
            self.cols.output,
            self.channels,
        ]
    }

    fn input_line(&self) -> usize {
        self.cols.input * self.channels
    }

    fn output_line(&self) -> usize {
        self.cols.output * self.channels
    }

    fn kernel_len(&self) -> usize {
        self.rows.size * self.cols.size * self.channels
    }
}

/// `activation(conv(x, kernel) + bias)`.
pub fn forward(
    s: &DepthwiseShape,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    activation: Activation,
) -> Vec<f32> {
    assert!(
        x.len() == s.batch * s.rows.input * s.input_line()
            && kernel.len() == s.kernel_len()
            && bias.len() == s.channels
    );
    let lines = s.batch * s.rows.output;
    let group = lines.div_ceil(cpu::threads() * 4).max(1);
    cpu::fill(
        lines * s.output_line(),
        group * s.output_line(),
        || (),
        |(), i, values| {
            for (j, y) in values.chunks_exact_mut(s.output_line()).enumerate() {
                cpu::dispatch(Line {
                    s,
                    x,
                    kernel,
                    bias,
                    activation,
                    line: i * group + j,
                    y,
                });
            }
        },
    )
}

/// One line of the output.
struct Line<'a> {
    s: &'a DepthwiseShape,
    x: &'a [f32],
    kernel: &'a [f32],
    bias: &'a [f32],
    activation: Activation,
    line: usize,
    y: &'a mut [f32],
}

impl Kernel for Line<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let (s, channels) = (self.s, self.s.channels);
        let (low, high) = self
            .activation
            .limits()
            .unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
        let (image, row) = (self.line / s.rows.output, self.line % s.rows.output);
        let rows = s.rows.taps(row);
        for col in 0..s.cols.output {
            let cols = s.cols.taps(col);
            let block = Block {
                s,
                x: self.x,
                kernel: self.kernel,
                image,
                row,
                rows,
                col,
                cols,
                low,
                high,
            };
            let (y, mut at) = (&mut self.y[col * channels..(col + 1) * channels], 0);
            macro_rules! blocks {
                ($($lanes:literal)*) => { $(while channels - at >= $lanes {
                    block.sum::<$lanes, FMA>(at, &self.bias[at..at + $lanes], &mut y[at..at + $lanes]);
                    at += $lanes;
                })* };
            }
            blocks!(64 32 16 8 1);
        }
        if self.activation.limits().is_none() {
            self.activation.finish(self.y, None, channels);
        }
    }
}

/// One place of the output.
struct Block<'a> {
    s: &'a DepthwiseShape,
    x: &'a [f32],
    kernel: &'a [f32],
    image: usize,
    row: usize,
    rows: (usize, usize),
    col: usize,
    cols: (usize, usize),
    low: f32,
    high: f32,
}

impl Block<'_> {
    /// Sums the taps for the channels from `at` on.
    #[inline(always)]
    fn sum<const LANES: usize, const FMA: bool>(&self, at: usize, bias: &[f32], y: &mut [f32]) {
        let (s, channels) = (self.s, self.s.channels);
        let mut sums = [0.0f32; LANES];
        sums.copy_from_slice(bias);
        for i in self.rows.0..self.rows.1 {
            let line = (self.image * s.rows.input + self.row * s.rows.stride + i * s.rows.dilation
                - s.rows.before)
                * s.cols.input;
            for j in self.cols.0..self.cols.1 {
                let place = line + self.col * s.cols.stride + j * s.cols.dilation - s.cols.before;
                let x = &self.x[place * channels + at..][..LANES];
                let w = &self.kernel[(i * s.cols.size + j) * channels + at..][..LANES];
                for lane in 0..LANES {
                    sums[lane] = fma::<FMA>(x[lane], w[lane], sums[lane]);
                }
            }
        }
        for lane in 0..LANES {
            y[lane] = clamp(sums[lane], self.low, self.high);
        }
    }
}

/// The gradient of the input, given that of the output.
pub fn backward_input(s: &DepthwiseShape, gradient: &[f32], kernel: &[f32]) -> Vec<f32> {
    let lines = s.batch * s.rows.input;
    cpu::fill(
        lines * s.input_line(),
        s.input_line(),
        || (),
        |(), line, dx| {
            dx.fill(0.0);
            let (image, y) = (line / s.rows.input, line % s.rows.input);
            for tap in 0..s.rows.size {
                if let Some(row) = s.rows.reader(y, tap) {
                    let gradient = &gradient[(image * s.rows.output + row) * s.output_line()..]
                        [..s.output_line()];
                    cpu::dispatch(SpreadLine {
                        s,
                        gradient,
                        kernel: &kernel[tap * s.cols.size * s.channels..],
                        dx,
                    });
                }
            }
        },
    )
}

/// Adds what one output line gives back to one input line.
struct SpreadLine<'a> {
    s: &'a DepthwiseShape,
    gradient: &'a [f32],
    kernel: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for SpreadLine<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let (cols, channels) = (&self.s.cols, self.s.channels);
        for (col, gradient) in self.gradient.chunks_exact(channels).enumerate() {
            let (start, end) = cols.taps(col);
            for tap in start..end {
                let place = col * cols.stride + tap * cols.dilation - cols.before;
                let dx = &mut self.dx[place * channels..][..channels];
                let kernel = &self.kernel[tap * channels..][..channels];
                for ((dx, g), w) in dx.iter_mut().zip(gradient).zip(kernel) {
                    *dx = fma::<FMA>(*g, *w, *dx);
                }
            }
        }
    }
}

/// The gradient of the kernel, given that of the output.
pub fn backward_kernel(s: &DepthwiseShape, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    let lines: Vec<usize> = (0..s.batch * s.rows.output).collect();
    let parts = lines
        .par_chunks(lines.len().div_ceil(cpu::threads()).max(1))
        .map(|lines| {
            let mut total = vec![0.0; s.kernel_len()];
            for &line in lines {
                let (image, row) = (line / s.rows.output, line % s.rows.output);
                let gradient = &gradient[line * s.output_line()..][..s.output_line()];
                let (start, end) = s.rows.taps(row);
                for tap in start..end {
                    let y = image * s.rows.input + row * s.rows.stride + tap * s.rows.dilation
                        - s.rows.before;
                    let x = &x[y * s.input_line()..][..s.input_line()];
                    let len = s.cols.size * s.channels;
                    cpu::dispatch(SumLine {
                        s,
                        x,
                        gradient,
                        total: &mut total[tap * len..][..len],
                    });
                }
            }
            total
        });
    cpu::sum_vectors(parts.collect(), s.kernel_len())
}

/// Adds what one output line and one input line contribute to the gradient of one line of the kernel.
struct SumLine<'a> {
    s: &'a DepthwiseShape,
    x: &'a [f32],
    gradient: &'a [f32],
    total: &'a mut [f32],
}

impl Kernel for SumLine<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let (cols, channels) = (&self.s.cols, self.s.channels);
        for (col, gradient) in self.gradient.chunks_exact(channels).enumerate() {
            let (start, end) = cols.taps(col);
            for tap in start..end {
                let place = col * cols.stride + tap * cols.dilation - cols.before;
                let x = &self.x[place * channels..][..channels];
                let total = &mut self.total[tap * channels..][..channels];
                for ((total, g), x) in total.iter_mut().zip(gradient).zip(x) {
                    *total = fma::<FMA>(*g, *x, *total);
                }
            }
        }
    }
}
