//! Batch normalisation over the last axis.

use super::activation::Activation;
use super::batch_norm_kernel::moments;
use super::batch_norm_op::{TrainOp, batch_norm_op};
use super::cpu;
use candle_core::{D, DType, ModuleT, Result, Tensor, Var, bail};
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

impl From<f64> for BatchNormConfig {
    fn from(eps: f64) -> Self {
        Self {
            eps,
            ..Self::default()
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
pub fn batch_norm(
    features: usize,
    config: impl Into<BatchNormConfig>,
    vb: VarBuilder,
) -> Result<BatchNorm> {
    let config = config.into();
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
        if cpu::is_short(x.dtype()) {
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
        let (fused, rest) = self.activation.split(true);
        let y = x.apply_op3(
            &weight.contiguous()?,
            &bias.contiguous()?,
            TrainOp {
                mean,
                rstd,
                activation: fused,
            },
        )?;
        rest.forward(&y)
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
