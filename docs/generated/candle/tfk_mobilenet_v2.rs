// `tfk_mobilenet_v2`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `__call__`, `signatures/serving_default`.
// In training: 52 batch norms with momentum 0.999, as the model's training functions have it.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::batch_norm::{BatchNorm, BatchNormConfig, batch_norm};
use super::support::conv::{Conv2d, ConvConfig, conv2d_no_bias};
use super::support::depthwise_conv::{DepthwiseConv2d, depthwise_conv2d_no_bias};
use super::support::linear::{Linear, linear};
use super::support::reduce::mean;
use super::support::softmax::softmax;
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use std::path::Path;

/// The model `TfkMobilenetV2`.
#[derive(Clone, Debug)]
pub struct TfkMobilenetV2 {
    pub conv1: Conv2d,
    pub bn_conv1: BatchNorm,
    pub blocks: Vec<Block>,
    pub conv_1: Conv2d,
    pub conv_1_bn: BatchNorm,
    pub predictions: Linear,
}

#[allow(dead_code)]
impl TfkMobilenetV2 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let norm = BatchNormConfig {
            momentum: 0.001,
            bessel: true,
            ..Default::default()
        };
        let blocks = [
            (false, 16, 16, [1, 1], 8, false),
            (true, 8, 48, [2, 2], 8, false),
            (true, 8, 48, [1, 1], 8, true),
            (true, 8, 48, [2, 2], 16, false),
            (true, 16, 96, [1, 1], 16, true),
            (true, 16, 96, [1, 1], 16, true),
            (true, 16, 96, [2, 2], 24, false),
            (true, 24, 144, [1, 1], 24, true),
            (true, 24, 144, [1, 1], 24, true),
            (true, 24, 144, [1, 1], 24, true),
            (true, 24, 144, [1, 1], 32, false),
            (true, 32, 192, [1, 1], 32, true),
            (true, 32, 192, [1, 1], 32, true),
            (true, 32, 192, [2, 2], 56, false),
            (true, 56, 336, [1, 1], 56, true),
            (true, 56, 336, [1, 1], 56, true),
            (true, 56, 336, [1, 1], 112, false),
        ];
        Ok(Self {
            conv1: conv2d_no_bias(
                3,
                16,
                [3, 3],
                ConvConfig::same().stride([2, 2]),
                vb.pp("conv1"),
            )?,
            bn_conv1: batch_norm(16, norm, vb.pp("bn_conv1"))?.with_activation(Activation::Relu6),
            blocks: blocks
                .into_iter()
                .enumerate()
                .map(|(i, config)| Block::new(config, vb.pp(format!("blocks.{i}"))))
                .collect::<Result<_>>()?,
            conv_1: conv2d_no_bias(112, 1280, [1, 1], ConvConfig::valid(), vb.pp("conv_1"))?,
            conv_1_bn: batch_norm(1280, norm, vb.pp("conv_1_bn"))?
                .with_activation(Activation::Relu6),
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
        let (conv1, bn_conv1) = self.conv1.fold(&self.bn_conv1)?;
        let (conv_1, conv_1_bn) = self.conv_1.fold(&self.conv_1_bn)?;
        Ok(Self {
            conv1,
            bn_conv1,
            blocks: self
                .blocks
                .iter()
                .map(Block::fused)
                .collect::<Result<_>>()?,
            conv_1,
            conv_1_bn,
            ..self.clone()
        })
    }

    /// Also called `serving_default`.
    ///
    /// - `input_1`: `F32` `[batch, 96, 96, 3]`.
    /// - returns `F32` `[batch, 10]`.
    #[doc(alias = "serving_default")]
    pub fn forward(&self, input_1: &Tensor) -> Result<Tensor> {
        self.forward_t(input_1, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, input_1: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.conv1.forward(input_1)?; // [batch, 48, 48, 16]
        let x = self.bn_conv1.forward_t(&x, train)?;
        let x = self
            .blocks
            .iter()
            .try_fold(x, |x, block| block.forward_t(&x, train))?; // [batch, 3, 3, 112]
        let x = self.conv_1.forward(&x)?; // [batch, 3, 3, 1280]
        let x = mean(&self.conv_1_bn.forward_t(&x, train)?, &[1, 2], false)?; // [batch, 1280]
        softmax(&self.predictions.forward(&x)?, 1)
    }
}

/// In what one `Block` differs from another: `expand`, `inputs`, `expand_outputs`,
/// `depthwise_strides`, `outputs`, `add`.
pub type BlockConfig = (bool, usize, usize, [usize; 2], usize, bool);

/// Layers `expanded_conv` to `block_16`, 17 in all.
#[derive(Clone, Debug)]
pub struct Block {
    pub expand: Option<Conv2d>,
    pub expand_bn: Option<BatchNorm>,
    pub depthwise: DepthwiseConv2d,
    pub depthwise_bn: BatchNorm,
    pub project: Conv2d,
    pub project_bn: BatchNorm,
    pub add: bool,
}

#[allow(dead_code)]
impl Block {
    /// Takes the weights from under `vb`.
    pub fn new(config: BlockConfig, vb: VarBuilder) -> Result<Self> {
        let (expand, inputs, expand_outputs, depthwise_strides, outputs, add) = config;
        let norm = BatchNormConfig {
            momentum: 0.001,
            bessel: true,
            ..Default::default()
        };
        Ok(Self {
            expand: expand
                .then(|| {
                    conv2d_no_bias(
                        inputs,
                        expand_outputs,
                        [1, 1],
                        ConvConfig::same(),
                        vb.pp("expand"),
                    )
                })
                .transpose()?,
            expand_bn: expand
                .then(|| batch_norm(expand_outputs, norm, vb.pp("expand_bn")))
                .transpose()?
                .map(|layer| layer.with_activation(Activation::Relu6)),
            depthwise: depthwise_conv2d_no_bias(
                expand_outputs,
                1,
                [3, 3],
                ConvConfig::same().stride(depthwise_strides),
                vb.pp("depthwise"),
            )?,
            depthwise_bn: batch_norm(expand_outputs, norm, vb.pp("depthwise_bn"))?
                .with_activation(Activation::Relu6),
            project: conv2d_no_bias(
                expand_outputs,
                outputs,
                [1, 1],
                ConvConfig::same(),
                vb.pp("project"),
            )?,
            project_bn: batch_norm(outputs, norm, vb.pp("project_bn"))?,
            add,
        })
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        let (expand, expand_bn) = self
            .expand
            .as_ref()
            .zip(self.expand_bn.as_ref())
            .map(|(conv, norm)| conv.fold(norm))
            .transpose()?
            .unzip();
        let (depthwise, depthwise_bn) = self.depthwise.fold(&self.depthwise_bn)?;
        let (project, project_bn) = self.project.fold(&self.project_bn)?;
        Ok(Self {
            expand,
            expand_bn,
            depthwise,
            depthwise_bn,
            project,
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
        let h = if let (Some(expand), Some(expand_bn)) = (&self.expand, &self.expand_bn) {
            expand_bn.forward_t(&expand.forward(x)?, train)?
        } else {
            x.clone()
        };
        let h = self.depthwise.forward(&h)?;
        let h = self.depthwise_bn.forward_t(&h, train)?;
        let h = self.project.forward(&h)?;
        let h = self.project_bn.forward_t(&h, train)?;
        Ok(if self.add { (x + &h)? } else { h })
    }
}
