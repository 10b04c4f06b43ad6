//! Two-dimensional convolution in NHWC on the CPU as products of matrices: forward, and the gradients of input and kernel.
//! A tile of output places is gathered as the rows of a matrix (im2col) while it fits in the cache.

use super::activation::Activation;
use super::cpu::{self, Matrix, Write};
use super::padding::Window;
use rayon::prelude::*;

/// The geometry of one convolution: input `[batch, rows.input, cols.input, input]`, kernel
/// `[rows.size, cols.size, input / groups, output]`, output `[batch, rows.output, cols.output, output]`.
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
    pub batch: usize,
    pub rows: Window,
    pub cols: Window,
    pub input: usize,
    pub output: usize,
    pub groups: usize,
}

/// Values in a tile of gathered inputs: 1 MiB, which a second-level cache holds.
const TILE: usize = 1 << 18;

impl ConvShape {
    fn places(&self) -> usize {
        self.batch * self.rows.output * self.cols.output
    }

    fn group_input(&self) -> usize {
        self.input / self.groups
    }

    fn group_output(&self) -> usize {
        self.output / self.groups
    }

    /// The length of one gathered row.
    fn depth(&self) -> usize {
        self.rows.size * self.cols.size * self.group_input()
    }

    /// Whether the input is itself the matrix of gathered rows.
    fn is_pointwise(&self) -> bool {
        self.rows.is_identity() && self.cols.is_identity() && self.groups == 1
    }

    fn image_len(&self) -> usize {
        self.rows.input * self.cols.input * self.input
    }

    /// The dimensions of the output.
    pub fn output_dims(&self) -> [usize; 4] {
        [self.batch, self.rows.output, self.cols.output, self.output]
    }

    /// The dimensions of the input.
    pub fn input_dims(&self) -> [usize; 4] {
        [self.batch, self.rows.input, self.cols.input, self.input]
    }

    /// The dimensions of the kernel.
    pub fn kernel_dims(&self) -> [usize; 4] {
        [
            self.rows.size,
            self.cols.size,
            self.group_input(),
            self.output,
        ]
    }

    /// Copies what output places from `first` on read, each as one row of `gathered`, for one group.
    fn gather(&self, x: &[f32], group: usize, first: usize, gathered: &mut [f32]) {
        let taps = self.cols.size * self.group_input();
        for (i, row) in gathered.chunks_exact_mut(self.depth()).enumerate() {
            let place = first + i;
            let (line, col) = (place / self.cols.output, place % self.cols.output);
            let (image, line) = (line / self.rows.output, line % self.rows.output);
            for (tap, part) in row.chunks_exact_mut(taps).enumerate() {
                match self.rows.source(line, tap) {
                    Some(y) => self.gather_line(
                        &x[(image * self.rows.input + y) * self.cols.input * self.input..],
                        group,
                        col,
                        part,
                    ),
                    None => part.fill(0.0),
                }
            }
        }
    }

    /// Copies what one output column reads of one input line.
    fn gather_line(&self, line: &[f32], group: usize, col: usize, part: &mut [f32]) {
        let (start, end) = self.cols.taps(col);
        let depth = self.group_input();
        part[..start * depth].fill(0.0);
        part[end * depth..].fill(0.0);
        if start == end {
            return;
        }
        let from = (col * self.cols.stride + start * self.cols.dilation - self.cols.before)
            * self.input
            + group * depth;
        if self.cols.dilation == 1 && self.groups == 1 {
            part[start * depth..end * depth]
                .copy_from_slice(&line[from..from + (end - start) * depth]);
            return;
        }
        for (tap, values) in part[start * depth..end * depth]
            .chunks_exact_mut(depth)
            .enumerate()
        {
            let from = from + tap * self.cols.dilation * self.input;
            values.copy_from_slice(&line[from..from + depth]);
        }
    }
}

/// `activation(conv(x, kernel) + bias)`.
pub fn forward(
    s: &ConvShape,
    x: &[f32],
    kernel: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
) -> Vec<f32> {
    let (places, depth, threads) = (s.places(), s.depth(), cpu::threads());
    let limit = if s.is_pointwise() {
        (TILE / s.output).max(64)
    } else {
        (TILE / depth).max(192)
    };
    // Few places are one tile, whose product is itself divided among the threads.
    let alone = places < 64 * threads;
    let tile = if alone {
        places
    } else {
        places.div_ceil(threads).min(limit)
    };
    let scratch = || {
        if s.is_pointwise() {
            Vec::new()
        } else {
            vec![0.0; tile * depth]
        }
    };
    cpu::fill(
        places * s.output,
        tile * s.output,
        scratch,
        |gathered, i, y| {
            let rows = y.len() / s.output;
            for group in 0..s.groups {
                let column = group * s.group_output();
                let a = if s.is_pointwise() {
                    &x[i * tile * depth..(i * tile + rows) * depth]
                } else {
                    s.gather(x, group, i * tile, &mut gathered[..rows * depth]);
                    &gathered[..rows * depth]
                };
                let b = Matrix::rows(&kernel[column..], s.output);
                cpu::product(
                    [rows, s.group_output(), depth],
                    &mut y[column..],
                    s.output,
                    Matrix::rows(a, depth),
                    b,
                    Write::Replace,
                    alone,
                );
            }
            activation.finish(y, bias, s.output);
        },
    )
}

/// The gradient of the input, given that of the output; also the transposed convolution of `gradient`.
pub fn backward_input(s: &ConvShape, gradient: &[f32], kernel: &[f32]) -> Vec<f32> {
    let spread = s.batch < cpu::threads();
    if s.is_pointwise() {
        let tile = s
            .places()
            .div_ceil(cpu::threads())
            .min((TILE / s.input).max(64))
            .max(1);
        return cpu::fill(
            s.places() * s.input,
            tile * s.input,
            || (),
            |(), i, dx| {
                let rows = dx.len() / s.input;
                let a = Matrix::rows(&gradient[i * tile * s.output..], s.output);
                let b = Matrix::transposed(kernel, s.output);
                cpu::product(
                    [rows, s.input, s.output],
                    dx,
                    s.input,
                    a,
                    b,
                    Write::Replace,
                    false,
                );
            },
        );
    }
    let image_gradient = s.rows.output * s.cols.output * s.output;
    let band = (4 * TILE / (s.depth() * s.cols.output).max(1)).clamp(1, s.rows.output.max(1));
    let scratch = || vec![0.0; band * s.cols.output * s.depth()];
    cpu::fill(
        s.batch * s.image_len(),
        s.image_len(),
        scratch,
        |rows, image, dx| {
            dx.fill(0.0);
            let gradient = &gradient[image * image_gradient..(image + 1) * image_gradient];
            for group in 0..s.groups {
                for first in (0..s.rows.output).step_by(band) {
                    let lines = band.min(s.rows.output - first);
                    let places = lines * s.cols.output;
                    let column = group * s.group_output();
                    let a = Matrix::rows(
                        &gradient[first * s.cols.output * s.output + column..],
                        s.output,
                    );
                    let b = Matrix::transposed(&kernel[column..], s.output);
                    let rows = &mut rows[..places * s.depth()];
                    cpu::product(
                        [places, s.depth(), s.group_output()],
                        rows,
                        s.depth(),
                        a,
                        b,
                        Write::Replace,
                        spread,
                    );
                    scatter(s, rows, group, first, lines, dx);
                }
            }
        },
    )
}

/// Adds gathered rows of the output lines `first..first + lines` back to where they were gathered from.
fn scatter(
    s: &ConvShape,
    rows: &[f32],
    group: usize,
    first: usize,
    lines: usize,
    image: &mut [f32],
) {
    let depth = s.group_input();
    image
        .par_chunks_mut(s.cols.input * s.input)
        .enumerate()
        .for_each(|(y, line)| {
            for tap in 0..s.rows.size {
                let Some(from) = s
                    .rows
                    .reader(y, tap)
                    .and_then(|reader| reader.checked_sub(first))
                    .filter(|&from| from < lines)
                else {
                    continue;
                };
                for col in 0..s.cols.output {
                    let (start, end) = s.cols.taps(col);
                    let row = &rows[((from * s.cols.output + col) * s.rows.size + tap)
                        * s.cols.size
                        * depth..];
                    for k in start..end {
                        let x = col * s.cols.stride + k * s.cols.dilation - s.cols.before;
                        let to = &mut line[x * s.input + group * depth..][..depth];
                        to.iter_mut()
                            .zip(&row[k * depth..])
                            .for_each(|(to, value)| *to += value);
                    }
                }
            }
        });
}

/// The gradient of the kernel, given that of the output.
pub fn backward_kernel(s: &ConvShape, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    let len = s.depth() * s.output;
    let tile = (TILE / s.depth().max(1)).max(256);
    let tiles: Vec<usize> = (0..s.places()).step_by(tile).collect();
    // A small gradient is summed by each worker on its own; a large one by all of them together, tile after tile.
    if len > 1 << 16 || tiles.len() < cpu::threads() {
        let mut total = vec![0.0; len];
        let mut gathered = Vec::new();
        for first in tiles {
            add_tile(
                s,
                x,
                gradient,
                first..s.places().min(first + tile),
                &mut gathered,
                &mut total,
                true,
            );
        }
        return total;
    }
    let parts = tiles
        .par_chunks(tiles.len().div_ceil(cpu::threads()))
        .map(|tiles| {
            let (mut total, mut gathered) = (vec![0.0; len], Vec::new());
            for &first in tiles {
                add_tile(
                    s,
                    x,
                    gradient,
                    first..s.places().min(first + tile),
                    &mut gathered,
                    &mut total,
                    false,
                );
            }
            total
        });
    cpu::sum_vectors(parts.collect(), len)
}

/// Adds what some output places contribute to the gradient of the kernel.
fn add_tile(
    s: &ConvShape,
    x: &[f32],
    gradient: &[f32],
    places: std::ops::Range<usize>,
    gathered: &mut Vec<f32>,
    total: &mut [f32],
    parallel: bool,
) {
    let (rows, depth) = (places.len(), s.depth());
    for group in 0..s.groups {
        let a = if s.is_pointwise() {
            &x[places.start * depth..places.end * depth]
        } else {
            gathered.resize(rows * depth, 0.0);
            let lines = if parallel {
                rows.div_ceil(cpu::threads())
            } else {
                rows
            };
            gathered
                .par_chunks_mut(lines * depth)
                .enumerate()
                .for_each(|(i, part)| s.gather(x, group, places.start + i * lines, part));
            gathered.as_slice()
        };
        let column = group * s.group_output();
        let b = Matrix::rows(&gradient[places.start * s.output + column..], s.output);
        let size = [depth, s.group_output(), rows];
        cpu::product(
            size,
            &mut total[column..],
            s.output,
            Matrix::transposed(a, depth),
            b,
            Write::Add,
            parallel,
        );
    }
}
