//! Division by the root of the mean square over the last axis, and a scale.

use super::layer_norm::rms_norm_op;
use candle_core::{Module, Result, Tensor};
use candle_nn::{Init, VarBuilder};

/// A layer that scales each row by the root of its mean square.
#[derive(Clone, Debug)]
pub struct RmsNorm {
    weight: Tensor,
    eps: f64,
}

/// Such a layer for rows of this size.
pub fn rms_norm(size: usize, eps: f64, vb: VarBuilder) -> Result<RmsNorm> {
    let weight = vb.get_with_hints(size, "weight", Init::Const(1.0))?;
    Ok(RmsNorm { weight, eps })
}

impl RmsNorm {
    /// The layer's output.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        rms_norm_op(x, Some(&self.weight), self.eps)
    }
}

impl Module for RmsNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        RmsNorm::forward(self, x)
    }
}
