// `hub_resnet_vd`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// In training: 9 batch norms with momentum 0.99, which is Keras' default, because the model does
// not tell.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::batch_norm::{BatchNorm, BatchNormConfig};
use super::support::weights::filled;
use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AvgPool2dConfig, MaxPool2dConfig};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor, activation};
use std::path::Path;

/// The model `HubResnetVd`.
#[derive(Module, Debug)]
pub struct HubResnetVd {
    pub conv1: Conv1,
    pub convs: Vec<Conv>,
    pub stack0: Stack0,
    pub stack1: Stack1,
}

impl HubResnetVd {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            conv1: Conv1::new(device),
            convs: vec![Conv::new(8, device), Conv::new(16, device)],
            stack0: Stack0::new(device),
            stack1: Stack1::new(device),
        }
    }

    /// Loads the weights from a safetensors file, which has exactly those of the model.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, SafetensorsStoreError> {
        filled(
            Self::new(device),
            SafetensorsStore::from_file(path.as_ref()),
        )
    }

    /// Also called `serve`, `serving_default`.
    ///
    /// - `keras_tensor`: `F32` `[batch, 32, 32, 3]`.
    /// - returns `F32` `[batch, 4, 4, 128]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(&self, keras_tensor: Tensor<4>) -> Tensor<4> {
        self.forward_t(keras_tensor, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, keras_tensor: Tensor<4>, train: bool) -> Tensor<4> {
        let x = self.conv1.forward_t(keras_tensor, train); // [batch, 8, 16, 16]
        let x = self
            .convs
            .iter()
            .fold(x, |x, block| block.forward_t(x, train)); // [batch, 16, 16, 16]
        let x = x.pad([(1, 1), (1, 1)], PadMode::Constant(0.0)); // [batch, 16, 18, 18]
        let x = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .init()
            .forward(x); // [batch, 16, 8, 8]
        let x = self.stack0.forward_t(x, train); // [batch, 64, 8, 8]
        let h = AvgPool2dConfig::new([2, 2])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Same)
            .with_count_include_pad(false)
            .init()
            .forward(x.clone()); // [batch, 64, 4, 4]
        self.stack1.forward_t(h, x, train)
    }
}

/// Layer `stack1`.
#[derive(Module, Debug)]
pub struct Stack1 {
    pub block0: Stack1Block0,
}

impl Stack1 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            block0: Stack1Block0::new(device),
        }
    }

    /// `x: [batch, 64, 4, 4], y: [batch, 64, 8, 8] → [batch, 4, 4, 128]`
    pub fn forward(&self, x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, y, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, y: Tensor<4>, train: bool) -> Tensor<4> {
        self.block0.forward_t(x, y, train)
    }
}

/// Layer `stack0`.
#[derive(Module, Debug)]
pub struct Stack0 {
    pub block0: Stack0Block0,
}

impl Stack0 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            block0: Stack0Block0::new(device),
        }
    }

    /// `[batch, 16, 8, 8] → [batch, 64, 8, 8]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        self.block0.forward_t(x, train)
    }
}

/// Layers `conv2` to `conv3`, 2 in all.
#[derive(Module, Debug)]
pub struct Conv {
    pub conv: Conv2d,
    pub bn: BatchNorm,
}

impl Conv {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(outputs: usize, device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new([8, outputs], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            bn: BatchNormConfig::new(outputs)
                .with_epsilon(1e-5)
                .init(device),
        }
    }

    /// `[batch, 8, 16, 16] → [batch, outputs, 16, 16]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        activation::relu(self.bn.forward_t(self.conv.forward(x), train))
    }
}

/// Layer `conv1`.
#[derive(Module, Debug)]
pub struct Conv1 {
    pub conv: Conv2d,
    pub bn: BatchNorm,
}

impl Conv1 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new([3, 8], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .with_bias(false)
                .init(device),
            bn: BatchNormConfig::new(8).with_epsilon(1e-5).init(device),
        }
    }

    /// `[batch, 32, 32, 3] → [batch, 8, 16, 16]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let x = self.conv.forward(x.permute([0, 3, 1, 2])); // [batch, 8, 16, 16]
        activation::relu(self.bn.forward_t(x, train))
    }
}

/// Layer `stack1/block0`.
#[derive(Module, Debug)]
pub struct Stack1Block0 {
    /// `0_conv`.
    pub conv0: Conv2d,
    /// `0_bn`.
    pub bn0: BatchNorm,
    /// `1_conv`.
    pub conv1: Conv2d,
    /// `1_bn`.
    pub bn1: BatchNorm,
    /// `2_conv`.
    pub conv2: Conv2d,
    /// `2_bn`.
    pub bn2: BatchNorm,
}

impl Stack1Block0 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            conv0: Conv2dConfig::new([64, 128], [1, 1])
                .with_bias(false)
                .init(device),
            bn0: BatchNormConfig::new(128).with_epsilon(1e-5).init(device),
            conv1: Conv2dConfig::new([64, 128], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .with_bias(false)
                .init(device),
            bn1: BatchNormConfig::new(128).with_epsilon(1e-5).init(device),
            conv2: Conv2dConfig::new([128, 128], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            bn2: BatchNormConfig::new(128).with_epsilon(1e-5).init(device),
        }
    }

    /// `x: [batch, 64, 4, 4], y: [batch, 64, 8, 8] → [batch, 4, 4, 128]`
    pub fn forward(&self, x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, y, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, y: Tensor<4>, train: bool) -> Tensor<4> {
        let conv0 = self.conv0.forward(x); // [batch, 128, 4, 4]
        let bn0 = self.bn0.forward_t(conv0, train);
        let conv1 = self.conv1.forward(y); // [batch, 128, 4, 4]
        let bn1 = activation::relu(self.bn1.forward_t(conv1, train));
        let conv2 = self.conv2.forward(bn1);
        let bn2 = self.bn2.forward_t(conv2, train);
        activation::relu(bn0 + bn2).permute([0, 2, 3, 1])
    }
}

/// Layer `stack0/block0`.
#[derive(Module, Debug)]
pub struct Stack0Block0 {
    /// `0_conv`.
    pub conv0: Conv2d,
    /// `0_bn`.
    pub bn0: BatchNorm,
    /// `1_conv`.
    pub conv1: Conv2d,
    /// `1_bn`.
    pub bn1: BatchNorm,
    /// `2_conv`.
    pub conv2: Conv2d,
    /// `2_bn`.
    pub bn2: BatchNorm,
}

impl Stack0Block0 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            conv0: Conv2dConfig::new([16, 64], [1, 1])
                .with_bias(false)
                .init(device),
            bn0: BatchNormConfig::new(64).with_epsilon(1e-5).init(device),
            conv1: Conv2dConfig::new([16, 64], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            bn1: BatchNormConfig::new(64).with_epsilon(1e-5).init(device),
            conv2: Conv2dConfig::new([64, 64], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            bn2: BatchNormConfig::new(64).with_epsilon(1e-5).init(device),
        }
    }

    /// `[batch, 16, 8, 8] → [batch, 64, 8, 8]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let conv0 = self.conv0.forward(x.clone()); // [batch, 64, 8, 8]
        let bn0 = self.bn0.forward_t(conv0, train);
        let conv1 = self.conv1.forward(x); // [batch, 64, 8, 8]
        let bn1 = activation::relu(self.bn1.forward_t(conv1, train));
        activation::relu(bn0 + self.bn2.forward_t(self.conv2.forward(bn1), train))
    }
}
