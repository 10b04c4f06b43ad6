// `mobilenet_v2`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use std::path::Path;
use support::activation::Activation;
use support::batch_norm::{BatchNorm, BatchNormConfig, batch_norm};
use support::conv::{Conv2d, ConvConfig, conv2d_no_bias};
use support::depthwise_conv::{DepthwiseConv2d, depthwise_conv2d_no_bias};
use support::linear::{Linear, linear};
use support::reduce::mean;
use support::softmax::softmax;
use support::vars::trainable;
use support::weights::checked;

/// The model `MobilenetV2`.
#[derive(Clone, Debug)]
pub struct MobilenetV2 {
    conv1: Conv2d,
    bn_conv1: BatchNorm,
    blocks: Vec<Block>,
    conv_1: Conv2d,
    conv_1_bn: BatchNorm,
    predictions: Linear,
}

#[allow(dead_code)]
impl MobilenetV2 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let blocks = [
            BlockConfig {
                expand: false,
                inputs: 32,
                expand_outputs: 32,
                depthwise_strides: [1, 1],
                outputs: 16,
                add: false,
            },
            BlockConfig {
                expand: true,
                inputs: 16,
                expand_outputs: 96,
                depthwise_strides: [2, 2],
                outputs: 24,
                add: false,
            },
            BlockConfig {
                expand: true,
                inputs: 24,
                expand_outputs: 144,
                depthwise_strides: [1, 1],
                outputs: 24,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 24,
                expand_outputs: 144,
                depthwise_strides: [2, 2],
                outputs: 32,
                add: false,
            },
            BlockConfig {
                expand: true,
                inputs: 32,
                expand_outputs: 192,
                depthwise_strides: [1, 1],
                outputs: 32,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 32,
                expand_outputs: 192,
                depthwise_strides: [1, 1],
                outputs: 32,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 32,
                expand_outputs: 192,
                depthwise_strides: [2, 2],
                outputs: 64,
                add: false,
            },
            BlockConfig {
                expand: true,
                inputs: 64,
                expand_outputs: 384,
                depthwise_strides: [1, 1],
                outputs: 64,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 64,
                expand_outputs: 384,
                depthwise_strides: [1, 1],
                outputs: 64,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 64,
                expand_outputs: 384,
                depthwise_strides: [1, 1],
                outputs: 64,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 64,
                expand_outputs: 384,
                depthwise_strides: [1, 1],
                outputs: 96,
                add: false,
            },
            BlockConfig {
                expand: true,
                inputs: 96,
                expand_outputs: 576,
                depthwise_strides: [1, 1],
                outputs: 96,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 96,
                expand_outputs: 576,
                depthwise_strides: [1, 1],
                outputs: 96,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 96,
                expand_outputs: 576,
                depthwise_strides: [2, 2],
                outputs: 160,
                add: false,
            },
            BlockConfig {
                expand: true,
                inputs: 160,
                expand_outputs: 960,
                depthwise_strides: [1, 1],
                outputs: 160,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 160,
                expand_outputs: 960,
                depthwise_strides: [1, 1],
                outputs: 160,
                add: true,
            },
            BlockConfig {
                expand: true,
                inputs: 160,
                expand_outputs: 960,
                depthwise_strides: [1, 1],
                outputs: 320,
                add: false,
            },
        ];
        Ok(Self {
            conv1: conv2d_no_bias(
                3,
                32,
                [3, 3],
                ConvConfig::same().stride([2, 2]),
                vb.pp("conv1"),
            )?,
            bn_conv1: batch_norm(32, BatchNormConfig::default(), vb.pp("bn_conv1"))?
                .with_activation(Activation::Relu6),
            blocks: blocks
                .iter()
                .enumerate()
                .map(|(i, config)| Block::new(config, vb.pp(format!("blocks.{i}"))))
                .collect::<Result<_>>()?,
            conv_1: conv2d_no_bias(320, 1280, [1, 1], ConvConfig::valid(), vb.pp("conv_1"))?,
            conv_1_bn: batch_norm(1280, BatchNormConfig::default(), vb.pp("conv_1_bn"))?
                .with_activation(Activation::Relu6),
            predictions: linear(1280, 1000, vb.pp("predictions"))?,
        })
    }

    /// Loads the weights from a safetensors file, which has exactly those of the model.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let tensors = candle_core::safetensors::load(path, device)?;
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

    /// - `keras_tensor`: `F32` `[batch, 224, 224, 3]`.
    /// - returns `F32` `[batch, 1000]`.
    pub fn forward(&self, keras_tensor: &Tensor) -> Result<Tensor> {
        self.forward_t(keras_tensor, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, keras_tensor: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.conv1.forward(keras_tensor)?; // [batch, 112, 112, 32]
        let x = self.bn_conv1.forward_t(&x, train)?;
        let x = self
            .blocks
            .iter()
            .try_fold(x, |x, block| block.forward_t(&x, train))?; // [batch, 7, 7, 320]
        let x = self.conv_1.forward(&x)?; // [batch, 7, 7, 1280]
        let x = self.conv_1_bn.forward_t(&x, train)?;
        let x = mean(&x, &[1, 2], false)?; // [batch, 1280]
        let x = self.predictions.forward(&x)?; // [batch, 1000]
        softmax(&x, 1)
    }

    /// The same as `forward`.
    pub fn serve(&self, keras_tensor: &Tensor) -> Result<Tensor> {
        self.forward(keras_tensor)
    }

    /// The same as `forward_t`.
    pub fn serve_t(&self, keras_tensor: &Tensor, train: bool) -> Result<Tensor> {
        self.forward_t(keras_tensor, train)
    }

    /// The same as `forward`.
    pub fn serving_default(&self, keras_tensor: &Tensor) -> Result<Tensor> {
        self.forward(keras_tensor)
    }

    /// The same as `forward_t`.
    pub fn serving_default_t(&self, keras_tensor: &Tensor, train: bool) -> Result<Tensor> {
        self.forward_t(keras_tensor, train)
    }
}

/// In what one `Block` differs from another.
#[derive(Clone, Debug)]
pub struct BlockConfig {
    pub expand: bool,
    pub inputs: usize,
    pub expand_outputs: usize,
    pub depthwise_strides: [usize; 2],
    pub outputs: usize,
    pub add: bool,
}

/// Layers `expanded_conv` to `block_16`, 17 in all.
#[derive(Clone, Debug)]
pub struct Block {
    expand: Option<Conv2d>,
    expand_bn: Option<BatchNorm>,
    depthwise: DepthwiseConv2d,
    depthwise_bn: BatchNorm,
    project: Conv2d,
    project_bn: BatchNorm,
    add: bool,
}

#[allow(dead_code)]
impl Block {
    /// Takes the weights from under `vb`.
    pub fn new(config: &BlockConfig, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            expand: config
                .expand
                .then(|| {
                    conv2d_no_bias(
                        config.inputs,
                        config.expand_outputs,
                        [1, 1],
                        ConvConfig::same(),
                        vb.pp("expand"),
                    )
                })
                .transpose()?,
            expand_bn: config
                .expand
                .then(|| {
                    batch_norm(
                        config.expand_outputs,
                        BatchNormConfig::default(),
                        vb.pp("expand_bn"),
                    )
                })
                .transpose()?
                .map(|layer| layer.with_activation(Activation::Relu6)),
            depthwise: depthwise_conv2d_no_bias(
                config.expand_outputs,
                1,
                [3, 3],
                ConvConfig::same().stride(config.depthwise_strides),
                vb.pp("depthwise"),
            )?,
            depthwise_bn: batch_norm(
                config.expand_outputs,
                BatchNormConfig::default(),
                vb.pp("depthwise_bn"),
            )?
            .with_activation(Activation::Relu6),
            project: conv2d_no_bias(
                config.expand_outputs,
                config.outputs,
                [1, 1],
                ConvConfig::same(),
                vb.pp("project"),
            )?,
            project_bn: batch_norm(
                config.outputs,
                BatchNormConfig::default(),
                vb.pp("project_bn"),
            )?,
            add: config.add,
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
            let h = expand.forward(x)?;
            expand_bn.forward_t(&h, train)?
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
