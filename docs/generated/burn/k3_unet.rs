// `k3_unet`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::conv_transpose::{ConvTranspose2d, ConvTranspose2dConfig};
use super::support::padding::Padding;
use super::support::resize::{Sampling, resize_bilinear, resize_nearest};
use super::support::weights::filled;
use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AvgPool2dConfig, MaxPool2dConfig};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor, activation};
use std::path::Path;

/// The model `K3Unet`.
#[derive(Module, Debug)]
pub struct K3Unet {
    pub conv2d: Conv2d,
    pub conv2d_1: Conv2d,
    pub conv2d_2: Conv2d,
    pub conv2d_transpose: ConvTranspose2d,
    pub conv2d_3: Conv2d,
    pub conv2d_transpose_1: ConvTranspose2d,
    pub conv2d_4: Conv2d,
}

impl K3Unet {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            conv2d: Conv2dConfig::new([3, 4], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            conv2d_1: Conv2dConfig::new([4, 6], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            conv2d_2: Conv2dConfig::new([6, 8], [3, 3])
                .with_dilation([2, 2])
                .with_padding(PaddingConfig2d::Explicit(2, 2, 2, 2))
                .init(device),
            conv2d_transpose: ConvTranspose2dConfig::new([8, 6], [2, 2])
                .with_stride([2, 2])
                .with_padding(Padding::Valid)
                .init(device),
            conv2d_3: Conv2dConfig::new([12, 5], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            conv2d_transpose_1: ConvTranspose2dConfig::new([15, 4], [3, 3])
                .with_stride([1, 1])
                .with_padding(Padding::Same)
                .with_bias(false)
                .init(device),
            conv2d_4: Conv2dConfig::new([4, 2], [1, 1]).init(device),
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
    /// - `keras_tensor`: `F32` `[batch, 16, 16, 3]`.
    /// - returns `F32` `[batch, 16, 16, 2]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(&self, keras_tensor: Tensor<4>) -> Tensor<4> {
        let x = self.conv2d.forward(keras_tensor.permute([0, 3, 1, 2])); // [batch, 4, 16, 16]
        let x = activation::relu(x);
        let pooled = MaxPool2dConfig::new([2, 2])
            .with_strides([2, 2])
            .init()
            .forward(x.clone()); // [batch, 4, 8, 8]
        let conv2d_1 = activation::relu(self.conv2d_1.forward(pooled)); // [batch, 6, 8, 8]
        let pooled = AvgPool2dConfig::new([2, 2])
            .with_strides([2, 2])
            .init()
            .forward(conv2d_1.clone()); // [batch, 6, 4, 4]
        let conv2d_2 = activation::relu(self.conv2d_2.forward(pooled)); // [batch, 8, 4, 4]
        let conv2d_transpose = self.conv2d_transpose.forward(conv2d_2); // [batch, 6, 8, 8]
        let joined = Tensor::cat(vec![conv2d_transpose, conv2d_1.clone()], 1); // [batch, 12, 8, 8]
        let conv2d_3 = self.conv2d_3.forward(joined); // [batch, 5, 8, 8]
        // [batch, 5, 16, 16]
        let resized = resize_bilinear(conv2d_3, [16, 16], Sampling::HalfPixel);
        // [batch, 6, 16, 16]
        let conv2d_1_resized = resize_nearest(conv2d_1, [16, 16], Sampling::HalfPixel);
        let padded = x.pad([(1, 1), (1, 1)], PadMode::Constant(0.0)); // [batch, 4, 18, 18]
        let part = padded.slice_dim(2, 1..17).slice_dim(3, 1..17); // [batch, 4, 16, 16]
        let x = Tensor::cat(vec![resized, conv2d_1_resized, part], 1); // [batch, 15, 16, 16]
        let x = self.conv2d_transpose_1.forward(x); // [batch, 4, 16, 16]
        activation::softmax(self.conv2d_4.forward(x), 1).permute([0, 2, 3, 1])
    }
}
