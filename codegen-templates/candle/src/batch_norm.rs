//! Batch normalisation over the last axis.

use super::activation::Activation;
use super::batch_norm_kernel::{affine, correlation, input_gradient, moments};
use super::cpu;
use candle_core::{
    CpuStorage, CustomOp3, D, DType, Layout, ModuleT, Result, Shape, Tensor, Var, bail,
};
use candle_nn::{Init, VarBuilder};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// The weight of a batch in the moving statistics: 1 - Keras' momentum.
    pub momentum: f64,
    /// Whether there is a `weight` that scales.
    pub scale: bool,
    /// Whether there is a `bias` that is added.
    pub center: bool,
    /// Whether the moving variance follows the batch's sample variance (`n - 1`) rather than its population variance.
    pub bessel: bool,
}

impl Default for BatchNormConfig {
    fn default() -> Self {
        Self {
            eps: 1e-3,
            momentum: 0.01,
            scale: true,
            center: true,
            bessel: false,
        }
    }
}

/// A batch normalisation layer, with trainable `weight` and `bias` and moving statistics of the batches that it has seen.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    weight: Option<Tensor>,
    bias: Option<Tensor>,
    running_mean: Var,
    running_var: Var,
    config: BatchNormConfig,
    activation: Activation,
    folded: bool,
}

/// A batch normalisation layer over a last axis of `features` places.
pub fn batch_norm(features: usize, config: BatchNormConfig, vb: VarBuilder) -> Result<BatchNorm> {
    let optional = |wanted: bool, name, value| {
        wanted
            .then(|| vb.get_with_hints(features, name, Init::Const(value)))
            .transpose()
    };
    Ok(BatchNorm {
        weight: optional(config.scale, "weight", 1.0)?,
        bias: optional(config.center, "bias", 0.0)?,
        running_mean: Var::from_tensor(&vb.get_with_hints(
            features,
            "running_mean",
            Init::Const(0.0),
        )?)?,
        running_var: Var::from_tensor(&vb.get_with_hints(
            features,
            "running_var",
            Init::Const(1.0),
        )?)?,
        config,
        activation: Activation::Linear,
        folded: false,
    })
}

impl BatchNorm {
    /// Applies `activation` to the layer's output, in the same pass.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    pub fn running_mean(&self) -> &Var {
        &self.running_mean
    }

    pub fn running_var(&self) -> &Var {
        &self.running_var
    }

    /// Normalises by the moving statistics.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if self.folded {
            return Ok(x.clone());
        }
        let (scale, shift) = self.coefficients()?;
        batch_norm_op(x, &scale, &shift, self.activation)
    }

    /// In training, normalises by the batch's own statistics and updates the moving ones; else as `forward`.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if !train || self.folded {
            return self.forward(x);
        }
        if cpu::is_half(x) {
            return self
                .forward_t(&x.to_dtype(DType::F32)?, true)?
                .to_dtype(x.dtype());
        }
        if cpu::is_native(x) && self.running_mean.dtype() == DType::F32 {
            self.train_native(x)
        } else {
            self.train_composed(x)
        }
    }

    /// `(scale, shift)` such that the layer is `x * scale + shift`.
    fn coefficients(&self) -> Result<(Tensor, Tensor)> {
        let (mean, var) = (
            self.running_mean.as_detached_tensor(),
            self.running_var.as_detached_tensor(),
        );
        let scale = (var + self.config.eps)?.sqrt()?.recip()?;
        let scale = if let Some(weight) = &self.weight {
            scale.mul(weight)?
        } else {
            scale
        };
        let shift = (mean * &scale)?;
        let shift = if let Some(bias) = &self.bias {
            bias.sub(&shift)?
        } else {
            shift.neg()?
        };
        Ok((scale, shift))
    }

    /// The weight, bias and activation of a layer that does what this norm does after a layer with a weight of
    /// `[…, features]`, a bias and no activation.
    pub fn fold_into(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        activation: Activation,
    ) -> Result<(Tensor, Tensor, Activation)> {
        if activation != Activation::Linear {
            bail!("a batch norm cannot be folded into a layer that has an activation before it");
        }
        let (scale, shift) = self.coefficients()?;
        let bias = if let Some(bias) = bias {
            ((bias * &scale)? + shift)?
        } else {
            shift
        };
        Ok((weight.broadcast_mul(&scale)?, bias, self.activation))
    }

    /// This layer after it has been folded into the one before it.
    pub fn identity(&self) -> Self {
        Self {
            folded: true,
            ..self.clone()
        }
    }

    /// Moves the moving statistics towards those of a batch of `count` values for each feature.
    fn track(&self, mean: &Tensor, var: &Tensor, count: usize) -> Result<()> {
        let momentum = self.config.momentum;
        let sample = if self.config.bessel && count > 1 {
            count as f64 / (count - 1) as f64
        } else {
            1.0
        };
        let towards = |old: &Var, new: &Tensor, factor: f64| {
            let new = (new.detach().to_dtype(old.dtype())? * (momentum * factor))?;
            old.set(&((old.as_detached_tensor() * (1.0 - momentum))? + new)?)
        };
        towards(&self.running_mean, mean, 1.0)?;
        towards(&self.running_var, var, sample)
    }

    fn train_native(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.contiguous()?;
        let features = x.dim(D::Minus1)?;
        let count = x.elem_count() / features.max(1);
        let (mean, var) = {
            let (storage, layout) = x.storage_and_layout();
            moments(cpu::stored(&storage, layout)?, features)
        };
        let tensor = |values: &[f32]| Tensor::from_slice(values, features, x.device());
        self.track(&tensor(&mean)?, &tensor(&var)?, count)?;
        let rstd = var
            .iter()
            .map(|var| (var + self.config.eps as f32).sqrt().recip())
            .collect();
        let weight = self
            .weight
            .clone()
            .map_or_else(|| tensor(&vec![1.0; features]), Ok)?;
        let bias = self
            .bias
            .clone()
            .map_or_else(|| tensor(&vec![0.0; features]), Ok)?;
        let fused = if self.activation.slope_from_output() {
            self.activation
        } else {
            Activation::Linear
        };
        let y = x.apply_op3(
            &weight.contiguous()?,
            &bias.contiguous()?,
            TrainOp {
                mean,
                rstd,
                activation: fused,
            },
        )?;
        if fused == self.activation {
            Ok(y)
        } else {
            self.activation.forward(&y)
        }
    }

    fn train_composed(&self, x: &Tensor) -> Result<Tensor> {
        let rows = x.flatten_to(D::Minus2)?;
        let mean = rows.mean_keepdim(0)?;
        let centred = rows.broadcast_sub(&mean)?;
        let var = centred.sqr()?.mean_keepdim(0)?;
        self.track(&mean.squeeze(0)?, &var.squeeze(0)?, rows.dim(0)?)?;
        let y = centred.broadcast_div(&(var + self.config.eps)?.sqrt()?)?;
        let y = if let Some(weight) = &self.weight {
            y.broadcast_mul(&weight.to_dtype(x.dtype())?)?
        } else {
            y
        };
        let y = if let Some(bias) = &self.bias {
            y.broadcast_add(&bias.to_dtype(x.dtype())?)?
        } else {
            y
        };
        self.activation.forward(&y.reshape(x.shape())?)
    }
}

impl ModuleT for BatchNorm {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        BatchNorm::forward_t(self, x, train)
    }
}

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
    if cpu::is_half(x) {
        let single = |t: &Tensor| t.to_dtype(DType::F32);
        return batch_norm_op(&single(x)?, &single(scale)?, &single(shift)?, activation)?
            .to_dtype(x.dtype());
    }
    if !cpu::is_native(x) {
        let (scale, shift) = (scale.to_dtype(x.dtype())?, shift.to_dtype(x.dtype())?);
        return activation.forward(&x.broadcast_mul(&scale)?.broadcast_add(&shift)?);
    }
    let tracked = x.track_op() || scale.track_op() || shift.track_op();
    let fused = if tracked && !activation.slope_from_output() {
        Activation::Linear
    } else {
        activation
    };
    let y =
        x.contiguous()?
            .apply_op3(&scale.contiguous()?, &shift.contiguous()?, AffineOp(fused))?;
    if fused == activation {
        Ok(y)
    } else {
        activation.forward(&y)
    }
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
struct TrainOp {
    mean: Vec<f32>,
    rstd: Vec<f32>,
    activation: Activation,
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
        let gradient = self.activation.backward(y, gradient)?;
        let ((xs, xl), (ws, wl), (gs, gl)) = (
            x.storage_and_layout(),
            w.storage_and_layout(),
            gradient.storage_and_layout(),
        );
        let (xs, ws, gs) = (
            cpu::stored(&xs, xl)?,
            cpu::stored(&ws, wl)?,
            cpu::stored(&gs, gl)?,
        );
        let sums = cpu::column_sums(gs, ws.len());
        let scaled = |mut sums: Vec<f32>| {
            sums.iter_mut()
                .zip(&self.rstd)
                .for_each(|(sum, rstd)| *sum *= rstd);
            sums
        };
        let dw = scaled(correlation(gs, xs, &self.mean));
        let dx = input_gradient([&self.mean, &self.rstd], xs, ws, gs, &dw, &sums);
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), x.device());
        Ok((
            Some(tensor(dx, x)?),
            Some(tensor(dw, w)?),
            Some(tensor(sums, b)?),
        ))
    }
}
