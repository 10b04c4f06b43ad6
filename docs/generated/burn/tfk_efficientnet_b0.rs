// `tfk_efficientnet_b0`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `__call__`, `signatures/serving_default`.
// In training: 49 batch norms with momentum 0.99, as the model's training functions have it.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::batch_norm::{BatchNorm, BatchNormConfig};
use super::support::dropout::Dropout;
use super::support::weights::filled;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::{Device, Tensor, activation};
use std::path::Path;

/// The model `TfkEfficientnetB0`.
#[derive(Module, Debug)]
pub struct TfkEfficientnetB0 {
    pub stem_conv: Conv2d,
    pub stem_bn: BatchNorm,
    pub blocks: Vec<Block>,
    pub top_conv: Conv2d,
    pub top_bn: BatchNorm,
    pub top_dropout: Dropout,
    pub predictions: Linear,
}

impl TfkEfficientnetB0 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
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
        Self {
            stem_conv: Conv2dConfig::new([3, 32], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            stem_bn: BatchNormConfig::new(32).with_unbiased(true).init(device),
            blocks: blocks
                .into_iter()
                .map(|config| Block::new(config, device))
                .collect(),
            top_conv: Conv2dConfig::new([320, 1280], [1, 1])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            top_bn: BatchNormConfig::new(1280).with_unbiased(true).init(device),
            top_dropout: Dropout::new(0.2),
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
    /// - `input_1`: `F32` `[batch, 64, 64, 3]`.
    /// - returns `F32` `[batch, 10]`.
    #[doc(alias = "serving_default")]
    pub fn forward(&self, input_1: Tensor<4>) -> Tensor<2> {
        self.forward_t(input_1, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, input_1: Tensor<4>, train: bool) -> Tensor<2> {
        let x = (input_1 * 0.003921569).permute([0, 3, 1, 2]); // [batch, 3, 64, 64]
        // [batch, 32, 32, 32]
        let x = activation::silu(self.stem_bn.forward_t(self.stem_conv.forward(x), train));
        let x = self
            .blocks
            .iter()
            .fold(x, |x, block| block.forward_t(x, train)); // [batch, 320, 2, 2]
        // [batch, 1280, 2, 2]
        let x = activation::silu(self.top_bn.forward_t(self.top_conv.forward(x), train));
        let x = x.mean_dims(&[2, 3]).squeeze_dims::<2>(&[2, 3]); // [batch, 1280]
        let x = self.top_dropout.forward_t(x, train);
        activation::softmax(self.predictions.forward(x), 1)
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
#[derive(Module, Debug)]
pub struct Block {
    pub expand_conv: Option<Conv2d>,
    pub expand_bn: Option<BatchNorm>,
    pub dwconv: Conv2d,
    pub bn: BatchNorm,
    pub se_reduce: Conv2d,
    pub se_expand: Conv2d,
    pub project_conv: Conv2d,
    pub project_bn: BatchNorm,
    pub drop: Option<Dropout>,
}

impl Block {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(config: BlockConfig, device: &Device) -> Self {
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
        Self {
            expand_conv: expand_conv.then(|| {
                Conv2dConfig::new([inputs, expand_conv_outputs], [1, 1])
                    .with_padding(PaddingConfig2d::Same)
                    .with_bias(false)
                    .init(device)
            }),
            expand_bn: expand_conv.then(|| {
                BatchNormConfig::new(expand_conv_outputs)
                    .with_unbiased(true)
                    .init(device)
            }),
            dwconv: Conv2dConfig::new([expand_conv_outputs, expand_conv_outputs], dwconv_kernel)
                .with_stride(dwconv_strides)
                .with_groups(expand_conv_outputs)
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            bn: BatchNormConfig::new(expand_conv_outputs)
                .with_unbiased(true)
                .init(device),
            se_reduce: Conv2dConfig::new([expand_conv_outputs, se_reduce_outputs], [1, 1])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            se_expand: Conv2dConfig::new([se_reduce_outputs, expand_conv_outputs], [1, 1])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            project_conv: Conv2dConfig::new([expand_conv_outputs, outputs], [1, 1])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            project_bn: BatchNormConfig::new(outputs)
                .with_unbiased(true)
                .init(device),
            drop: drop.then(|| Dropout::new(drop_rate)),
        }
    }

    /// `[batch, inputs, width, channels] → [batch, outputs, out_height, out_width]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let h = if let (Some(expand_conv), Some(expand_bn)) = (&self.expand_conv, &self.expand_bn) {
            let h = expand_conv.forward(x.clone());
            activation::silu(expand_bn.forward_t(h, train))
        } else {
            x.clone()
        };
        let activated = activation::silu(self.bn.forward_t(self.dwconv.forward(h), train));
        let h = self.se_reduce.forward(activated.clone().mean_dims(&[2, 3]));
        let h = self.se_expand.forward(activation::silu(h));
        let h = activated * activation::sigmoid(h);
        let h = self.project_conv.forward(h);
        let h = self.project_bn.forward_t(h, train);
        match &self.drop {
            Some(drop) => drop.forward_t(h, train) + x,
            None => h,
        }
    }
}
