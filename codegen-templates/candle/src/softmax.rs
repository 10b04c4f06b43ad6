//! Softmax and its logarithm along an axis.

use super::cpu::{self, Kernel};
use super::vector_math::{exp_value, row_max, row_sum, row_sum2};
use candle_core::shape::Dim;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor};

/// `exp(x) / sum(exp(x))` along an axis.
pub fn softmax(x: &Tensor, axis: impl Dim) -> Result<Tensor> {
    apply(x, axis, SoftmaxOp { log: false })
}

/// `x - log(sum(exp(x)))` along an axis.
pub fn log_softmax(x: &Tensor, axis: impl Dim) -> Result<Tensor> {
    apply(x, axis, SoftmaxOp { log: true })
}

/// `log(sum(exp(x)))` along an axis, which is dropped.
pub fn logsumexp(x: &Tensor, axis: impl Dim) -> Result<Tensor> {
    let axis = axis.to_index(x.shape(), "logsumexp")?;
    if cpu::is_short(x.dtype()) {
        return logsumexp(&x.to_dtype(DType::F32)?, axis)?.to_dtype(x.dtype());
    }
    // An infinite maximum would be subtracted from itself.
    let max = x
        .max_keepdim(axis)?
        .detach()
        .clamp(f64::from(f32::MIN), f64::from(f32::MAX))?;
    let sum = x.broadcast_sub(&max)?.exp()?.sum_keepdim(axis)?;
    (sum.log()? + max)?.squeeze(axis)
}

fn apply(x: &Tensor, axis: impl Dim, op: SoftmaxOp) -> Result<Tensor> {
    let axis = axis.to_index(x.shape(), "softmax")?;
    if cpu::is_short(x.dtype()) {
        return apply(&x.to_dtype(DType::F32)?, axis, op)?.to_dtype(x.dtype());
    }
    if !cpu::is_native(x) {
        return if op.log {
            candle_nn::ops::log_softmax(x, axis)
        } else {
            candle_nn::ops::softmax(x, axis)
        };
    }
    let last = x.rank() - 1;
    if axis == last {
        x.contiguous()?.apply_op1(op)
    } else {
        x.transpose(axis, last)?
            .contiguous()?
            .apply_op1(op)?
            .transpose(axis, last)
    }
}

#[derive(Clone, Copy)]
struct SoftmaxOp {
    log: bool,
}

struct Forward<'a>(SoftmaxOp, usize, &'a [f32], &'a mut [f32]);

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Forward(op, width, x, y) = self;
        for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let max = row_max(x);
            if op.log {
                let log = max + row_sum(x, |x| exp_value::<FMA>(x - max)).ln();
                y.iter_mut().zip(x).for_each(|(y, x)| *y = x - log);
                continue;
            }
            for (y, x) in y.iter_mut().zip(x) {
                *y = exp_value::<FMA>(x - max);
            }
            let scale = row_sum(y, |y| y).recip();
            y.iter_mut().for_each(|y| *y *= scale);
        }
    }
}

struct Backward<'a>(SoftmaxOp, usize, [&'a [f32]; 2], &'a mut [f32]);

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Backward(op, width, [y, gradient], dx) = self;
        let rows = y.chunks_exact(width).zip(gradient.chunks_exact(width));
        for (dx, (y, gradient)) in dx.chunks_exact_mut(width).zip(rows) {
            let sum = if op.log {
                row_sum(gradient, |g| g)
            } else {
                row_sum2(gradient, y, |g, y| g * y)
            };
            for ((dx, y), gradient) in dx.iter_mut().zip(y).zip(gradient) {
                *dx = if op.log {
                    gradient - exp_value::<FMA>(*y) * sum
                } else {
                    y * (gradient - sum)
                };
            }
        }
    }
}

/// The length of a row, and the values in the rows that one worker takes at a time.
fn chunk(dims: &[usize]) -> (usize, usize) {
    let width = dims.last().copied().unwrap_or(1).max(1);
    (width, (cpu::CHUNK / width).max(1) * width)
}

impl CustomOp1 for SoftmaxOp {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, (width, chunk)) = (cpu::values(x, layout)?, chunk(layout.dims()));
        let y = cpu::fill(
            x.len(),
            chunk,
            || (),
            |(), i, y| {
                cpu::dispatch(Forward(*self, width, &x[i * chunk..i * chunk + y.len()], y));
            },
        );
        cpu::output(y, layout.shape())
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (y, gradient, (width, chunk)) =
            (y.contiguous()?, gradient.contiguous()?, chunk(x.dims()));
        let ((ys, yl), (gs, gl)) = (y.storage_and_layout(), gradient.storage_and_layout());
        let (ys, gs) = (cpu::stored(&ys, yl)?, cpu::stored(&gs, gl)?);
        let dx = cpu::fill(
            ys.len(),
            chunk,
            || (),
            |(), i, dx| {
                let part = i * chunk..i * chunk + dx.len();
                cpu::dispatch(Backward(*self, width, [&ys[part.clone()], &gs[part]], dx));
            },
        );
        Tensor::from_vec(dx, x.shape(), x.device()).map(Some)
    }
}
