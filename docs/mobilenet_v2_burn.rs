// `mobilenet_v2`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::{Device, Tensor, activation};
use std::path::Path;
use support::batch_norm::{BatchNorm, BatchNormConfig};
use support::weights::filled;

/// The model `MobilenetV2`.
#[derive(Module, Debug)]
pub struct MobilenetV2 {
    conv1: Conv2d,
    bn_conv1: BatchNorm,
    blocks: Vec<Block>,
    conv_1: Conv2d,
    conv_1_bn: BatchNorm,
    predictions: Linear,
}

impl MobilenetV2 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
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
        Self {
            conv1: Conv2dConfig::new([3, 32], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            bn_conv1: BatchNormConfig::new(32).init(device),
            blocks: blocks
                .iter()
                .map(|config| Block::new(config, device))
                .collect(),
            conv_1: Conv2dConfig::new([320, 1280], [1, 1])
                .with_bias(false)
                .init(device),
            conv_1_bn: BatchNormConfig::new(1280).init(device),
            predictions: LinearConfig::new(1280, 1000).init(device),
        }
    }

    /// Loads the weights from a safetensors file, which has exactly those of the model.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, SafetensorsStoreError> {
        filled(
            Self::new(device),
            SafetensorsStore::from_file(path.as_ref()),
        )
    }

    /// - `keras_tensor`: `F32` `[batch, 224, 224, 3]`.
    /// - returns `F32` `[batch, 1000]`.
    pub fn forward(&self, keras_tensor: Tensor<4>) -> Tensor<2> {
        self.forward_t(keras_tensor, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, keras_tensor: Tensor<4>, train: bool) -> Tensor<2> {
        let x = keras_tensor.permute([0, 3, 1, 2]); // [batch, 3, 224, 224]
        let x = self.conv1.forward(x); // [batch, 32, 112, 112]
        let x = self.bn_conv1.forward_t(x, train);
        let x = x.clamp_min(0.0).clamp_max(6.0);
        let x = self
            .blocks
            .iter()
            .fold(x, |x, block| block.forward_t(x, train)); // [batch, 320, 7, 7]
        let x = self.conv_1.forward(x); // [batch, 1280, 7, 7]
        let x = self.conv_1_bn.forward_t(x, train);
        let x = x.clamp_min(0.0).clamp_max(6.0);
        let x = x.mean_dims(&[2, 3]).squeeze_dims::<2>(&[2, 3]); // [batch, 1280]
        let x = self.predictions.forward(x); // [batch, 1000]
        activation::softmax(x, 1)
    }

    /// The same as `forward`.
    pub fn serve(&self, keras_tensor: Tensor<4>) -> Tensor<2> {
        self.forward(keras_tensor)
    }

    /// The same as `forward_t`.
    pub fn serve_t(&self, keras_tensor: Tensor<4>, train: bool) -> Tensor<2> {
        self.forward_t(keras_tensor, train)
    }

    /// The same as `forward`.
    pub fn serving_default(&self, keras_tensor: Tensor<4>) -> Tensor<2> {
        self.forward(keras_tensor)
    }

    /// The same as `forward_t`.
    pub fn serving_default_t(&self, keras_tensor: Tensor<4>, train: bool) -> Tensor<2> {
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
#[derive(Module, Debug)]
pub struct Block {
    expand: Option<Conv2d>,
    expand_bn: Option<BatchNorm>,
    depthwise: Conv2d,
    depthwise_bn: BatchNorm,
    project: Conv2d,
    project_bn: BatchNorm,
    add: bool,
}

impl Block {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(config: &BlockConfig, device: &Device) -> Self {
        Self {
            expand: config.expand.then(|| {
                Conv2dConfig::new([config.inputs, config.expand_outputs], [1, 1])
                    .with_padding(PaddingConfig2d::Same)
                    .with_bias(false)
                    .init(device)
            }),
            expand_bn: config
                .expand
                .then(|| BatchNormConfig::new(config.expand_outputs).init(device)),
            depthwise: Conv2dConfig::new([config.expand_outputs, config.expand_outputs], [3, 3])
                .with_stride(config.depthwise_strides)
                .with_groups(config.expand_outputs)
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            depthwise_bn: BatchNormConfig::new(config.expand_outputs).init(device),
            project: Conv2dConfig::new([config.expand_outputs, config.outputs], [1, 1])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            project_bn: BatchNormConfig::new(config.outputs).init(device),
            add: config.add,
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
            let h = expand_bn.forward_t(h, train);
            h.clamp_min(0.0).clamp_max(6.0)
        } else {
            x.clone()
        };
        let h = self.depthwise.forward(h);
        let h = self.depthwise_bn.forward_t(h, train);
        let h = h.clamp_min(0.0).clamp_max(6.0);
        let h = self.project.forward(h);
        let h = self.project_bn.forward_t(h, train);
        if self.add { x + h } else { h }
    }
}
