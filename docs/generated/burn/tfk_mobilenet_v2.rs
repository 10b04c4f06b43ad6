// `tfk_mobilenet_v2`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `__call__`, `signatures/serving_default`.
// In training: 52 batch norms with momentum 0.999, as the model's training functions have it.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::batch_norm::{BatchNorm, BatchNormConfig};
use super::support::weights::filled;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::{Device, Tensor, activation};
use std::path::Path;

/// The model `TfkMobilenetV2`.
#[derive(Module, Debug)]
pub struct TfkMobilenetV2 {
    pub conv1: Conv2d,
    pub bn_conv1: BatchNorm,
    pub blocks: Vec<Block>,
    pub conv_1: Conv2d,
    pub conv_1_bn: BatchNorm,
    pub predictions: Linear,
}

impl TfkMobilenetV2 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
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
        Self {
            conv1: Conv2dConfig::new([3, 16], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            bn_conv1: BatchNormConfig::new(16)
                .with_momentum(0.001)
                .with_unbiased(true)
                .init(device),
            blocks: blocks
                .into_iter()
                .map(|config| Block::new(config, device))
                .collect(),
            conv_1: Conv2dConfig::new([112, 1280], [1, 1])
                .with_bias(false)
                .init(device),
            conv_1_bn: BatchNormConfig::new(1280)
                .with_momentum(0.001)
                .with_unbiased(true)
                .init(device),
            predictions: LinearConfig::new(1280, 10).init(device),
        }
    }

    /// Loads the weights from a safetensors file, which has exactly those of the model.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, SafetensorsStoreError> {
        filled(
            Self::new(device),
            SafetensorsStore::from_file(path.as_ref()),
        )
    }

    /// Also called `serving_default`.
    ///
    /// - `input_1`: `F32` `[batch, 96, 96, 3]`.
    /// - returns `F32` `[batch, 10]`.
    #[doc(alias = "serving_default")]
    pub fn forward(&self, input_1: Tensor<4>) -> Tensor<2> {
        self.forward_t(input_1, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, input_1: Tensor<4>, train: bool) -> Tensor<2> {
        let x = self.conv1.forward(input_1.permute([0, 3, 1, 2])); // [batch, 16, 48, 48]
        let x = self.bn_conv1.forward_t(x, train).clamp(0.0, 6.0);
        let x = self
            .blocks
            .iter()
            .fold(x, |x, block| block.forward_t(x, train)); // [batch, 112, 3, 3]
        let x = self.conv_1.forward(x); // [batch, 1280, 3, 3]
        let x = self
            .conv_1_bn
            .forward_t(x, train)
            .clamp(0.0, 6.0)
            .mean_dims(&[2, 3])
            .squeeze_dims::<2>(&[2, 3]); // [batch, 1280]
        activation::softmax(self.predictions.forward(x), 1)
    }
}

/// In what one `Block` differs from another: `expand`, `inputs`, `expand_outputs`,
/// `depthwise_strides`, `outputs`, `add`.
pub type BlockConfig = (bool, usize, usize, [usize; 2], usize, bool);

/// Layers `expanded_conv` to `block_16`, 17 in all.
#[derive(Module, Debug)]
pub struct Block {
    pub expand: Option<Conv2d>,
    pub expand_bn: Option<BatchNorm>,
    pub depthwise: Conv2d,
    pub depthwise_bn: BatchNorm,
    pub project: Conv2d,
    pub project_bn: BatchNorm,
    pub add: bool,
}

impl Block {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(config: BlockConfig, device: &Device) -> Self {
        let (expand, inputs, expand_outputs, depthwise_strides, outputs, add) = config;
        Self {
            expand: expand.then(|| {
                Conv2dConfig::new([inputs, expand_outputs], [1, 1])
                    .with_padding(PaddingConfig2d::Same)
                    .with_bias(false)
                    .init(device)
            }),
            expand_bn: expand.then(|| {
                BatchNormConfig::new(expand_outputs)
                    .with_momentum(0.001)
                    .with_unbiased(true)
                    .init(device)
            }),
            depthwise: Conv2dConfig::new([expand_outputs, expand_outputs], [3, 3])
                .with_stride(depthwise_strides)
                .with_groups(expand_outputs)
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            depthwise_bn: BatchNormConfig::new(expand_outputs)
                .with_momentum(0.001)
                .with_unbiased(true)
                .init(device),
            project: Conv2dConfig::new([expand_outputs, outputs], [1, 1])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            project_bn: BatchNormConfig::new(outputs)
                .with_momentum(0.001)
                .with_unbiased(true)
                .init(device),
            add,
        }
    }

    /// `[batch, inputs, height, width] → [batch, outputs, out_height, out_width]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let h = if let (Some(expand), Some(expand_bn)) = (&self.expand, &self.expand_bn) {
            let h = expand.forward(x.clone());
            expand_bn.forward_t(h, train).clamp(0.0, 6.0)
        } else {
            x.clone()
        };
        let h = self.depthwise.forward(h);
        let h = self.depthwise_bn.forward_t(h, train).clamp(0.0, 6.0);
        let h = self.project.forward(h);
        let h = self.project_bn.forward_t(h, train);
        if self.add { x + h } else { h }
    }
}
