// `tfk_efficientnet_b0`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `__call__`, `signatures/serving_default`.
// In training: 49 batch norms with momentum 0.99, as the model's training functions have it.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::batch_norm::{BatchNorm, BatchNormConfig, batch_norm};
use super::support::conv::{Conv2d, ConvConfig, conv2d, conv2d_no_bias};
use super::support::depthwise_conv::{DepthwiseConv2d, depthwise_conv2d_no_bias};
use super::support::linear::{Linear, linear};
use super::support::reduce::mean;
use super::support::softmax::softmax;
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Dropout, VarBuilder, VarMap};
use std::path::Path;

/// The model `TfkEfficientnetB0`.
#[derive(Clone, Debug)]
pub struct TfkEfficientnetB0 {
    pub stem_conv: Conv2d,
    pub stem_bn: BatchNorm,
    pub blocks: Vec<Block>,
    pub top_conv: Conv2d,
    pub top_bn: BatchNorm,
    pub top_dropout: Dropout,
    pub predictions: Linear,
}

#[allow(dead_code)]
impl TfkEfficientnetB0 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let norm = BatchNormConfig {
            bessel: true,
            ..Default::default()
        };
        let blocks = [
            (false, 32, 32, [3, 3], [1, 1], 8, 16, false, 0.025),
            (true, 16, 96, [3, 3], [2, 2], 4, 24, false, 0.025),
            (true, 24, 144, [3, 3], [1, 1], 6, 24, true, 0.025),
            (true, 24, 144, [5, 5], [2, 2], 6, 40, false, 0.025),
            (true, 40, 240, [5, 5], [1, 1], 10, 40, true, 0.05),
            (true, 40, 240, [3, 3], [2, 2], 10, 80, false, 0.025),
            (true, 80, 480, [3, 3], [1, 1], 20, 80, true, 0.075),
            (true, 80, 480, [3, 3], [1, 1], 20, 80, true, 0.0875),
            (true, 80, 480, [5, 5], [1, 1], 20, 112, false, 0.025),
            (true, 112, 672, [5, 5], [1, 1], 28, 112, true, 0.1125),
            (true, 112, 672, [5, 5], [1, 1], 28, 112, true, 0.125),
            (true, 112, 672, [5, 5], [2, 2], 28, 192, false, 0.025),
            (true, 192, 1152, [5, 5], [1, 1], 48, 192, true, 0.15),
            (true, 192, 1152, [5, 5], [1, 1], 48, 192, true, 0.1625),
            (true, 192, 1152, [5, 5], [1, 1], 48, 192, true, 0.175),
            (true, 192, 1152, [3, 3], [1, 1], 48, 320, false, 0.025),
        ];
        Ok(Self {
            stem_conv: conv2d_no_bias(
                3,
                32,
                [3, 3],
                ConvConfig::same().stride([2, 2]),
                vb.pp("stem_conv"),
            )?,
            stem_bn: batch_norm(32, norm, vb.pp("stem_bn"))?.with_activation(Activation::Silu),
            blocks: blocks
                .into_iter()
                .enumerate()
                .map(|(i, config)| Block::new(config, vb.pp(format!("blocks.{i}"))))
                .collect::<Result<_>>()?,
            top_conv: conv2d_no_bias(320, 1280, [1, 1], ConvConfig::same(), vb.pp("top_conv"))?,
            top_bn: batch_norm(1280, norm, vb.pp("top_bn"))?.with_activation(Activation::Silu),
            top_dropout: Dropout::new(0.2),
            predictions: linear(1280, 10, vb.pp("predictions"))?,
        })
    }

    /// Loads the weights from a safetensors file, which has exactly those of the model.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let tensors = candle_core::safetensors::load(path, device)?;
        checked(tensors, DType::F32, device, Self::new)
    }

    /// Loads the weights into variables of `vars`, new ones or those that are there, which an
    /// optimizer moves.
    pub fn load_into(vars: &VarMap, path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let tensors = variables(vars, candle_core::safetensors::load(path, device)?)?;
        checked(tensors, DType::F32, device, Self::new)
    }

    /// The variables of `vars` that TensorFlow would train, in the order of their keys.
    pub fn trainable(vars: &VarMap) -> Vec<Var> {
        trainable(vars, &[])
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        let (stem_conv, stem_bn) = self.stem_conv.fold(&self.stem_bn)?;
        let (top_conv, top_bn) = self.top_conv.fold(&self.top_bn)?;
        Ok(Self {
            stem_conv,
            stem_bn,
            blocks: self
                .blocks
                .iter()
                .map(Block::fused)
                .collect::<Result<_>>()?,
            top_conv,
            top_bn,
            ..self.clone()
        })
    }

    /// Also called `serving_default`.
    ///
    /// - `input_1`: `F32` `[batch, 64, 64, 3]`.
    /// - returns `F32` `[batch, 10]`.
    #[doc(alias = "serving_default")]
    pub fn forward(&self, input_1: &Tensor) -> Result<Tensor> {
        self.forward_t(input_1, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, input_1: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.stem_conv.forward(&(input_1 * 0.003921569)?)?; // [batch, 32, 32, 32]
        let x = self.stem_bn.forward_t(&x, train)?;
        let x = self
            .blocks
            .iter()
            .try_fold(x, |x, block| block.forward_t(&x, train))?; // [batch, 2, 2, 320]
        let x = self.top_conv.forward(&x)?; // [batch, 2, 2, 1280]
        let x = mean(&self.top_bn.forward_t(&x, train)?, &[1, 2], false)?; // [batch, 1280]
        let x = self.top_dropout.forward(&x, train)?;
        softmax(&self.predictions.forward(&x)?, 1)
    }
}

/// In what one `Block` differs from another: `expand_conv`, `inputs`, `expand_conv_outputs`,
/// `dwconv_kernel`, `dwconv_strides`, `se_reduce_outputs`, `outputs`, `drop`, `drop_rate`.
pub type BlockConfig = (
    bool,
    usize,
    usize,
    [usize; 2],
    [usize; 2],
    usize,
    usize,
    bool,
    f64,
);

/// Layers `block1a` to `block7a`, 16 in all.
#[derive(Clone, Debug)]
pub struct Block {
    pub expand_conv: Option<Conv2d>,
    pub expand_bn: Option<BatchNorm>,
    pub dwconv: DepthwiseConv2d,
    pub bn: BatchNorm,
    pub se_reduce: Conv2d,
    pub se_expand: Conv2d,
    pub project_conv: Conv2d,
    pub project_bn: BatchNorm,
    pub drop: Option<Dropout>,
}

#[allow(dead_code)]
impl Block {
    /// Takes the weights from under `vb`.
    pub fn new(config: BlockConfig, vb: VarBuilder) -> Result<Self> {
        let (
            expand_conv,
            inputs,
            expand_conv_outputs,
            dwconv_kernel,
            dwconv_strides,
            se_reduce_outputs,
            outputs,
            drop,
            drop_rate,
        ) = config;
        let norm = BatchNormConfig {
            bessel: true,
            ..Default::default()
        };
        Ok(Self {
            expand_conv: expand_conv
                .then(|| {
                    conv2d_no_bias(
                        inputs,
                        expand_conv_outputs,
                        [1, 1],
                        ConvConfig::same(),
                        vb.pp("expand_conv"),
                    )
                })
                .transpose()?,
            expand_bn: expand_conv
                .then(|| batch_norm(expand_conv_outputs, norm, vb.pp("expand_bn")))
                .transpose()?
                .map(|layer| layer.with_activation(Activation::Silu)),
            dwconv: depthwise_conv2d_no_bias(
                expand_conv_outputs,
                1,
                dwconv_kernel,
                ConvConfig::same().stride(dwconv_strides),
                vb.pp("dwconv"),
            )?,
            bn: batch_norm(expand_conv_outputs, norm, vb.pp("bn"))?
                .with_activation(Activation::Silu),
            se_reduce: conv2d(
                expand_conv_outputs,
                se_reduce_outputs,
                [1, 1],
                ConvConfig::same(),
                vb.pp("se_reduce"),
            )?
            .with_activation(Activation::Silu),
            se_expand: conv2d(
                se_reduce_outputs,
                expand_conv_outputs,
                [1, 1],
                ConvConfig::same(),
                vb.pp("se_expand"),
            )?
            .with_activation(Activation::Sigmoid),
            project_conv: conv2d_no_bias(
                expand_conv_outputs,
                outputs,
                [1, 1],
                ConvConfig::same(),
                vb.pp("project_conv"),
            )?,
            project_bn: batch_norm(outputs, norm, vb.pp("project_bn"))?,
            drop: drop.then(|| Dropout::new(drop_rate as f32)),
        })
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        let (expand_conv, expand_bn) = self
            .expand_conv
            .as_ref()
            .zip(self.expand_bn.as_ref())
            .map(|(conv, norm)| conv.fold(norm))
            .transpose()?
            .unzip();
        let (dwconv, bn) = self.dwconv.fold(&self.bn)?;
        let (project_conv, project_bn) = self.project_conv.fold(&self.project_bn)?;
        Ok(Self {
            expand_conv,
            expand_bn,
            dwconv,
            bn,
            project_conv,
            project_bn,
            ..self.clone()
        })
    }

    /// `[batch, height, width, inputs] → [batch, out_height, out_width, outputs]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let h = if let (Some(expand_conv), Some(expand_bn)) = (&self.expand_conv, &self.expand_bn) {
            expand_bn.forward_t(&expand_conv.forward(x)?, train)?
        } else {
            x.clone()
        };
        let h = self.dwconv.forward(&h)?;
        let activated = self.bn.forward_t(&h, train)?;
        let h = self.se_reduce.forward(&mean(&activated, &[1, 2], true)?)?;
        let h = activated.broadcast_mul(&self.se_expand.forward(&h)?)?;
        let h = self.project_conv.forward(&h)?;
        let h = self.project_bn.forward_t(&h, train)?;
        Ok(match &self.drop {
            Some(drop) => (drop.forward(&h, train)? + x)?,
            None => h,
        })
    }
}
