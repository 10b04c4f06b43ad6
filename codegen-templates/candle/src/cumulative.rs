//! Running sums and products along an axis.

use super::cpu;
use super::kernels;
use super::math::on_cpu;
use super::with_slope::with_gradient;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};
use std::ops::{Add, Mul};

/// The sum of the elements up to each one along an axis; `exclusive` leaves the element itself out, `reverse` sums from the
/// end.
pub fn cumsum(x: &Tensor, axis: usize, exclusive: bool, reverse: bool) -> Result<Tensor> {
    let op = Cumulative {
        product: false,
        axis,
        exclusive,
        reverse,
    };
    op.apply(x)
}

/// The product of the elements up to each one along an axis, as `cumsum`.
pub fn cumprod(x: &Tensor, axis: usize, exclusive: bool, reverse: bool) -> Result<Tensor> {
    let op = Cumulative {
        product: true,
        axis,
        exclusive,
        reverse,
    };
    op.apply(x)
}

#[derive(Clone, Copy)]
struct Cumulative {
    product: bool,
    axis: usize,
    exclusive: bool,
    reverse: bool,
}

impl Cumulative {
    fn apply(self, x: &Tensor) -> Result<Tensor> {
        if kernels::exist_for(x.device()) {
            return on_cpu(x, |x| x.apply_op1(self));
        }
        if cpu::is_short(x.dtype()) {
            return self.apply(&x.to_dtype(DType::F32)?)?.to_dtype(x.dtype());
        }
        let value = self.composed(&x.detach())?;
        with_gradient(x, &value, move |x, y, gradient| {
            if self.product {
                self.back().composed(&(y * gradient)?)? / x
            } else {
                self.back().composed(gradient)
            }
        })
    }

    /// By candle's operations: each step doubles the elements that a place has taken in.
    fn composed(self, x: &Tensor) -> Result<Tensor> {
        let count = x.dim(self.axis)?;
        let mut y = if self.exclusive && count > 0 {
            self.shifted(x, 1)?
        } else {
            x.clone()
        };
        let mut taken = 1;
        while taken < count {
            let other = self.shifted(&y, taken)?;
            y = if self.product { y * other } else { y + other }?;
            taken *= 2;
        }
        Ok(y)
    }

    /// The elements moved on by some places, and what changes nothing where none are left.
    fn shifted(self, x: &Tensor, places: usize) -> Result<Tensor> {
        let rest = x.dim(self.axis)? - places;
        let mut dims = x.dims().to_vec();
        dims[self.axis] = places;
        let neutral = if self.product {
            Tensor::ones(dims, x.dtype(), x.device())?
        } else {
            Tensor::zeros(dims, x.dtype(), x.device())?
        };
        if rest == 0 {
            return Ok(neutral);
        }
        if self.reverse {
            Tensor::cat(&[&x.narrow(self.axis, places, rest)?, &neutral], self.axis)
        } else {
            Tensor::cat(&[&neutral, &x.narrow(self.axis, 0, rest)?], self.axis)
        }
    }

    /// The sum that gives gradients back.
    fn back(self) -> Self {
        Cumulative {
            product: false,
            reverse: !self.reverse,
            ..self
        }
    }

    fn run<T: Copy + Add<Output = T> + Mul<Output = T>>(
        self,
        x: &[T],
        dims: &[usize],
        zero: T,
        one: T,
    ) -> Vec<T> {
        let (count, inner) = (
            dims[self.axis],
            dims[self.axis + 1..].iter().product::<usize>(),
        );
        let mut y = x.to_vec();
        for start in (0..x.len()).step_by((count * inner).max(1)) {
            for lane in 0..inner {
                let mut total = if self.product { one } else { zero };
                for i in 0..count {
                    let i = if self.reverse { count - 1 - i } else { i };
                    let at = start + i * inner + lane;
                    let next = if self.product {
                        total * x[at]
                    } else {
                        total + x[at]
                    };
                    y[at] = if self.exclusive { total } else { next };
                    total = next;
                }
            }
        }
        y
    }
}

impl CustomOp1 for Cumulative {
    fn name(&self) -> &'static str {
        "cumulative"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("a running sum needs a contiguous tensor")
        };
        let dims = layout.dims();
        if self.axis >= dims.len() {
            bail!("a running sum along axis {} of {dims:?}", self.axis);
        }
        let y = match x {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(&x[start..end], dims, 0.0, 1.0)),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(&x[start..end], dims, 0.0, 1.0)),
            CpuStorage::I64(x) => CpuStorage::I64(self.run(&x[start..end], dims, 0, 1)),
            CpuStorage::I32(x) => CpuStorage::I32(self.run(&x[start..end], dims, 0, 1)),
            CpuStorage::U32(x) => CpuStorage::U32(self.run(&x[start..end], dims, 0, 1)),
            CpuStorage::U8(x) => CpuStorage::U8(self.run(&x[start..end], dims, 0, 1)),
            _ => bail!("a running sum of this dtype is not supported"),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let back = self.back();
        if self.product {
            return ((y * gradient)?.contiguous()?.apply_op1_no_bwd(&back)? / x).map(Some);
        }
        gradient.contiguous()?.apply_op1_no_bwd(&back).map(Some)
    }
}
