//! Batch normalisation over the last axis as operations: by given factors, and by a batch's own statistics.

use super::activation::Activation;
use super::batch_norm_kernel::{Batch, affine, correlation, input_gradient};
use super::cpu;
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

/// `(x - mean) / sqrt(variance + eps) * scale + offset` over the last axis, by statistics that are given.
pub fn normalise_by(
    x: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    scale: Option<&Tensor>,
    offset: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    let factor = (variance + eps)?.sqrt()?.recip()?;
    let factor = if let Some(scale) = scale {
        factor.mul(scale)?
    } else {
        factor
    };
    let shift = (mean * &factor)?;
    let shift = if let Some(offset) = offset {
        offset.sub(&shift)?
    } else {
        shift.neg()?
    };
    batch_norm_op(x, &factor, &shift, Activation::Linear)
}

/// `activation(x * scale + shift)`, with a scale and a shift for each place of the last axis.
pub fn batch_norm_op(
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    if cpu::is_short(x.dtype()) {
        let single = |t: &Tensor| t.to_dtype(DType::F32);
        return batch_norm_op(&single(x)?, &single(scale)?, &single(shift)?, activation)?
            .to_dtype(x.dtype());
    }
    if !cpu::is_native(x) {
        let (scale, shift) = (scale.to_dtype(x.dtype())?, shift.to_dtype(x.dtype())?);
        return activation.forward(&x.broadcast_mul(&scale)?.broadcast_add(&shift)?);
    }
    let tracked = x.track_op() || scale.track_op() || shift.track_op();
    let (fused, rest) = activation.split(tracked);
    let y =
        x.contiguous()?
            .apply_op3(&scale.contiguous()?, &shift.contiguous()?, AffineOp(fused))?;
    rest.forward(&y)
}

type Gradients = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

struct AffineOp(Activation);

impl CustomOp3 for AffineOp {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        s: &CpuStorage,
        sl: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, s, b) = (
            cpu::values(x, xl)?,
            cpu::values(s, sl)?,
            cpu::values(b, bl)?,
        );
        check_features(xl, s, b)?;
        cpu::output(affine(x, s, b, self.0), xl.shape())
    }

    fn bwd(
        &self,
        x: &Tensor,
        s: &Tensor,
        b: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<Gradients> {
        let gradient = self.0.backward(y, gradient)?;
        let ((xs, xl), (ss, sl), (gs, gl)) = (
            x.storage_and_layout(),
            s.storage_and_layout(),
            gradient.storage_and_layout(),
        );
        let (xs, ss, gs) = (
            cpu::stored(&xs, xl)?,
            cpu::stored(&ss, sl)?,
            cpu::stored(&gs, gl)?,
        );
        let zeros = vec![0.0; ss.len()];
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), x.device());
        let dx = x
            .track_op()
            .then(|| tensor(affine(gs, ss, &zeros, Activation::Linear), x))
            .transpose()?;
        let ds = s
            .track_op()
            .then(|| tensor(correlation(gs, xs, &zeros), s))
            .transpose()?;
        let db = b
            .track_op()
            .then(|| tensor(cpu::column_sums(gs, zeros.len()), b))
            .transpose()?;
        Ok((dx, ds, db))
    }
}

fn check_features(x: &Layout, scale: &[f32], shift: &[f32]) -> Result<()> {
    let features = x.dims().last().copied().unwrap_or(0);
    if scale.len() != features || shift.len() != features || features == 0 {
        bail!(
            "a batch norm of {} features is applied to {:?}",
            scale.len(),
            x.dims()
        );
    }
    Ok(())
}

/// Normalises by a batch's own statistics, which depend on `x`.
pub struct TrainOp {
    pub mean: Vec<f32>,
    pub rstd: Vec<f32>,
    pub activation: Activation,
}

impl CustomOp3 for TrainOp {
    fn name(&self) -> &'static str {
        "batch-norm-train"
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
        let (x, w, b) = (
            cpu::values(x, xl)?,
            cpu::values(w, wl)?,
            cpu::values(b, bl)?,
        );
        check_features(xl, w, b)?;
        let scale: Vec<f32> = w.iter().zip(&self.rstd).map(|(w, rstd)| w * rstd).collect();
        let shift: Vec<f32> = b
            .iter()
            .zip(&scale)
            .zip(&self.mean)
            .map(|((b, scale), mean)| b - mean * scale)
            .collect();
        cpu::output(affine(x, &scale, &shift, self.activation), xl.shape())
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<Gradients> {
        // The slope of an activation that is a pair of limits follows from `y` on the way.
        let limits = self.activation.limits();
        let gradient = match limits {
            Some(_) => gradient.contiguous()?,
            None => self.activation.backward(y, gradient)?,
        };
        let ((xs, xl), (ys, yl), (ws, wl), (gs, gl)) = (
            x.storage_and_layout(),
            y.storage_and_layout(),
            w.storage_and_layout(),
            gradient.storage_and_layout(),
        );
        let (batch, ws) = (
            Batch {
                x: cpu::stored(&xs, xl)?,
                y: cpu::stored(&ys, yl)?,
                gradient: cpu::stored(&gs, gl)?,
                limits: limits.unwrap_or((f32::NEG_INFINITY, f32::INFINITY)),
            },
            cpu::stored(&ws, wl)?,
        );
        let (sums, mut dw) = batch.sums(&self.mean);
        dw.iter_mut()
            .zip(&self.rstd)
            .for_each(|(dw, rstd)| *dw *= rstd);
        let dx = input_gradient(batch, [&self.mean, &self.rstd], ws, &dw, &sums);
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), x.device());
        Ok((
            Some(tensor(dx, x)?),
            Some(tensor(dw, w)?),
            Some(tensor(sums, b)?),
        ))
    }
}
