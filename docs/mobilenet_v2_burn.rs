// `mobilenet_v2`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::store::{ModuleSnapshot, SafetensorsStore, SafetensorsStoreError};
use burn::tensor::{Device, Tensor, activation};
use std::path::Path;
use support::batch_norm::{BatchNorm, BatchNormConfig};

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
        Self {
            conv1: Conv2dConfig::new([3, 32], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            bn_conv1: BatchNormConfig::new(32).init(device),
            blocks: vec![
                Block::new(false, 16, 32, [1, 1], 16, false, device),
                Block::new(true, 16, 96, [2, 2], 24, false, device),
                Block::new(true, 24, 144, [1, 1], 24, true, device),
                Block::new(true, 24, 144, [2, 2], 32, false, device),
                Block::new(true, 32, 192, [1, 1], 32, true, device),
                Block::new(true, 32, 192, [1, 1], 32, true, device),
                Block::new(true, 32, 192, [2, 2], 64, false, device),
                Block::new(true, 64, 384, [1, 1], 64, true, device),
                Block::new(true, 64, 384, [1, 1], 64, true, device),
                Block::new(true, 64, 384, [1, 1], 64, true, device),
                Block::new(true, 64, 384, [1, 1], 96, false, device),
                Block::new(true, 96, 576, [1, 1], 96, true, device),
                Block::new(true, 96, 576, [1, 1], 96, true, device),
                Block::new(true, 96, 576, [2, 2], 160, false, device),
                Block::new(true, 160, 960, [1, 1], 160, true, device),
                Block::new(true, 160, 960, [1, 1], 160, true, device),
                Block::new(true, 160, 960, [1, 1], 320, false, device),
            ],
            conv_1: Conv2dConfig::new([320, 1280], [1, 1])
                .with_bias(false)
                .init(device),
            conv_1_bn: BatchNormConfig::new(1280).init(device),
            predictions: LinearConfig::new(1280, 1000).init(device),
        }
    }

    /// Loads the weights from a safetensors file.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, SafetensorsStoreError> {
        let mut model = Self::new(device);
        model.load_from(&mut SafetensorsStore::from_file(path.as_ref()))?;
        Ok(model)
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
    pub fn new(
        expand: bool,
        inputs: usize,
        expand_outputs: usize,
        depthwise_strides: [usize; 2],
        outputs: usize,
        add: bool,
        device: &Device,
    ) -> Self {
        Self {
            expand: expand.then(|| {
                Conv2dConfig::new([inputs, expand_outputs], [1, 1])
                    .with_padding(PaddingConfig2d::Same)
                    .with_bias(false)
                    .init(device)
            }),
            expand_bn: expand.then(|| BatchNormConfig::new(expand_outputs).init(device)),
            depthwise: Conv2dConfig::new([expand_outputs, expand_outputs], [3, 3])
                .with_stride(depthwise_strides)
                .with_groups(expand_outputs)
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            depthwise_bn: BatchNormConfig::new(expand_outputs).init(device),
            project: Conv2dConfig::new([expand_outputs, outputs], [1, 1])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            project_bn: BatchNormConfig::new(outputs).init(device),
            add,
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let h = match &self.expand {
            Some(expand) => expand.forward(x.clone()),
            None => x.clone(),
        };
        let h = match &self.expand_bn {
            Some(expand_bn) => expand_bn.forward_t(h, train),
            None => h,
        };
        let h = if self.expand.is_some() {
            h.clamp_min(0.0).clamp_max(6.0)
        } else {
            h
        };
        let h = self.depthwise.forward(h);
        let h = self.depthwise_bn.forward_t(h, train);
        let h = h.clamp_min(0.0).clamp_max(6.0);
        let h = self.project.forward(h);
        let h = self.project_bn.forward_t(h, train);
        if self.add { x + h } else { h }
    }
}
