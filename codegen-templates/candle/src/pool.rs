//! Maximum and average pools in TensorFlow's layouts (NWC, NHWC, NDHWC).

use super::composed;
use super::cpu;
use super::padding::{Padding, Window};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    Max,
    /// The mean of the places that are not padding.
    Average,
}

/// The maximum over windows; x `[batch, height, width, channels]`.
pub fn max_pool2d(
    x: &Tensor,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding<2>,
) -> Result<Tensor> {
    pool(x, kernel, stride, padding, Pool::Max)
}

/// The mean over windows, padding left out; x `[batch, height, width, channels]`.
pub fn avg_pool2d(
    x: &Tensor,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding<2>,
) -> Result<Tensor> {
    pool(x, kernel, stride, padding, Pool::Average)
}

/// The maximum over windows; x `[batch, width, channels]`.
pub fn max_pool1d(x: &Tensor, kernel: usize, stride: usize, padding: Padding<1>) -> Result<Tensor> {
    pool(x, [kernel], [stride], padding, Pool::Max)
}

/// The mean over windows, padding left out; x `[batch, width, channels]`.
pub fn avg_pool1d(x: &Tensor, kernel: usize, stride: usize, padding: Padding<1>) -> Result<Tensor> {
    pool(x, [kernel], [stride], padding, Pool::Average)
}

/// The maximum over windows; x `[batch, depth, height, width, channels]`.
pub fn max_pool3d(
    x: &Tensor,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: Padding<3>,
) -> Result<Tensor> {
    pool(x, kernel, stride, padding, Pool::Max)
}

/// The mean over windows, padding left out; x `[batch, depth, height, width, channels]`.
pub fn avg_pool3d(
    x: &Tensor,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: Padding<3>,
) -> Result<Tensor> {
    pool(x, kernel, stride, padding, Pool::Average)
}

fn pool<const N: usize>(
    x: &Tensor,
    kernel: [usize; N],
    stride: [usize; N],
    padding: Padding<N>,
    kind: Pool,
) -> Result<Tensor> {
    if x.rank() != N + 2 {
        bail!("a pool over {N} axes is applied to {:?}", x.dims());
    }
    let mut windows = Vec::with_capacity(N);
    for axis in 0..N {
        windows.push(padding.window(axis, x.dims()[axis + 1], kernel[axis], stride[axis], 1)?);
    }
    if cpu::is_half(x) {
        return pool(
            &x.to_dtype(candle_core::DType::F32)?,
            kernel,
            stride,
            padding,
            kind,
        )?
        .to_dtype(x.dtype());
    }
    if !cpu::is_native(x) {
        return composed_pool(x, &windows, kind);
    }
    x.contiguous()?.apply_op1(PoolOp {
        windows: three(&windows),
        spatial: N,
        kind,
    })
}

/// The windows over depth, height and width, where axes that are not there have one place.
fn three(windows: &[Window]) -> [Window; 3] {
    let mut all = [Window {
        size: 1,
        stride: 1,
        dilation: 1,
        before: 0,
        input: 1,
        output: 1,
    }; 3];
    all[3 - windows.len()..].copy_from_slice(windows);
    all
}

fn composed_pool(x: &Tensor, windows: &[Window], kind: Pool) -> Result<Tensor> {
    if kind == Pool::Max {
        return composed_max(&composed::taps(windows, x, f64::NEG_INFINITY)?);
    }
    if cpu::is_short(x.dtype()) {
        let y = composed_pool(&x.to_dtype(candle_core::DType::F32)?, windows, kind)?;
        return y.to_dtype(x.dtype());
    }
    let places = Tensor::stack(&composed::taps(windows, &x.ones_like()?, 0.0)?, 0)?;
    Tensor::stack(&composed::taps(windows, x, 0.0)?, 0)?.sum(0)? / places.sum(0)?
}

/// Each tap that is greater than those before it takes their place, and the gradient, so that the first of equals has it.
fn composed_max(taps: &[Tensor]) -> Result<Tensor> {
    let Some((first, rest)) = taps.split_first() else {
        bail!("a pool's window is empty")
    };
    rest.iter().try_fold(first.contiguous()?, |max, tap| {
        let tap = tap.contiguous()?;
        let is_taken = (tap.gt(&max)? + tap.ne(&tap)?)?;
        is_taken.where_cond(&tap, &max)
    })
}

struct PoolOp {
    windows: [Window; 3],
    spatial: usize,
    kind: Pool,
}

impl PoolOp {
    fn output_dims(&self, x: &[usize]) -> Vec<usize> {
        let mut dims = x.to_vec();
        dims[1..=self.spatial]
            .iter_mut()
            .zip(&self.windows[3 - self.spatial..])
            .for_each(|(dim, window)| *dim = window.output);
        dims
    }

    /// Calls `visit` with the offset, in places, of each input place that an output place reads.
    #[inline(always)]
    fn sources(&self, [d, h, w]: [usize; 3], mut visit: impl FnMut(usize)) {
        let [depth, rows, cols] = &self.windows;
        let ((d0, d1), (h0, h1), (w0, w1)) = (depth.taps(d), rows.taps(h), cols.taps(w));
        for i in d0..d1 {
            let plane = (d * depth.stride + i - depth.before) * rows.input;
            for j in h0..h1 {
                let line = (plane + h * rows.stride + j - rows.before) * cols.input;
                for k in w0..w1 {
                    visit(line + w * cols.stride + k - cols.before);
                }
            }
        }
    }

    fn count(&self, output: [usize; 3]) -> f32 {
        let taps = |axis: usize| {
            let (start, end) = self.windows[axis].taps(output[axis]);
            end - start
        };
        (taps(0) * taps(1) * taps(2)) as f32
    }

    fn input_places(&self) -> usize {
        self.windows.iter().map(|window| window.input).product()
    }

    fn output_places(&self) -> usize {
        self.windows.iter().map(|window| window.output).product()
    }

    /// Depth, row and column of an output place of an image.
    fn position(&self, place: usize) -> [usize; 3] {
        let [_, rows, cols] = &self.windows;
        [
            place / cols.output / rows.output,
            place / cols.output % rows.output,
            place % cols.output,
        ]
    }

    fn forward(&self, x: &[f32], batch: usize, channels: usize) -> Vec<f32> {
        let line = self.windows[2].output;
        let (image, outputs) = (self.input_places() * channels, self.output_places());
        cpu::fill(
            batch * outputs * channels,
            line * channels,
            || (),
            |(), i, y| {
                let x = &x[i * line / outputs * image..][..image];
                for (j, y) in y.chunks_exact_mut(channels).enumerate() {
                    let position = self.position((i * line + j) % outputs);
                    cpu::dispatch(Place {
                        op: self,
                        x,
                        position,
                        y,
                    });
                }
            },
        )
    }

    fn backward(&self, x: &[f32], gradient: &[f32], channels: usize) -> Vec<f32> {
        let (image, outputs) = (self.input_places() * channels, self.output_places());
        let mut dx = vec![0.0; x.len()];
        dx.par_chunks_mut(image.max(1))
            .enumerate()
            .for_each(|(i, dx)| {
                let (x, gradient) = (
                    &x[i * image..][..image],
                    &gradient[i * outputs * channels..][..outputs * channels],
                );
                for (place, gradient) in gradient.chunks_exact(channels).enumerate() {
                    let position = self.position(place);
                    match self.kind {
                        Pool::Max => self.give_to_first_maximum(x, gradient, position, dx),
                        Pool::Average => self.share(gradient, position, dx),
                    }
                }
            });
        dx
    }

    fn give_to_first_maximum(
        &self,
        x: &[f32],
        gradient: &[f32],
        position: [usize; 3],
        dx: &mut [f32],
    ) {
        let channels = gradient.len();
        let mut best = vec![(f32::NEG_INFINITY, usize::MAX); channels];
        self.sources(position, |source| {
            for (channel, (best, x)) in best.iter_mut().zip(&x[source * channels..]).enumerate() {
                if best.1 == usize::MAX || *x > best.0 {
                    *best = (*x, source * channels + channel);
                }
            }
        });
        for ((_, at), gradient) in best.into_iter().zip(gradient) {
            if let Some(dx) = dx.get_mut(at) {
                *dx += gradient;
            }
        }
    }

    fn share(&self, gradient: &[f32], position: [usize; 3], dx: &mut [f32]) {
        let share = self.count(position).recip();
        self.sources(position, |source| {
            let dx = &mut dx[source * gradient.len()..];
            dx.iter_mut()
                .zip(gradient)
                .for_each(|(dx, gradient)| *dx += share * gradient);
        });
    }
}

/// One place of the output.
struct Place<'a> {
    op: &'a PoolOp,
    x: &'a [f32],
    position: [usize; 3],
    y: &'a mut [f32],
}

impl cpu::Kernel for Place<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let (x, y) = (self.x, self.y);
        let channels = y.len();
        match self.op.kind {
            Pool::Max => {
                y.fill(f32::NEG_INFINITY);
                self.op.sources(self.position, |source| {
                    for (y, &x) in y.iter_mut().zip(&x[source * channels..]) {
                        *y = if x > *y || x.is_nan() { x } else { *y };
                    }
                });
            }
            Pool::Average => {
                y.fill(0.0);
                self.op.sources(self.position, |source| {
                    y.iter_mut()
                        .zip(&x[source * channels..])
                        .for_each(|(y, x)| *y += x);
                });
                let count = self.op.count(self.position);
                y.iter_mut().for_each(|y| *y /= count);
            }
        }
    }
}

impl CustomOp1 for PoolOp {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let dims = layout.dims();
        let y = self.forward(cpu::values(x, layout)?, dims[0], dims[self.spatial + 1]);
        cpu::output(y, self.output_dims(dims))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let gradient = gradient.contiguous()?;
        let ((xs, xl), (gs, gl)) = (x.storage_and_layout(), gradient.storage_and_layout());
        let dx = self.backward(
            cpu::stored(&xs, xl)?,
            cpu::stored(&gs, gl)?,
            x.dims()[self.spatial + 1],
        );
        Tensor::from_vec(dx, x.shape(), x.device()).map(Some)
    }
}
