//! Layer normalisation over the last axis, and its form without a mean.

use super::cpu::{self, Kernel};
use super::vector_math::{row_sum, row_sum2};
use candle_core::{CpuStorage, CustomOp3, D, DType, Layout, Module, Result, Shape, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use rayon::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// Whether there is a `weight` that scales.
    pub scale: bool,
    /// Whether there is a `bias` that is added.
    pub center: bool,
}

impl Default for LayerNormConfig {
    fn default() -> Self {
        Self {
            eps: 1e-3,
            scale: true,
            center: true,
        }
    }
}

impl From<f64> for LayerNormConfig {
    fn from(eps: f64) -> Self {
        Self {
            eps,
            ..Self::default()
        }
    }
}

/// A layer normalisation layer.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Option<Tensor>,
    bias: Option<Tensor>,
    eps: f64,
    axes: usize,
}

/// A layer normalisation layer over the last axes, which have the extents of `shape`.
pub fn layer_norm(
    shape: impl Into<Shape>,
    config: impl Into<LayerNormConfig>,
    vb: VarBuilder,
) -> Result<LayerNorm> {
    let config = config.into();
    let shape = shape.into();
    let optional = |wanted: bool, name, value| {
        wanted
            .then(|| vb.get_with_hints(&shape, name, Init::Const(value)))
            .transpose()
    };
    let (weight, bias) = (
        optional(config.scale, "weight", 1.0)?,
        optional(config.center, "bias", 0.0)?,
    );
    Ok(LayerNorm {
        weight,
        bias,
        eps: config.eps,
        axes: shape.rank(),
    })
}

impl LayerNorm {
    /// The layer's output.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm_over(
            x,
            self.axes,
            self.weight.as_ref(),
            self.bias.as_ref(),
            self.eps,
        )
    }
}

impl Module for LayerNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        LayerNorm::forward(self, x)
    }
}

/// `(x - mean) / sqrt(variance + eps) * weight + bias` over the last `axes` axes, which weight and bias have too.
pub fn layer_norm_over(
    x: &Tensor,
    axes: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    if axes == 0 || axes > x.rank() {
        bail!("a layer norm over {axes} axes of {:?}", x.dims());
    }
    let flat = |t: &Tensor| t.flatten_all();
    let (weight, bias) = (weight.map(flat).transpose()?, bias.map(flat).transpose()?);
    let rows = x.flatten_from(x.rank() - axes)?;
    layer_norm_op(&rows, weight.as_ref(), bias.as_ref(), eps)?.reshape(x.shape())
}

/// `(x - mean) / sqrt(variance + eps) * weight + bias` over the last axis.
pub fn layer_norm_op(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    normalise(x, weight, bias, eps, true)
}

/// `x / sqrt(mean(x²) + eps) * weight` over the last axis.
pub fn rms_norm_op(x: &Tensor, weight: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    normalise(x, weight, None, eps, false)
}

fn normalise(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
    center: bool,
) -> Result<Tensor> {
    // A device computes the statistics of half precision in single precision, too.
    if cpu::is_short(x.dtype()) {
        let single = |t: &Tensor| t.to_dtype(DType::F32);
        let (weight, bias) = (
            weight.map(single).transpose()?,
            bias.map(single).transpose()?,
        );
        return normalise(&single(x)?, weight.as_ref(), bias.as_ref(), eps, center)?
            .to_dtype(x.dtype());
    }
    if !cpu::is_native(x) {
        return composed(x, weight, bias, eps, center);
    }
    let constant = |value: f32| Tensor::full(value, x.dim(D::Minus1)?, x.device());
    let weight = weight.map_or_else(|| constant(1.0), Tensor::contiguous)?;
    let bias = bias.map_or_else(|| constant(0.0), Tensor::contiguous)?;
    x.contiguous()?.apply_op3(
        &weight,
        &bias,
        LayerNormOp {
            eps: eps as f32,
            center,
        },
    )
}

fn composed(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
    center: bool,
) -> Result<Tensor> {
    let y = if center {
        x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?
    } else {
        x.clone()
    };
    let y = y.broadcast_div(&(y.sqr()?.mean_keepdim(D::Minus1)? + eps)?.sqrt()?)?;
    let y = if let Some(weight) = weight {
        y.broadcast_mul(weight)?
    } else {
        y
    };
    if let Some(bias) = bias {
        y.broadcast_add(bias)
    } else {
        Ok(y)
    }
}

#[derive(Clone, Copy)]
struct LayerNormOp {
    eps: f32,
    center: bool,
}

impl LayerNormOp {
    /// The mean and the reciprocal standard deviation of a row.
    #[inline(always)]
    fn statistics(self, row: &[f32]) -> (f32, f32) {
        let count = row.len() as f32;
        let mean = if self.center {
            row_sum(row, |x| x) / count
        } else {
            0.0
        };
        let variance = row_sum(row, |x| (x - mean) * (x - mean)) / count;
        (mean, (variance + self.eps).sqrt().recip())
    }
}

struct Forward<'a> {
    op: LayerNormOp,
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let width = self.weight.len();
        for (y, x) in self
            .y
            .chunks_exact_mut(width)
            .zip(self.x.chunks_exact(width))
        {
            let (mean, rstd) = self.op.statistics(x);
            for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(self.weight).zip(self.bias) {
                *y = (*x - mean) * rstd * *weight + *bias;
            }
        }
    }
}

struct Backward<'a> {
    op: LayerNormOp,
    x: &'a [f32],
    weight: &'a [f32],
    gradient: &'a [f32],
    dx: &'a mut [f32],
    dw: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let width = self.weight.len();
        let mut scaled = vec![0.0; width];
        let rows = self
            .x
            .chunks_exact(width)
            .zip(self.gradient.chunks_exact(width));
        for (dx, (x, gradient)) in self.dx.chunks_exact_mut(width).zip(rows) {
            let (mean, rstd) = self.op.statistics(x);
            for (((scaled, dw), (x, gradient)), weight) in scaled
                .iter_mut()
                .zip(self.dw.iter_mut())
                .zip(x.iter().zip(gradient))
                .zip(self.weight)
            {
                *scaled = gradient * weight;
                *dw += gradient * ((x - mean) * rstd);
            }
            let along = row_sum2(&scaled, x, |g, x| g * ((x - mean) * rstd)) / width as f32;
            let shift = if self.op.center {
                row_sum(&scaled, |g| g) / width as f32
            } else {
                0.0
            };
            for ((dx, x), g) in dx.iter_mut().zip(x).zip(&scaled) {
                *dx = rstd * (g - shift - (x - mean) * rstd * along);
            }
        }
    }
}

/// The values in the rows that one worker takes at a time.
fn chunk(width: usize) -> usize {
    (cpu::CHUNK / width).max(1) * width
}

impl CustomOp3 for LayerNormOp {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight, bias) = (
            cpu::values(x, xl)?,
            cpu::values(w, wl)?,
            cpu::values(b, bl)?,
        );
        let width = xl.dims().last().copied().unwrap_or(0);
        if width == 0 || weight.len() != width || bias.len() != width {
            bail!(
                "a layer norm of {} places is applied to {:?}",
                weight.len(),
                xl.dims()
            );
        }
        let chunk = chunk(width);
        let y = cpu::fill(
            x.len(),
            chunk,
            || (),
            |(), i, y| {
                cpu::dispatch(Forward {
                    op: *self,
                    x: &x[i * chunk..i * chunk + y.len()],
                    weight,
                    bias,
                    y,
                });
            },
        );
        cpu::output(y, xl.shape())
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let ((xs, xl), (ws, wl), (gs, gl)) = (
            x.storage_and_layout(),
            w.storage_and_layout(),
            gradient.storage_and_layout(),
        );
        let (xs, weight, gs) = (
            cpu::stored(&xs, xl)?,
            cpu::stored(&ws, wl)?,
            cpu::stored(&gs, gl)?,
        );
        let (width, chunk) = (weight.len(), chunk(weight.len()));
        let mut dx = vec![0.0; xs.len()];
        let parts = dx
            .par_chunks_mut(chunk)
            .zip(xs.par_chunks(chunk).zip(gs.par_chunks(chunk)))
            .map(|(dx, (x, gradient))| {
                let mut dw = vec![0.0; width];
                cpu::dispatch(Backward {
                    op: *self,
                    x,
                    weight,
                    gradient,
                    dx,
                    dw: &mut dw,
                });
                dw
            });
        let dw = cpu::sum_vectors(parts.collect(), width);
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), x.device());
        let db = b
            .track_op()
            .then(|| tensor(cpu::column_sums(gs, width), b))
            .transpose()?;
        Ok((Some(tensor(dx, x)?), Some(tensor(dw, w)?), db))
    }
}
