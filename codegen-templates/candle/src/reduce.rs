//! Reductions over several axes, for all dtypes, with TensorFlow's gradients.

use super::cpu;
use super::kernels;
use super::math::on_cpu;
use super::vector_math::row_sum;
use super::with_slope::with_gradient;
use candle_core::{CpuStorage, CustomOp1, D, DType, Layout, Result, Shape, Tensor, bail};

/// The sum over axes.
pub fn sum(x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    if cpu::is_native(x) && is_run(axes) {
        let y = x.contiguous()?.apply_op1(Sum {
            first: axes[0],
            count: axes.len(),
            factor: 1.0,
        })?;
        return reduced(&y, x, axes, keep);
    }
    if cpu::is_short(x.dtype()) {
        return sum(&x.to_dtype(DType::F32)?, axes, keep)?.to_dtype(x.dtype());
    }
    if keep {
        x.sum_keepdim(axes)
    } else {
        x.sum(axes)
    }
}

/// Whether axes are neighbours in ascending order.
fn is_run(axes: &[usize]) -> bool {
    !axes.is_empty() && axes.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

/// The mean over axes; of integers, rounded towards zero.
pub fn mean(x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    let count = axes.iter().map(|&axis| x.dims()[axis]).product::<usize>();
    if cpu::is_native(x) && is_run(axes) {
        let y = x.contiguous()?.apply_op1(Sum {
            first: axes[0],
            count: axes.len(),
            factor: 1.0 / count as f32,
        })?;
        return reduced(&y, x, axes, keep);
    }
    if cpu::is_short(x.dtype()) {
        return mean(&x.to_dtype(DType::F32)?, axes, keep)?.to_dtype(x.dtype());
    }
    if x.dtype().is_float() {
        return if keep {
            x.mean_keepdim(axes)
        } else {
            x.mean(axes)
        };
    }
    let sums = sum(&x.to_dtype(DType::I64)?, axes, keep)?;
    let counts = Tensor::full(count.max(1) as i64, sums.shape(), x.device())?;
    (sums / counts)?.to_dtype(x.dtype())
}

/// The greatest element over axes; equal ones share the gradient.
pub fn max(x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    extreme(x, axes, keep, true)
}

/// The least element over axes; equal ones share the gradient.
pub fn min(x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    extreme(x, axes, keep, false)
}

/// The product over axes.
pub fn prod(x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    let rows = rows(x, axes)?;
    let mut product = Tensor::ones(
        rows.dims()[..rows.rank() - 1].to_vec(),
        x.dtype(),
        x.device(),
    )?;
    for i in 0..rows.dim(D::Minus1)? {
        product = (product * rows.get_on_dim(D::Minus1, i)?)?;
    }
    reduced(&product, x, axes, keep)
}

/// Whether all elements over axes are true, of `U8` truth values.
pub fn all(x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    if axes.iter().any(|&axis| x.dims()[axis] == 0) {
        return reduced_shape(x, axes, keep)
            .and_then(|dims| Tensor::ones(dims, DType::U8, x.device()));
    }
    min(&x.ne(0u8)?, axes, keep)
}

/// Whether any element over axes is true, of `U8` truth values.
pub fn any(x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    if axes.iter().any(|&axis| x.dims()[axis] == 0) {
        return reduced_shape(x, axes, keep)
            .and_then(|dims| Tensor::zeros(dims, DType::U8, x.device()));
    }
    max(&x.ne(0u8)?, axes, keep)
}

/// The index of the first greatest element along an axis, as `I64`.
pub fn argmax(x: &Tensor, axis: usize) -> Result<Tensor> {
    let x = x.detach();
    if !kernels::exist_for(x.device()) {
        return first_of(&x, &x.max_keepdim(axis)?, axis);
    }
    on_cpu(&x, |x| x.argmax(axis)?.to_dtype(DType::I64))
}

/// The index of the first least element along an axis, as `I64`.
pub fn argmin(x: &Tensor, axis: usize) -> Result<Tensor> {
    let x = x.detach();
    if !kernels::exist_for(x.device()) {
        return first_of(&x, &x.min_keepdim(axis)?, axis);
    }
    on_cpu(&x, |x| x.argmin(axis)?.to_dtype(DType::I64))
}

/// The index of the first element along an axis that equals `value`; a device's own search may find any of them.
fn first_of(x: &Tensor, value: &Tensor, axis: usize) -> Result<Tensor> {
    let count = x.dim(axis)?;
    let mut dims = vec![1; x.rank()];
    dims[axis] = count;
    let places = Tensor::arange(0i64, count as i64, x.device())?
        .reshape(dims)?
        .broadcast_as(x.shape())?
        .contiguous()?;
    let last = Tensor::full(count as i64 - 1, x.shape(), x.device())?;
    x.broadcast_eq(value)?.where_cond(&places, &last)?.min(axis)
}

fn extreme(x: &Tensor, axes: &[usize], keep: bool, greatest: bool) -> Result<Tensor> {
    let rows = rows(x, axes)?;
    if rows.dim(D::Minus1)? == 0 {
        bail!(
            "the extreme of no elements of {:?} over axes {axes:?}",
            x.dims()
        );
    }
    let is_native = kernels::exist_for(x.device());
    let value = match (x.dtype().is_float(), greatest) {
        (true, _) if !is_native => composed_extreme(&rows, greatest)?,
        (true, _) => on_cpu(&rows, |rows| rows.apply_op1(Extreme { greatest }))?,
        (false, true) => rows.max_keepdim(D::Minus1)?,
        (false, false) => rows.min_keepdim(D::Minus1)?,
    };
    reduced(&value, x, axes, keep)
}

/// The extreme of each row by candle's operations, where a NaN is one.
fn composed_extreme(rows: &Tensor, greatest: bool) -> Result<Tensor> {
    let x = rows.detach();
    let value = if greatest {
        x.max_keepdim(D::Minus1)?
    } else {
        x.min_keepdim(D::Minus1)?
    };
    let has_nan = x.ne(&x)?.max_keepdim(D::Minus1)?;
    let value = has_nan.where_cond(&(&value * f64::NAN)?, &value)?;
    with_gradient(rows, &value, share_equally)
}

/// The gradient of an extreme: equal elements share it.
fn share_equally(x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let equal = x.broadcast_eq(y)?.to_dtype(x.dtype())?;
    let share = gradient.broadcast_div(&equal.sum_keepdim(D::Minus1)?)?;
    equal.broadcast_mul(&share)
}

/// The sum over `count` axes from `first` on, times a factor.
struct Sum {
    first: usize,
    count: usize,
    factor: f32,
}

impl Sum {
    /// The reduced places, and the values after them.
    fn run(&self, dims: &[usize]) -> (usize, usize) {
        let (places, inner) = dims[self.first..].split_at(self.count);
        (places.iter().product(), inner.iter().product())
    }
}

impl CustomOp1 for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, (places, inner)) = (cpu::values(x, layout)?, self.run(layout.dims()));
        let outer: usize = layout.dims()[..self.first].iter().product();
        let y = cpu::fill(
            outer * inner,
            inner,
            || (),
            |(), i, y| {
                let run = &x[i * places * inner..(i + 1) * places * inner];
                if inner == 1 {
                    y[0] = row_sum(run, |x| x);
                } else {
                    y.copy_from_slice(&cpu::column_sums(run, inner));
                }
                y.iter_mut().for_each(|y| *y *= self.factor);
            },
        );
        let dims = [
            &layout.dims()[..self.first],
            &layout.dims()[self.first + self.count..],
        ]
        .concat();
        cpu::output(y, dims)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut dims = x.dims().to_vec();
        dims[self.first..self.first + self.count].fill(1);
        (gradient * f64::from(self.factor))?
            .reshape(dims)?
            .broadcast_as(x.shape())?
            .contiguous()
            .map(Some)
    }
}

/// The greatest or the least element of each row of the last axis, which is kept.
struct Extreme {
    greatest: bool,
}

impl Extreme {
    fn run<T: PartialOrd + Copy>(&self, x: &[T], width: usize) -> Vec<T> {
        let better = |a: &T, b: &T| if self.greatest { a > b } else { a < b };
        let of_row = |row: &[T]| {
            row.iter().fold(row[0], |best, x| {
                if better(x, &best) || x.partial_cmp(x).is_none() {
                    *x
                } else {
                    best
                }
            })
        };
        x.chunks_exact(width).map(of_row).collect()
    }
}

impl CustomOp1 for Extreme {
    fn name(&self) -> &'static str {
        "extreme"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("an extreme needs a contiguous tensor")
        };
        let mut dims = layout.dims().to_vec();
        let width = dims.pop().unwrap_or(1);
        dims.push(1);
        let y = match x {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(&x[start..end], width)),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(&x[start..end], width)),
            _ => bail!("an extreme needs f32 or f64"),
        };
        Ok((y, dims.into()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        share_equally(x, y, gradient).map(Some)
    }
}

/// The other axes in their order, then the reduced ones as one.
fn rows(x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let others: Vec<usize> = (0..x.rank()).filter(|axis| !axes.contains(axis)).collect();
    let permuted = x
        .permute([others.as_slice(), axes].concat())?
        .contiguous()?;
    let count: usize = axes.iter().map(|&axis| x.dims()[axis]).product();
    let dims: Vec<usize> = others
        .iter()
        .map(|&axis| x.dims()[axis])
        .chain([count])
        .collect();
    permuted.reshape(dims)
}

fn reduced_shape(x: &Tensor, axes: &[usize], keep: bool) -> Result<Vec<usize>> {
    let dims = x.dims().iter().enumerate().map(|(axis, &dim)| {
        if axes.contains(&axis) {
            None
        } else {
            Some(dim)
        }
    });
    Ok(if keep {
        dims.map(|dim| dim.unwrap_or(1)).collect()
    } else {
        dims.flatten().collect()
    })
}

fn reduced(y: &Tensor, x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    y.reshape(reduced_shape(x, axes, keep)?)
}
